"""
Weights of endpoints over windows: less at once, more in steps, and only when it lasts.

Aspects: first weights; readiness; drain; members that come; one load balancer for two; nobody.
"""

import pytest

from fedingress.domain.accelerator import EndpointGroup
from fedingress.domain.policy import Damping
from fedingress.domain.target import Target
from fedingress.planning import accelerator_weights
from fedingress.planning.accelerator_weights import Kept

DAMPING = Damping(tick_seconds=60, ttl_seconds=60)
ARNS = {f"{name}.elb": f"arn:{name}" for name in "abc"}


def target(cluster, region="us", **more):
    """A member whose load balancer is `CLUSTER.elb`, all ready."""
    known = {"address": f"{cluster}.elb", "ready": 1.0, "balancer": True}
    return Target(cluster=cluster, region=region, **(known | more))


class Standing:
    """Groups that take whatever they are given, window by window."""

    def __init__(self):
        self.kept = Kept()
        self.groups = ()
        self.now = 1_800_000_000.0
        self.writes = 0
        self.moving = False

    def window(self, *targets, count=1):
        """So many windows; gives the weights by the name of the member."""
        for _ in range(count):
            self.now += DAMPING.tick_seconds
            found = accelerator_weights.weigh(
                Kept.decode(self.kept.encode()),
                targets,
                ARNS,
                self.groups,
                damping=DAMPING,
                now=self.now,
            )
            self.kept, self.moving = found.kept, found.moving
            groups = tuple(
                EndpointGroup(region=region, dial=100, weights=tuple(sorted(rows.items())))
                for region, rows in found.by_region.items()
            )
            self.writes += groups != self.groups
            self.groups = groups
        return {
            arn.removeprefix("arn:"): weight
            for group in self.groups
            for arn, weight in group.weights
        }


def test_the_first_weights_are_what_everybody_deserves():
    """By capacity, at once; a region each has the whole."""
    found = Standing().window(target("a", capacity=4), target("b", capacity=2), target("c", "eu"))
    assert found == {"a": 255, "b": 128, "c": 255}


def test_readiness_takes_at_once_and_gives_in_steps_when_it_lasted():
    """One bad visit no longer swings the weights back and forth."""
    world = Standing()
    assert world.window(target("a"), target("b")) == {"a": 255, "b": 255}
    low = world.window(target("a"), target("b", ready=0.25), count=3)
    assert low["b"] < 0.3 * low["a"]
    assert world.window(target("a"), target("b"), count=4) == low
    assert world.moving
    seen = [world.window(target("a"), target("b"))["b"] for _ in range(30)]
    assert low["b"] < seen[1] < 255
    assert seen == sorted(seen)
    assert seen[-1] == 255
    assert not world.moving


def test_a_member_that_flaps_is_written_a_few_times():
    """An hour of a member that is half ready every other window."""
    world = Standing()
    world.window(target("a"), target("b"))
    for number in range(60):
        world.window(target("a"), target("b", ready=1.0 if number % 2 else 0.5))
    assert world.writes <= 3


def test_who_is_drained_gets_nothing_at_once_and_comes_back_in_steps():
    """Whatever its health."""
    world = Standing()
    world.window(target("a"), target("b"))
    assert world.window(target("a"), target("b", multiplier=0.0)) == {"a": 255, "b": 0}
    first = world.window(target("a"), target("b"), count=3)["b"]
    assert 0 < first < 255
    assert world.window(target("a"), target("b"), count=20)["b"] == 255


def test_a_member_that_comes_begins_small():
    """And who was never seen well has nothing."""
    world = Standing()
    world.window(target("a"))
    sick = target("b", ready=0.0, balancer=False)
    assert world.window(target("a"), sick) == {"a": 255}
    first = world.window(target("a"), target("b"), count=2)["b"]
    assert 0 < first < 128


def test_a_member_that_went_leaves_the_rest_to_the_others():
    """Its endpoint is no longer among the weights."""
    world = Standing()
    world.window(target("a"), target("b"))
    assert world.window(target("a")) == {"a": 255}


def test_two_members_behind_one_load_balancer_are_one_endpoint():
    """Their capacities add up; one without a load balancer of the account is left out."""
    both = Target(cluster="z", region="us", address="a.elb", ready=1.0, balancer=True)
    found = Standing().window(target("a"), both, target("b"), target("stranger"))
    assert found == {"a": 255, "b": 128}


@pytest.mark.parametrize("state", [{"ready": 0.0, "balancer": False}, {"multiplier": 0.0}])
def test_a_region_in_which_nobody_deserves_anything_keeps_its_weights(state):
    """Its dial, or Global Accelerator itself, leads clients elsewhere; a new one has none yet."""
    world = Standing()
    assert world.window(target("a", **state)) == {}
    world.window(target("a"), count=10)
    assert world.window(target("a", **state), count=5) == {"a": 255}


def test_what_comes_late_in_a_window_is_looked_at_in_the_next_one():
    """A window counts once; the caller comes again for what it showed afterwards."""
    world = Standing()
    world.window(target("a"), target("b"))
    assert not world.moving
    world.now -= DAMPING.tick_seconds
    assert world.window(target("a"), target("b", ready=0.25)) == {"a": 255, "b": 255}
    assert world.moving
    assert world.window(target("a"), target("b", ready=0.25))["b"] < 128


def test_what_is_quiet_is_not_kept_anew():
    """Every visit afterwards keeps the very same."""
    world = Standing()
    world.window(target("a"), target("b"), count=40)
    kept = world.kept
    world.window(target("a"), target("b"), count=5)
    assert world.kept == kept
