"""
The instance dies at every write to Google, over the wire and with operations pending.

The change was accepted and its operation outlives the invocation by far. The next one finds it
pending, and the end is that of a quiet run. (`tests.functions.test_crash` does so in memory, at
every moment of every call.)
"""

import re

import pytest

from tests.functions.test_crash import outcome
from tests.functions.world import KEY, Crash, ingress_manifest, path
from tests.gce.world import GceWorld, gce_world

pytestmark = pytest.mark.wire

LONG_SECONDS = 150.0
"""Longer than a lease, so that every change outlives the invocation that asked for it."""
RULES = {
    "create": [{"host": "shop.example.com", "http": {"paths": [path("/", "web")]}}],
    "update": [{"host": "www.example.com", "http": {"paths": [path("/", "api")]}}],
}


def perform(world: GceWorld, verb: str) -> None:
    """The verb to its end; what comes before it, too."""
    if verb == "delete":
        world.delete()
    else:
        world.submit(ingress_manifest(rules=RULES[verb]))
    world.settle(within_seconds=14400.0)


def begun(world: GceWorld, verb: str) -> GceWorld:
    """The world before *verb*, with operations that take long from now on."""
    if verb != "create":
        perform(world, "create")
    world.slow_down(LONG_SECONDS)
    return world


def end(world: GceWorld) -> str:
    """What the outside sees, with addresses made equal."""
    return re.sub(r"127\.0\.9\.\d+", "VIP", outcome(world))


@pytest.mark.parametrize("verb", ["create", "update", "delete"])
def test_a_crash_at_any_write_changes_nothing_but_the_time(verb):
    """Once for each collection that *verb* writes to: after the write was accepted."""
    with gce_world() as quiet:
        moments: list[tuple[str, str, str]] = []
        begun(quiet, verb).load_balancers.fault = lambda *moment: moments.append(moment)
        perform(quiet, verb)
        expected = end(quiet)
    assert len(moments) >= 12, "the graph hardly changed"
    first: dict[tuple[str, str], int] = {}
    for number, (when, change, label) in enumerate(moments):
        if when == "after":
            first.setdefault((change, label.split()[1]), number)
    for number in first.values():
        with gce_world() as world:
            begun(world, verb)
            crash_at(world, number)
            perform(world, verb)

            assert world.faults, "nobody died"
            assert end(world) == expected, f"at {moments[number]}"
            assert (world.sources.stored(KEY) is None) == (verb == "delete")


def crash_at(world: GceWorld, number: int) -> None:
    """Let the instance die at that moment, once."""
    count = 0

    def hook(*moment: str) -> None:
        nonlocal count
        count += 1
        if count == number + 1:
            raise Crash(" ".join(moment))

    world.load_balancers.fault = hook
