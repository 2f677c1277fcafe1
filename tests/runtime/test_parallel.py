"""Threads: side by side within bounds, one failure apart from the others, nothing lost."""

import threading

import pytest

from fedingress.domain.errors import Forbidden, LeaseLost, Unavailable
from fedingress.runtime.parallel import Threads


@pytest.fixture
def threads():
    made = Threads(4)
    yield made
    made.close()


def test_every_item_has_its_own_result(threads):
    """Results stand under their items; port errors stand there too, and others go on."""

    def call(number):
        if number == 3:
            raise Unavailable("down")
        if number == 5:
            raise Forbidden("no")
        return number * 10

    found = threads.each(range(8), call)

    assert [type(found[n]).__name__ for n in (3, 5)] == ["Unavailable", "Forbidden"]
    assert {n: found[n] for n in found if n not in (3, 5)} == {
        0: 0,
        1: 10,
        2: 20,
        4: 40,
        6: 60,
        7: 70,
    }


def test_calls_run_side_by_side_up_to_the_width(threads):
    """Four calls meet at a barrier for four, and no fifth runs meanwhile."""
    barrier = threading.Barrier(4, timeout=10)
    running, peak, lock = 0, 0, threading.Lock()

    def call(_):
        nonlocal running, peak
        with lock:
            running += 1
            peak = max(peak, running)
        barrier.wait()
        with lock:
            running -= 1

    threads.each(range(8), call)
    assert peak == 4


@pytest.mark.parametrize("error", [LeaseLost("over"), ValueError("bug")])
def test_lost_leases_and_bugs_are_raised_after_all_ended(threads, error):
    """They are no result of one item, and nothing runs on behind the caller's back."""
    ended = []

    def call(number):
        if number == 0:
            raise error
        ended.append(number)

    with pytest.raises(type(error)):
        threads.each(range(6), call)
    assert sorted(ended) == [1, 2, 3, 4, 5]


def test_a_single_call_runs_in_the_callers_thread(threads):
    """One item costs no thread, and its port error is its result all the same."""

    def fails(_):
        raise Unavailable("down")

    found = threads.each(["a"], lambda _: threading.current_thread())

    assert found == {"a": threading.current_thread()}
    assert isinstance(threads.each(["a"], fails)["a"], Unavailable)


def test_nothing_to_do_is_nothing(threads):
    """No items, no results."""
    assert threads.each([], lambda item: item) == {}


def test_two_runs_share_the_width(threads):
    """Runs of several workers together have no more calls under way than the width."""
    running, peak, lock = 0, 0, threading.Lock()
    gate = threading.Semaphore(0)

    def call(_):
        nonlocal running, peak
        with lock:
            running += 1
            peak = max(peak, running)
            if running == 4:
                gate.release(16)
        assert gate.acquire(timeout=10)
        with lock:
            running -= 1

    runs = [threading.Thread(target=threads.each, args=(range(4), call)) for _ in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(20)

    assert not any(run.is_alive() for run in runs)
    assert peak == 4
