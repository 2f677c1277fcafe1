"""
The pace that all instances keep together, by a clock that only moves when everybody waits.

Aspects: one instance; several at once; impatience; contention; Route 53's own allowance.
"""

import heapq
import threading

import pytest

from fedingress.adapters.aws.errors import Busy
from fedingress.adapters.aws.pace import ROUTE53, Pace
from fedingress.adapters.stores.memory import MemoryStore
from fedingress.domain.errors import Conflict
from localcloud.aws.route53.throttle import Throttle
from localcloud.aws.wire.errors import AwsError


class VirtualTime:
    """Whoever sleeps is woken in order; time passes when all *workers* sleep."""

    def __init__(self, workers=1):
        self.now = 1000.0
        self._waiting = []
        self._left = workers
        self._turn = threading.Condition()

    def clock(self):
        """Unix seconds."""
        return self.now

    def sleep(self, seconds):
        """Return when it is time and everybody else sleeps, too."""
        with self._turn:
            heapq.heappush(self._waiting, (self.now + seconds, threading.get_ident()))
            self._wake()
            while (self.now, threading.get_ident()) != self._woken:
                self._turn.wait(timeout=10.0)
            self._woken = None

    def leave(self):
        """One worker less."""
        with self._turn:
            self._left -= 1
            self._wake()

    _woken = None

    def _wake(self):
        if self._waiting and len(self._waiting) >= self._left and self._woken is None:
            at, who = heapq.heappop(self._waiting)
            self.now = max(self.now, at)
            self._woken = (self.now, who)
            self._turn.notify_all()


def test_after_quiet_four_requests_go_at_once_and_then_four_a_second():
    """The store is asked once for each portion."""
    time, store = VirtualTime(), Counting()
    pace = Pace(store, "self", clock=time.clock, sleep=time.sleep)
    made = []
    for _ in range(12):
        pace.take()
        made.append(round(time.now - 1000.0, 2))

    assert made == [0, 0, 0, 0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0]
    assert store.writes == 3


@pytest.mark.parametrize("instances", [2, 5])
def test_several_instances_never_trip_what_route53_allows(instances):
    """Five per second and account; each instance asks as fast as it may."""
    time, store = VirtualTime(instances), MemoryStore()
    throttle, made, lock = Throttle(5.0, time.clock), [], threading.Lock()
    refused = []

    def work():
        pace = Pace(store, "self", clock=time.clock, sleep=time.sleep)
        for _ in range(8):
            pace.take()
            with lock:
                made.append(time.now)
                try:
                    throttle.take()
                except AwsError as error:
                    refused.append(error)
        time.leave()

    workers = [threading.Thread(target=work) for _ in range(instances)]
    for each in workers:
        each.start()
    for each in workers:
        each.join(timeout=30.0)

    assert len(made) == 8 * instances
    assert refused == []
    spent = max(made) - min(made)
    assert len(made) <= spent * ROUTE53.per_second + ROUTE53.burst + 1


def test_who_would_wait_too_long_takes_nothing():
    """The moments stay for others, and the error says when to come again."""
    time, store = VirtualTime(), MemoryStore()
    others = Pace(store, "self", clock=time.clock, sleep=lambda _seconds: None)
    for _ in range(16):
        others._portion()
    (before,) = store.list("rate")

    with pytest.raises(Busy, match="as often as it allows") as raised:
        Pace(store, "self", clock=time.clock, sleep=time.sleep).take()

    assert raised.value.after_seconds == pytest.approx(15.25)
    assert list(store.list("rate")) == [before]


def test_a_store_that_always_changes_gives_no_turn():
    """After some tries others shall have theirs."""
    pace = Pace(Changing(), "self", sleep=lambda _seconds: None)
    with pytest.raises(Busy, match="many instances"):
        pace.take()


def test_accounts_have_a_pace_of_their_own():
    """What one uses up, another has still."""
    time, store = VirtualTime(), MemoryStore()
    for account in ("111111111111", "222222222222"):
        pace = Pace(store, account, clock=time.clock, sleep=time.sleep)
        for _ in range(4):
            pace.take()

    assert time.now == 1000.0


class Counting(MemoryStore):
    """Counts writes."""

    writes = 0

    def put(self, *args, **more):
        """Write, and count."""
        self.writes += 1
        return super().put(*args, **more)


class Changing(MemoryStore):
    """Another writer is always first."""

    def put(self, *_args, **_more):
        """Never."""
        raise Conflict("changed")
