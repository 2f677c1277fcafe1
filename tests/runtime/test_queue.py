"""Each rule of the work queue by itself, without chance."""

from collections import Counter

import pytest

from fedingress.adapters.stores.memory import MemoryStore
from fedingress.domain.errors import Conflict, LeaseLost, Unavailable
from fedingress.domain.outcome import Later, Refused, Settled
from fedingress.domain.work import Work
from fedingress.ports.store import Key
from fedingress.runtime.queue import Acknowledged, Again, Lease, NotYet, Released, WorkQueue
from tests.runtime.clocks import HandClock

WORK = Work(concern="dns", unit="cloud-dns:acme/example-com", cause="ingress.changed")
RESYNC = Work(concern=WORK.concern, unit=WORK.unit, cause="resync")
KEY = Key(family="work", name="dns/cloud-dns:acme/example-com")


class CountingStore(MemoryStore):
    """Counts the calls, and can fail before or after the next write lands."""

    def __init__(self):
        super().__init__()
        self.calls = Counter()
        self.before_put = self.after_put = None

    def get(self, key):
        self.calls["get"] += 1
        return super().get(key)

    def put(self, key, body, *, expected, due_at=None):
        self.calls["put"] += 1
        before, self.before_put = self.before_put, None
        if before:
            before()
        written = super().put(key, body, expected=expected, due_at=due_at)
        after, self.after_put = self.after_put, None
        if after:
            after()
        return written


def failing(error):
    def fail():
        raise error

    return fail


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def store():
    return CountingStore()


@pytest.fixture
def queue(store, clock):
    return WorkQueue(store, clock)


def state(queue):
    return queue.state(WORK.concern, WORK.unit)


def due(queue):
    return [work.unit for work in queue.due(10)]


class TestTaking:
    """What a delivery finds (rule 1)."""

    def test_free_unit_is_taken(self, queue, clock):
        """The first delivery gets the lease, with a run started that covers its request."""
        lease = queue.take(WORK, "event-1")

        assert isinstance(lease, Lease)
        assert (lease.state.wanted, lease.state.started, lease.state.done) == (1, 1, 0)
        assert lease.state.until == clock.now() + 60.0
        assert lease.work == WORK

    def test_request_during_a_run_is_written_down_once(self, queue, store):
        """The first request during a run costs a write, those after it cost a read."""
        queue.take(WORK, "event-1")
        assert isinstance(queue.take(WORK, "event-2"), Acknowledged)
        writes = store.calls["put"]
        for n in range(3, 20):
            assert isinstance(queue.take(WORK, f"event-{n}"), Acknowledged)

        assert store.calls["put"] == writes
        assert state(queue).wanted == 2

    def test_holders_own_redelivery_must_wait(self, queue, clock, store):
        """The event that holds the lease is told "not yet", without a write, until it expires."""
        queue.take(WORK, "event-1")
        writes = store.calls["put"]
        clock.move(59.9)
        assert isinstance(queue.take(WORK, "event-1"), NotYet)
        assert store.calls["put"] == writes

        clock.move(0.2)
        assert isinstance(queue.take(WORK, "event-1"), Lease)

    def test_expired_lease_is_taken_over(self, queue, clock):
        """After a crash the next delivery takes the unit, under a higher fence, and counts it."""
        first = queue.take(WORK, "event-1")
        clock.move(60.0)
        second = queue.take(WORK, "event-2")

        assert second.state.fence > first.state.fence
        assert second.state.attempts == 1

    def test_units_do_not_wait_for_one_another(self, queue):
        """Leases are per concern and unit."""
        queue.take(WORK, "event-1")
        other_unit = Work(concern="dns", unit="other", cause="x")
        other_concern = Work(concern="backends", unit=WORK.unit, cause="x")

        assert isinstance(queue.take(other_unit, "event-2"), Lease)
        assert isinstance(queue.take(other_concern, "event-3"), Lease)

    def test_fence_rises_above_a_lost_store(self, queue, clock, store):
        """When the store was emptied, the fence still rises: the old holder is found out."""
        first = queue.take(WORK, "event-1")
        store.delete(KEY)
        clock.move(1.0)
        second = queue.take(WORK, "event-2")

        assert second.state.fence > first.state.fence
        with pytest.raises(LeaseLost):
            queue.settle(first, Settled())
        assert isinstance(queue.settle(second, Settled()), Released)

    def test_lost_reply_is_recognised(self, queue, store):
        """When the client's own retry meets the write that had landed, the lease is ours."""
        store.after_put = failing(Conflict("our own write"))
        lease = queue.take(WORK, "event-1")

        assert isinstance(lease, Lease)
        assert isinstance(queue.settle(lease, Settled()), Released)

    def test_endless_races_are_unavailable(self, clock):
        """A document that others always write first ends as `Unavailable`, not as a hang."""

        class Contended(MemoryStore):
            def put(self, key, body, *, expected, due_at=None):
                raise Conflict("others were first")

        with pytest.raises(Unavailable, match="first"):
            WorkQueue(Contended(), clock).take(WORK, "event-1")


class TestSettling:
    """How a run ends (rules 2, 3 and 5)."""

    @pytest.mark.parametrize("outcome", [Settled(), Refused(reasons=("no such class",))])
    def test_finished_unit_is_quiet(self, queue, outcome):
        """After `Settled` or `Refused` nothing waits, nothing is due, and the lease is free."""
        assert queue.settle(queue.take(WORK, "event-1"), outcome) == Released(due_at=None)

        found = state(queue)
        assert (found.wanted, found.done, found.owner, found.due_at) == (1, 1, "", None)
        assert found.result["kind"] == type(outcome).__name__.lower()
        assert isinstance(queue.take(WORK, "event-2"), Lease)

    def test_request_during_the_run_asks_for_another(self, queue):
        """A run does not finish a request that came in after it started; the next one does."""
        lease = queue.take(WORK, "event-1")
        queue.take(WORK, "event-2")
        again = queue.settle(lease, Settled())
        assert isinstance(again, Again)
        assert state(queue).done == 0

        lease = queue.start(again.lease)
        assert lease.state.started == 2
        assert queue.settle(lease, Settled()) == Released(due_at=None)
        assert state(queue).done == 2

    def test_replaced_holder_changes_nothing(self, queue, clock):
        """Whoever was paused past its lease and replaced is told so by each method."""
        old = queue.take(WORK, "event-1")
        clock.move(61.0)
        new = queue.take(WORK, "event-2")
        before = state(queue)

        for late in (
            lambda: queue.settle(old, Settled()),
            lambda: queue.settle(old, Later(after_seconds=1.0, why="")),
            lambda: queue.start(old),
            lambda: queue.release_due(old),
        ):
            with pytest.raises(LeaseLost):
                late()
        assert state(queue) == before
        assert queue.settle(new, Settled()) == Released(due_at=None)

    def test_late_holder_that_nobody_replaced_may_settle(self, queue, clock):
        """The end of the lease alone takes nothing away: the fence is still its own."""
        lease = queue.take(WORK, "event-1")
        clock.move(100.0)

        assert queue.settle(lease, Settled()) == Released(due_at=None)

    def test_a_lease_ends_once(self, queue):
        """A second settling finds that nobody holds the unit."""
        lease = queue.take(WORK, "event-1")
        queue.settle(lease, Settled())

        with pytest.raises(LeaseLost):
            queue.settle(lease, Settled())

    def test_uncontended_event_costs_two_writes(self, queue, store):
        """Taking and settling: one read and two writes; the start is part of the taking."""
        queue.settle(queue.take(WORK, "event-1"), Settled())

        assert store.calls == {"get": 1, "put": 2}

    def test_contended_round_costs_three_writes_more(self, queue, store):
        """A request during the run: its write, the failed and the good settling, the start."""
        lease = queue.take(WORK, "event-1")
        queue.take(WORK, "event-2")
        queue.settle(queue.start(queue.settle(lease, Settled()).lease), Settled())

        assert store.calls["put"] == 5


class TestBackingOff:
    """`Later`, failures, and who goes ahead (rule 5)."""

    def test_later_waits_and_keeps_the_need(self, queue, clock, store):
        """Until its time a unit only remembers requests, with one write for all of them."""
        queue.settle(queue.take(WORK, "event-1"), Later(after_seconds=30.0, why="pending"))
        assert state(queue).due_at == clock.now() + 30.0
        writes = store.calls["put"]
        for n in range(2, 9):
            assert isinstance(queue.take(WORK, f"event-{n}"), Acknowledged)
        assert store.calls["put"] == writes + 1
        assert due(queue) == []

        clock.move(30.0)
        assert due(queue) == [WORK.unit]
        lease = queue.take(WORK, "event-9")
        assert queue.settle(lease, Settled()) == Released(due_at=None)

    def test_later_wins_over_requests_during_the_run(self, queue, clock):
        """What must wait waits, although more was asked for meanwhile."""
        lease = queue.take(WORK, "event-1")
        queue.take(WORK, "event-2")

        released = queue.settle(lease, Later(after_seconds=5.0, why="pending"))
        assert released == Released(due_at=clock.now() + 5.0)
        assert state(queue).wanted == 2

    def test_repair_goes_ahead(self, queue):
        """A repair call runs before the end of a back-off, but not beside a run."""
        queue.settle(queue.take(WORK, "event-1"), Later(after_seconds=300.0, why="pending"))
        assert isinstance(queue.take(WORK, "call-1", ahead=True), Lease)
        assert isinstance(queue.take(WORK, "call-2", ahead=True), Acknowledged)

    def test_attempts_count_failures_in_a_row(self, queue, clock):
        """Failures add up, an orderly end resets the count."""
        wait = Later(after_seconds=0.0, why="x")
        counts = []
        for n, failed in enumerate([True, True, False, True]):
            queue.settle(queue.take(WORK, f"event-{n}"), wait, failed=failed)
            counts.append(state(queue).attempts)
        queue.settle(queue.take(WORK, "event-9"), Settled())

        assert [*counts, state(queue).attempts] == [1, 2, 0, 1, 0]


class TestBeingDue:
    """What the tick republishes (rule 4)."""

    def test_crashed_run_is_due_when_its_lease_ends(self, queue, clock):
        """While the lease lives the unit is not due; then it is, until it settles."""
        queue.take(WORK, "event-1")
        assert due(queue) == []
        clock.move(60.0)
        assert due(queue) == [WORK.unit]

        queue.settle(queue.take(queue.due(1)[0], "tick-1"), Settled())
        assert due(queue) == []

    def test_crashed_repair_is_due_after_the_backoff(self, queue, clock):
        """The later of lease and back-off decides."""
        queue.settle(queue.take(WORK, "event-1"), Later(after_seconds=300.0, why="pending"))
        queue.take(WORK, "call-1", ahead=True)

        assert state(queue).due_at == clock.now() + 300.0

    def test_released_work_is_due_at_once(self, queue, clock):
        """After the last round the lease is free and the need is in the index."""
        lease = queue.take(WORK, "event-1")
        queue.take(WORK, "event-2")
        queue.release_due(queue.settle(lease, Settled()).lease)

        assert due(queue) == [WORK.unit]
        assert state(queue).owner == ""
        assert isinstance(queue.take(WORK, "event-3"), Lease)

    def test_due_is_bounded_and_longest_first(self, queue, clock):
        """At most *limit* units come, those that wait longest."""
        for unit in ("c", "a", "b"):
            queue.take(Work(concern="status", unit=unit, cause="x"), f"event-{unit}")
            clock.move(1.0)
        clock.move(100.0)

        assert [(w.concern, w.unit) for w in queue.due(2)] == [("status", "c"), ("status", "a")]


class TestThoroughness:
    """A thorough request is not satisfied by a run that is not."""

    def test_thorough_request_makes_the_next_run_thorough(self, queue):
        """Joined to a run in progress it asks for another, which looks thoroughly."""
        lease = queue.take(WORK, "event-1")
        queue.take(WORK, "event-2")
        queue.take(RESYNC, "event-3")
        assert not lease.work.thorough

        lease = queue.start(queue.settle(lease, Settled()).lease)
        assert lease.work.cause == "resync"
        queue.settle(lease, Settled())
        assert not queue.take(WORK, "event-4").work.thorough

    def test_failed_thorough_run_stays_thorough(self, queue):
        """What comes back after a failure is as thorough as what failed."""
        lease = queue.take(RESYNC, "event-1")
        queue.settle(lease, Later(after_seconds=0.0, why="broken"), failed=True)

        assert queue.take(WORK, "event-2").work.cause == "resync"


class TestGuard:
    """The check before each outside write (rule 6)."""

    def test_write_must_end_within_the_lease(self, queue, clock):
        """A call passes if its timeout and the skew fit into what is left, and else is stopped."""
        lease = queue.take(WORK, "event-1")
        assert lease.remaining_seconds() == 58.0
        lease.check(57.9)
        with pytest.raises(LeaseLost, match=r"58\.0 s"):
            lease.check(58.0)

        clock.move(49.0)
        lease.check(8.9)
        with pytest.raises(LeaseLost):
            lease.check(10.0)


class TestLookingAgain:
    """A settled unit that asks for another look: due then, and open to news before."""

    WAITING = Settled(summary="records expire", look_again_seconds=300.0)

    def test_it_is_due_when_it_asked(self, queue, clock):
        """Nothing is awaited until then; then the tick brings it back."""
        released = queue.settle(queue.take(WORK, "event-1"), self.WAITING)
        assert released == Released(due_at=clock.now() + 300.0)
        assert due(queue) == []
        clock.move(300.0)

        assert due(queue) == [WORK.unit]

    def test_news_do_not_wait_for_it(self, queue, clock):
        """Unlike a back-off, it takes a request at once; done for good, it is not due any more."""
        queue.settle(queue.take(WORK, "event-1"), self.WAITING)
        lease = queue.take(WORK, "event-2")
        assert isinstance(lease, Lease)
        assert queue.settle(lease, Settled()) == Released(due_at=None)
        clock.move(300.0)

        assert due(queue) == []

    def test_a_timer_that_news_made_needless_does_not_run(self, queue, clock, store):
        """Each run sets a timer of its own; those of earlier runs cost a read."""
        queue.settle(queue.take(WORK, "event-1"), self.WAITING)
        clock.move(100.0)
        queue.settle(queue.take(WORK, "event-2"), self.WAITING)
        clock.move(200.0)
        writes = store.calls["put"]
        timer = Work(concern=WORK.concern, unit=WORK.unit, cause="due")

        assert isinstance(queue.take(timer, "timer-1"), Acknowledged)
        assert store.calls["put"] == writes
        clock.move(100.0)
        assert isinstance(queue.take(timer, "timer-2"), Lease)

    def test_requests_during_the_run_come_first(self, queue):
        """What arrived meanwhile was not seen: the run goes round again."""
        lease = queue.take(WORK, "event-1")
        queue.take(WORK, "event-2")

        assert isinstance(queue.settle(lease, self.WAITING), Again)

    def test_a_thorough_look_is_not_repeated_by_it(self, queue, clock):
        """The thorough run is over; the next look is an ordinary one."""
        queue.settle(queue.take(RESYNC, "event-1"), self.WAITING)
        clock.move(300.0)

        assert queue.take(WORK, "event-2").work.cause == WORK.cause

    def test_a_crash_of_the_next_run_is_due_with_its_lease(self, queue, clock):
        """The look that was asked for is not what the tick waits for then."""
        queue.settle(queue.take(WORK, "event-1"), self.WAITING)
        queue.take(WORK, "event-2")
        clock.move(61.0)

        assert due(queue) == [WORK.unit]
