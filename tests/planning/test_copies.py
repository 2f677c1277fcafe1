"""Copies that a member's own controller serves: class, annotations, rules, and what is said."""

import pytest

from fedingress.domain.ingress import ServiceBackend
from fedingress.domain.policy import AwsPolicy, Override
from fedingress.planning import copies, fanout
from fedingress.planning.diff import contains
from tests.planning.fanned import OWNER, seen
from tests.planning.shop import backend, ingress, member, policy, service, source

ALB = "alb.ingress.kubernetes.io/"
EKS = member("eks", provider="aws", region="us-east-1", project="")


def wish(of=None, *, aws=None, lost=(), observed=None, overrides=(), into=EKS):
    """What the member should hold in topology aws."""
    return fanout.desired(
        of or source(),
        policy(topology="aws", project="", aws=aws or AwsPolicy(), overrides=overrides),
        into,
        observed or seen(service()),
        OWNER,
        config_identity="config",
        lost=lost,
    )


def alb(wanted):
    """The controller's annotations of the one copy in a wish."""
    (copy,) = wanted.objects
    listed = copy.manifest["metadata"]["annotations"]
    return {key.removeprefix(ALB): text for key, text in listed.items() if key.startswith(ALB)}


def test_a_member_that_answers_holds_the_copy_alone():
    """Under the policy's class, with our marks, and without companions."""
    wanted = wish()
    (copy,) = wanted.objects

    assert wanted.answers
    assert wanted.problems == ()
    assert copy.manifest["spec"] == {**ingress()["spec"], "ingressClassName": "alb"}
    assert copy.manifest["metadata"]["labels"] == OWNER.labels()
    assert alb(wanted) == {"scheme": "internet-facing", "target-type": "ip"}


def test_the_policy_says_everything_about_the_load_balancer():
    """Listeners, certificates of the member's own region, redirect, group, check and families."""
    found = wish(
        aws=AwsPolicy(
            load_balancer="group",
            group="shop",
            scheme="internal",
            target_type="instance",
            certificate_arns={"us-east-1": ("arn:1", "arn:2"), "eu-west-1": ("arn:3",)},
            listen_ports=(("HTTP", 80), ("HTTPS", 443)),
            ssl_redirect=443,
            health_check_path="/healthz",
            dual_stack=True,
        ),
        observed=seen(service(type="NodePort")),
    )

    assert found.problems == ()
    assert alb(found) == {
        "scheme": "internal",
        "target-type": "instance",
        "certificate-arn": "arn:1,arn:2",
        "listen-ports": '[{"HTTP":80},{"HTTPS":443}]',
        "ssl-redirect": "443",
        "group.name": "shop",
        "group.order": "0",
        "healthcheck-path": "/healthz",
        "ip-address-type": "dualstack",
    }


def test_users_speak_of_their_own_targets_only():
    """What takes over another team's load balancer or shows its certificate is left out, named."""
    given = {
        f"{ALB}group.name": "of-another-team",
        f"{ALB}certificate-arn": "arn:x",
        f"{ALB}actions.forward": "{}",
        f"{ALB}scheme": "internal",
        f"{ALB}success-codes": "200-299",
        f"{ALB}healthcheck-path": "/users",
    }

    assert alb(wish(source(annotations=given))) == {
        "scheme": "internet-facing",
        "target-type": "ip",
        "success-codes": "200-299",
        "healthcheck-path": "/users",
    }
    assert alb(wish(source(annotations=given), aws=AwsPolicy(health_check_path="/ours")))[
        "healthcheck-path"
    ] == ("/ours")
    assert copies.ignored(given) == tuple(
        f"{ALB}{name}" for name in ("actions.forward", "certificate-arn", "group.name", "scheme")
    )


def test_another_controllers_class_gets_none_of_these_annotations():
    """By the policy, or by an override for some members; the nearest word wins."""
    given = {f"{ALB}scheme": "internal", "nginx.ingress.kubernetes.io/limit-rps": "5"}
    nginx = wish(source(annotations=given), aws=AwsPolicy(ingress_class="nginx"))
    step = {"op": "add", "path": "/spec/ingressClassName", "value": "haproxy"}
    others = (
        Override(patch=({"op": "test", "path": "/spec/ingressClassName", "value": "haproxy"},)),
        Override(patch=(step,), clusters=("elsewhere",)),
    )
    overridden = wish(overrides=(Override(patch=(step,), clusters=("eks",)), others[1]))

    assert nginx.objects[0].manifest["spec"]["ingressClassName"] == "nginx"
    assert alb(nginx) == {"scheme": "internal"}
    assert overridden.objects[0].manifest["spec"]["ingressClassName"] == "haproxy"
    assert alb(overridden) == {}
    assert copies.class_of(policy(overrides=others), EKS) == "alb"
    assert [copies.by_controller(name) for name in ("alb", "alb-2", "albatross")] == [
        True,
        True,
        False,
    ]


def test_hosts_of_older_ingresses_are_not_served():
    """Their load balancer may be this one; without a host left there is no copy."""
    of = source(backend(), hosts=("a.example.com", "b.example.com"))
    one = wish(of, lost=("a.example.com",))
    none = wish(of, lost=("a.example.com", "b.example.com"))

    assert [rule["host"] for rule in one.objects[0].manifest["spec"]["rules"]] == ["b.example.com"]
    assert none.objects == ()
    assert [reason for reason, _ in none.problems] == ["NothingToServe"]


@pytest.mark.parametrize(
    ("spec", "hosts", "said"),
    [
        ({"rules": [{"host": "a"}]}, ["a"], []),
        ({"rules": [{"host": "a"}, {}]}, ["a"], ["HostNeeded"]),
        ({"rules": [{"host": "a"}], "defaultBackend": {}}, ["a"], []),
        ({"rules": [{"host": "a"}], "defaultBackend": {"service": {}}}, ["a"], ["HostNeeded"]),
        ({"defaultBackend": {"service": {}}}, None, ["HostNeeded"]),
    ],
)
def test_a_shared_load_balancer_takes_no_rule_for_every_host(spec, hosts, said):
    """It would be every host of the others too."""
    found, problems = copies.rules(spec, (), grouped=True)

    assert [rule["host"] for rule in found["rules"]] == hosts if hosts else found == {}
    assert [reason for reason, _ in problems] == said
    assert copies.rules({"defaultBackend": {"service": {}}}, (), grouped=False)[0]


def test_the_federated_class_itself_is_no_class_for_copies():
    """They would be federated again, without end."""
    (problem,) = wish(aws=AwsPolicy(ingress_class="federated")).problems
    assert problem[0] == "ClassFederated"


def test_an_override_that_fails_leaves_no_copy():
    """As in every topology."""
    bad = Override(patch=({"op": "remove", "path": "/spec/nothing"},), clusters=("eks",))
    found = wish(overrides=(bad,))
    assert (found.objects, found.problems[0][0]) == ((), "OverrideFailed")


@pytest.mark.parametrize(
    ("given", "aws", "class_name", "reason"),
    [
        ({}, AwsPolicy(), "alb", "ServiceMissing"),
        (service(ports=({"port": 81},)), AwsPolicy(), "alb", "PortMissing"),
        (service(), AwsPolicy(target_type="instance"), "alb", "NodePortMissing"),
        (service(), AwsPolicy(target_type="instance"), "nginx", None),
        (service(selector={}), AwsPolicy(), "alb", None),
        (service(type="NodePort"), AwsPolicy(target_type="instance"), "alb", None),
    ],
)
def test_what_a_load_balancer_cannot_reach_is_said(given, aws, class_name, reason):
    """A Service without a selector has endpoints of its own; other classes reach pods."""
    backend = ServiceBackend(service="web", number=80)
    found = copies.problem(given, backend, aws, class_name)
    assert (found and found[0]) == reason
    if reason == "ServiceMissing":
        told = wish(observed=seen(service("other")))
        assert [each for each, _ in told.problems] == [reason]
        assert len(told.objects) == 1


def test_a_copy_that_clients_may_be_led_to_stays():
    """It goes when no record leads to its load balancer any more."""
    held = wish().objects[0].manifest
    view = seen({**held, "metadata": {**held["metadata"], "uid": "1"}})
    kept = fanout.plan(fanout.MemberWish(), view, OWNER, in_use=frozenset(), led=True)
    gone = fanout.plan(fanout.MemberWish(), view, OWNER, in_use=frozenset())

    assert (len(kept.changes), len(gone.changes)) == (0, 1)
    assert kept.held[0].endswith("stays until no record leads to its load balancer")


def test_what_the_controller_adds_causes_no_update():
    """Its annotations, finalizers and status are its own."""
    (copy,) = wish().objects
    stored = {
        **copy.manifest,
        "metadata": {
            **copy.manifest["metadata"],
            "uid": "1",
            "finalizers": ["ingress.k8s.aws/resources"],
            "annotations": {
                **copy.manifest["metadata"]["annotations"],
                f"{ALB}checkpoint": "x",
            },
        },
        "status": {"loadBalancer": {"ingress": [{"hostname": "K8s.elb.amazonaws.com."}]}},
    }
    view = seen(stored, service())

    assert contains(stored["spec"], copy.manifest["spec"])
    assert not fanout.plan(wish(observed=view), view, OWNER, in_use=frozenset())
    assert fanout.addresses(list(view.ingresses.values())) == ("k8s.elb.amazonaws.com",)
