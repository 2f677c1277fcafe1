"""
The queue under random schedules, and proof that the checker bites: each broken rule is found.

The real `invoke` and `WorkQueue` run over real stores; crashes, lost replies, duplicates, pauses
past the lease and skewed clocks come between any two store calls (`queue_world`).
"""

import dataclasses
import itertools

import pytest

from fedingress.adapters.stores.memory import MemoryStore
from fedingress.adapters.stores.sqlite import SqliteStore
from fedingress.runtime.queue import Lease, WorkQueue
from fedingress.runtime.work_state import Answer, WorkState
from tests.runtime import queue_schedules
from tests.runtime.queue_world import Broken

SCHEDULES = 2_000
SQLITE_SCHEDULES = 200
MUTANT_SCHEDULES = 1_500


@pytest.mark.slow
def test_schedules_hold_in_memory(record_property):
    """No schedule loses a request, lets two runs write at once, or stays unfinished."""
    tally = queue_schedules.play_all(range(SCHEDULES))
    record_property("schedules", f"queue, seeds 0 to {SCHEDULES - 1}: {tally}")

    assert tally.schedules == SCHEDULES
    assert tally.runs > SCHEDULES
    assert tally.writes < 2 * tally.events


def test_schedules_hold_in_a_file(tmp_path, record_property):
    """The same holds over SQLite; each schedule has a document of its own."""
    names = itertools.count()
    stores = []

    def store():
        stores.append(SqliteStore(tmp_path / f"state-{next(names) % 4}.db"))
        for document in stores[-1].list("work"):
            stores[-1].delete(document.key)
        return stores[-1]

    tally = queue_schedules.play_all(range(SQLITE_SCHEDULES), store)
    seen = f"seeds 0 to {SQLITE_SCHEDULES - 1}"
    record_property("schedules", f"queue on SQLite, {seen}: {tally}")
    for used in stores:
        used.close()

    assert tally.schedules == SQLITE_SCHEDULES


def test_a_schedule_replays():
    """One seed is one schedule, so that a failure can be looked at."""
    tallies = {queue_schedules.play_all([7]) for _ in range(3)}

    assert len(tallies) == 1


def held_is_acknowledged(patch):
    """A request during a run is acknowledged without being written down."""
    answer = WorkState.answer

    def mutant(self, work, delivery, *, now, ahead):
        found = answer(self, work, delivery, now=now, ahead=ahead)
        return Answer.COVERED if found is Answer.REMEMBER and self.held(now) else found

    patch.setattr(WorkState, "answer", mutant)


def writes_are_blind(patch):
    """Documents are written without looking at the version."""
    write = WorkQueue._write
    patch.setattr(
        WorkQueue,
        "_write",
        lambda self, work, state, *, expected: write(self, work, state, expected=None),
    )


def crashes_are_not_due(patch):
    """The index knows only of leases that are free."""
    due_at = WorkState.due_at.fget
    patch.setattr(WorkState, "due_at", property(lambda self: None if self.owner else due_at(self)))


def replaced_holders_go_on(patch):
    """Whoever is replaced takes the new holder's lease for its own."""

    def mutant(self, lease):
        state, version = self._read(lease.work)
        return dataclasses.replace(lease, state=state, version=version)

    patch.setattr(WorkQueue, "_reread", mutant)


def leases_are_ignored(patch):
    """A living lease is taken over like an expired one."""
    patch.setattr(WorkState, "held", lambda self, now: False)


def guards_forget_the_call(patch):
    """A write is sent as long as the lease lasts, however long the call may take."""

    def mutant(self, call_timeout_seconds):
        check(self, 0.0)

    check = Lease.check
    patch.setattr(Lease, "check", mutant)


def guards_forget_the_skew(patch):
    """Clocks are believed to agree."""
    patch.setattr(Lease, "remaining_seconds", lambda self: self.state.until - self.clock.now())


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


def started_follows_the_run(patch):
    """The run claims what came in while it observed."""
    settle = WorkQueue.settle
    patch.setattr(
        WorkQueue,
        "settle",
        lambda self, lease, outcome, **more: settle(self, self.start(lease), outcome, **more),
    )


def thorough_is_forgotten(patch):
    """Thorough requests are joined like any others."""
    asked = WorkState.asked
    patch.setattr(
        WorkState, "asked", lambda self, work: dataclasses.replace(asked(self, work), thorough="")
    )


def continuations_are_quiet(patch):
    """Work that is freed unfinished is not due."""
    due_at = WorkState.due_at.fget

    def mutant(self):
        return None if self.until and not self.owner else due_at(self)

    patch.setattr(WorkState, "due_at", property(mutant))


MUTANTS = [
    held_is_acknowledged,
    writes_are_blind,
    crashes_are_not_due,
    replaced_holders_go_on,
    leases_are_ignored,
    guards_forget_the_call,
    guards_forget_the_skew,
    later_is_done,
    started_follows_the_run,
    thorough_is_forgotten,
    continuations_are_quiet,
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_broken_rules_are_found(monkeypatch, mutant):
    """The schedules find the queue wrong when any one of its rules is left out."""
    mutant(monkeypatch)
    with pytest.raises(Broken) as caught:
        queue_schedules.play_all(range(MUTANT_SCHEDULES), MemoryStore)
    print(f"{mutant.__doc__} {caught.value}")
