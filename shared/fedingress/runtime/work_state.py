"""
The document of one unit's work, and every change that the queue may make to it.

Pure: `WorkQueue` reads a document, asks here what follows, and writes it conditionally. The counts
are of requests:

    wanted    requests seen
    started   requests that the run in progress (or the last one) covers: it observed after them
    done      requests that the last finished run covers
"""

import dataclasses
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from fedingress.domain.work import DUE, Work


class Answer(enum.Enum):
    """What a delivery finds."""

    TAKE = "the lease is free or expired: raise wanted and take it, in one write"
    REMEMBER = "held by another or backing off: raise wanted, so that a later run covers it"
    COVERED = "a later run covers it already: no write"
    NOT_YET = "this very delivery holds the lease"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkState:
    """
    owner: who holds the lease, empty when it is free.   delivery: the event that took it.
    until: when the lease ends, or ended; Unix seconds, as all times here.
    fence: rises with every lease.
    not_before: the end of a back-off.   attempts: runs in a row that crashed or failed.
    again_at: when a settled unit asked to be looked at again; requests do not wait for it.
    thorough: the cause of a waiting request that wants a thorough run, or empty.
    result: how the last run ended: {"kind": ..., "why": ..., "at": ...}.
    """

    wanted: int = 0
    started: int = 0
    done: int = 0
    owner: str = ""
    delivery: str = ""
    until: float = 0.0
    fence: int = 0
    not_before: float = 0.0
    again_at: float = 0.0
    attempts: int = 0
    thorough: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def decode(cls, body: Mapping[str, Any]) -> Self:
        """From a stored body; fields of a newer version are left out."""
        names = {item.name for item in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in body.items() if name in names})

    def encode(self) -> dict[str, Any]:
        """As JSON."""
        return {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}

    @property
    def due_at(self) -> float | None:
        """When the tick must bring the unit back, whatever became of the run; None when quiet."""
        if self.wanted > self.done:
            return max(self.until, self.not_before)
        return self.again_at or None

    def held(self, now: float) -> bool:
        """Whether a lease is alive."""
        return bool(self.owner) and self.until > now

    def answer(self, work: Work, delivery: str, *, now: float, ahead: bool) -> Answer:
        """What *delivery* of *work* is to do; *ahead* does not wait for the end of a back-off."""
        held = self.held(now)
        if held and self.delivery == delivery:
            return Answer.NOT_YET
        if work.cause == DUE and self.wanted == self.done and now < self.again_at:
            return Answer.COVERED  # set for an earlier look, which news made needless
        if not held and (ahead or now >= self.not_before):
            return Answer.TAKE
        if self.wanted > self.started and (self.thorough or not work.thorough):
            return Answer.COVERED
        return Answer.REMEMBER

    def asked(self, work: Work) -> Self:
        """One more request."""
        thorough = work.cause if work.thorough else self.thorough
        return dataclasses.replace(self, wanted=self.wanted + 1, thorough=thorough)

    def taken(self, *, owner: str, delivery: str, now: float, lease_seconds: float) -> Self:
        """
        Leased to *owner*, with a run started that covers all requests.

        The fence also rises above every one of a store that was lost.
        """
        return dataclasses.replace(
            self,
            started=self.wanted,
            owner=owner,
            delivery=delivery,
            until=now + lease_seconds,
            fence=max(self.fence + 1, int(now * 1000)),
            attempts=self.attempts + bool(self.owner),  # the last holder crashed
        )

    def restarted(self) -> Self:
        """Another run within the lease, which covers all requests."""
        return dataclasses.replace(self, started=self.wanted)

    def settled(self, result: Mapping[str, Any], *, again_at: float = 0.0) -> Self:
        """The run covered what it started with; the lease is free until *again_at* or news."""
        return dataclasses.replace(
            self.freed(until=0.0),
            done=self.started,
            not_before=0.0,
            again_at=again_at,
            attempts=0,
            thorough="",
            result=result,
        )

    def deferred(self, result: Mapping[str, Any], *, not_before: float, failed: bool) -> Self:
        """The run did not finish its work; the lease is free, the need stays."""
        return dataclasses.replace(
            self.freed(until=0.0),
            not_before=not_before,
            attempts=self.attempts + 1 if failed else 0,
            result=result,
        )

    def freed(self, *, until: float) -> Self:
        """The lease is free since *until*."""
        return dataclasses.replace(self, owner="", delivery="", until=until)
