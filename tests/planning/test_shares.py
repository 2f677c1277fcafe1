"""Shares: what one window does, as tables. The laws are in test_shares_laws."""

import pytest

from fedingress.domain.policy import Damping
from fedingress.planning.shares import (
    Belief,
    Member,
    Sample,
    judge,
    step,
    target,
    weights,
)

DAMPING = Damping(tick_seconds=60, ttl_seconds=60)
UP = Belief(up=True, window=0, dwell_seconds=120.0)
DOWN = Belief(up=False, window=0, dwell_seconds=120.0)
LONG = 1e6


def windows(belief, *samples, start=1, now=10_000.0):
    """Judge samples of consecutive windows, a tick apart."""
    for number, sample in enumerate(samples, start=start):
        belief = judge(belief, Sample(window=number, **sample), now, DAMPING)
        now += DAMPING.tick_seconds
    return belief


GOOD, BAD, NOTHING = {"probe": True}, {"probe": False}, {}


@pytest.mark.parametrize(
    ("before", "samples", "up"),
    [
        (UP, [BAD, BAD], True),
        (UP, [BAD, BAD, BAD], False),
        (UP, [BAD, BAD, GOOD, BAD, BAD], True),
        (UP, [BAD, NOTHING, BAD, NOTHING, BAD], False),
        (UP, [{"probe": False, "balancer": False}], False),
        (UP, [{"probe": False, "balancer": True}], True),
        (UP, [NOTHING] * 50, True),
        (UP, [{"balancer": False}] * 50, True),
        (UP, [{"ready": 0.0}] * 50, True),
        (UP, [{"balancer": False, "ready": 0.0}] * 3, False),
        (UP, [{"balancer": False, "ready": 0.5}] * 50, True),
        (DOWN, [GOOD] * 4, False),
        (DOWN, [GOOD] * 5, True),
        (DOWN, [{"balancer": True}] * 5, True),
        (DOWN, [{"ready": 1.0}] * 5, True),
        (DOWN, [GOOD] * 4 + [BAD] + [GOOD] * 4, False),
        (DOWN, [NOTHING] * 50, False),
        (Belief(), [GOOD], True),
        (Belief(), [BAD, GOOD], False),
        (Belief(), [NOTHING, GOOD], False),
    ],
)
def test_hysteresis(before, samples, up):
    """Down after three bad windows or two agreeing signals, up after five good ones."""
    assert windows(before, *samples).up is up


def test_a_window_counts_once():
    """A doubled or late tick changes nothing."""
    once = judge(UP, Sample(window=5, probe=False), 0.0, DAMPING)
    assert judge(once, Sample(window=5, probe=False), 60.0, DAMPING) == once
    assert judge(once, Sample(window=4, probe=True), 60.0, DAMPING) == once


def test_a_member_that_came_down_waits():
    """No number of good windows is enough before the dwell is over."""
    down = Belief(up=False, window=0, turned_at=0.0, dwell_seconds=600.0)
    assert not windows(down, *[GOOD] * 5, now=100.0).up
    assert windows(down, *[GOOD] * 6, now=300.0).up


def test_flapping_doubles_the_dwell_and_quiet_forgets_it():
    """Twice as long with each early turn, thirty minutes at most, from the start after quiet."""
    belief, now, seen = UP, 100_000.0, []
    for _ in range(6):
        turned = judge(
            belief, Sample(window=belief.window + 1, probe=False, balancer=False), now, DAMPING
        )
        seen.append(turned.dwell_seconds)
        now += 60
        belief = Belief(
            up=True, window=turned.window, turned_at=now, dwell_seconds=turned.dwell_seconds
        )
    assert seen == [120.0, 240.0, 480.0, 960.0, 1800.0, 1800.0]
    quiet = judge(
        belief,
        Sample(window=belief.window + 1, probe=False, balancer=False),
        now + 1800,
        DAMPING,
    )
    assert quiet.dwell_seconds == 120.0


def test_health_is_what_is_ready_and_is_kept_while_unknown():
    """Between 0 and 1, whatever is reported."""
    half = windows(UP, {"probe": True, "ready": 0.5})
    assert half.health == 0.5
    assert windows(half, NOTHING, start=2).health == 0.5
    assert windows(half, *[{"ready": 7.0}] * 4, start=2).health == 0.5
    assert windows(half, *[{"ready": 7.0}] * 5, start=2).health == 1.0
    assert windows(Belief(), {"ready": 7.0}).health == 1.0


def test_readiness_that_flaps_is_believed_later_each_time_and_quiet_forgets_it():
    """Twice as many windows with each early fall, thirty minutes at most."""
    belief, now, lasted = UP, 100_000.0, []
    for _ in range(5):
        belief, now = after(belief, now, 0.25)
        count = 0
        while belief.health < 1.0:
            belief, now = after(belief, now, 1.0)
            count += 1
        lasted.append(count)
    assert lasted == [5, 10, 20, 30, 30]
    belief, _ = after(belief, now + 1800, 0.25)
    assert belief.patience == 0


def after(belief, now, ready):
    """One window later, with so much ready."""
    sample = Sample(window=belief.window + 1, balancer=True, ready=ready)
    return judge(belief, sample, now, DAMPING), now + DAMPING.tick_seconds


def test_windows_follow_the_tick():
    """floor(time / tick)."""
    assert DAMPING.window(119.9) == 1
    assert Damping(tick_seconds=1, ttl_seconds=1).dwell_seconds == 2.0


def members(**those):
    """name=(up, capacity[, confirmed[, multiplier]])."""
    found = {}
    for name, (up, capacity, *more) in those.items():
        confirmed, multiplier = (*more, *(False, 1.0)[len(more) :])
        belief = Belief(up=up, confirmed=confirmed, window=1)
        found[name] = Member(belief=belief, capacity=capacity, multiplier=multiplier)
    return found


@pytest.mark.parametrize(
    ("those", "expected"),
    [
        ({"a": (True, 3), "b": (True, 1)}, {"a": 0.75, "b": 0.25}),
        ({"a": (True, 3), "b": (False, 1)}, {"a": 1.0, "b": 0.0}),
        ({"a": (False, 3), "b": (False, 1)}, {}),
        ({"a": (True, 1, False, 0.0), "b": (True, 1)}, {"a": 0.0, "b": 1.0}),
        ({"a": (True, 1, False, 0.5), "b": (True, 0.5)}, {"a": 0.5, "b": 0.5}),
        ({"a": (True, -3), "b": (True, 1)}, {"a": 0.0, "b": 1.0}),
        ({}, {}),
    ],
)
def test_targets(those, expected):
    """Capacity times health times multiplier, of those that are up."""
    assert target(members(**those)) == pytest.approx(expected)


STEPS = [
    # published, members, waited, expected, reason
    ({}, {"a": (True, 1), "b": (True, 3)}, LONG, {"a": 0.25, "b": 0.75}, ""),
    ({}, {"a": (False, 1)}, LONG, {}, "NoneHealthy"),
    ({"a": 1.0}, {"a": (False, 1, True)}, LONG, {"a": 1.0}, "NoneHealthy"),
    ({"gone": 1.0}, {"a": (True, 1)}, LONG, {"a": 1.0}, ""),
    ({"a": 0.5, "b": 0.5}, {"a": (True, 1), "b": (True, 1.1)}, LONG, {"a": 0.5, "b": 0.5}, ""),
    ({"a": 1.0}, {"a": (True, 1), "b": (True, 1)}, LONG, {"a": 0.9, "b": 0.1}, "Ramping"),
    ({"a": 1.0}, {"a": (True, 1), "b": (True, 1)}, 60.0, {"a": 1.0}, "Waiting"),
    (
        {"a": 0.9, "b": 0.1},
        {"a": (True, 1), "b": (True, 1)},
        LONG,
        {"a": 0.8, "b": 0.2},
        "Ramping",
    ),
    ({"a": 0.7, "b": 0.3}, {"a": (True, 1), "b": (True, 1)}, LONG, {"a": 0.5, "b": 0.5}, ""),
    ({"a": 0.4, "b": 0.6}, {"a": (False, 1), "b": (True, 1)}, 0.0, {"a": 0.0, "b": 1.0}, ""),
    (
        {"a": 0.6, "b": 0.4},
        {"a": (False, 1), "b": (True, 1)},
        LONG,
        {"a": 0.6, "b": 0.4},
        "RemovalHeld",
    ),
    ({"a": 0.6, "b": 0.4}, {"a": (False, 1, True), "b": (True, 1)}, 0.0, {"a": 0.0, "b": 1.0}, ""),
    (
        {"a": 0.6, "b": 0.4},
        {"a": (True, 1, False, 0.0), "b": (True, 1)},
        0.0,
        {"a": 0.0, "b": 1.0},
        "",
    ),
    ({"a": 0.6, "b": 0.4}, {"a": (True, 0), "b": (True, 1)}, 0.0, {"a": 0.0, "b": 1.0}, ""),
    (
        {"a": 0.5, "b": 0.3, "left": 0.2},
        {"a": (True, 5), "b": (True, 3)},
        0.0,
        {"a": 0.625, "b": 0.375},
        "",
    ),
    (
        {"a": 0.9, "b": 0.1, "c": 0.0},
        {"a": (False, 1, True), "b": (True, 1), "c": (True, 1)},
        0.0,
        {"a": 0.0, "b": 0.5, "c": 0.5},
        "",
    ),
    (
        {"a": 0.2, "b": 0.7, "c": 0.1, "d": 0.0},
        {"a": (False, 1), "b": (True, 1), "c": (True, 1), "d": (True, 2)},
        0.0,
        {"a": 0.0, "b": 0.7, "c": 0.2, "d": 0.1},
        "Ramping",
    ),
]


@pytest.mark.parametrize(("published", "those", "waited", "expected", "reason"), STEPS)
def test_steps(published, those, waited, expected, reason):
    """Up slowly, down at once, nothing within the deadband, never nothing."""
    found = step(published, members(**those), DAMPING, waited_seconds=waited)
    assert dict(found.shares) == pytest.approx(expected)
    assert found.reason == reason


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({}, {}),
        ({"a": 0.5, "b": 0.5}, {"a": 255, "b": 255}),
        ({"b": 0.75, "a": 0.25}, {"a": 85, "b": 255}),
        ({"a": 0.9999, "b": 0.0001}, {"a": 255, "b": 1}),
        ({"a": 1.0, "b": 0.0}, {"a": 255, "b": 0}),
        ({"a": 0.0}, {"a": 0}),
    ],
)
def test_weights(shares, expected):
    """The largest gets 255; a share of its own is never rounded to 0."""
    assert weights(shares) == expected
