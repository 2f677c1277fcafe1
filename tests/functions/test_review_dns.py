"""A hosted zone is shared: nobody's wait, fault or leaving costs the others anything."""

import dataclasses

from fedingress.adapters.memory.record_sets import MemoryRecordSets
from fedingress.domain.ingress import IngressKey
from fedingress.domain.record import RecordSet
from fedingress.planning import dns
from tests.functions.test_life import conditions, submitted
from tests.functions.world import (
    KEY,
    ZONE,
    World,
    class_manifest,
    ingress_manifest,
    path,
    policy_manifest,
)

LATE = IngressKey(namespace="shop", name="late")
SLOW = {"graceSeconds": 60, "drainSeconds": 600}
OTHER = dataclasses.replace(ZONE, name="example-org", domain="example.org")


def hosts(*names: str):
    """Rules for these hosts."""
    return [{"host": name, "http": {"paths": [path("/", "web")]}} for name in names]


def two_zones() -> World:
    """A world whose policy has two zones, with an Ingress that has a host in each."""
    world = World()
    world.records = MemoryRecordSets((ZONE, OTHER))
    world._wire()
    zones = [
        {"provider": "cloud-dns", "project": "lab", "name": zone.name, "domain": zone.domain}
        for zone in (ZONE, OTHER)
    ]
    world.install(dns={"zones": zones, "ttlSeconds": 5})
    world.submit(ingress_manifest(rules=hosts("shop.example.com", "shop.example.org")))
    world.settle()
    return world


def records(world: World, zone=ZONE):
    """A records by name."""
    return {r.name: r.values for r in world.records.list(zone) if r.type == "A"}


def retire(world: World, *, classed: str = "nginx", **more) -> None:
    """The user gives the shop another class."""
    nginx = class_manifest()
    nginx["metadata"]["name"] = "nginx"
    nginx["spec"] = {"controller": "k8s.io/ingress-nginx"}
    world.sources.put(nginx)
    meta = {"annotations": {"kubernetes.io/ingress.class": classed}}
    world.submit(ingress_manifest(ingressClassName=None, metadata=meta, **more))


def run(world: World, seconds: float, done=lambda: False) -> None:
    """Deliver and tick for so long, or until *done*."""
    end = world.clock.at + seconds
    tick = world.clock.at + 60.0
    while not done() and world.clock.at < end:
        upcoming = min(world.bus.heap[0][0] if world.bus.heap else end, end)
        if tick <= upcoming:
            world.clock.at = max(world.clock.at, tick)
            tick += 60.0
            world.tick()
        elif not world.bus.heap or upcoming >= end:
            world.clock.at = end
        else:
            world.step()


def test_records_that_expire_do_not_keep_a_new_host_waiting():
    """One Ingress of the zone waits ten minutes; the next one is published in seconds."""
    world = submitted()
    world.sources.put(policy_manifest(deletion=SLOW))
    world.tell("fanout", "shop/shop", "policy.changed")
    world.settle()
    world.delete()
    run(world, 20)
    assert world.sources.stored(KEY) is not None
    world.submit(ingress_manifest("late", host="late.example.com"))
    begun = world.clock.at
    run(world, 300, lambda: "late.example.com" in records(world))

    assert world.clock.at - begun < 30


def test_a_busy_zone_does_not_hold_a_deletion():
    """Records of others come and go each minute; the wait is that of the Ingress's own."""
    world = submitted()
    for number in range(12):
        world.submit(ingress_manifest(f"n{number}", host=f"n{number}.example.com"))
    world.sources.put(policy_manifest(deletion={"graceSeconds": 60, "drainSeconds": 120}))
    for source in world.sources.list():
        world.tell("fanout", str(source.key), "policy.changed")
    world.settle()
    world.delete()
    begun = world.clock.at
    for number in range(12):
        run(world, 60, lambda: world.sources.stored(KEY) is None)
        if world.sources.stored(KEY) is None:
            break
        world.delete(IngressKey(namespace="shop", name=f"n{number}"))

    assert 120 <= world.clock.at - begun <= 300


def test_a_zone_that_was_deleted_does_not_hold_a_deletion():
    """Nothing of ours can be in a zone that is not there; the finalizer goes."""
    world = submitted()
    del world.records._domains[ZONE.unit]
    world.delete()
    world.settle()

    assert world.sources.stored(KEY) is None
    assert world.graph() == {}


def test_a_zone_that_refuses_one_host_publishes_the_others():
    """A CNAME where a mark belongs costs its own host, and its own Ingress is told."""
    world = World()
    name = dns.mark_name("bad.example.com", "example.com")
    world.records.put(
        ZONE, RecordSet(name=name, type="CNAME", ttl_seconds=5, values=("x.example.net",))
    )
    world.install()
    world.submit(ingress_manifest(rules=hosts("good.example.com", "bad.example.com")))
    world.submit(ingress_manifest("late", host="late.example.com"))
    world.settle()

    assert set(records(world)) == {"good.example.com", "late.example.com"}
    published = conditions(world)["Published"]
    assert (published["status"], published["reason"]) == ("False", "ZoneFailed")
    assert "bad.example.com" in published["message"]
    assert conditions(world, LATE)["Published"]["status"] == "True"


def test_a_host_passes_to_the_one_that_waits_without_its_ttl_and_drain():
    """The heir is published in seconds, and the old address stays up until it is forgotten."""
    world = World()
    world.install(deletion=SLOW)
    world.submit(ingress_manifest())
    world.settle()
    world.clock.at += 10
    world.submit(ingress_manifest("late", rules=hosts("shop.example.com", "late.example.com")))
    world.settle()
    (old,), (new,) = records(world)["shop.example.com"], records(world)["late.example.com"]
    world.delete()
    begun = world.clock.at
    run(world, 500, lambda: records(world).get("shop.example.com") == (new,))
    assert world.clock.at - begun < 30
    rules = [spec for at, spec in world.graph().items() if at.startswith("forwardingRules")]
    assert {rule["IPAddress"] for rule in rules} == {old, new}
    world.settle()
    assert world.clock.at - begun >= 605
    assert world.sources.stored(KEY) is None


def test_an_heir_without_members_does_not_hold_a_deletion():
    """It will never have an address; the record goes, and so does the leaving Ingress."""
    world = submitted()
    world.clock.at += 10
    nobody = {"annotations": {"fedingress.dev/clusters": "nowhere"}}
    world.submit(ingress_manifest("late", metadata=nobody))
    world.settle()
    world.delete()
    world.settle()

    assert world.sources.stored(KEY) is None
    assert records(world) == {}
    assert conditions(world, LATE)["Published"]["status"] == "False"


def test_a_class_that_comes_back_while_records_expire_is_served_again():
    """Taken from us and given back within the wait: everything stands as before."""
    world = submitted()
    before = world.end_state()
    retire(world)
    run(world, 4)
    assert records(world) == {}
    retire(world, classed="federated")
    world.settle()

    assert world.end_state() == before
    assert world.sources.stored(KEY)["metadata"]["finalizers"] == [
        "dns.fedingress.dev",
        "backends.fedingress.dev",
        "fanout.fedingress.dev",
    ]
    assert conditions(world)["Published"]["status"] == "True"


def test_a_second_leaving_waits_for_every_zone_again():
    """What one zone said in an earlier withdrawal does not count in the next one."""
    world = two_zones()
    rules = hosts("shop.example.com", "shop.example.org")
    assert len(records(world)) == len(records(world, OTHER)) == 1
    held = world.records.list
    world.records.list = lambda zone: held(zone) if zone.unit != OTHER.unit else _unavailable()
    retire(world, rules=rules)
    run(world, 100)  # the first zone is done with it, the other does not answer
    world.records.list = held
    retire(world, classed="federated", rules=rules)
    world.settle()
    assert len(records(world)) == len(records(world, OTHER)) == 1
    world.records.list = lambda zone: held(zone) if zone.unit != ZONE.unit else _unavailable()
    retire(world, rules=rules)
    run(world, 100)

    world.records.list = held
    assert len(records(world)) == 1, "the first zone still leads to the graph"
    assert any(name.startswith("forwardingRules") for name in world.graph())
    world.settle()
    assert world.graph() == {}
    assert records(world) == records(world, OTHER) == {}


def _unavailable():
    from fedingress.domain.errors import Unavailable

    raise Unavailable("the zone does not answer", after_seconds=5.0)


def test_a_zone_whose_domain_the_policy_mends_keeps_its_records():
    """The same zone under two spellings of its domain is one zone."""
    world = submitted()
    zone = {"provider": "cloud-dns", "project": "lab", "name": "example-com"}
    before = records(world)
    for domain in ("zz.example.com", "example.com"):
        zones = [{**zone, "domain": domain}]
        world.sources.put(policy_manifest(dns={"zones": zones, "ttlSeconds": 5}))
        world.tell("fanout", "shop/shop", "policy.changed")
        world.settle()

    assert records(world) == before
    mark = world.mark()
    for _ in range(3):
        world.tell("backends", "shop/shop")
        world.settle()
    assert world.since(mark) == []


def test_a_host_that_moves_to_another_zone_leaves_the_first_one():
    """A longer zone is added: the record stands there, and the old one goes."""
    world = World()
    deep = dataclasses.replace(ZONE, name="deep", domain="shop.example.com")
    world.records = MemoryRecordSets((ZONE, deep))
    world._wire()
    world.install()
    world.submit(ingress_manifest())
    world.settle()
    zones = [
        {"provider": "cloud-dns", "project": "lab", "name": zone.name, "domain": zone.domain}
        for zone in (ZONE, deep)
    ]
    world.sources.put(policy_manifest(dns={"zones": zones, "ttlSeconds": 5}))
    world.tell("fanout", "shop/shop", "policy.changed")
    world.settle()

    assert records(world) == {}
    assert set(records(world, deep)) == {"shop.example.com"}
    world.delete()
    world.settle()
    assert records(world, deep) == {}
    assert world.sources.stored(KEY) is None


def test_a_wildcard_and_an_ingress_without_hosts_live_and_leave():
    """`*.example.com` has a record of its own; without a host there is none, and nothing waits."""
    world = World()
    world.install()
    world.submit(ingress_manifest(host="*.example.com"))
    rules = [{"http": {"paths": [path("/", "web")]}}]
    world.submit(ingress_manifest("late", rules=rules))
    world.settle()
    assert set(records(world)) == {"*.example.com"}
    assert conditions(world, LATE)["Programmed"]["status"] == "True"
    world.delete()
    world.delete(LATE)
    world.settle()

    assert world.end_state() == {
        "graph": {},
        "zone": {},
        "members": {name: [] for name in world.inventory},
    }
    assert world.sources.stored(KEY) is world.sources.stored(LATE) is None
