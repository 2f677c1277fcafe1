"""
The real queue and the real `invoke` in a world of crashes, skewed clocks and lossy transports.

A director (`queue_schedules`, or hypothesis) chooses every step; the world knows what must hold at
each of them and raises `Broken` when it does not:

- whoever's request was written down or acknowledged gets a run that observes after it, before the
  unit is quiet; a thorough request gets a thorough run;
- a write that passed its guard never lands after another took the unit over, and of all runs the
  guards of one at most pass;
- only `Settled` and `Refused` finish requests.
"""

import logging
from dataclasses import dataclass, replace

from fedingress.domain.errors import Conflict, LeaseLost, Unavailable
from fedingress.domain.outcome import Later, Refused, Settled
from fedingress.domain.work import Work
from fedingress.runtime.invoke import invoke
from fedingress.runtime.queue import Acknowledged, Lease, WorkQueue
from fedingress.runtime.work_state import WorkState
from tests.runtime.stage import Crash, Performer

LEASE, SKEW, CALL, REDELIVERY = 60.0, 2.0, 10.0, 10.0
START = 1_800_000_000.0
SILENT = logging.getLogger("fedingress.silent")
SILENT.setLevel(logging.CRITICAL + 1)


class Broken(AssertionError):  # noqa: N818  as the product names its errors
    """A rule of the queue was broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """
    What happens to a performer at its next step.

    fault: `refused` (the store or bus does not answer), `unheard` (it writes, its reply is lost),
        `echoed` (so is it, and the client's own retry meets the write), or empty.
    ending: how a run ends, if it ends in this step.
    """

    fault: str = ""
    ending: str = "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An event on its way. *born*: the moment of the change it tells of."""

    name: str
    work: Work
    born: int
    arrives: float


class Clock:
    """The clock of one instance, *offset* seconds off."""

    def __init__(self, world, offset):
        self.world, self.offset = world, offset

    def now(self):
        return self.world.now + self.offset

    def sleep(self, seconds):
        raise AssertionError("nothing sleeps in an invocation")


class Invocation:
    """One delivery on the stage; the store and the bus as it sees them."""

    def __init__(self, world, envelope, offset):
        self.world, self.envelope = world, envelope
        self.lease = None
        self.observed = -1
        self.ended_as = None
        self.promised = False
        queue = world.queue_type(self, Clock(world, offset), lease_seconds=LEASE, skew_seconds=SKEW)
        self.performer = Performer(lambda _: self._invoke(queue))

    def _invoke(self, queue):
        work, name = self.envelope.work, self.envelope.name
        reconcile = self._reconcile
        answer = invoke(work, name, queue=queue, bus=self, reconcile=reconcile, log=SILENT)
        self.performer.pause()  # a crash before the transport hears the answer
        return answer

    def _reconcile(self, work, guard: Lease):
        self.lease, self.ended_as = guard, None
        try:
            self.ended_as = self._observe_and_act(guard)
        finally:
            self.lease = None
        return end(self.ended_as)

    def _observe_and_act(self, guard):
        world = self.world
        self.performer.pause()
        world.check_alone(self)
        self.observed = world.moment
        guard.check(CALL)
        sent = world.now
        cue = self.performer.pause()
        if world.now - sent > CALL:
            raise Unavailable("the call timed out, its write did not land", after_seconds=3.0)
        world.check_mine(self)
        return cue.ending

    def get(self, key):
        if self.performer.pause().fault:
            raise Unavailable("the store does not answer")
        return self.world.store.get(key)

    def put(self, key, body, *, expected, due_at=None):
        cue = self.performer.pause()
        if cue.fault == "refused":
            raise Unavailable("the store does not answer")
        written = self.world.store.put(key, body, expected=expected, due_at=due_at)
        self.world.wrote(self, WorkState.decode(body))
        if cue.fault == "unheard":
            raise Unavailable("the reply was lost")
        if cue.fault == "echoed":
            raise Conflict("our own write is there already")
        return written

    def publish(self, works):
        if self.performer.pause().fault:
            raise Unavailable("the bus does not answer")
        for work in works:
            self.world.send(work, born=-1)


def end(ending):
    """How a run ends."""
    match ending:
        case "settled":
            return Settled()
        case "refused":
            return Refused(reasons=("no such class",))
        case "later":
            return Later(after_seconds=5.0, why="an operation is pending")
        case "unavailable":
            raise Unavailable("the cloud does not answer", after_seconds=7.0)
        case "conflict":
            raise Conflict("stale fingerprint")
        case "lost":
            raise LeaseLost("not enough time for one more call")
        case _:
            raise ValueError(ending)


class World:
    """One unit, its store, and everybody who works on it. *moment* counts the steps."""

    def __init__(self, store, queue_type=WorkQueue):
        self.store, self.queue_type = store, queue_type
        self.now, self.moment = START, 0
        self.flying: list[Envelope] = []
        self.playing: list[Invocation] = []
        self.state = WorkState()
        self.covered = {False: -1, True: -1}
        """When the latest settled run observed, of all runs and of thorough ones."""
        self.promised = {False: -1, True: -1}
        """The latest change that someone was promised a run for, likewise."""
        self.born = -1
        self.events = self.runs = self.writes = 0
        self.broken: Broken | None = None

    def change(self, cause="ingress.changed"):
        """Something changes, and an event tells of it."""
        self.moment += 1
        self.events += 1
        self.born = self.moment
        self.send(Work(concern="dns", unit="zone", cause=cause), born=self.moment)

    def send(self, work, *, born):
        """Put an event on its way."""
        name = f"event-{self.moment}-{len(self.flying)}"
        arrives = self.now + work.delay_seconds
        self.flying.append(Envelope(name=name, work=work, born=born, arrives=arrives))

    def arrived(self):
        """The events that a transport may deliver now."""
        return [envelope for envelope in self.flying if envelope.arrives <= self.now]

    def deliver(self, envelope, *, keep=False, offset=0.0):
        """Start an invocation; *keep* lets the same event come a second time."""
        self.moment += 1
        if not keep:
            self.flying.remove(envelope)
        self.playing.append(Invocation(self, envelope, offset))

    def step(self, invocation, cue=Cue(), *, redeliver=True):
        """One step of one invocation; *redeliver*: the transport brings back what is not done."""
        self.moment += 1
        performer, envelope = invocation.performer, invocation.envelope
        performer.step(cue)
        if self.broken:
            raise self.broken  # `invoke` may have taken it for a failure of the concern
        if not performer.ended:
            return
        self.playing.remove(invocation)
        if isinstance(performer.result, Acknowledged):
            self.promise(invocation)
        elif performer.error and not isinstance(performer.error, (Crash, Unavailable)):
            raise performer.error
        elif redeliver:
            self.flying.append(replace(envelope, arrives=self.now + REDELIVERY))
        self.check_quiet()

    def crash(self, invocation, *, redeliver=True):
        """The instance dies where it is."""
        self.step(invocation, Crash, redeliver=redeliver)

    def leave(self):
        """Nobody stays on the stage when a schedule ends early."""
        for invocation in self.playing:
            while not invocation.performer.ended:
                invocation.performer.step(Crash)

    def tick(self, *, lost=False):
        """Republish what is due."""
        queue = WorkQueue(self.store, Clock(self, 0.0))
        for work in queue.due(10):
            if not lost:
                self.send(work, born=-1)

    @property
    def quiet(self):
        """Nobody waits."""
        return self.state.wanted == self.state.done

    def finish(self, choose, *, patience=2_000):
        """Without faults from here on, everything must become quiet; *choose(list)* picks one."""
        for _ in range(patience):
            if self.playing:
                self.step(choose(self.playing))
            elif self.arrived():
                self.deliver(choose(self.arrived()))
            elif self.quiet and not self.flying:
                return
            else:
                self._wait()
        raise Broken(f"not quiet after {patience} steps: {self.state}")

    def _wait(self):
        """Until the next event arrives or the next tick, which comes each minute."""
        self.now = min([envelope.arrives for envelope in self.flying] + [self.now + 60.0])
        if not self.arrived():
            self.tick()

    def promise(self, invocation):
        """Its request is written down or acknowledged: it must be covered."""
        born, thorough = invocation.envelope.born, invocation.envelope.work.thorough
        self.promised[False] = max(self.promised[False], born)
        if thorough:
            self.promised[True] = max(self.promised[True], born)

    def wrote(self, invocation, state):
        """A write of the unit's document has landed."""
        before, self.state = self.state, state
        self.writes += 1
        if state.wanted > before.wanted:
            self.promise(invocation)
        if state.done > before.done:
            if invocation.ended_as not in {"settled", "refused"}:
                self.fail(f"{invocation.ended_as} finished requests: {state}")
            self.runs += 1
            for thorough in {False, bool(before.thorough)}:
                self.covered[thorough] = max(self.covered[thorough], invocation.observed)
        self.check_quiet()

    def fail(self, reason):
        """A rule was broken, in whichever thread."""
        self.broken = Broken(reason)
        raise self.broken

    def lose(self, envelope):
        """The transport loses an event before anyone saw it."""
        self.moment += 1
        self.flying.remove(envelope)

    def check_quiet(self):
        """A quiet unit owes nothing."""
        for thorough in (False, True):
            if self.quiet and self.promised[thorough] > self.covered[thorough]:
                kind = "thorough " if thorough else ""
                self.fail(
                    f"the change of moment {self.promised[thorough]} has no {kind}run that observed"
                    f" after it, the last one did at {self.covered[thorough]}: {self.state}"
                )

    def check_alone(self, invocation):
        """Of the runs in progress, at most one may still write."""
        able = [one for one in self.playing if one.lease and one.lease.remaining_seconds() > 0]
        if invocation in able and len(able) > 1:
            self.fail(f"two runs at once: {[one.lease.state for one in able]}")

    def check_mine(self, invocation):
        """A write lands: its lease must not have been taken over."""
        if self.state.owner != invocation.lease.state.owner:
            self.fail(f"a late write of {invocation.lease.state} into {self.state}")
