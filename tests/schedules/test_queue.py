"""
Ten thousand schedules of the queue, with those of `tests/runtime/test_queue_schedules.py`.

They run the real `WorkQueue` and `invoke` over the port `Store`; what must hold stands in
`tests.runtime.queue_world`, and that the checker bites is shown beside it.
"""

import pytest

from tests.runtime import queue_schedules, test_queue_schedules

FIRST, LAST = test_queue_schedules.SCHEDULES, 10_000
PARTS = 4


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_ten_thousand_schedules_hold(part, record_property):
    """No schedule loses a request, lets two runs write at once, or stays unfinished."""
    size = (LAST - FIRST) // PARTS
    seeds = range(FIRST + part * size, FIRST + (part + 1) * size)
    tally = queue_schedules.play_all(seeds)
    record_property("schedules", f"queue, seeds {seeds[0]} to {seeds[-1]}: {tally}")

    assert tally.schedules == size
    assert tally.runs > size
