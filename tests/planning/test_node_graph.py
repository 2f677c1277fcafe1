"""The graph, its health checks and the members' copies in mode instance-group."""

import dataclasses

import pytest

from fedingress.domain import names
from fedingress.domain.graph import port_name
from fedingress.domain.ingress import ServiceBackend
from fedingress.domain.policy import BackendPolicy, HealthCheckPolicy
from fedingress.domain.probe import Probe
from fedingress.planning import backends, fanout, health_checks, node_copies
from fedingress.planning.health_checks import Question
from fedingress.planning.node_ports import MemberPorts
from tests.planning import nodes
from tests.planning.fanned import OWNER, applied, seen
from tests.planning.shop import backend, member, policy, service, source
from tests.planning.test_backends import converge

MEMBER = member("a")
SOURCE = source(backend(), backend("api"))
API, WEB = SOURCE.ingress.backends


def test_nodes_that_serve_another_port_than_most_are_left_out():
    """A backend service knows one port; a graph without groups knows none."""
    more = (nodes.group("c", node_port=31999),)
    wanted = nodes.nodes_wish(1, groups=(*nodes.nodes_wish(1).groups, *more))
    (spec,) = [item.spec for item in backends.desired(wanted, ()) if "backends" in item.spec]
    assert spec["portName"] == "port31000"
    assert [entry["group"] for entry in spec["backends"]] == [
        nodes.ref("a").path,
        nodes.ref("b").path,
    ]
    (bare,) = [
        item.spec
        for item in backends.desired(nodes.nodes_wish(1, groups=()), ())
        if "backends" in item.spec
    ]
    assert "portName" not in bare


def test_groups_that_nobody_remembers_stay_while_members_are_silent():
    """Their names do not follow from anything; those of members that can be read may go."""
    observed, _ = converge(nodes.nodes_wish(1))
    assert backends.standing(observed) == {nodes.ref("a").path, nodes.ref("b").path}
    alone = nodes.nodes_wish(1, "a")
    for unknown, left in ((True, 2), (False, 1)):
        wanted = dataclasses.replace(alone, unknown=unknown)
        specs = [
            item.spec for item in backends.desired(wanted, observed) if "backends" in item.spec
        ]
        assert len(specs[0]["backends"]) == left


def test_instance_groups_are_called_by_their_zone():
    """In paths and for people; a named port by its number."""
    group = nodes.instances("a")
    assert group.path == nodes.ref("a").path == "projects/p/zones/a-1/instanceGroups/k8s-ig--a"
    assert group.label == "p: instanceGroups a-1/k8s-ig--a"
    assert port_name(31000) == "port31000"


def decided(probe=None, *, port=8080, standing=None, silent=False, **said):
    """(path, host, timeout, interval, healthy, unhealthy) of instance groups, and the block."""
    question = Question(
        policy=HealthCheckPolicy(**said),
        own=(dataclasses.replace(nodes.group("a"), probe=probe),),
        protocol="HTTP",
        standing=standing or {},
        grouped=True,
        node_port=port,
    )
    spec = health_checks.decide(question, silent=silent)
    block = spec["httpHealthCheck"]
    times = spec["timeoutSec"], spec["checkIntervalSec"]
    counts = spec["healthyThreshold"], spec["unhealthyThreshold"]
    return (block["requestPath"], block["host"], *times, *counts), spec


# Of ingress-gce's own table (E1): an interval of 60 seconds is added to what a probe says, and a
# timeout cannot be longer than the interval.
CHECKS = {
    "nobody says anything": (None, ("/", None, 60, 60, 1, 10)),
    "no probe": (Probe(), ("/", None, 60, 60, 1, 10)),
    "a path and a long timeout": (
        Probe(path="/override", timeout_seconds=300),
        ("/override", None, 60, 60, 1, 10),
    ),
    "a host": (Probe(path="/", host="foo.com"), ("/", "foo.com", 60, 60, 1, 10)),
    "timeout 50, period 100": (
        Probe(path="/", timeout_seconds=50, interval_seconds=100),
        ("/", None, 50, 160, 1, 10),
    ),
    "a period beyond the longest": (
        Probe(path="/", timeout_seconds=1, interval_seconds=250),
        ("/", None, 1, 300, 1, 10),
    ),
}


@pytest.mark.parametrize("name", CHECKS)
def test_the_health_check_of_nodes(name):
    """Each probe gives these seconds and counts, on the node port."""
    probe, expected = CHECKS[name]
    found, spec = decided(probe)
    assert found == expected
    block = spec["httpHealthCheck"]
    assert (block["portSpecification"], block["port"]) == ("USE_FIXED_PORT", 8080)


def test_a_health_check_before_any_node_port_is_known():
    """It asks where requests go."""
    _, spec = decided(port=0)
    assert spec["httpHealthCheck"]["portSpecification"] == "USE_SERVING_PORT"
    assert "port" not in spec["httpHealthCheck"]


def test_a_silent_member_keeps_the_health_check_that_stands():
    """What was added to the interval is not added again, nor to what an operator has cut short."""
    _, stood = decided(Probe(path="/ready", timeout_seconds=5, interval_seconds=20))
    found, spec = decided(None, standing=stood, silent=True)
    assert found == ("/ready", None, 5, 80, 1, 10)
    assert spec == stood
    found, _ = decided(None, standing={**stood, "checkIntervalSec": 30}, silent=True)
    assert found[3] == 60


def test_the_policy_wins_over_what_is_added():
    """An interval that somebody wrote is meant."""
    found, _ = decided(Probe(path="/", interval_seconds=20), interval_seconds=7)
    assert found[2:4] == (7, 7)


def wished(ports, observed=None):
    """What the member should hold."""
    return fanout.desired(
        SOURCE,
        policy(backends=BackendPolicy(mode="instance-group")),
        MEMBER,
        observed or seen(service(), service("api")),
        OWNER,
        config_identity="config",
        node_ports=ports,
    )


PORTS = MemberPorts(numbers={WEB: 31000, API: 31001})


def test_a_member_whose_nodes_are_reached():
    """The copy is of GKE's class in the old way only; each companion has its node port."""
    found = wished(PORTS)
    *companions, copy = (item.manifest for item in found.objects)

    assert "ingressClassName" not in copy["spec"]
    assert copy["metadata"]["annotations"][names.CLASS_ANNOTATION] == "gce-multi-cluster"
    assert [each["spec"]["type"] for each in companions] == ["NodePort", "NodePort"]
    assert [each["spec"]["ports"][0]["nodePort"] for each in companions] == [31001, 31000]
    said = {each["metadata"]["annotations"][names.NEG] for each in companions}
    assert said == {'{"ingress":false}'}, "GKE would lead to pods, and group no nodes"
    names_there = [each["metadata"]["name"] for each in companions]
    assert led_to(copy) == [(name, 80) for name in reversed(names_there)]
    assert found.grouped
    assert found.node_ports == {WEB: 31000, API: 31001}
    assert found.problems == ()


def test_users_own_ports_need_no_companions():
    """A Service port that has none is told, and left out."""
    lost = {API: ("NodePortMissing", "it has none")}
    found = wished(MemberPorts(numbers={WEB: 31000}, problems=lost, own=True))

    (copy,) = [item.manifest for item in found.objects]
    assert led_to(copy) == [("web", 80), ("web", 80)]
    assert found.problems == (("NodePortMissing", "it has none"),)
    assert found.node_ports == {WEB: 31000}


def led_to(copy):
    """The Services that a copy names, with their ports."""
    paths = copy["spec"]["rules"][0]["http"]["paths"]
    named = [path["backend"]["service"] for path in paths]
    return [(each["name"], each["port"]["number"]) for each in named]


def test_a_copy_names_only_services_that_are_there():
    """Its controller gives no groups to an Ingress that names others; none at all stays told."""
    found = wished(PORTS, seen(service("api")))
    companion, copy = (item.manifest for item in found.objects)
    assert led_to(copy) == [(companion["metadata"]["name"], 80)] * 2

    (copy,) = (item.manifest for item in wished(PORTS, seen()).objects)
    assert led_to(copy) == [("web", 80), ("api", 80)]


def test_default_backends_and_ports_by_name_are_led_too():
    """A resource as backend, and a rule without paths, name no Service."""
    spec = {
        "defaultBackend": {"service": {"name": "web", "port": {"name": "http"}}},
        "rules": [
            {"host": "a.com"},
            {"host": "b.com", "http": {"paths": [{"backend": {"resource": {"name": "x"}}}]}},
        ],
    }
    manifest = {"metadata": {"annotations": {}}, "spec": spec, "kind": "Ingress"}
    item = node_copies.marked("a", manifest)
    wanted = ServiceBackend(service="web", port_name="http")
    found = node_copies.led(item, {wanted: ("web-fed", 8080)}).manifest
    assert found["spec"]["defaultBackend"]["service"] == {
        "name": "web-fed",
        "port": {"number": 8080},
    }
    assert found["spec"]["rules"] == spec["rules"]
    assert node_copies.led(item, {}) == item


def neg_wish(observed):
    return fanout.desired(SOURCE, policy(), MEMBER, observed, OWNER, config_identity="config")


def test_a_copy_keeps_its_class_while_requests_go_to_its_nodes():
    """Its controller would take them out; the companions of the other mode come beside."""
    first = seen(service(), service("api"))
    before = applied(fanout.plan(wished(PORTS), first, OWNER, in_use=frozenset()), first)
    used = frozenset(item.ref.name for item in before.owned if item.ref.kind == "Service")

    plan = fanout.plan(neg_wish(before), before, OWNER, in_use=used, grouped=True)
    assert len(plan.changes) == 2
    assert "keeps its class until the load balancer has let go of its instance" in plan.held[0]
    assert len(plan.held) == 3
    plan = fanout.plan(neg_wish(before), before, OWNER, in_use=frozenset())
    after = applied(plan, before)
    assert len(after.owned) == 3
    assert not plan.held


def test_a_copy_stays_while_requests_go_to_its_nodes():
    """One of another class would not hold the groups."""
    first = seen(service(), service("api"))
    nothing = fanout.MemberWish()
    of_nodes = applied(fanout.plan(wished(PORTS), first, OWNER, in_use=frozenset()), first)
    of_pods = applied(fanout.plan(neg_wish(first), first, OWNER, in_use=frozenset()), first)

    (held,) = fanout.plan(nothing, of_nodes, OWNER, in_use=frozenset(), grouped=True).held
    assert held.endswith("stays until the load balancer has let go of its instance groups")
    assert not fanout.plan(nothing, of_pods, OWNER, in_use=frozenset(), grouped=True).held


def test_users_services_without_selector_serve_by_their_own_ports():
    """Nothing has to find their pods; without one of ours they are read by nobody."""
    bare = service(selector={})
    own = MemberPorts(numbers={WEB: 31000, API: 31001}, own=True)
    found = wished(own, seen(bare, service("api")))
    assert found.problems == ()
    assert found.node_ports == {WEB: 31000, API: 31001}
    ((reason, _),) = wished(PORTS, seen(bare, service("api"))).problems
    assert reason == "ServiceWithoutSelector"
