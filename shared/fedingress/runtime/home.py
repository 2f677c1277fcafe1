"""
One instance: the queue, the ports and a bus, and what can be asked of them.

A deployed door has one, the embedded home has one with watchers and ticks around it, the command
line has one for the length of a command.
"""

# ruff: noqa: PLC0415  a delivery that another run covers needs the queue only; the rest is imported
# and wired when it is first asked for

import itertools
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from fedingress.adapters import trace
from fedingress.adapters.buses.inprocess import InProcessBus
from fedingress.domain.change import Plan, as_json
from fedingress.domain.errors import FederationError
from fedingress.domain.outcome import Outcome
from fedingress.domain.work import CONCERNS, Work
from fedingress.ports import Guard, Ports
from fedingress.runtime.clock import SystemClock
from fedingress.runtime.invoke import UNKNOWN, Delivery, invoke, measured
from fedingress.runtime.metering import Meter
from fedingress.runtime.queue import Acknowledged, NotYet, WorkQueue
from fedingress.runtime.settings import Settings
from fedingress.runtime.telling import Voice, tell
from fedingress.runtime.wire import make_bus, make_store

if TYPE_CHECKING:
    from fedingress.runtime.wire import Wired

_LOG: Final = logging.getLogger("fedingress")


class Home:
    """
    Runs work of any concern.

    On the bus of this process, follow-up work runs here too; with a remote one this instance runs
    only what is delivered to it, and publishes the rest.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        concern: str = "",
        workers: int | None = None,
        emf: bool = False,
    ) -> None:
        """*concern*: the one door that this is for, if any.   *emf*: told to CloudWatch."""
        self.settings = settings
        self.voice = _voice(settings, emf=emf)
        self._fresh = itertools.count()
        self._concern = concern
        self._store = make_store(settings)
        self.queue = WorkQueue(self._store, SystemClock(), lease_seconds=settings.lease_seconds)
        self._wiring = threading.Lock()
        self._wired: Wired | None = None
        self.bus = make_bus(settings, concern=concern, workers=workers)
        if isinstance(self.bus, InProcessBus):
            for each in CONCERNS:
                self.bus.subscribe(each, self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def ports(self) -> Ports:
        """
        The ports, wired at the first use.

        Raises:
            Invalid: A setting names something that is not there.
        """
        from fedingress.runtime.wire import wire

        with self._wiring:
            if self._wired is None:
                self._wired = wire(self.settings, self.bus, self._store, concern=self._concern)
            return self._wired.ports

    def run(self, work: Work, delivery: str, about: Delivery = UNKNOWN) -> Acknowledged | NotYet:
        """
        One delivery; *about* it is told in the log.

        Raises:
            Unavailable: The store does not answer.
        """

        def reconcile(taken: Work, guard: Guard) -> Outcome:
            from fedingress.runtime.dispatch import reconciler

            return reconciler(taken.concern, meter.ports(self.ports))(taken, guard)

        meter = Meter(self.queue.clock.now)
        return invoke(
            work,
            delivery,
            queue=meter.queue(self.queue),
            bus=meter.wrap(self.bus, "bus"),
            reconcile=reconcile,
            about=replace(about, cold=next(self._fresh) == 0),
            voice=self.voice,
            meter=meter,
        )

    def tick(self) -> str:
        """
        Publish what is due and whose turn it is; gives a summary.

        Raises:
            Unavailable, Forbidden: The sources cannot be listed.
        """
        from fedingress.concerns import tick

        with self._told("tick") as (ports, line):
            outcome = tick.reconcile(ports, self.queue.due)
            line |= {"outcome": "settled", "why": getattr(outcome, "summary", "")}
            return str(line["why"])

    def plan(self, work: Work) -> Plan[Any]:
        """What a run of *work* would change; nothing is written."""
        from fedingress.runtime import previews

        return previews.of_work(work, self.ports)

    def repair(self, work: Work, *, dry_run: bool) -> dict[str, Any]:
        """
        Look at a unit by hand.

        Returns:
            The plan as JSON; when it was applied, the outcome and the plan that is left.
        """
        from fedingress.runtime import previews

        with self._told("repair") as (ports, line):
            plan = previews.of_work(work, ports)
            line |= {"outcome": "planned", "unit": f"{work.concern}/{work.unit}"}
            line |= {"held": len(plan.held), "why": f"{len(plan.changes)} changes"}
        found: dict[str, Any] = {
            "concern": work.concern,
            "unit": work.unit,
            "dry_run": dry_run,
            "changes": [as_json(change) for change in plan],
            "held": list(plan.held),
        }
        if not dry_run:
            answer = self.run(work, f"repair#{self.queue.clock.now():.6f}")
            left = self.plan(work)
            found |= {"answer": answer.why, "left": [as_json(change) for change in left]}
        return found

    def idle(self, timeout_seconds: float, *, within_seconds: float = 0.0) -> bool:
        """
        Wait until this process has nothing more to run, nor will have *within_seconds*.

        Returns:
            Whether that was so in time; at once with a remote bus, which delivers elsewhere.
        """
        if isinstance(self.bus, InProcessBus):
            return self.bus.idle(timeout_seconds, within_seconds=within_seconds)
        return True

    def close(self) -> None:
        """End the workers, then drop every connection."""
        self.bus.close()
        with self._wiring:
            if self._wired is not None:
                self._wired.close()
        close_store = getattr(self._store, "close", None)
        if close_store is not None:
            close_store()

    @contextmanager
    def _told(self, name: str) -> Iterator[tuple[Ports, dict[str, Any]]]:
        """
        The ports for something that takes no lease, counted; its line is told when it is over.

        The ticks of a process that runs everything are for debugging only: there are many.
        """
        meter = Meter(self.queue.clock.now)
        line: dict[str, Any] = {"concern": name, "outcome": "failed", "why": ""}
        line["cold"] = next(self._fresh) == 0
        began = self.queue.clock.now()
        level = logging.INFO if self._concern else logging.DEBUG
        try:
            with trace.span(name, "", {}, otel=self.voice.otel) as traceparent, meter.phase("run"):
                yield meter.ports(self.ports), line
        except FederationError as error:
            line["why"] = str(error)
            raise
        finally:
            level = logging.WARNING if line["outcome"] == "failed" else level
            line["milliseconds"] = round((self.queue.clock.now() - began) * 1000)
            tell(line | measured(meter), level, voice=self.voice, traceparent=traceparent)

    def _handle(self, work: Work, delivery: str) -> bool:
        return isinstance(self.run(work, delivery), Acknowledged)


def _voice(settings: Settings, *, emf: bool) -> Voice:
    """How an instance with these settings tells its lines."""
    otel = settings.traces == "otel"
    if otel:
        from fedingress.adapters.trace import require_otel

        require_otel()
    kind, _, place = settings.bus.partition(":")
    project = place.rpartition("/")[0] if kind == "pubsub" else ""
    return Voice(project=project, emf=emf, otel=otel)


def log_to_stderr(level: str) -> None:
    """Send the one-line-per-invocation log to standard error; asked twice, it is sent once."""
    if not _LOG.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        _LOG.addHandler(handler)
    _LOG.setLevel(level)
    _LOG.propagate = False
