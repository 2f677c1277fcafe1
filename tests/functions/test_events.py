"""Events of one Ingress: one for each cause and each wait, whatever the number of passes."""

from collections import Counter

import pytest

from tests.functions.test_drain import drained
from tests.functions.test_life import conditions
from tests.functions.world import KEY, MEMBERS, World, ingress_manifest, member


@pytest.fixture
def world():
    """The shop in three members."""
    made = World((*MEMBERS, member("gke-asia", region="asia-east1")))
    made.install()
    made.submit(ingress_manifest())
    made.settle()
    return made


def told(world: World, since: int = 0) -> Counter:
    """How often each (reason, message) was told."""
    notices = world.sources.notices[since:]
    return Counter((notice.reason, notice.message) for _, notice in notices)


def look(world: World, times: int) -> None:
    """Resyncs."""
    for _ in range(times):
        world.tell("fanout", str(KEY), "resync")
        world.settle(within_seconds=60)


def test_each_member_that_fails_is_told_once(world):
    """The second one too, although the condition says Degraded already."""
    begin = len(world.sources.notices)
    world.members["gke-eu"].down = True
    look(world, 5)
    world.members["gke-asia"].refuses = True
    look(world, 5)
    found = told(world, begin)
    by_member = Counter(
        name for (_, text), n in found.items() for name in ("gke-eu", "gke-asia") if name in text
    )

    assert set(found.values()) == {1}
    assert by_member == {"gke-eu": 1, "gke-asia": 1}
    assert {reason for reason, _ in found} == {"Unreachable", "Forbidden"}


def test_the_way_of_a_create_is_told_by_waits_and_ends_well(world):
    """Each wait once; nothing is left to be told in a converged world."""
    found = told(world)
    begin = len(world.sources.notices)
    look(world, 5)

    assert set(found.values()) == {1}
    assert {"Accepted", "Programmed", "Published", "Waiting"} <= {reason for reason, _ in found}
    assert told(world, begin) == Counter()


def test_a_drain_and_its_end_are_told_once_each(world):
    """What the operator waits for is an Event."""
    begin = len(world.sources.notices)
    world.submit(drained("gke-eu"))
    world.settle()
    look(world, 3)
    found = told(world, begin)

    assert found[("Drained", "gke-eu: it gets no new requests")] == 1
    assert set(found.values()) == {1}


def test_what_a_firewall_in_the_way_of_a_deletion_needs_is_told(world):
    """The condition names the command while the Ingress waits; then it goes."""
    from fedingress.domain.errors import Forbidden

    def closed(moment, verb, label):
        if (moment, verb) == ("before", "delete") and "firewalls" in label:
            raise Forbidden(f"Required 'compute.firewalls.delete' permission for {label}")

    world.load_balancers.fault = closed
    world.delete()
    world.settle(within_seconds=120)
    degraded = conditions(world)["Degraded"]
    rest = [name for name in world.graph() if not name.startswith("firewalls/")]
    left = [world.ours(name) for name in ("gke-us", "gke-eu", "gke-asia")]
    world.settle(within_seconds=3600)

    assert (degraded["status"], degraded["reason"]) == ("True", "FirewallForbidden")
    assert "run: gcloud compute firewall-rules delete fedingress-" in degraded["message"]
    assert rest == []
    assert left == [[], [], []]
    assert world.sources.stored(KEY) is None
