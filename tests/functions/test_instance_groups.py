"""
Mode instance-group in a world of memory: nodes are reached by one port of all members.

A life; ports that are taken; groups that nobody names, or two do; the way from one mode to the
other and back; RATE and UTILIZATION; users' own node ports; what is left of named ports.
"""

from dataclasses import replace
from typing import Any

import pytest

from fedingress.domain.graph import Kind
from fedingress.domain.names import CLASS_ANNOTATION, GROUP_CLASS, INSTANCE_GROUPS
from fedingress.domain.report import BackendsReport, FanoutReport
from fedingress.planning import node_ports
from fedingress.ports.guard import Unguarded
from tests.functions.world import (
    KEY,
    MEMBERS,
    World,
    ingress_manifest,
    member,
    path,
    policy_manifest,
    service_manifest,
)

NODES = {"mode": "instance-group"}
WEB = path("/", "web")


def world(members=MEMBERS, **backends: Any) -> World:
    """A world whose policy reaches nodes, before anybody submits anything."""
    made = World(members)
    made.install(backends={**NODES, **backends})
    return made


def submitted(made: World, **spec: Any) -> World:
    made.submit(ingress_manifest(**spec))
    made.settle()
    return made


def services(made: World) -> list[dict[str, Any]]:
    """The specs of the backend services."""
    return [spec for path, spec in made.graph().items() if path.startswith("backendServices/")]


def named(made: World) -> dict[str, list[tuple[str, int]]]:
    """The named ports of each instance group by `zone/name`."""
    found = made.load_balancers.observe("lab", (Kind.INSTANCE_GROUP,), "")
    return {
        f"{item.zone}/{item.name}": [(p["name"], p["port"]) for p in item.spec["namedPorts"]]
        for item in found
    }


def companions(made: World, cluster: str) -> dict[str, int]:
    """The node port of each companion in a member, by the Service it stands for."""
    return {
        item["metadata"]["annotations"]["fedingress.dev/service"]: item["spec"]["ports"][0].get(
            "nodePort", 0
        )
        for item in made.members[cluster].list("Service")
        if "fedingress.dev/owner-uid" in (item["metadata"].get("labels") or {})
    }


def report(made: World) -> FanoutReport:
    found = made.ports.ledger.report("fanout", "shop/shop", FanoutReport)
    assert found is not None
    return found


def built(made: World) -> BackendsReport:
    found = made.ports.ledger.report("backends", "shop/shop", BackendsReport)
    assert found is not None
    return found


def change(made: World, **backends: Any) -> None:
    """The platform team edits the policy; the watcher tells fan-out."""
    made.sources.put(policy_manifest(backends=backends))
    made.tell("fanout", "shop/shop")
    made.settle()


def test_a_life():
    """Copies are of GKE's class, nodes serve one port everywhere, and nothing is left behind."""
    made = submitted(world())

    copy = made.members["gke-us"].get("Ingress", "shop", "shop")
    assert copy is not None
    assert copy["metadata"]["annotations"][CLASS_ANNOTATION] == GROUP_CLASS
    assert "ingressClassName" not in copy["spec"]
    ports = companions(made, "gke-us")
    assert ports == companions(made, "gke-eu")
    assert set(ports) == {"web", "api"}
    assert all(30000 <= port <= 32767 for port in ports.values())

    found = services(made)
    assert {spec["portName"] for spec in found} == {f"port{port}" for port in ports.values()}
    for spec in found:
        assert len(spec["backends"]) == 4
        for entry in spec["backends"]:
            assert "/instanceGroups/k8s-ig--" in entry["group"]
            assert (entry["balancingMode"], entry["maxRatePerInstance"]) == ("RATE", 1e14)
    checks = [spec for path, spec in made.graph().items() if path.startswith("healthChecks/")]
    assert {spec["httpHealthCheck"]["port"] for spec in checks} == set(ports.values())
    assert {(spec["checkIntervalSec"], spec["unhealthyThreshold"]) for spec in checks} == {(60, 10)}
    assert all(
        set(listed) == {(f"port{port}", port) for port in ports.values()}
        for listed in named(made).values()
    )
    assert built(made).well
    assert built(made).clusters["gke-us"]["healthy"] == 8

    mark = made.mark()
    made.tell("fanout", "shop/shop", cause="resync")
    made.tell("backends", "shop/shop", cause="resync")
    made.settle()
    assert made.since(mark) == []

    made.delete()
    made.settle()
    assert made.graph() == {}
    assert made.ours("gke-us") == made.ours("gke-eu") == []
    assert not made.faults


def test_named_ports_of_others_stay():
    """Names that somebody else has given are kept; ours go with the last Service port behind."""
    made = world()
    key = f"us-central1-a/{made.members['gke-us'].nodes.group}"
    made.load_balancers.add_instance_group("lab", *key.split("/"), 2, {})
    (group,) = made.load_balancers.observe("lab", (Kind.INSTANCE_GROUP,), "")
    theirs = {"namedPorts": [{"name": "theirs", "port": 8080}]}
    made.load_balancers.update(group, replace(group, spec=theirs), Unguarded())
    submitted(made)
    assert len(named(made)[key]) == 3
    assert ("theirs", 8080) in named(made)[key]

    made.submit(ingress_manifest(rules=[{"host": "shop.example.com", "http": {"paths": [WEB]}}]))
    made.settle()
    left = companions(made, "gke-us")
    assert set(left) == {"web"}
    assert named(made)[key] == [("theirs", 8080), (f"port{left['web']}", left["web"])]


def first_choices(made: World) -> dict[str, int]:
    """What an undisturbed world of the same Ingress chooses."""
    source = made.sources.get(KEY)
    assert source is not None
    assert source.ingress is not None
    return {
        each.service: next(node_ports.candidates(source.uid, each))
        for each in source.ingress.backends
    }


def occupy(made: World, cluster: str, number: int) -> None:
    """A user's own Service that has the node port."""
    port = {"name": "http", "port": 80, "targetPort": 8080, "nodePort": number}
    made.members[cluster].put(service_manifest("squatter", type="NodePort", ports=[port]))


def test_a_port_that_is_taken_before_anybody_serves():
    """Then all members come to the next candidate together."""
    made = world()
    made.sources.put(ingress_manifest())
    wanted = first_choices(made)
    occupy(made, "gke-eu", wanted["web"])

    submitted(made)
    ports = companions(made, "gke-us")
    assert ports == companions(made, "gke-eu")
    assert ports["api"] == wanted["api"]
    assert ports["web"] not in {wanted["web"], 0}
    assert built(made).well


def test_a_port_that_is_taken_where_a_member_joins():
    """The member stays out with the reason while the others serve, and comes in when it is free."""
    made = world((*MEMBERS, member("gke-asia", region="asia-east1")))
    made.install(backends=NODES, placement={"clusters": ["gke-us", "gke-eu"]})
    submitted(made)
    ports = companions(made, "gke-us")
    occupy(made, "gke-asia", ports["web"])
    made.install(backends=NODES)
    made.tell("fanout", "shop/shop")
    made.settle()

    row = report(made).clusters["gke-asia"]
    assert (row["state"], row["reason"]) == ("failed", "NodePortTaken")
    assert f"node port {ports['web']}" in row["message"]
    assert "gke-asia" in row["message"]
    assert companions(made, "gke-us") == ports
    assert set(companions(made, "gke-asia")) == {"api"}

    made.members["gke-asia"].remove("Service", "shop", "squatter")
    made.tell("fanout", "shop/shop")
    made.settle()
    assert companions(made, "gke-asia") == ports
    assert {len(spec["backends"]) for spec in services(made)} == {6}


def test_a_cluster_without_the_annotation():
    """It is waited for, told, and does not hold up the others."""
    made = world()
    made.members["gke-eu"].paused = True
    submitted(made)

    row = report(made).clusters["gke-eu"]
    assert (row["state"], row["reason"]) == ("placed", "Waiting")
    assert "name its instance groups" in row["message"]
    assert {len(spec["backends"]) for spec in services(made)} == {2}
    assert built(made).programmed

    made.members["gke-eu"].paused = False
    made.members["gke-eu"].play()
    made.tell("fanout", "shop/shop")
    made.settle()
    assert {len(spec["backends"]) for spec in services(made)} == {4}


def annotate(made: World, cluster: str, text: str) -> None:
    """Somebody writes the annotation by hand."""
    manifest = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "namespace": "shop",
            "name": "shop",
            "annotations": {INSTANCE_GROUPS: text},
        },
    }
    made.members[cluster].put(manifest)


def test_an_annotation_that_no_controller_writes():
    """The member is failed with the reason, and what stood stays."""
    made = submitted(world())
    before = made.graph()
    annotate(made, "gke-eu", '[{"Name": "../x", "Zone": "europe-west1-a"}]')
    made.tell("fanout", "shop/shop")
    made.settle()
    assert report(made).clusters["gke-eu"]["reason"] == "InstanceGroupsInvalid"
    assert made.graph() == before


def test_two_clusters_of_one_group():
    """The newcomer is refused with the reason; who had the group keeps it."""
    made = world((member("gke-us"), member("gke-eu", region="europe-west1"), member("gke-us-2")))
    made.install(backends=NODES, placement={"clusters": ["gke-us", "gke-eu"]})
    submitted(made)
    before = services(made)
    made.members["gke-us-2"].nodes.uid = made.members["gke-us"].nodes.uid
    made.install(backends=NODES)
    made.tell("fanout", "shop/shop")
    made.settle()

    row = report(made).clusters["gke-us-2"]
    assert (row["state"], row["reason"]) == ("failed", "InstanceGroupShared")
    assert "gke-us and gke-us-2 name the same instance group" in row["message"]
    assert report(made).clusters["gke-us"]["state"] == "placed"
    assert services(made) == before


def watched(made: World) -> list[tuple[str, str]]:
    """
    Run to the end; at every write, what a client would meet.

    Gives (`Service`, why) for each moment in which a route led where nobody is healthy.
    """
    faults: list[tuple[str, str]] = []

    def look(moment: str, verb: str, label: str) -> None:
        if moment == "after":
            graph = made.graph()
            for path, spec in graph.items():
                if not path.startswith("urlMaps/"):
                    continue
                for matcher in spec["pathMatchers"]:
                    if matcher["name"].startswith("w-"):
                        continue
                    for each in matcher["pathRules"]:
                        name = each["service"].rpartition("/")[2]
                        backends = graph[f"backendServices/{name}"]["backends"]
                        if not any(entry.get("capacityScaler", 1) for entry in backends):
                            faults.append((name, f"{verb} {label}"))

    made.load_balancers.fault = look
    made.settle()
    made.load_balancers.fault = lambda *_: None
    return faults


@pytest.mark.parametrize(("first", "then"), [({}, NODES), (NODES, {})])
def test_from_one_mode_to_the_other(first, then):
    """Routes move when the new backend services can answer, and only then the old ones go."""
    made = World()
    made.install(backends=first)
    submitted(made)
    old = {path for path in made.graph() if path.startswith("backendServices/")}
    before = {name: made.ours(name) for name in ("gke-us", "gke-eu")}

    made.sources.put(policy_manifest(backends=then))
    made.tell("fanout", "shop/shop")
    assert watched(made) == []
    new = {path for path in made.graph() if path.startswith("backendServices/")}
    assert len(new) == len(old) == 2
    assert not new & old
    assert built(made).well
    for name, held in before.items():
        now = made.ours(name)
        assert len(now) == len(held) == 3
        assert set(now) & set(held) == {"Ingress shop"}
    copy = made.members["gke-us"].get("Ingress", "shop", "shop")
    assert copy is not None
    assert ("ingressClassName" in copy["spec"]) == (not then)
    assert (CLASS_ANNOTATION in copy["metadata"]["annotations"]) == bool(then)
    assert not made.faults
    if not then:
        assert named(made) == {}


def test_a_mode_in_which_nobody_answers():
    """Routes stay where they are however long it takes, and the condition says so."""
    made = World()
    made.install(backends={"warmUpSeconds": 5})
    submitted(made)
    led = routes(made)
    for name in ("gke-us", "gke-eu"):
        made.members[name].nodes.zones = ()
    change(made, **NODES, warmUpSeconds=5)
    assert routes(made) == led
    assert all(made.graph()[each.partition("/global/")[2]]["backends"] for each in led)
    assert "ModeChangeWaits" in {reason for reason, _ in built(made).problems}
    assert not built(made).programmed


def routes(made: World) -> list[str]:
    """The backend services that paths lead to."""
    (found,) = [spec for path, spec in made.graph().items() if path.startswith("urlMaps/")]
    return sorted(
        rule["service"]
        for matcher in found["pathMatchers"]
        for rule in matcher["pathRules"]
        if not matcher["name"].startswith("w-")
    )


def test_from_rate_to_utilization():
    """Each member is detached and attached anew, one at a time, while another one serves."""
    made = submitted(world())
    missing: list[set[str]] = []

    def look(moment: str, verb: str, label: str) -> None:
        if moment == "after" and verb == "update" and "backendServices" in label:
            for spec in services(made):
                there = {
                    entry["group"].split("/")[3].partition("-")[0] for entry in spec["backends"]
                }
                missing.append({"us", "europe"} - there)

    made.load_balancers.fault = look
    change(made, **NODES, maxUtilization=0.6)
    made.load_balancers.fault = lambda *_: None
    for spec in services(made):
        assert len(spec["backends"]) == 4
        for entry in spec["backends"]:
            assert (entry["balancingMode"], entry["maxUtilization"]) == ("UTILIZATION", 0.6)
            assert "maxRatePerInstance" not in entry
    assert {"us"} in missing
    assert {"europe"} in missing
    assert {"us", "europe"} not in missing
    assert built(made).problems == ()
    change(made, **NODES, maxRatePerInstance=20)
    assert {e["maxRatePerInstance"] for spec in services(made) for e in spec["backends"]} == {20}


def test_a_lone_member_keeps_its_balancing_mode():
    """Nobody serves in its stead; the condition says so instead of an outage."""
    made = world((MEMBERS[0],))
    submitted(made)
    before = services(made)
    change(made, **NODES, balancingMode="UTILIZATION")
    assert services(made) == before
    assert [reason for reason, _ in built(made).problems] == ["BalancingModeKept"]


def own(made: World, cluster: str, **numbers: int) -> None:
    """Users' Services with node ports of their own."""
    for name, number in numbers.items():
        port = {"name": "http", "port": 80, "targetPort": 8080, "nodePort": number}
        made.members[cluster].put(service_manifest(name, type="NodePort", ports=[port]))


def test_users_own_node_ports():
    """Equal ones are used as they are, without companions; named ports go when the Ingress does."""
    made = world(nodePorts="own")
    for name in ("gke-us", "gke-eu"):
        own(made, name, web=31000, api=31001)
    submitted(made)
    assert {spec["portName"] for spec in services(made)} == {"port31000", "port31001"}
    assert made.ours("gke-us") == ["Ingress shop"]
    assert built(made).well


def test_users_node_ports_that_differ():
    """Of a path, too: both clusters and the Service are named, and nobody is led there."""
    made = world(nodePorts="own")
    own(made, "gke-us", web=31000, api=31001)
    own(made, "gke-eu", web=31000, api=31005)
    submitted(made)
    rows = report(made).clusters
    text = (
        "some instances of the 'shop/api' Service (e.g. in 'gke-us') are on NodePort 31001, but "
        "'gke-eu' is on 31005. All clusters must use same NodePort"
    )
    assert rows["gke-eu"]["message"] == text
    assert rows["gke-us"]["reason"] == rows["gke-eu"]["reason"] == "NodePortMismatch"

    own(made, "gke-eu", web=31000, api=31001)
    made.tell("fanout", "shop/shop")
    made.settle()
    assert built(made).well
    own(made, "gke-eu", web=31000, api=31009)  # while the others serve
    made.tell("fanout", "shop/shop")
    made.settle()
    assert report(made).clusters["gke-us"]["state"] == "placed"
    assert report(made).clusters["gke-eu"]["reason"] == "NodePortMismatch"


def test_a_member_that_cannot_be_reached_keeps_its_nodes():
    """Also when nobody remembers what it had."""
    made = submitted(world())
    before = services(made)
    made.members["gke-eu"].down = True
    made.tell("fanout", "shop/shop", cause="resync")
    made.settle()
    assert services(made) == before
    made.lose_store()
    made.tell("fanout", "shop/shop", cause="resync")
    made.settle()
    assert services(made) == before


def test_a_drained_member():
    """Its nodes get a capacity of 0 and stay attached."""
    made = submitted(world())
    made.submit(ingress_manifest(metadata={"annotations": {"fedingress.dev/drain": "gke-eu"}}))
    made.settle()
    for spec in services(made):
        for entry in spec["backends"]:
            assert entry["capacityScaler"] == (0 if "europe" in entry["group"] else 1)
