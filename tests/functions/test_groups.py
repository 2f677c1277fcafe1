"""Members whose endpoint groups are not where the load balancer stands: told, and harmless."""

import dataclasses

import pytest

from fedingress.runtime.previews import of_source
from tests.functions.test_life import conditions, table
from tests.functions.world import KEY, MEMBERS, World, ingress_manifest, member

THIRD = member("gke-asia", region="us-central1")
"""In the zones of gke-us."""


def zones(world: World) -> set[tuple[str, str]]:
    """(backend service, group) of everything attached."""
    found = set()
    for name, spec in world.graph().items():
        for entry in spec.get("backends", ()):
            found.add((name, entry["group"]))
    return found


@pytest.fixture
def world():
    """Two members in the same zones, and one whose profile names the wrong project."""
    made = World((*MEMBERS, THIRD))
    made.inventory["gke-eu"] = dataclasses.replace(made.inventory["gke-eu"], project="other-1")
    made.install()
    made.submit(ingress_manifest())
    made.settle()
    return made


def test_a_profile_that_names_the_wrong_project_costs_its_own_member_only(world):
    """Its groups are left out, the others serve, and row and condition say what to mend."""
    row = table(world)["gke-eu"]

    assert conditions(world)["Programmed"]["status"] == "True"
    assert (row["state"], row["reason"]) == ("failed", "ProjectMismatch")
    assert "set fedingress.dev/project of its ClusterProfile" in row["message"]
    assert conditions(world)["Degraded"]["reason"] == "ProjectMismatch"
    assert conditions(world)["Degraded"]["message"].startswith("gke-eu: project lab")
    assert not any("europe-west1" in group for _, group in zones(world))
    assert table(world)["gke-us"]["healthy"] == table(world)["gke-asia"]["healthy"] > 0


def test_two_clusters_in_the_same_zones_have_groups_of_their_own(world):
    """Each backend service refers to every zone of each of the two members."""
    assert len(zones(world)) == 2 * 2 * 2
    assert len({group.rpartition("/")[2] for _, group in zones(world)}) == 2 * 2


def test_nothing_is_written_while_the_profile_stays_wrong(world):
    """Looking again and again changes nothing, and the plan shows nothing."""
    mark = world.mark()
    world.tell("backends", str(KEY), "resync")
    world.settle()

    assert world.since(mark) == []
    assert not of_source(KEY, world.ports).plans["backends"].changes


def test_the_member_joins_once_its_groups_are_found(world):
    """The groups are looked for again without anybody telling."""
    for neg in world.load_balancers.negs():
        if neg.project == "other-1":
            world.load_balancers.add_neg("lab", neg.zone, neg.name, 2, 2)
    world.settle()

    assert (table(world)["gke-eu"]["state"], table(world)["gke-eu"]["reason"]) == (
        "placed",
        "Applied",
    )
    assert conditions(world)["Degraded"]["status"] == "False"
    assert any("europe-west1" in group for _, group in zones(world))
