"""
One instance: the ports, the queue and a bus, wired together, and what can be asked of them.

A deployed door has one, the embedded home has one with watchers and ticks around it, the command
line has one for the length of a command.
"""

import logging
import sys
from types import TracebackType
from typing import Any, Final, Self

from fedingress.adapters.buses.inprocess import InProcessBus
from fedingress.domain.change import Plan, as_json
from fedingress.domain.work import CONCERNS, Work
from fedingress.runtime import previews
from fedingress.runtime.clock import SystemClock
from fedingress.runtime.dispatch import reconciler
from fedingress.runtime.invoke import invoke
from fedingress.runtime.queue import Acknowledged, NotYet
from fedingress.runtime.settings import Settings
from fedingress.runtime.wire import wire

_LOG: Final = logging.getLogger("fedingress")


class Home:
    """Runs work of any concern; follow-up work runs in the same process."""

    def __init__(
        self, settings: Settings, *, concern: str = "", workers: int | None = None
    ) -> None:
        """*concern*: the one door that this is for, if any."""
        self.settings = settings
        self.bus = InProcessBus(SystemClock(), workers=workers or settings.workers)
        wired = wire(settings, self.bus, concern=concern)
        self.ports, self.queue = wired.ports, wired.queue
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

    def run(self, work: Work, delivery: str) -> Acknowledged | NotYet:
        """
        One delivery.

        Raises:
            Unavailable: The store does not answer.
        """
        return invoke(
            work,
            delivery,
            queue=self.queue,
            bus=self.bus,
            reconcile=reconciler(work.concern, self.ports),
        )

    def tick(self) -> str:
        """
        Publish what is due and whose turn it is; gives a summary.

        Raises:
            Unavailable, Forbidden: The sources cannot be listed.
        """
        from fedingress.concerns import tick  # noqa: PLC0415  a door loads its own concern only

        outcome = tick.reconcile(self.ports, self.queue.due)
        return getattr(outcome, "summary", "")

    def plan(self, work: Work) -> Plan[Any]:
        """What a run of *work* would change; nothing is written."""
        return previews.of_work(work, self.ports)

    def repair(self, work: Work, *, dry_run: bool) -> dict[str, Any]:
        """
        Look at a unit by hand.

        Returns:
            The plan as JSON; when it was applied, the outcome and the plan that is left.
        """
        plan = self.plan(work)
        found: dict[str, Any] = {
            "concern": work.concern,
            "unit": work.unit,
            "dry_run": dry_run,
            "changes": [as_json(change) for change in plan],
            "held": list(plan.held),
        }
        if not dry_run:
            answer = self.run(work, f"repair#{self.ports.clock.now():.6f}")
            left = self.plan(work)
            found |= {"answer": answer.why, "left": [as_json(change) for change in left]}
        return found

    def close(self) -> None:
        """End the workers."""
        self.bus.close()

    def _handle(self, work: Work, delivery: str) -> bool:
        return isinstance(self.run(work, delivery), Acknowledged)


def log_to_stderr(level: str) -> None:
    """Send the one-line-per-invocation log to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _LOG.addHandler(handler)
    _LOG.setLevel(level)
    _LOG.propagate = False
