"""The port `Bus` in one process, and what only that bus does."""

import threading
import time

import pytest

from fedingress.adapters.buses.inprocess import InProcessBus, Pending
from fedingress.domain.errors import Unavailable
from fedingress.domain.work import CONCERNS
from tests.contract.bus_suite import BusContract, Post, work
from tests.runtime.clocks import HandClock, WallClock


def connected(post, clock, **more):
    post.bus = InProcessBus(clock, **more)
    for concern in CONCERNS:
        post.bus.subscribe(concern, post.receive)
    return post


@pytest.fixture
def post():
    post = connected(Post(), WallClock(), workers=4)
    yield post
    post.bus.close()


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def by_hand(clock):
    """A bus whose clock stands still."""
    post = connected(Post(), clock, workers=2, capacity=50)
    yield post
    post.bus.close()


class TestInProcessBus(BusContract):
    """The contract in one process."""


class TestCoalescing:
    """Hints that nobody saw yet are joined."""

    def test_undelivered_hints_are_joined(self, by_hand):
        """A burst for one unit is one delivery, others are not touched."""
        by_hand.bus.pause()
        by_hand.bus.publish([work("a")] * 20 + [work("b"), work("a", concern="status")])
        assert by_hand.bus.pending() == Pending(ready=3, running=0, delayed=0)

        by_hand.bus.resume()
        assert by_hand.bus.idle(10)
        assert sorted(by_hand.units()) == ["a", "a", "b"]

    def test_thorough_hint_is_not_lost_in_another(self, by_hand):
        """Joined with any other, in either order, a thorough one is what is delivered."""
        by_hand.bus.pause()
        by_hand.bus.publish([work("a"), work("a", cause="resync"), work("a")])
        by_hand.bus.resume()

        assert by_hand.bus.idle(10)
        assert [d.work.cause for d in by_hand.deliveries] == ["resync"]

    def test_hint_during_a_delivery_is_delivered(self, post):
        """What is published while its unit is being worked on is not joined to that delivery."""
        entered, leave = threading.Event(), threading.Event()

        def slow(_delivery):
            entered.set()
            return leave.wait(10)

        post.answer = slow
        post.bus.publish([work("a")])
        assert entered.wait(10)
        post.bus.publish([work("a")])
        leave.set()

        assert post.bus.idle(10)
        assert post.units() == ["a", "a"]

    def test_delayed_hints_are_joined_when_they_come_together(self, by_hand, clock):
        """A timer joins one that is little later; an earlier and a later one stay."""
        for delay in (100.0, 95.0, 10.0, 300.0):
            by_hand.bus.publish([work("a", delay_seconds=delay)])
        assert by_hand.bus.pending().delayed == 3

        for passed, arrived in ((11, 1), (90, 2), (200, 3)):
            clock.move(passed)
            by_hand.bus.wake()
            by_hand.wait_for(lambda all_, n=arrived: len(all_) == n)
        assert by_hand.bus.idle(10)

    def test_delayed_hint_waits_for_the_clock(self, by_hand, clock):
        """Nothing is delivered before the clock says so."""
        by_hand.bus.publish([work("a", delay_seconds=5.0)])
        clock.move(4.999)
        by_hand.bus.wake()
        assert by_hand.bus.idle(10)
        assert by_hand.bus.pending() == Pending(ready=0, running=0, delayed=1)
        assert not by_hand.bus.idle(0.0, within_seconds=1.0)

        clock.move(0.001)
        by_hand.bus.wake()
        by_hand.wait_for(lambda all_: len(all_) == 1)


class TestLimits:
    """Memory, workers, and the end."""

    def test_full_bus_is_unavailable(self, by_hand):
        """A batch that does not fit is refused whole; there is room again when hints are gone."""
        by_hand.bus.pause()
        by_hand.bus.publish(work(f"ns/{n}") for n in range(45))
        with pytest.raises(Unavailable, match="50"):
            by_hand.bus.publish(work(f"more/{n}") for n in range(6))
        assert by_hand.bus.pending().ready == 45

        by_hand.bus.resume()
        assert by_hand.bus.idle(10)
        by_hand.bus.publish(work(f"more/{n}") for n in range(6))
        assert by_hand.bus.idle(10)
        assert len(by_hand.deliveries) == 51

    def test_workers_bound_the_deliveries(self, by_hand):
        """Never more deliveries run at once than there are workers, and all workers are used."""
        together, running, most = threading.Barrier(2), threading.Semaphore(2), []

        def busy(_delivery):
            most.append(running.acquire(blocking=False))
            together.wait(10)  # breaks unless two run at once
            running.release()
            return True

        by_hand.answer = busy
        by_hand.bus.publish(work(f"ns/{n}") for n in range(8))

        assert by_hand.bus.idle(20)
        assert most == [True] * 8

    @pytest.mark.parametrize("error", [RuntimeError("bug"), SystemExit(1)])
    def test_no_exception_ends_a_worker(self, post, error):
        """After more raising deliveries than workers the bus still delivers."""

        def raising(delivery):
            if delivery.work.unit.startswith("bad") and post.units().count(delivery.work.unit) < 2:
                raise error
            return True

        post.answer = raising
        post.bus.publish(work(f"bad/{n}") for n in range(12))
        post.wait_for(lambda all_: len(all_) == 24)

        assert post.bus.idle(10)

    def test_unheard_concern_waits_for_its_handler(self, clock):
        """What nobody subscribed to yet is delivered when someone does, and holds up nobody."""
        post = Post()
        with InProcessBus(clock, workers=1) as bus:
            bus.subscribe("status", post.receive)
            bus.publish([work("a"), work("b", concern="status")])
            post.wait_for(lambda all_: len(all_) == 1)
            assert bus.pending().ready == 1

            bus.subscribe("dns", post.receive)
            post.wait_for(lambda all_: len(all_) == 2)
        assert post.units() == ["b", "a"]

    def test_close_joins_and_refuses(self, post):
        """Closing waits for what runs, leaves no thread, drops the rest and refuses more."""
        entered, ended = threading.Event(), []

        def slow(delivery):
            entered.set()
            time.sleep(0.05)
            ended.append(delivery)
            return False

        post.answer = slow
        post.bus.publish([work("a"), work("b", delay_seconds=60.0)])
        assert entered.wait(10)
        post.bus.close()

        assert len(ended) == 1
        assert not any(thread.is_alive() for thread in post.bus._threads)
        assert post.bus.pending() == Pending(ready=0, running=0, delayed=0)
        with pytest.raises(Unavailable, match="closed"):
            post.bus.publish([work("c")])

    def test_idle_tells_when_it_is_not(self, post):
        """While something runs, `idle` gives up at its deadline."""
        leave = threading.Event()
        post.answer = lambda _: leave.wait(10)
        post.bus.publish([work("a")])

        assert not post.bus.idle(0.05)
        leave.set()
        assert post.bus.idle(10)
