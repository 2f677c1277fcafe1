"""
Moments for requests that many instances share.

Aspects: the pace; a burst after quiet; the bound over any window; lost moments; wrong clocks.
"""

import pytest

from fedingress.planning.pacing import HORIZON_SECONDS, Rate, portion, usable

RATE = Rate(per_second=4.0, burst=3, portion=4)


@pytest.mark.parametrize(
    ("free_at", "now", "moments", "free"),
    [
        (0.0, 100.0, (99.25, 99.5, 99.75, 100.0), 100.25),
        (99.0, 100.0, (99.25, 99.5, 99.75, 100.0), 100.25),
        (99.75, 100.0, (99.75, 100.0, 100.25, 100.5), 100.75),
        (103.0, 100.0, (103.0, 103.25, 103.5, 103.75), 104.0),
        (160.0, 100.0, (160.0, 160.25, 160.5, 160.75), 161.0),
        (160.1, 100.0, (100.0, 100.25, 100.5, 100.75), 101.0),
    ],
    ids=["first", "after quiet", "in the burst", "others wait", "horizon", "a clock was wrong"],
)
def test_the_next_moments(free_at, now, moments, free):
    """A portion begins where the one before ended, and at most a burst in the past."""
    assert portion(free_at, now, RATE) == (moments, free)


def test_a_moment_is_lost_when_it_is_not_used_in_time():
    """Kept for later it would add to what others may do then."""
    assert usable(100.0, 100.75, RATE)
    assert not usable(100.0, 100.76, RATE)
    assert HORIZON_SECONDS == 60.0


@pytest.mark.parametrize("delay", [0.0, 0.3, 0.75])
def test_over_any_window_the_rate_and_one_burst_are_the_most(delay):
    """Whenever portions are taken, and however late each moment is used."""
    free, used = 0.0, []
    for now in (50.0, 50.0, 50.1, 52.0, 60.0, 60.0, 60.0, 61.0, 75.0):
        moments, free = portion(free, now, RATE)
        used += [max(now, moment) + (delay if moment >= now else 0.0) for moment in moments]
    used.sort()

    for i, first in enumerate(used):
        for j in range(i, len(used)):
            most = (used[j] - first) * RATE.per_second + RATE.burst + 1 + delay * RATE.per_second
            assert j - i + 1 <= most + 1e-9
