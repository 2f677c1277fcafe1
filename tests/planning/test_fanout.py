"""What each member should hold of one Ingress, and the changes that bring it there."""

import json

import pytest

from fedingress.domain.change import Create, Plan
from fedingress.domain.ingress import Ingress, Rule
from fedingress.domain.member import MemberObject
from fedingress.domain.placement import Requirement, Selector
from fedingress.domain.policy import Override
from fedingress.planning import fanout
from fedingress.planning.companions import companion_name
from fedingress.planning.decode import source as decode_source
from fedingress.planning.fanout import MemberWish
from tests.planning.fanned import OWNER, applied, copied, manifests, plan, refs, seen, wish
from tests.planning.shop import UID, backend, ingress, member, service, source


def test_a_users_own_ingress_of_the_name_is_left_alone_and_told():
    """It may serve already; the companions are made all the same, and nothing of it is deleted."""
    view = seen(service(), ingress())
    found = plan(wish(observed=view), view)

    assert [(type(change), change.desired.ref.kind) for change in found] == [(Create, "Service")]
    assert found.held == (
        "Ingress shop/shop exists in a and is not ours; rename it, or delete it there",
    )
    assert plan(MemberWish(), view) == Plan()


def test_creates_say_that_something_is_missing_and_updates_what_differs():
    """The reasons are for people."""
    view = seen(service())
    fresh = plan(wish(), view)
    view = applied(fresh, view)
    moved = plan(wish(source(hosts=("b.com",))), view)

    assert {change.why for change in fresh} == {"is missing"}
    assert moved.changes[0].fields == ("spec.rules", "metadata.annotations")
    assert moved.changes[0].why == "differs in spec.rules, metadata.annotations"


def test_the_copy_is_the_source_under_the_members_class():
    """Labels, annotations and spec are the user's; class, marks and source are ours."""
    copy = copied(source(annotations={"nginx/rewrite": "/"}, labels={"team": "shop"}))
    marks = copy["metadata"]["annotations"]
    digest = marks.pop("fedingress.dev/applied")

    assert copy["spec"] == {**ingress()["spec"], "ingressClassName": "fedingress-member"}
    assert copy["metadata"]["labels"] == {"team": "shop", **OWNER.labels()}
    assert marks == {"nginx/rewrite": "/", "fedingress.dev/source": "shop/shop"}
    assert (copy["metadata"]["namespace"], copy["metadata"]["name"]) == ("shop", "shop")
    assert len(digest) == 16


def test_what_speaks_to_us_or_to_the_source_cluster_is_not_copied():
    """Placement, status, kubectl's memory and the old class stay with the source."""
    kept = {
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "kubernetes.io/ingress.global-static-ip-name": "x",
        "federation.alpha.kubernetes.io/cluster-selector": "[]",
        "fedingress.dev/clusters": "a",
        "fedingress.dev/conditions": "[]",
    }

    assert not set(copied(source(annotations=kept))["metadata"]["annotations"]) & set(kept)


def test_the_config_cluster_as_a_member_gets_its_copy_under_another_name():
    """There the source has its own name already; elsewhere, and without identity, it keeps it."""
    assert copied(identity="identity-a")["metadata"]["name"] == fanout.copy_name(source())
    assert copied(identity="")["metadata"]["name"] == "shop"
    assert copied(into=member("a"), identity="")["metadata"]["name"] == "shop"


@pytest.mark.parametrize(("length", "begins"), [(238, "s" * 238 + "-fed-"), (239, "fed-")])
def test_the_other_name_fits_a_dns_subdomain(length, begins):
    """At most 253 characters; where the source's does not fit, the hash stands alone."""
    name = fanout.copy_name(source(name="s" * length))

    assert name.startswith(begins)
    assert len(name) <= 253


EU = Selector(requirements=(Requirement(key="at", operator="In", values=("eu",)),))
US = Selector(requirements=(Requirement(key="at", operator="In", values=("us",)),))
PATCH = ({"op": "add", "path": "/metadata/annotations/patched", "value": "yes"},)

OVERRIDES = {
    "everywhere": (Override(patch=PATCH), True),
    "by name": (Override(patch=PATCH, clusters=("b", "a")), True),
    "by another name": (Override(patch=PATCH, clusters=("b",)), False),
    "by label": (Override(patch=PATCH, selector=EU), True),
    "by another label": (Override(patch=PATCH, selector=US), False),
    "by name, not by label": (Override(patch=PATCH, clusters=("a",), selector=US), False),
}


@pytest.mark.parametrize("name", OVERRIDES)
def test_overrides_reach_the_members_they_name_and_select(name):
    """Both must hold where both are given."""
    override, expected = OVERRIDES[name]

    assert ("patched" in copied(None, override)["metadata"]["annotations"]) is expected


def test_overrides_apply_in_order_and_leave_the_source_as_it_was():
    """The second sees what the first made; nothing leaks into the stored object."""
    of = source()
    before = json.dumps(of.manifest)
    later = ({"op": "move", "from": "/metadata/annotations/patched", "path": "/metadata/labels/l"},)
    copy = copied(of, Override(patch=PATCH), Override(patch=later))

    assert copy["metadata"]["labels"]["l"] == "yes"
    assert json.dumps(of.manifest) == before


def test_no_override_takes_identity_or_class_or_marks_away():
    """Name, namespace, class and labels of ours are put back after the last patch."""
    patch = (
        {"op": "replace", "path": "/metadata/name", "value": "other"},
        {"op": "replace", "path": "/metadata/namespace", "value": "other"},
        {"op": "replace", "path": "/spec/ingressClassName", "value": "other"},
        {"op": "replace", "path": "/metadata/labels", "value": None},
        {"op": "remove", "path": "/metadata/annotations"},
    )
    copy = copied(None, Override(patch=patch))

    assert (copy["metadata"]["namespace"], copy["metadata"]["name"]) == ("shop", "shop")
    assert copy["spec"]["ingressClassName"] == "fedingress-member"
    assert OWNER.owns(copy)
    assert copy["metadata"]["annotations"]["fedingress.dev/source"] == "shop/shop"


BROKEN = {
    "a place that is not there": (
        {"op": "remove", "path": "/spec/tls"},
        "an override does not apply: ",
    ),
    "a test that fails": (
        {"op": "test", "path": "/metadata/name", "value": "x"},
        "an override does not apply: ",
    ),
    "an index in a text": (
        {"op": "add", "path": "/spec/rules/0/host/0", "value": "x"},
        "an override does not apply: ",
    ),
    "a result that is no Ingress": (
        {"op": "replace", "path": "/spec/rules", "value": "all"},
        "the Ingress for a after overrides: spec.rules",
    ),
    "a host that is none": (
        {"op": "replace", "path": "/spec/rules/0/host", "value": "UP"},
        "the Ingress for a after overrides: spec.rules[0].host",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_override_that_fails_costs_the_copy_in_its_members_only(name):
    """The companions stand, the problem says why, and no other member is concerned."""
    step, sentence = BROKEN[name]
    override = Override(patch=(step,), clusters=("a",))
    here, there = wish(None, override), wish(None, override, into=member("b"))

    assert refs(here.objects) == {("Service", companion_name(UID, source().ingress.backends[0]))}
    assert [reason for reason, _ in here.problems] == ["OverrideFailed"]
    assert here.problems[0][1].startswith(sentence)
    assert not there.problems
    assert len(there.objects) == 2


def test_the_sentence_about_a_failed_override_is_short_however_long_its_value():
    """It stands in a condition, in Events and in the table."""
    step = {"op": "test", "path": "/metadata/name", "value": "x" * 5000}
    [(_, sentence)] = wish(None, Override(patch=(step,))).problems

    assert len(sentence) == len("an override does not apply: ") + 200


def test_a_missing_service_costs_its_own_companion_only():
    """Once told for a Service, however many of its ports are named."""
    of = source(backend("web"), backend("api", 80), backend("api", "http"))
    found = wish(of)

    assert refs(found.objects) == {
        ("Ingress", "shop"),
        ("Service", companion_name(UID, of.ingress.backends[-1])),
    }
    assert found.problems == (("ServiceMissing", "Service api does not exist"),)


def test_a_source_that_does_not_decode_wants_nothing():
    """Its faults are told elsewhere; no half of it reaches a member."""
    broken = decode_source({**ingress(), "spec": {"rules": "all"}})

    assert wish(broken) == MemberWish()


def test_companions_stay_until_the_load_balancer_let_go_of_their_endpoints():
    """Named as in use: held, and deleted when they no longer are."""
    before = seen(service())
    view = applied(plan(wish(), before), before)
    name = companion_name(UID, source().ingress.backends[0])
    waiting = plan(MemberWish(), view, in_use=[name, "shop"])

    assert refs(change.observed for change in waiting) == {("Ingress", "shop")}
    assert waiting.held == (
        f"a: Service shop/{name} stays until the load balancer has let go of its endpoints",
    )


def test_what_is_being_deleted_already_is_not_deleted_twice():
    """A finalizer of someone else's holds it; we wait."""
    before = seen(service())
    view = applied(plan(wish(), before), before)
    going = [json.loads(json.dumps(manifest)) for manifest in manifests(view)]
    for manifest in going:
        manifest["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    assert not plan(MemberWish(), seen(*going))


DRIFT = {
    "as it was applied": ({}, ()),
    "a label of ours is gone": ({"labels": {"team": "shop"}}, ("metadata.labels",)),
    "no labels at all": ({"labels": None}, ("metadata.labels",)),
    "another hash": (
        {"annotations": {"fedingress.dev/applied": "0"}},
        ("metadata.annotations",),
    ),
    "no annotations": ({"annotations": None}, ("metadata.annotations",)),
}


@pytest.mark.parametrize("name", DRIFT)
def test_what_counts_as_drift(name):
    """Our fields count, by name; those of other managers never do."""
    changed, expected = DRIFT[name]
    want = copied()
    have = json.loads(json.dumps(want))
    have["metadata"] |= {"finalizers": ["theirs"], **changed}
    have["status"] = {"loadBalancer": {}}
    have["spec"]["defaultBackend"] = {"service": {"name": "theirs"}}

    assert fanout.drift(have, want) == expected


def test_an_object_without_spec_differs_in_all_of_it():
    """What an odd writer left is put right field by field."""
    want = copied()

    assert fanout.drift({**want, "spec": None}, want) == ("spec.ingressClassName", "spec.rules")


def balanced(*entries, **status):
    """A copy whose status names *entries*."""
    whole = {"loadBalancer": {"ingress": list(entries)}, **status}
    return MemberObject(cluster="a", manifest={**ingress(), "status": whole})


def test_addresses_come_from_the_status_of_all_copies():
    """Addresses and names, once, in one spelling, sorted; copies without a status have none."""
    copies = [
        balanced({"ip": "203.0.113.2"}, {"hostname": "lb.example.com"}, {}),
        balanced({"ip": "203.0.113.1"}, {"ip": "203.0.113.2", "hostname": "ignored"}),
        balanced({"ip": "2001:DB8:0::2"}, {"hostname": "LB.example.com."}),
        balanced(loadBalancer=None),
        MemberObject(cluster="a", manifest=ingress()),
    ]

    assert fanout.addresses(copies) == (
        "2001:db8::2",
        "203.0.113.1",
        "203.0.113.2",
        "lb.example.com",
    )


def test_an_ingress_may_use_the_hosts_that_it_did_not_lose():
    """In the order of its rules."""
    rules = tuple(Rule(host=host, paths=()) for host in ("b.com", "a.com", "", "c.com"))
    of = Ingress(class_name="f", rules=rules)

    assert fanout.hosts_of(of, {"a.com": "ns/older"}) == ("b.com", "c.com")
