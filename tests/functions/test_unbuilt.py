"""Ingresses for which no graph is built: what is said and planned of them, and that they let go."""

import pytest

from fedingress.domain.ingress import IngressKey
from fedingress.runtime.previews import of_source
from tests.functions.test_life import conditions
from tests.functions.world import KEY, World, ingress_manifest

LATE = IngressKey(namespace="shop", name="late")
ONLY_US = {"annotations": {"fedingress.dev/clusters": "gke-us"}}


@pytest.fixture
def world():
    """A younger Ingress stands beside the owner of its only host."""
    made = World()
    made.install()
    made.submit(ingress_manifest())
    made.settle()
    made.clock.at += 10
    made.submit(ingress_manifest("late"))
    made.settle()
    return made


def test_an_ingress_that_owns_no_host_says_why_nothing_is_built(world):
    """Programmed names the reason instead of promising a graph."""
    programmed = conditions(world, LATE)["Programmed"]

    assert programmed["status"] == "False"
    assert "every host is another Ingress's" in programmed["message"]
    assert conditions(world)["Programmed"]["status"] == "True"


def test_a_member_can_leave_an_ingress_that_was_never_built(world):
    """Nobody refers to its endpoint groups, so nothing of it stays in a member it left."""
    before = world.ours("gke-eu")
    world.submit(ingress_manifest("late", metadata=ONLY_US))
    world.settle()

    assert len(before) == 2 * len(world.ours("gke-eu"))
    assert world.end_state()["members"]["gke-us"]


def test_a_lost_store_still_lets_go(world):
    """The report is made again when it is missing."""
    world.lose_store()
    world.tell("fanout", str(KEY))
    world.tell("fanout", str(LATE))
    world.settle()
    before = world.ours("gke-eu")
    world.submit(ingress_manifest("late", metadata=ONLY_US))
    world.settle()

    assert len(before) == 2 * len(world.ours("gke-eu"))


def test_an_ingress_that_no_member_carries_plans_no_graph():
    """The plan is what would happen: nothing is built before somebody has endpoints."""
    world = World()
    world.install()
    nowhere = {"annotations": {"fedingress.dev/clusters": "nowhere"}}
    world.submit(ingress_manifest(metadata=nowhere))
    world.settle()
    found = of_source(KEY, world.ports)

    assert world.graph() == {}
    assert world.zone() == {}
    assert found.changes == 0
    assert "no member has endpoints yet" in found.plans["backends"].held
