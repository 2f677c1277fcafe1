"""
The work queue: one worker per unit, bursts coalesced, and memory that work is due, over a `Store`.

`invoke` takes a lease, runs the concern and settles; the tick republishes what is `due`. Each
change is one conditional write of the unit's document (`work_state`), so that a crash between any
two steps loses nothing: while requests wait, `due_at` stands in the store's index.

A run that is paused past its lease may find itself replaced; the fence tells it so, and its guard
stops its writes before that (Gray and Cheriton, "Leases", 1989; the fence is the version number
handed out with each lease).
"""

import dataclasses
import itertools
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fedingress.domain.errors import Conflict, LeaseLost, Unavailable
from fedingress.domain.outcome import Later, Outcome, Refused, Settled
from fedingress.domain.work import CONCERNS, DUE, Concern, Work
from fedingress.ports.clock import Clock
from fedingress.ports.store import ABSENT, WORK, Key, Store
from fedingress.runtime.work_state import Answer, WorkState

FAMILY: Final = WORK
MAX_WHY: Final = 1024
"""Characters of a reason that the document keeps."""
_TRIES: Final = 100
"""Lost races for one document before the store counts as unavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """The delivery is done with: it ran, or a run that starts later covers it."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """The transport must deliver again later."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """
    The right to work on a unit for a while; the guard of every outside write.

    work: what to run, thorough if any request that it covers is.
    state, version: the document as we last wrote or read it.
    """

    work: Work
    state: WorkState
    version: str
    clock: Clock
    skew_seconds: float

    def check(self, call_timeout_seconds: float) -> None:
        """
        Return if the lease outlives a call of *call_timeout_seconds* plus the clock skew.

        Raises:
            LeaseLost: It does not, so the write must not be sent.
        """
        if self.remaining_seconds() <= call_timeout_seconds:
            raise LeaseLost(
                f"{self.work.concern} {self.work.unit}: {self.remaining_seconds():.1f} s of the"
                f" lease are left, the call may take {call_timeout_seconds:.1f} s"
            )

    def remaining_seconds(self) -> float:
        """How long the lease is safely ours; may be negative."""
        return self.state.until - self.clock.now() - self.skew_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The lease is free. *due_at*: when the unit comes back by itself; None when it is quiet."""

    due_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Requests came in during the run: start again, or release the lease as due."""

    lease: Lease


class WorkQueue:
    """
    Leases on units, in the documents `work CONCERN/UNIT` of *store*.

    lease_seconds: above any call's timeout and below the function's, so that a run is over before
    its instance is stopped.   skew_seconds: by how much the instances' clocks may differ.
    max_rounds: runs per invocation.   instance: a name for this process, unique among all.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        lease_seconds: float = 60.0,
        skew_seconds: float = 2.0,
        max_rounds: int = 3,
        instance: str = "",
    ) -> None:
        self.store = store
        self.clock = clock
        self.lease_seconds = lease_seconds
        self.skew_seconds = skew_seconds
        self.max_rounds = max_rounds
        self._instance = instance or uuid.uuid4().hex
        self._leases = itertools.count(1)

    def take(
        self, work: Work, delivery: str, *, ahead: bool = False
    ) -> Lease | Acknowledged | NotYet:
        """
        Take the lease on *work*'s unit and start a run, or leave the request for another run.

        Args:
            work: The request.
            delivery: The event's id, the same in each of its redeliveries.
            ahead: Run although the unit backs off (a repair call).

        Raises:
            Unavailable: The store does not answer, or others always write first.
        """
        owner = f"{self._instance}#{next(self._leases)}"
        for _ in range(_TRIES):
            state, version = self._read(work)
            if state.owner == owner:
                return self._lease(work, state, version)  # our write landed, its reply was lost
            now = self.clock.now()
            answer = state.answer(work, delivery, now=now, ahead=ahead)
            match answer:
                case Answer.NOT_YET:
                    return NotYet(why=answer.value)
                case Answer.COVERED:
                    return Acknowledged(why=answer.value)
                case Answer.REMEMBER:
                    change = state.asked(work)
                case Answer.TAKE:
                    change = state.asked(work).taken(
                        owner=owner, delivery=delivery, now=now, lease_seconds=self.lease_seconds
                    )
            try:
                version = self._write(work, change, expected=version)
            except Conflict:
                continue
            if answer is Answer.REMEMBER:
                return Acknowledged(why=answer.value)
            return self._lease(work, change, version)
        raise _contended(work)

    def start(self, lease: Lease) -> Lease:
        """
        Start another run within *lease*, which covers every request so far.

        Raises:
            LeaseLost: Another holds the unit now.
            Unavailable: As in `take`.
        """
        return self._change(lease, WorkState.restarted)

    def settle(self, lease: Lease, outcome: Outcome, *, failed: bool = False) -> Released | Again:
        """
        End a run.

        `Settled` and `Refused` release the unit as done, unless requests came in during the run;
        a `Settled` that wants another look is due then, and takes news before that.
        `Later` releases it in any case and keeps the need, to come back after its seconds.
        *failed*: the run broke, so the next delay is a longer one (`attempts`).

        Raises:
            LeaseLost: Another holds the unit now, or nobody does: touch nothing more.
            Unavailable: As in `take`.
        """
        now = self.clock.now()
        result = _result(outcome, now)
        for _ in range(_TRIES):
            if isinstance(outcome, Later):
                change = lease.state.deferred(
                    result, not_before=now + max(outcome.after_seconds, 0.0), failed=failed
                )
            elif lease.state.wanted > lease.state.started:
                return Again(lease=lease)
            else:
                change = lease.state.settled(result, again_at=_again_at(outcome, now))
            try:
                self._write(lease.work, change, expected=lease.version)
            except Conflict:
                lease = self._reread(lease)
                continue
            return Released(due_at=change.due_at)
        raise _contended(lease.work)

    def release_due(self, lease: Lease) -> None:
        """
        Free the lease with its work due at once; the caller publishes a continuation.

        Raises:
            LeaseLost: Another holds the unit now.
            Unavailable: As in `take`.
        """
        now = self.clock.now()
        self._change(lease, lambda state: state.freed(until=now))

    def due(self, limit: int) -> Sequence[Work]:
        """At most *limit* units that wait and that nobody works on, the longest waiting first."""
        found = self.store.due(FAMILY, before=self.clock.now(), limit=limit)
        works = []
        for document in found:
            concern, _, unit = document.key.name.partition("/")
            if concern in CONCERNS:
                works.append(Work(concern=concern, unit=unit, cause=DUE))
        return tuple(works)

    def state(self, concern: Concern, unit: str) -> WorkState:
        """The unit's state, for those who explain it to a user; all zero when it never worked."""
        return self._read(Work(concern=concern, unit=unit, cause=""))[0]

    def _change(self, lease: Lease, transition: Callable[[WorkState], WorkState]) -> Lease:
        for _ in range(_TRIES):
            change = transition(lease.state)
            try:
                version = self._write(lease.work, change, expected=lease.version)
            except Conflict:
                lease = self._reread(lease)
                continue
            return self._lease(lease.work, change, version)
        raise _contended(lease.work)

    def _reread(self, lease: Lease) -> Lease:
        """The lease with the document as it is now, if it is ours still."""
        state, version = self._read(lease.work)
        if state.fence != lease.state.fence or state.owner != lease.state.owner:
            raise LeaseLost(f"{lease.work.concern} {lease.work.unit}: the lease is not ours now")
        return dataclasses.replace(lease, state=state, version=version)

    def _lease(self, work: Work, state: WorkState, version: str) -> Lease:
        if state.thorough:
            work = dataclasses.replace(work, cause=state.thorough)
        return Lease(
            work=work,
            state=state,
            version=version,
            clock=self.clock,
            skew_seconds=self.skew_seconds,
        )

    def _read(self, work: Work) -> tuple[WorkState, str]:
        found = self.store.get(_key(work))
        return (WorkState.decode(found.body), found.version) if found else (WorkState(), ABSENT)

    def _write(self, work: Work, state: WorkState, *, expected: str) -> str:
        written = self.store.put(_key(work), state.encode(), expected=expected, due_at=state.due_at)
        return written.version


def _key(work: Work) -> Key:
    return Key(family=FAMILY, name=f"{work.concern}/{work.unit}")


def reason(outcome: Outcome) -> str:
    """What an outcome says of itself, in one text."""
    match outcome:
        case Settled(summary=why) | Later(why=why):
            return why
        case Refused(reasons=reasons):
            return "; ".join(reasons)


def _again_at(outcome: Outcome, now: float) -> float:
    if isinstance(outcome, Settled) and outcome.look_again_seconds is not None:
        return now + max(outcome.look_again_seconds, 0.0)
    return 0.0


def _result(outcome: Outcome, now: float) -> Mapping[str, Any]:
    kind = type(outcome).__name__.lower()
    return {"kind": kind, "why": reason(outcome)[:MAX_WHY], "at": now}


def _contended(work: Work) -> Unavailable:
    return Unavailable(f"{work.concern} {work.unit}: others always write first", after_seconds=1.0)
