"""Members that get no new requests: by a mark on the Ingress, or on their profile."""

import dataclasses

import pytest

from tests.functions.test_groups import THIRD
from tests.functions.test_life import conditions, table
from tests.functions.world import KEY, MEMBERS, World, ingress_manifest


def drained(*names):
    """The shop's Ingress with that mark."""
    return ingress_manifest(metadata={"annotations": {"fedingress.dev/drain": ",".join(names)}})


def scalers(world: World) -> dict[str, set[float]]:
    """The capacity scalers of all groups of each member."""
    found: dict[str, set[float]] = {}
    for spec in world.graph().values():
        for entry in spec.get("backends", ()):
            region = entry["group"].split("/")[3].rpartition("-")[0]
            found.setdefault(region, set()).add(entry["capacityScaler"])
    return found


@pytest.fixture
def world():
    """The shop, served by two members."""
    made = World()
    made.install()
    made.submit(ingress_manifest())
    made.settle()
    return made


def test_a_drained_member_keeps_all_it_has_and_gets_nothing(world):
    """Its groups stay attached at a capacity of 0, its objects stay, and the row says so."""
    before = world.ours("gke-eu")
    world.submit(drained("gke-eu"))
    world.settle()
    row = table(world)["gke-eu"]

    assert scalers(world) == {"us-central1": {1}, "europe-west1": {0}}
    assert world.ours("gke-eu") == before
    assert (row["state"], row["reason"], row["drained"]) == ("placed", "Drained", True)
    assert (row["capacity"], table(world)["gke-us"]["capacity"]) == (0, 1)
    assert conditions(world)["Degraded"]["status"] == "False"


def test_a_drain_outlives_the_store_and_is_taken_back_by_its_mark(world):
    """It stands on the source alone."""
    world.submit(drained("gke-eu"))
    world.settle()
    world.lose_store()
    world.tell("fanout", str(KEY))
    world.settle()
    during = scalers(world)
    world.submit(ingress_manifest())
    world.settle()

    assert during == {"us-central1": {1}, "europe-west1": {0}}
    assert scalers(world) == {"us-central1": {1}, "europe-west1": {1}}


def test_a_profiles_mark_drains_the_member_for_every_ingress(world):
    """Told by the inventory, without a change of any Ingress."""
    world.sources.members = tuple(
        dataclasses.replace(each, drained=each.name == "gke-us") for each in MEMBERS
    )
    world.tell("fanout", str(KEY), "resync")
    world.settle()

    assert scalers(world) == {"us-central1": {0}, "europe-west1": {1}}


def test_the_last_members_are_not_drained_and_that_is_told(world):
    """All of them marked: everything serves on, with a condition that says why."""
    world.submit(drained("gke-eu", "gke-us"))
    world.settle()
    degraded = conditions(world)["Degraded"]

    assert scalers(world) == {"us-central1": {1}, "europe-west1": {1}}
    assert (degraded["status"], degraded["reason"]) == ("True", "DrainRefused")
    assert "web:80 keeps its last members, gke-eu, gke-us" in degraded["message"]
    assert {row["reason"] for name, row in table(world).items() if name.startswith("gke")} == {
        "Draining"
    }


def test_a_name_of_no_member_is_told(world):
    """A misspelt name drains nobody, and is in the table."""
    world.submit(drained("gke-euu"))
    world.settle()

    assert table(world)["gke-euu"]["reason"] == "UnknownCluster"
    assert scalers(world) == {"us-central1": {1}, "europe-west1": {1}}


def test_an_unreachable_member_can_be_drained():
    """Its control plane is silent, its endpoints are known: they get no new requests."""
    world = World((*MEMBERS, THIRD))
    world.install()
    world.submit(ingress_manifest())
    world.settle()
    world.members["gke-eu"].down = True
    world.submit(drained("gke-eu"))
    world.settle()

    assert scalers(world)["europe-west1"] == {0}
    assert table(world)["gke-eu"]["state"] == "unreachable"
    assert table(world)["gke-eu"]["capacity"] == 0
