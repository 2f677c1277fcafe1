"""The life of one Ingress: submitted, spread, programmed, published, changed, deleted."""

import json

from tests.functions.world import (
    KEY,
    World,
    ingress_manifest,
    member,
    path,
    policy_manifest,
)


def submitted() -> World:
    """A world in which the shop stands."""
    world = World()
    world.install()
    world.submit(ingress_manifest())
    world.settle()
    return world


def conditions(world: World, key=KEY):
    """Conditions of a source by type."""
    text = world.sources.stored(key)["metadata"]["annotations"]["fedingress.dev/conditions"]
    return {item["type"]: item for item in json.loads(text)}


def table(world: World, key=KEY):
    """The per-cluster table of a source."""
    meta = world.sources.stored(key)["metadata"]
    return json.loads(meta["annotations"]["fedingress.dev/cluster-status"])


def member_ingress(world: World, cluster: str, name: str = "shop"):
    """The copy in a member."""
    return world.members[cluster].get("Ingress", "shop", name)


def test_one_ingress_reaches_every_eligible_member_in_one_pass_without_a_static_ip():
    """A7: an HTTP-only Ingress is created in all members at once, and only there."""
    world = World()
    world.install()
    world.submit(ingress_manifest())
    world.step()

    assert world.ours("gke-us") == world.ours("gke-eu")
    assert [line.split("-fed-")[0] for line in world.ours("gke-us")] == [
        "Ingress shop",
        "Service api",
        "Service web",
    ]
    assert world.ours("eks-us") == []


def test_the_graph_has_one_rule_one_vip_and_a_service_with_a_check_per_service_port():
    """The whole path stands, and the status says where."""
    world = submitted()

    kinds = [name.split("/")[0] for name in world.graph()]
    assert sorted(kinds) == [
        "addresses",
        "backendServices",
        "backendServices",
        "firewalls",
        "forwardingRules",
        "healthChecks",
        "healthChecks",
        "targetHttpProxies",
        "urlMaps",
    ]
    address = world.sources.stored(KEY)["status"]["loadBalancer"]["ingress"][0]["ip"]
    rule = next(spec for name, spec in world.graph().items() if name.startswith("forwardingRules"))
    assert rule["IPAddress"] == address
    assert world.zone()["shop.example.com", "A"].values == (address,)
    assert {kind: item["status"] for kind, item in conditions(world).items()} == {
        "Accepted": "True",
        "Programmed": "True",
        "Published": "True",
        "Degraded": "False",
    }


def test_every_backend_service_refers_to_the_groups_of_every_placed_member():
    """Two members in two zones each: four groups per Service port, strictly the nearest."""
    world = submitted()

    services = [spec for name, spec in world.graph().items() if name.startswith("backendServices")]
    for spec in services:
        assert len(spec["backends"]) == 4
        assert {entry["maxRatePerEndpoint"] for entry in spec["backends"]} == {1e14}
        assert spec["loadBalancingScheme"] == "EXTERNAL_MANAGED"


def test_members_that_the_topology_cannot_serve_are_listed_with_the_reason():
    """An eks member is Ineligible, not an error."""
    world = submitted()

    row = table(world)["eks-us"]
    assert (row["state"], row["reason"]) == ("ineligible", "TopologyMismatch")
    assert "via-gcp" in row["message"]
    assert conditions(world)["Accepted"]["status"] == "True"


def test_a_converged_world_costs_no_write_even_on_a_thorough_look():
    """Ten resyncs in a row write nothing anywhere."""
    world = submitted()
    before = world.mark()
    for _ in range(10):
        world.tell("fanout", "shop/shop", "resync")
        world.settle()

    assert world.since(before) == []


def test_an_unchanged_ingress_does_not_even_look_at_the_cloud():
    """An event without news reads the members and the store, not GCE."""
    world = submitted()

    def refuse(*_):
        raise AssertionError("backends looked at GCE")

    world.load_balancers.observe = refuse
    world.tell("backends", "shop/shop")
    world.settle(ticks=False)

    assert conditions(world)["Programmed"]["status"] == "True"


def test_deleting_the_ingress_leaves_nothing_anywhere():
    """Records, graph, firewall, companions, copies, claims and the source itself are gone."""
    world = submitted()
    world.delete()
    world.settle()

    assert world.sources.stored(KEY) is None
    assert world.graph() == {}
    assert world.zone() == {}
    assert [world.ours(name) for name in world.inventory] == [[], [], []]
    assert world.load_balancers.negs() == []
    assert list(world.store.list("intent")) == []
    assert list(world.store.list("report")) == []


def test_deletion_goes_records_first_then_the_graph_then_the_members():
    """While a name may still be remembered, what it leads to stands."""
    world = submitted()
    start = len(world.load_balancers.calls)
    deleted_at = world.clock.now()
    seen = []
    world.records.fault = lambda moment, verb, _where: seen.append((verb, world.clock.now()))
    world.load_balancers.fault = lambda moment, verb, _where: seen.append((verb, world.clock.now()))
    world.members.fault = lambda moment, verb, _where: seen.append(
        ("member " + verb, world.clock.now())
    )
    world.delete()
    world.settle()

    order = [verb for verb, _ in seen]
    assert order.index("change") < order.index("delete") < order.index("member delete")
    graph_at = next(at for verb, at in seen if verb == "delete")
    assert graph_at - deleted_at >= 10.0, "TTL 5 s and drain 5 s were not waited for"
    stages = [label.split(": ")[1].split(" ")[0] for _, label in world.load_balancers.calls[start:]]
    order = ["forwardingRules", "targetHttpProxies", "urlMaps", "backendServices"]
    assert [stages.index(kind) for kind in order] == sorted(stages.index(kind) for kind in order)


def test_a_new_generation_changes_what_it_must_and_nothing_else():
    """Another path to a Service in use costs one URL map and the copies."""
    world = submitted()
    before = world.mark()
    world.submit(
        ingress_manifest(
            rules=[
                {
                    "host": "shop.example.com",
                    "http": {"paths": [path("/", "web"), path("/api", "api"), path("/v2", "api")]},
                }
            ]
        )
    )
    world.settle()

    verbs = [(verb, where) for verb, where in world.since(before)]
    touched = [where for verb, where in verbs if verb == "update"]
    assert len(touched) == 1
    assert "urlMaps" in touched[0]
    assert sorted(where for verb, where in verbs if verb == "apply") == [
        "gke-eu: Ingress shop/shop",
        "gke-us: Ingress shop/shop",
    ]


def test_a_path_that_goes_takes_its_companion_only_after_the_load_balancer_let_go():
    """No request meets an empty endpoint group: backend services go before companions."""
    world = submitted()
    seen = []
    world.load_balancers.fault = lambda moment, verb, where: seen.append(where)
    world.members.fault = lambda moment, verb, where: seen.append(f"{verb} {where}")
    world.submit(
        ingress_manifest(
            rules=[{"host": "shop.example.com", "http": {"paths": [path("/", "web")]}}]
        )
    )
    world.settle()

    gone = next(n for n, where in enumerate(seen) if where.startswith("delete gke"))
    last = max(n for n, where in enumerate(seen) if "backendServices" in where)
    assert last < gone
    assert [line.split("-fed-")[0] for line in world.ours("gke-us")] == [
        "Ingress shop",
        "Service web",
    ]
    assert sum(name.startswith("backendServices") for name in world.graph()) == 1


def test_a_changed_rate_reaches_every_backend():
    """The policy's rate per endpoint is the load balancer's."""
    world = submitted()
    world.sources.put(policy_manifest(backends={"maxRatePerEndpoint": 25}))
    world.tell("fanout", "shop/shop")
    world.tell("backends", "shop/shop")
    world.settle()

    rates = {
        entry["maxRatePerEndpoint"]
        for name, spec in world.graph().items()
        if name.startswith("backendServices")
        for entry in spec["backends"]
    }
    assert rates == {25}


def test_a_policy_in_orphan_mode_leaves_everything_and_lets_the_ingress_go():
    """Deletion with `mode: orphan` removes nothing but our finalizers."""
    world = World()
    world.install(deletion={"mode": "orphan", "graceSeconds": 60, "drainSeconds": 5})
    world.submit(ingress_manifest())
    world.settle()
    graph, members = world.graph(), world.ours("gke-us")
    world.delete()
    world.settle()

    assert world.sources.stored(KEY) is None
    assert world.graph() == graph
    assert world.ours("gke-us") == members
    assert ("shop.example.com", "A") in world.zone()
    marks = [r.values[0] for (name, kind), r in world.zone().items() if kind == "TXT"]
    assert all("orphan=true" in mark for mark in marks)


def test_what_an_edit_no_longer_wants_goes_from_the_graph():
    """A default backend takes the place of the 404; without it the 404 comes back."""
    world = submitted()
    default = {"service": {"name": "web", "port": {"number": 80}}}
    world.submit(ingress_manifest(defaultBackend=default))
    world.settle()
    routes = next(spec for name, spec in world.graph().items() if name.startswith("urlMaps"))
    assert not routes.get("defaultRouteAction")

    world.submit(ingress_manifest())
    world.settle()
    routes = next(spec for name, spec in world.graph().items() if name.startswith("urlMaps"))
    assert routes["defaultRouteAction"]["faultInjectionPolicy"]["abort"]["httpStatus"] == 404


def test_a_shared_network_gets_its_firewall_in_the_project_that_hosts_it():
    """A profile may name `projects/HOST/global/networks/NAME`."""
    from fedingress.domain.graph import Kind

    shared = member("gke-us", network="projects/host/global/networks/shared")
    world = World((shared,))
    world.install()
    world.submit(ingress_manifest())
    world.settle()

    (rule,) = world.load_balancers.observe("host", (Kind.FIREWALL,), "")
    assert rule.spec["network"] == "projects/host/global/networks/shared"
