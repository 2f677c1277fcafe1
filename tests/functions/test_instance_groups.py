"""
Mode instance-group in a world of memory: nodes are reached by one port of all members.

A life; ports that are taken; groups that nobody names, or two do; the way from one mode to the
other and back; RATE and UTILIZATION; users' own node ports; what is left of named ports.
"""

import itertools
import re
from dataclasses import replace
from typing import Any

import pytest

from fedingress.concerns import backends, fanout
from fedingress.domain.change import Create
from fedingress.domain.errors import Forbidden
from fedingress.domain.graph import Kind
from fedingress.domain.names import CLASS_ANNOTATION, GROUP_CLASS, INSTANCE_GROUPS
from fedingress.domain.report import BackendsReport, FanoutReport
from fedingress.planning import node_ports
from fedingress.ports.guard import Unguarded
from tests.functions.world import (
    KEY,
    MEMBERS,
    Crash,
    World,
    ingress_manifest,
    member,
    path,
    policy_manifest,
    service_manifest,
)

NODES = {"mode": "instance-group"}
STRIDE = 2
"""Of the calls after which an instance dies: each world takes its time."""
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


def test_a_deletion_is_not_held_by_words_of_strangers():
    """What cannot be read holds a copy only while requests go to some instance group."""
    made = submitted(world())
    annotate(made, "gke-eu", "no groups at all")
    made.delete()
    made.settle()
    assert made.ours("gke-eu") == made.ours("gke-us") == []
    assert made.graph() == {}


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


def test_a_mode_that_a_silent_member_cannot_follow():
    """Routes stay while it may serve in the old mode, and move when it is back."""
    made = World()
    made.install()
    submitted(made)
    led = routes(made)
    made.members["gke-eu"].down = True
    change(made, **NODES)
    made.clock.at += 600
    made.tell("fanout", "shop/shop")
    made.settle()
    assert routes(made) == led
    assert "gke-eu cannot be reached" in dict(built(made).problems)["ModeChangeWaits"]

    made.members["gke-eu"].down = False
    made.tell("fanout", "shop/shop")
    made.settle()
    assert not set(routes(made)) & set(led)
    assert built(made).well


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


def test_a_group_that_others_lead_to_keeps_its_balancing_mode():
    """Nobody is detached who could not come back; the condition says so."""
    made = submitted(world())
    before = services(made)
    (shown, *_) = made.load_balancers.observe("lab", (Kind.BACKEND_SERVICE,), "")
    made.load_balancers.put(replace(shown, name="theirs", mark=None))
    change(made, **NODES, maxUtilization=0.6)
    assert [spec for spec in services(made) if spec in before][: len(before)] == before
    ((reason, text),) = built(made).problems
    assert reason == "BalancingModeKept"
    assert "others lead to the instance groups of gke-eu, gke-us too" in text


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


def test_users_node_ports_of_a_default_backend_differ():
    """It is checked as paths are; a Service without selector is as good as another."""
    made = world(nodePorts="own")
    for name, number in (("gke-us", 31000), ("gke-eu", 31005)):
        port = {"name": "http", "port": 80, "targetPort": 8080, "nodePort": number}
        made.members[name].put(
            service_manifest("web", type="NodePort", ports=[port], selector=None)
        )
    service = {"name": "web", "port": {"name": "http"}}
    submitted(made, rules=[], defaultBackend={"service": service})
    rows = report(made).clusters
    assert "(e.g. in 'gke-eu') are on NodePort 31005" in rows["gke-us"]["message"]
    assert "(e.g. in 'gke-us') are on NodePort 31000" in rows["gke-eu"]["message"]
    assert services(made) == []


def test_a_name_that_somebody_gives_meanwhile_is_kept():
    """Between our look and our write; the fingerprint is stale, and the next look has it."""
    made, theirs = world(), []

    def meanwhile(moment: str, verb: str, label: str) -> None:
        if (moment, verb) == ("before", "update") and "instanceGroups" in label and not theirs:
            made.load_balancers.fault = lambda *_: None
            (found,) = [
                item
                for item in made.load_balancers.observe("lab", (Kind.INSTANCE_GROUP,), "")
                if item.label == label
            ]
            spec = {"namedPorts": [{"name": "theirs", "port": 8080}]}
            made.load_balancers.update(found, replace(found, spec=spec), Unguarded())
            theirs.append(f"{found.zone}/{found.name}")

    made.load_balancers.fault = meanwhile
    submitted(made)
    assert ("theirs", 8080) in named(made)[theirs[0]]
    assert len(named(made)[theirs[0]]) == 3
    assert built(made).well


def test_a_member_that_leaves_is_let_go_of_first():
    """Its copy holds its nodes until no backend service leads there; nothing is left in it."""
    made = submitted(world())
    made.install(backends=NODES, placement={"clusters": ["gke-us"]})
    made.tell("fanout", "shop/shop")
    assert watched(made) == []
    assert {len(spec["backends"]) for spec in services(made)} == {2}
    assert made.ours("gke-eu") == []
    assert made.ours("gke-us") != []
    assert not made.faults
    assert all("europe" not in key for key in named(made))


def another(made: World) -> None:
    """A second Ingress in the same members."""
    made.submit(ingress_manifest("blog", host="blog.example.com"))
    made.settle()


def test_names_of_ports_go_with_their_ingress():
    """The groups stay, for another Ingress has them too; its names and others' are left."""
    made = submitted(world())
    ours = set(companions(made, "gke-us").values())
    another(made)
    key = min(named(made))
    assert len(named(made)[key]) == 4
    made.delete()
    made.settle()

    assert len(named(made)[key]) == 2
    assert not ours & {port for _, port in named(made)[key]}
    assert made.ours("gke-us") != []
    assert not made.faults


def test_an_earlier_project_that_is_closed_holds_nobody():
    """Its names cannot be taken away any more, and nobody waits for that."""
    made = submitted(world())
    note = f"named-ports/{report(made).uid}"
    known = made.ports.ledger.note(note)
    assert known is not None
    closed = ["projects/closed/zones/us-central1-a/instanceGroups/k8s-ig--x", 31000]
    made.ports.ledger.put_note(note, {"ports": [*known["ports"], closed]})
    observe = made.load_balancers.observe

    def refused(project: str, kinds: Any, prefix: str) -> Any:
        if project == "closed":
            raise Forbidden("closed to us")
        return observe(project, kinds, prefix)

    made.load_balancers.observe = refused
    change(made, **NODES, maxRatePerInstance=9)
    assert built(made).well
    assert closed not in (made.ports.ledger.note(note) or {})["ports"]


def test_two_ingresses_of_one_policy_change_their_balancing_mode_together():
    """A group has one mode, whatever leads to it: each waits where the other still has it."""
    made = submitted(world())
    another(made)
    made.sources.put(policy_manifest(backends={**NODES, "maxUtilization": 0.6}))
    for name in ("shop/shop", "shop/blog"):
        made.tell("fanout", name)
    made.settle()

    found = [entry for spec in services(made) for entry in spec["backends"]]
    assert len(found) == 16
    assert {entry["balancingMode"] for entry in found} == {"UTILIZATION"}


def test_a_preview_writes_nothing_and_shows_the_names_of_ports():
    """Before groups are known the whole graph is shown, with a word in place of their names."""
    made = world()
    made.sources.put(ingress_manifest())
    mark = made.mark()
    coming, report_ = fanout.preview("shop/shop", made.ports)
    kinds = [change.desired.ref.kind for change in coming if isinstance(change, Create)]
    assert sorted(kinds) == ["Ingress"] * 2 + ["Service"] * 4
    plan, _ = backends.preview("shop/shop", made.ports, report_)
    assert {type(change) for change in plan} == {Create}
    (entry, *more) = next(c.desired.spec["backends"] for c in plan if "bs-" in c.desired.name)
    assert entry["group"].endswith("/instanceGroups/(known after apply)")
    assert len(more) == 3
    assert made.since(mark) == []

    made.settle()
    submitted(made)
    (group, *_) = made.load_balancers.observe("lab", (Kind.INSTANCE_GROUP,), "")
    made.load_balancers.update(group, replace(group, spec={"namedPorts": []}), Unguarded())
    mark = made.mark()
    _, report_ = fanout.preview("shop/shop", made.ports)
    plan, _ = backends.preview("shop/shop", made.ports, report_)
    assert [change.why.split(" ")[0] for change in plan] == ["names"]
    assert made.since(mark) == []


VERBS = ("create", "to nodes", "to pods", "to utilization", "delete")


def perform(verb: str, hook: Any = None) -> World:
    """A world in which *verb* happens, with *hook* at every outside call; to its end."""
    made = World()
    made.install(
        backends=NODES if verb in {"create", "to pods", "to utilization", "delete"} else {}
    )
    if verb != "create":
        submitted(made)
    for port in (made.members, made.load_balancers, made.records, made.sources, made.bus):
        port.fault = hook or (lambda *_: None)
    if verb == "create":
        made.submit(ingress_manifest())
    elif verb == "delete":
        made.delete()
    else:
        more = {"maxUtilization": 0.5} if verb == "to utilization" else {}
        made.sources.put(policy_manifest(backends={} if verb == "to pods" else {**NODES, **more}))
        made.tell("fanout", "shop/shop")
    made.settle()
    for port in (made.members, made.load_balancers, made.records, made.sources, made.bus):
        port.fault = lambda *_: None
    made.clock.at += 700.0
    made.settle()
    return made


def outcome(made: World) -> str:
    """What the outside sees, with addresses made equal."""
    state = repr(sorted(made.end_state().items()))
    return re.sub(r"203\.0\.113\.\d+", "VIP", state)


@pytest.mark.parametrize("verb", VERBS)
def test_a_crash_at_any_call_costs_time_only(verb):
    """The instance dies right after each outside call once; the end state is the quiet one."""
    seen: list[tuple[str, str, str]] = []
    expected = outcome(perform(verb, lambda *moment: seen.append(moment)))
    chosen = [number for number, moment in enumerate(seen) if moment[0] == "after"]
    assert len(chosen) > 5
    for number in chosen[::STRIDE]:
        count = itertools.count()

        def strike(*moment: str, at: int = number, count: Any = count) -> None:
            if next(count) == at:
                raise Crash(" ".join(moment))

        made = perform(verb, strike)
        assert outcome(made) == expected, seen[number]
        assert not [text for text in made.faults if "would take its nodes" in text]
