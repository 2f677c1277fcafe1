"""
The whole product under random schedules, and proof that they bite: each broken rule is found.

What is played, and what must hold, stands in `product`; the queue alone has schedules of its own
(`tests/runtime/test_queue_schedules.py`).
"""

import dataclasses
import time

import pytest

from fedingress.concerns import claim, tick
from fedingress.domain.outcome import Settled
from fedingress.ports.ledger import Ledger
from fedingress.runtime.queue import Lease, WorkQueue
from fedingress.runtime.work_state import WorkState
from tests.schedules import product, quiet_run

SECONDS = 10.0
"""How long schedules are played."""
FEWEST = 100
MUTANT_SCHEDULES = 400


def timed(seconds, fewest):
    """Seeds from 0 on, until the time is over."""
    until, seed = time.monotonic() + seconds, 0
    while seed < fewest or time.monotonic() < until:
        yield seed
        seed += 1


@pytest.mark.slow
def test_every_schedule_ends_as_the_quiet_run_does(record_property):
    """Nothing lost, doubled or leaked in clouds, members and store, and nobody writes at rest."""
    tally = product.play_all(timed(SECONDS, FEWEST))
    record_property("schedules", f"whole product, seeds 0 to {tally.schedules - 1}: {tally}")

    assert tally.schedules >= FEWEST
    assert tally.faults > tally.schedules
    assert tally.deliveries > 10 * tally.schedules


def test_a_schedule_replays():
    """One seed is one schedule, so that a failure can be looked at."""
    assert len({product.play_all([11]) for _ in range(2)}) == 1


def news_are_marked_first(patch):
    """What a concern says counts as announced before anyone was told."""

    def announce(self, bus, entries, works, *, always=False):
        news = [document for entry in entries if (document := self._keep(entry))]
        for document in news:
            self._mark_announced(document)
        if news or always:
            bus.publish(works)
        return bool(news) or always

    patch.setattr(Ledger, "announce", announce)


def later_is_done(patch):
    """A run that waits for something counts as finished."""
    deferred = WorkState.deferred
    patch.setattr(
        WorkState,
        "deferred",
        lambda self, *args, **more: dataclasses.replace(
            deferred(self, *args, **more), done=self.started
        ),
    )


def nothing_is_ever_due(patch):
    """The tick knows only the clock, and not what was left undone."""
    patch.setattr(WorkQueue, "due", lambda self, limit: ())


def leases_are_ignored(patch):
    """A living lease is taken over like an expired one, and its guard lets every write pass."""
    patch.setattr(WorkState, "held", lambda self, now: False)
    patch.setattr(Lease, "check", lambda self, seconds: None)


def nobody_is_resynced(patch):
    """An event that was lost is lost for good."""
    patch.setattr(tick, "_turn", lambda keys, ports: [])


def claims_are_forgotten(patch):
    """Hosts are claimed and not noted, so that those given up stay claimed."""
    patch.setattr(claim, "_note_hosts", lambda uid, hosts, ports: None)


def failures_settle(patch):
    """Whatever breaks counts as done."""
    settle = WorkQueue.settle
    patch.setattr(
        WorkQueue,
        "settle",
        lambda self, lease, outcome, *, failed=False: settle(
            self, lease, Settled() if failed else outcome, failed=failed
        ),
    )


MUTANTS = [
    news_are_marked_first,
    later_is_done,
    nothing_is_ever_due,
    leases_are_ignored,
    nobody_is_resynced,
    claims_are_forgotten,
    failures_settle,
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_broken_rules_are_found(monkeypatch, mutant):
    """The schedules find the product wrong when any one of its rules is left out."""
    for wishes in quiet_run.WISHES:
        for resync in (True, False):
            quiet_run.quiet(wishes, resync=resync)  # of the product as it is
    mutant(monkeypatch)
    with pytest.raises(quiet_run.Broken) as caught:
        product.play_all(range(MUTANT_SCHEDULES))
    print(f"{mutant.__doc__} {str(caught.value).splitlines()[0]}")
