"""What must be told, what must not be lost, and what must not be done when nothing changed."""

import dataclasses

import pytest

from fedingress.domain.errors import Forbidden
from fedingress.domain.graph import Kind
from fedingress.domain.ingress import IngressKey
from tests.functions.test_life import conditions, member_ingress, submitted, table
from tests.functions.test_review_dns import records, retire, run
from tests.functions.world import (
    KEY,
    MEMBERS,
    World,
    ingress_manifest,
    member,
    path,
    policy_manifest,
)

LATE = IngressKey(namespace="shop", name="late")


def backends_of(world: World, project: str = "lab"):
    """Names of the NEGs of every backend service."""
    found = world.load_balancers.observe(project, (Kind.BACKEND_SERVICE,), "")
    return {
        entry["group"].rpartition("/")[2] for item in found for entry in item.spec["backends"] or ()
    }


def negs_of(world: World, cluster: str):
    """Names of the NEGs that a member's companions ask for."""
    from fedingress.planning.companions import neg_names

    services = world.members[cluster].list("Service")
    return {name for item in services for name in neg_names(item)}


def members_are(world: World, *members) -> None:
    """The inventory holds these from now on."""
    world.sources.members = members
    world.tell("fanout", "shop/shop", "member.changed")


def test_a_changed_policy_reaches_the_load_balancer_by_its_one_event():
    """The watcher tells fan-out only; the rate and the TTL arrive all the same, without a tick."""
    world = submitted()
    dns = policy_manifest()["spec"]["dns"] | {"ttlSeconds": 9}
    world.sources.put(policy_manifest(backends={"maxRatePerEndpoint": 25}, dns=dns))
    world.tell("fanout", "shop/shop", "policy.changed")
    world.settle(ticks=False)

    services = [spec for name, spec in world.graph().items() if name.startswith("backendServices")]
    assert {entry["maxRatePerEndpoint"] for spec in services for entry in spec["backends"]} == {25}
    assert world.zone()["shop.example.com", "A"].ttl_seconds == 9


def test_a_sick_member_costs_no_look_at_the_cloud_and_few_at_the_members():
    """Half an hour with a member down: GCE is asked by the resyncs only, members ever less."""
    world = submitted()
    world.members["gke-eu"].down = True
    world.tell("fanout", "shop/shop", "resync")
    run(world, 120)
    asked = {"cloud": 0, "members": 0}
    for port, method, name in (
        (world.load_balancers, "observe", "cloud"),
        (world.members, "list", "members"),
    ):
        real = getattr(port, method)

        def counted(*args, real=real, name=name):
            asked[name] += 1
            return real(*args)

        setattr(port, method, counted)
    run(world, 1800)

    assert asked["cloud"] <= 4 * 4, "four resyncs at most, graph and firewall"
    assert asked["members"] <= 4 * 40


def test_a_member_without_endpoint_groups_is_not_asked_each_second_for_ever():
    """No controller makes the groups: the looks come ever more seldom."""
    world = World()
    world.members["gke-eu"].paused = True
    world.install()
    world.submit(ingress_manifest())
    run(world, 60)
    looks = 0
    real = world.members.list

    def counted(*args):
        nonlocal looks
        looks += 1
        return real(*args)

    world.members.list = counted
    run(world, 1800)
    world.members["gke-eu"].paused = False
    world.members["gke-eu"].play()
    world.tell("fanout", "shop/shop", "member-service.changed")
    begun = world.clock.at
    run(world, 60, lambda: negs_of(world, "gke-eu") <= backends_of(world))

    assert looks <= 4 * 60
    assert world.clock.at - begun < 5, "news do not wait for the next look"


def test_traffic_leaves_a_drained_member_whose_api_is_down():
    """The operator takes it out: its endpoints go, though what is in it cannot be reached."""
    world = submitted()
    world.members["gke-eu"].down = True
    away = {"annotations": {"fedingress.dev/clusters": "gke-us"}}
    world.submit(ingress_manifest(metadata=away))
    run(world, 120)
    assert backends_of(world) == negs_of(world, "gke-us")
    assert table(world)["gke-eu"]["state"] == "removing"
    world.members["gke-eu"].down = False
    world.settle()

    assert world.ours("gke-eu") == []
    assert "gke-eu" not in table(world)


def test_a_leaving_member_is_drained_emptied_and_forgotten():
    """The annotation on its profile: no endpoints, no objects, no place in the footprint."""
    world = submitted()
    leaving = dataclasses.replace(MEMBERS[1], leaving=True)
    members_are(world, MEMBERS[0], leaving, MEMBERS[2])
    world.settle()

    assert backends_of(world) == negs_of(world, "gke-us")
    assert world.ours("gke-eu") == []
    assert (
        "gke-eu"
        not in world.sources.stored(KEY)["metadata"]["annotations"]["fedingress.dev/footprint"]
    )
    assert table(world)["gke-eu"]["reason"] == "Leaving"


def test_a_member_removed_from_the_inventory_while_it_is_drained_holds_nobody():
    """Its endpoints are gone from the graph, and the deletion goes through."""
    world = submitted()
    members_are(world, MEMBERS[0], dataclasses.replace(MEMBERS[1], leaving=True), MEMBERS[2])
    world.step()
    members_are(world, MEMBERS[0], MEMBERS[2])
    world.settle()
    assert backends_of(world) == negs_of(world, "gke-us")
    world.delete()
    world.settle()

    assert world.sources.stored(KEY) is None
    assert world.graph() == {}
    assert world.ours("gke-us") == []


def test_a_renamed_member_serves_under_its_new_name():
    """The same cluster, another profile: no duplicate objects, and its endpoints are attached."""
    world = submitted()
    renamed = dataclasses.replace(MEMBERS[1], name="gke-europe")
    world.members._clusters["gke-europe"] = world.members["gke-eu"]
    before = world.ours("gke-eu")
    members_are(world, MEMBERS[0], renamed, MEMBERS[2])
    world.settle()

    assert world.ours("gke-eu") == before
    assert backends_of(world) == negs_of(world, "gke-us") | negs_of(world, "gke-eu")
    world.delete()
    world.settle()
    assert world.ours("gke-eu") == []


def test_a_profile_that_cannot_be_read_and_a_lost_store_take_no_endpoints_away():
    """Frozen is not gone, even when nothing is remembered."""
    world = submitted()
    before = world.graph()
    world.sources.members = (MEMBERS[0], MEMBERS[2])
    world.sources.put(
        {
            "apiVersion": "multicluster.x-k8s.io/v1alpha1",
            "kind": "ClusterProfile",
            "metadata": {"name": "gke-eu", "namespace": "fedingress-inventory"},
            "spec": {"clusterManager": {"name": "fedingress"}},
        }
    )
    world.sources.put_status(
        {
            "apiVersion": "multicluster.x-k8s.io/v1alpha1",
            "kind": "ClusterProfile",
            "metadata": {"name": "gke-eu", "namespace": "fedingress-inventory"},
            "status": {"properties": [{"name": "fedingress.dev/provider", "value": "moon"}]},
        }
    )
    assert world.sources.inventory().unreadable == ("gke-eu",)
    world.lose_store()
    run(world, 900)

    assert world.graph() == before
    assert table(world)["gke-eu"]["reason"] == "ProfileUnreadable"


def test_the_graph_waits_for_fan_out_to_see_a_new_generation():
    """A path to a new Service is not routed to a backend service that has no endpoints."""
    world = submitted()
    mark = world.mark()
    rules = [{"host": "shop.example.com", "http": {"paths": [path("/", "web"), path("/v2", "v2")]}}]
    world.sources.put(ingress_manifest(rules=rules))
    world.tell("backends", "shop/shop", "due")
    world.step()

    assert world.since(mark) == []


@pytest.mark.parametrize("verb", ["observe", "create"])
def test_what_the_cloud_forbids_is_told(verb: str):
    """403 on looking, or on making: the condition has the cloud's words, and nothing is lost."""
    world = World()
    world.install()

    def refuse(*_):
        raise Forbidden("grant roles/compute.loadBalancerAdmin")

    setattr(world.load_balancers, verb, refuse)
    world.submit(ingress_manifest())
    run(world, 300)

    programmed = conditions(world)["Programmed"]
    assert programmed["status"] == "False"
    assert "loadBalancerAdmin" in programmed["message"]


def test_an_operation_that_fails_is_told():
    """A quota that is reached shows in an operation, not in an answer; the user reads it."""
    world = World()
    world.install()
    world.load_balancers.operation_seconds = 0.5
    real = world.load_balancers.create

    def create(desired, guard):
        if desired.kind is Kind.URL_MAP:
            world.load_balancers.fail("create", desired.label, "quota URL_MAPS exceeded")
        return real(desired, guard)

    world.load_balancers.create = create
    world.submit(ingress_manifest())
    run(world, 30)

    assert "URL_MAPS" in conditions(world)["Programmed"]["message"]


def test_the_next_ingress_of_a_name_takes_over_what_the_one_before_left_in_a_member():
    """Deleted while gke-eu was down, made again: its copy is taken over, the rest goes."""
    world = submitted()
    world.members["gke-eu"].down = True
    world.delete()
    run(world, 300)
    assert world.sources.stored(KEY) is None
    assert len(world.sources.tombstones()) == 1
    world.submit(ingress_manifest())
    run(world, 60)
    world.members["gke-eu"].down = False
    run(world, 1300)

    assert table(world)["gke-eu"]["state"] == "placed"
    assert world.ours("gke-eu") == world.ours("gke-us")
    assert world.sources.tombstones() == []
    assert backends_of(world) == negs_of(world, "gke-us") | negs_of(world, "gke-eu")


def test_finalizers_that_a_user_takes_off_do_not_block_the_next_ingress():
    """No withdrawal happened; the next one of that name gets the host and the members."""
    world = submitted()
    world.delete()
    found = world.sources.get(KEY)
    world.sources.set_finalizers(found, [])
    assert world.sources.stored(KEY) is None
    world.bus.heap.clear()
    world.submit(ingress_manifest())
    run(world, 1300)

    (address,) = records(world)["shop.example.com"]
    status = world.sources.stored(KEY)["status"]["loadBalancer"]["ingress"]
    assert [entry["ip"] for entry in status] == [address]
    assert conditions(world)["Published"]["status"] == "True"
    assert len(world.ours("gke-us")) == len(world.ours("gke-eu")) == 3


def test_a_policy_of_another_project_moves_the_graph_without_a_gap():
    """The old graph serves until names lead to the new one and are forgotten; then it goes."""
    members = (member("gke-us"), member("gke-eu", region="europe-west1"))
    world = World(members)
    world.install()
    world.submit(ingress_manifest())
    world.settle()
    (old,) = records(world)["shop.example.com"]
    moved = tuple(dataclasses.replace(each, project="new") for each in members)
    world.inventory = {each.name: each for each in moved}
    world.sources.members = moved
    for each in moved:
        for name in negs_of(world, each.name):
            for zone in each.zones:
                world.load_balancers.add_neg("new", zone, name, 1, 1)
    world.sources.put(policy_manifest(project="new"))
    world.tell("fanout", "shop/shop", "policy.changed")
    run(world, 3)
    assert any(name.startswith("forwardingRules") for name in world.graph())
    world.settle()

    (new,) = records(world)["shop.example.com"]
    assert new != old
    assert [name for name in world.graph() if not name.startswith("firewalls")] == []
    found = world.load_balancers.observe("new", (Kind.FORWARDING_RULE,), "")
    assert [item.spec["IPAddress"] for item in found] == [new]
    world.delete()
    world.settle()
    assert world.load_balancers.observe("new", tuple(Kind), "") == []


def test_a_profile_without_a_project_is_in_the_policys():
    """Its endpoint groups are found there; one vague profile does not break the graph."""
    world = World((member("gke-us"), member("gke-any", project="", region="europe-west1")))
    world.install()
    world.submit(ingress_manifest())
    world.settle()

    assert backends_of(world) == negs_of(world, "gke-us") | negs_of(world, "gke-any")
    assert conditions(world)["Published"]["status"] == "True"


def test_a_policy_of_a_project_without_members_takes_nothing_down():
    """No member can follow: the old graph, its endpoints and its records stay, and it is said."""
    world = submitted()
    before = world.end_state()
    world.sources.put(policy_manifest(project="elsewhere"))
    world.tell("fanout", "shop/shop", "policy.changed")
    run(world, 1800)

    after = world.end_state()
    assert after["graph"] == before["graph"]
    assert after["zone"] == before["zone"]
    assert conditions(world)["Accepted"]["reason"] == "NoMember"
    world.delete()
    world.settle()
    assert world.graph() == {}
    assert world.sources.stored(KEY) is None


def test_an_orphaned_graph_keeps_its_firewall():
    """What is left serves on: the rule that lets the probes in stays, too, marked so."""
    world = World()
    world.install(deletion={"mode": "orphan", "graceSeconds": 60, "drainSeconds": 5})
    world.submit(ingress_manifest())
    world.settle()
    before = world.graph()
    world.delete()
    world.settle()
    world.lose_store()
    run(world, 900)

    assert world.graph() == before


def test_an_ingress_that_left_us_carries_nothing_of_ours():
    """Another controller's address is not touched, and our annotations go."""
    world = submitted()
    retire(world)
    world.sources.put_status(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"namespace": "shop", "name": "shop"},
            "status": {"loadBalancer": {"ingress": [{"hostname": "nginx.example.net"}]}},
        }
    )
    world.settle()

    kept = world.sources.stored(KEY)
    assert kept["status"]["loadBalancer"]["ingress"] == [{"hostname": "nginx.example.net"}]
    ours = [name for name in kept["metadata"]["annotations"] if name.startswith("fedingress.dev/")]
    assert ours == []
    assert not kept["metadata"].get("finalizers")


def test_an_ingress_that_left_us_loses_our_address():
    """Nobody else has written one: ours goes with the graph."""
    world = submitted()
    retire(world)
    world.settle()

    status = world.sources.stored(KEY).get("status") or {}
    assert not (status.get("loadBalancer") or {}).get("ingress")


def test_an_object_that_will_not_go_is_not_looked_at_each_second():
    """Somebody's finalizer holds a companion: the withdrawal waits for it patiently."""
    world = submitted()
    stuck = world.members["gke-eu"].list("Service")
    name = next(item["metadata"]["name"] for item in stuck if "-fed-" in item["metadata"]["name"])
    objects = world.members["gke-eu"].objects
    objects.patch_metadata(
        ("Service", "shop", name), manager="x", expected={}, annotations={}, finalizers=["x/y"]
    )
    world.delete()
    run(world, 120)
    deliveries = next(world.bus.count)
    run(world, 1800)
    assert next(world.bus.count) - deliveries < 250
    assert world.sources.stored(KEY) is not None
    objects.patch_metadata(
        ("Service", "shop", name), manager="x", expected={}, annotations={}, finalizers=[]
    )
    world.settle()

    assert world.sources.stored(KEY) is None


def test_two_ingresses_share_a_service_and_one_leaves():
    """Companions and groups are each Ingress's own; the other one is not written."""
    world = submitted()
    world.submit(ingress_manifest("late", host="late.example.com"))
    world.settle()
    world.delete(LATE)
    world.settle()
    calls = [where for _, where in world.since((0, 0, 0, 0))]
    mark = world.mark()
    world.tell("fanout", "shop/shop", "resync")
    world.settle()

    assert world.since(mark) == []
    assert backends_of(world) == negs_of(world, "gke-us") | negs_of(world, "gke-eu")
    assert not any("Service shop/web" in where and "-fed-" not in where for where in calls)


def test_an_ingress_deleted_before_anything_was_made_leaves_no_trace():
    """Its event comes when it is gone, or when only its finalizers stand."""
    world = World()
    world.install()
    world.sources.put(ingress_manifest())
    world.sources.delete(KEY)
    world.tell("fanout", "shop/shop")
    world.settle()
    mark = world.mark()
    world.submit(ingress_manifest("late"))
    world.members["gke-us"].down = world.members["gke-eu"].down = True
    world.step()
    world.delete(LATE)
    world.members["gke-us"].down = world.members["gke-eu"].down = False
    world.settle()

    assert world.sources.stored(LATE) is None
    assert world.graph() == {}
    assert [verb for verb, where in world.since(mark) if where.startswith("gke")] == []
    assert list(world.store.list("intent")) == []
    assert member_ingress(world, "gke-us", "late") is None
