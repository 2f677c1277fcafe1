"""Members that stay away while an Ingress is withdrawn: how long they are waited for."""

from tests.functions.test_life import submitted
from tests.functions.world import KEY


def test_the_waits_for_several_members_run_side_by_side():
    """Two members are away for good: both are given up when the one grace period is over."""
    world = submitted()
    for name in ("gke-us", "gke-eu"):
        world.members[name].down = True
    world.delete()
    started = world.clock.now()
    world.settle()

    first, second = world.sources.tombstones()
    assert world.sources.stored(KEY) is None
    assert {first.cluster, second.cluster} == {"gke-eu", "gke-us"}
    assert first.since - started >= 60.0
    assert second.since == first.since
