"""Previews: what a run would do, chained over the concerns, without a single write."""

from dataclasses import replace

import pytest

from fedingress.domain.change import Create, Delete, as_json
from fedingress.domain.work import Work
from fedingress.runtime.previews import of_source, of_work
from tests.functions.world import KEY, World, ingress_manifest, policy_manifest


@pytest.fixture
def world():
    """A federation whose policy stands."""
    made = World()
    made.install()
    return made


def plans(world):
    """The plans by concern; fails if looking wrote anything."""
    mark, stored = world.mark(), list(world.store.list("report"))
    found = of_source(KEY, world.ports).plans
    assert world.since(mark) == []
    assert list(world.store.list("report")) == stored
    assert not world.bus.heap
    return found


def actions(plan):
    return {type(change) for change in plan}


def empty(found):
    return not any(plan.changes or plan.held for plan in found.values())


def test_a_new_ingress_is_planned_to_its_end(world):
    """Fan-out, graph, firewall and records of an Ingress that nothing was made for yet."""
    world.sources.put(ingress_manifest())
    found = plans(world)

    assert list(found) == ["fanout", "backends", "dns"]
    assert {type(change) for plan in found.values() for change in plan} == {Create}
    kinds = {change.desired.kind.value for change in found["backends"]}
    assert {"addresses", "backendServices", "urlMaps", "forwardingRules", "firewalls"} <= kinds
    (record,) = [each.desired for each in found["dns"] if each.desired.type == "A"]
    assert (record.name, record.values) == ("shop.example.com", ("(known after apply)",))


def test_what_was_planned_is_what_happens(world):
    """The labels of the plan are those of what stands after it was carried out."""
    world.sources.put(ingress_manifest())
    planned = {
        name: {change.desired.label for change in plan} for name, plan in plans(world).items()
    }
    world.submit(ingress_manifest())
    world.settle()

    members = {
        f"{name}: {kind} shop/{item}"
        for name in world.inventory
        for kind, item in (text.split() for text in world.ours(name))
    }
    assert planned["fanout"] == members
    assert planned["backends"] == {f"lab: {path.replace('/', ' ')}" for path in world.graph()}
    assert planned["dns"] == {f"{kind} {name}" for name, kind in world.zone()}


def test_nothing_is_planned_once_all_stands(world):
    """A converged Ingress has an empty plan, for every concern and for each unit alone."""
    world.submit(ingress_manifest())
    world.settle()

    assert empty(plans(world))
    for concern, unit in [
        ("fanout", "shop/shop"),
        ("backends", "shop/shop"),
        ("backends", "firewall:lab/default"),
        ("dns", "cloud-dns:lab/example-com"),
        ("status", "shop/shop"),
    ]:
        assert not of_work(Work(concern=concern, unit=unit, cause="test"), world.ports)


def test_a_changed_host_is_followed_to_its_record(world):
    """A new host changes copies and URL map, and swaps the record, at the address that stands."""
    world.submit(ingress_manifest())
    world.settle()
    world.sources.put(ingress_manifest(host="new.example.com"))
    found = plans(world)

    assert len(found["fanout"].changes) == 2
    assert [change.desired.kind.value for change in found["backends"]] == ["urlMaps"]
    (made,) = [
        each.desired
        for each in found["dns"]
        if isinstance(each, Create) and each.desired.type == "A"
    ]
    assert made.name == "new.example.com"
    assert made.values[0].count(".") == 3


def test_a_host_that_leaves_its_zone_leaves_no_record(world):
    """When no host is left in a zone, the zone's records of this Ingress are planned away."""
    world.submit(ingress_manifest())
    world.settle()
    world.sources.put(ingress_manifest(host="shop.elsewhere.org"))

    gone = plans(world)["dns"]
    assert actions(gone) == {Delete}
    assert "A shop.example.com" in {change.observed.label for change in gone}


def test_drift_is_seen_where_it_is(world):
    """A copy that somebody deleted is planned anew; nothing else is."""
    world.submit(ingress_manifest())
    world.settle()
    world.members["gke-us"].remove("Ingress", "shop", "shop")
    found = plans(world)

    assert [change.desired.label for change in found["fanout"]] == ["gke-us: Ingress shop/shop"]
    assert not found["backends"]
    assert not found["dns"]


def test_a_deletion_is_planned_to_its_end(world):
    """Copies, graph and records are planned away, whatever is still waited for."""
    world.submit(ingress_manifest())
    world.settle()
    world.sources.delete(KEY)
    found = plans(world)

    assert {name: actions(plan) for name, plan in found.items()} == {
        "fanout": {Delete},
        "backends": {Delete},
        "dns": {Delete},
    }


def test_an_orphaned_deletion_deletes_nothing_of_the_path(world):
    """With the mode orphan neither copies nor graph nor addresses are planned away."""
    orphan = policy_manifest(deletion={"mode": "orphan", "graceSeconds": 60, "drainSeconds": 5})
    world.sources.put(orphan)
    world.submit(ingress_manifest())
    world.settle()
    world.sources.delete(KEY)
    found = plans(world)

    deleted = {
        change.observed.label
        for plan in found.values()
        for change in plan
        if isinstance(change, Delete)
    }
    assert not any("Ingress" in label or "urlMaps" in label for label in deleted)
    assert "A shop.example.com" not in deleted


def test_a_deleted_policy_does_not_hide_the_teardown(world):
    """The plan of a deletion needs marks and footprint only."""
    world.submit(ingress_manifest())
    world.settle()
    world.sources.remove("FederationPolicy", "global")
    world.sources.delete(KEY)

    assert all(plan.changes for plan in plans(world).values())


def test_a_refused_ingress_plans_nothing_and_says_why(world):
    """While the user is at fault what stands stays, and the reasons are held up."""
    world.submit(ingress_manifest())
    world.settle()
    world.sources.put(policy_manifest(topology="moon"))
    found = plans(world)

    assert not any(plan.changes for plan in found.values())
    assert any("topology" in text for text in found["fanout"].held)


def test_an_absent_ingress_plans_nothing(world):
    """Nothing is there, nothing changes, nothing is held."""
    assert empty(plans(world))


def test_plans_are_json(world):
    """Every change of a whole plan is an object of JSON with action, subject and reason."""
    world.sources.put(ingress_manifest())
    for plan in plans(world).values():
        for change in plan:
            body = as_json(change)
            assert body["action"] == "create"
            assert body["what"] == change.desired.label
            assert body["why"]


def test_a_member_that_is_down_is_held_not_forgotten(world):
    """A silent member is no reason to delete anything, nor to stop planning the others."""
    world.submit(ingress_manifest())
    world.settle()
    world.members["gke-eu"].down = True
    world.members["gke-us"].remove("Ingress", "shop", "shop")
    found = plans(world)

    assert [change.desired.label for change in found["fanout"]] == ["gke-us: Ingress shop/shop"]
    assert any("gke-eu" in text for text in found["fanout"].held)
    assert not found["backends"]


def test_previews_need_no_bus_and_no_clock(world):
    """Looking publishes nothing and waits for nothing."""
    world.sources.put(ingress_manifest())
    blind = replace(world.ports, bus=None, clock=None)

    assert of_source(KEY, blind).changes > 10
