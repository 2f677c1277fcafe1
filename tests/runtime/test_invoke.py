"""One delivery through `invoke`: rounds, failures, what is published, and the line in the log."""

import json
import logging
import re
from itertools import pairwise

import pytest

from fedingress.adapters.stores.memory import MemoryStore
from fedingress.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    LeaseLost,
    Unavailable,
    UnsafePlan,
    Unsupported,
)
from fedingress.domain.outcome import Later, Refused, Settled
from fedingress.domain.work import Work
from fedingress.runtime.invoke import failure_delay, invoke
from fedingress.runtime.queue import DUE, Acknowledged, NotYet, WorkQueue
from tests.runtime.clocks import HandClock

WORK = Work(concern="fanout", unit="shop/web", cause="ingress.changed")


class Published:
    """A bus that keeps what it is given, or refuses."""

    def __init__(self):
        self.works, self.error = [], None

    def publish(self, works):
        if self.error:
            raise self.error
        self.works.extend(works)


class Lab:
    """A queue in memory and a concern that does, run after run, what it is told."""

    def __init__(self):
        self.clock, self.bus = HandClock(), Published()
        self.store = MemoryStore()
        self.queue = WorkQueue(self.store, self.clock)
        self.script, self.runs = [], []

    def reconcile(self, work, guard):
        self.runs.append(work)
        step = self.script.pop(0) if self.script else Settled()
        if callable(step):
            step = step(work, guard)
        if isinstance(step, Exception):
            raise step
        return step

    def deliver(self, *script, work=WORK, delivery="event-1"):
        self.script = list(script)
        return invoke(work, delivery, queue=self.queue, bus=self.bus, reconcile=self.reconcile)

    def request_meanwhile(self, work, guard):
        self.queue.take(WORK, f"meanwhile-{len(self.runs)}")
        return Settled(summary="done")

    @property
    def state(self):
        return self.queue.state(WORK.concern, WORK.unit)


@pytest.fixture
def lab():
    return Lab()


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, "fedingress")
    return lambda: [json.loads(record.getMessage()) for record in caplog.records]


class TestRounds:
    """How often the concern runs within one invocation."""

    def test_one_run_settles(self, lab):
        """A request that nothing disturbs runs once, publishes nothing, and the unit is quiet."""
        assert isinstance(lab.deliver(Settled()), Acknowledged)

        assert lab.runs == [WORK]
        assert lab.bus.works == []
        assert lab.state.due_at is None

    def test_requests_meanwhile_are_covered(self, lab):
        """A request during the run is covered by a second one of the same invocation."""
        assert isinstance(lab.deliver(lab.request_meanwhile), Acknowledged)

        assert len(lab.runs) == 2
        assert lab.state.done == lab.state.wanted == 2

    def test_third_round_hands_over(self, lab):
        """A unit that is never left alone is continued by another invocation, and is due."""
        assert isinstance(lab.deliver(*[lab.request_meanwhile] * 5), Acknowledged)

        assert len(lab.runs) == 3
        assert lab.bus.works == [Work(concern="fanout", unit="shop/web", cause=DUE)]
        assert [w.unit for w in lab.queue.due(10)] == ["shop/web"]
        assert isinstance(lab.deliver(work=lab.bus.works[0], delivery="event-2"), Acknowledged)
        assert lab.state.due_at is None

    def test_no_round_begins_late_in_the_lease(self, lab):
        """When half of the lease is over, the next round belongs to another invocation."""

        def slow(work, guard):
            lab.clock.move(31.0)
            return lab.request_meanwhile(work, guard)

        lab.deliver(slow)
        assert len(lab.runs) == 1
        assert [w.cause for w in lab.bus.works] == [DUE]

    def test_lost_continuation_stays_due(self, lab, lines):
        """A bus that does not accept it changes nothing: the tick finds the unit due."""
        lab.bus.error = Unavailable("no bus")
        assert isinstance(lab.deliver(*[lab.request_meanwhile] * 3), Acknowledged)

        assert [w.unit for w in lab.queue.due(10)] == ["shop/web"]
        assert lines()[0]["not_published"] == "no bus"

    def test_covered_request_does_not_run(self, lab):
        """A delivery that finds the unit held acknowledges without running."""
        lab.queue.take(WORK, "another")

        assert isinstance(lab.deliver(), Acknowledged)
        assert lab.runs == []

    def test_own_redelivery_is_not_yet(self, lab):
        """The holder's event comes back while it holds: the transport must bring it again."""
        lab.queue.take(WORK, "event-1")

        assert isinstance(lab.deliver(delivery="event-1"), NotYet)


class TestOutcomes:
    """What the ends of a run leave behind."""

    def test_later_comes_back_by_the_bus(self, lab):
        """`Later` publishes the return with its delay, and the unit is due then."""
        lab.deliver(Later(after_seconds=7.0, why="an operation is pending"))

        assert [(w.cause, w.delay_seconds) for w in lab.bus.works] == [(DUE, 7.0)]
        assert lab.state.due_at == lab.clock.now() + 7.0
        assert lab.state.attempts == 0

    def test_refused_is_done(self, lab):
        """The user's fault is not retried by itself."""
        lab.deliver(Refused(reasons=("no such class", "no such host")))

        assert lab.state.due_at is None
        assert lab.state.result["why"] == "no such class; no such host"

    def test_repair_goes_ahead_of_a_backoff(self, lab):
        """The cause `repair` runs at once, others wait for the end of the back-off."""
        lab.deliver(Later(after_seconds=100.0, why="pending"))
        lab.deliver(delivery="event-2")
        assert len(lab.runs) == 1

        lab.deliver(work=Work(concern="fanout", unit="shop/web", cause="repair"), delivery="call")
        assert [w.cause for w in lab.runs] == ["ingress.changed", "repair"]


class TestFailures:
    """What the concern may raise."""

    @pytest.mark.parametrize(
        "error",
        [
            Forbidden("no right"),
            Invalid(["one", "two"]),
            Unsupported("no"),
            UnsafePlan("too much"),
            KeyError("bug"),
            Unavailable("down", after_seconds=0.5),
        ],
    )
    def test_failures_come_back_ever_later(self, lab, error):
        """Whatever breaks is tried again, each time later, and the event is acknowledged."""
        delays = []
        for n in range(10):
            assert isinstance(lab.deliver(error, delivery=f"event-{n}"), Acknowledged)
            delays.append(lab.bus.works[-1].delay_seconds)
            assert lab.state.due_at == pytest.approx(lab.clock.now() + delays[-1])
            lab.clock.move(delays[-1])

        assert delays[0] >= 2.0
        assert all(late > early * 1.5 for early, late in pairwise(delays[:7]))
        assert delays[-1] <= 300.0
        assert lab.state.attempts == 10
        assert type(error).__name__ in lab.state.result["why"]

    def test_unavailable_says_when(self, lab):
        """The other side's own wish is the least delay."""
        lab.deliver(Unavailable("throttled", after_seconds=120.0))

        assert 120.0 <= lab.bus.works[0].delay_seconds <= 150.0

    def test_conflict_observes_again_at_once(self, lab):
        """Up to three conflicts are met by running again within the invocation."""
        assert isinstance(lab.deliver(*[Conflict("etag")] * 3), Acknowledged)
        assert len(lab.runs) == 4
        assert lab.state.due_at is None

    def test_fourth_conflict_waits(self, lab):
        """Who always loses comes back later, and is counted."""
        lab.deliver(*[Conflict("etag")] * 9)

        assert len(lab.runs) == 4
        assert lab.state.attempts == 1
        assert lab.state.result["kind"] == "later"

    def test_a_run_that_was_too_slow_comes_back_when_its_lease_would_have_ended(self, lab):
        """Its guard stopped it; nobody waits for a redelivery, and nobody works before that end."""
        end = lab.clock.now() + lab.queue.lease_seconds

        def late(work, guard):
            lab.clock.move(50.0)
            guard.check(10.0)

        assert isinstance(lab.deliver(late), Acknowledged)
        assert (lab.state.owner, lab.state.attempts) == ("", 1)
        assert lab.state.not_before >= end
        (again,) = lab.bus.works
        assert again.cause == DUE
        assert again.delay_seconds == pytest.approx(lab.state.not_before - lab.clock.now())

    def test_a_run_that_was_too_slow_and_replaced_touches_nothing(self, lab):
        """Another holds the unit by now: the document is the other's."""

        def later(work, guard):
            lab.clock.move(61.0)
            lab.queue.take(WORK, "other")
            guard.check(10.0)

        assert isinstance(lab.deliver(later), NotYet)
        assert lab.state.delivery == "other"
        assert lab.bus.works == []

    def test_replaced_holder_is_not_yet(self, lab):
        """A run that ends after another took the unit over does not end the other's."""

        def paused(work, guard):
            lab.clock.move(61.0)
            lab.queue.take(WORK, "other")
            return Settled()

        assert isinstance(lab.deliver(paused), NotYet)
        assert lab.state.delivery == "other"

    def test_store_that_fails_is_raised(self, lab, lines, monkeypatch):
        """Only the store's own failure leaves the door as an error."""

        def down(*args, **more):
            raise Unavailable("no store")

        monkeypatch.setattr(lab.store, "put", down)
        with pytest.raises(Unavailable, match="no store"):
            lab.deliver()
        assert lines()[0]["outcome"] == "store-unavailable"

    def test_delay_is_spread_but_repeatable(self):
        """Units that fail together come back apart; the same failure has the same delay."""
        units = [Work(concern="dns", unit=f"zone-{n}", cause="x") for n in range(50)]
        delays = {failure_delay(unit, 3) for unit in units}

        assert len(delays) == 50
        assert min(delays) >= 16.0
        assert max(delays) <= 20.0
        assert failure_delay(units[0], 3) == failure_delay(units[0], 3)
        assert failure_delay(units[0], 10_000) <= 300.0


class TestLog:
    """One line, which nobody can forge."""

    def test_one_line_says_everything(self, lab, lines):
        """Each invocation gives one JSON line with what was asked, done and decided."""

        def slow(work, guard):
            lab.clock.move(0.25)
            return Settled(summary="3 members", held=2)

        lab.deliver(slow)
        (line,) = lines()
        assert re.fullmatch("[0-9a-f]{32}", line.pop("trace"))
        assert [line] == [
            {
                "concern": "fanout",
                "unit": "shop/web",
                "cause": "ingress.changed",
                "delivery": "event-1",
                "attempt": 1,
                "rounds": 1,
                "outcome": "settled",
                "why": "3 members",
                "held": 2,
                "cold": False,
                "milliseconds": 250,
                "queue_milliseconds": 0,
                "observe_milliseconds": 0,
                "decide_milliseconds": 250,
                "act_milliseconds": 0,
                "creates": 0,
                "updates": 0,
                "deletes": 0,
                "calls": {},
                "severity": "INFO",
            }
        ]

    def test_bug_is_told_with_its_place(self, lab, lines, caplog):
        """An unknown exception is an error with its traceback, and a known one is not."""
        lab.deliver(KeyError("nobody"), Settled())
        lab.deliver(Forbidden("no right"), delivery="call", work=_repair())

        bug, known = lines()
        assert bug["outcome"] == "failed"
        assert bug["why"] == "KeyError: 'nobody'"
        assert bug["traceback"][-1].endswith(" reconcile")
        assert "traceback" not in known
        assert [r.levelname for r in caplog.records] == ["ERROR", "WARNING"]

    def test_foreign_text_is_cut_and_escaped(self, lab, caplog):
        """A body of a cloud's reply neither fills the log nor ends its line."""
        caplog.set_level(logging.INFO, "fedingress")
        text = "\n\x1b[31m\x7f\u2028" + "body" * 1000
        lab.deliver(Unavailable(text))
        lab.deliver(Later(after_seconds=1.0, why=text), delivery="call", work=_repair())

        for record in caplog.records:
            message = record.getMessage()
            assert message.isprintable()
            assert all(len(v) <= 256 for v in json.loads(message).values() if isinstance(v, str))

    def test_crash_is_told(self, lab, lines):
        """Even an instance that is stopped amid a run says which run it was."""

        def stopped(work, guard):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            lab.deliver(stopped)
        assert lines()[0]["outcome"] == "crashed"

    def test_lost_lease_is_told(self, lab, lines):
        """The reason of a lost lease is in the line."""
        lab.deliver(LeaseLost("too late"))

        assert (lines()[0]["outcome"], lines()[0]["why"]) == (
            "lease-lost",
            "LeaseLost: too late",
        )


def _repair():
    return Work(concern="fanout", unit="shop/web", cause="repair")
