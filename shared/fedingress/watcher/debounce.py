"""
From many changes to few events: works are collected for a moment, each unit once, then published.

The watcher's callbacks must not wait for a bus. While the bus is down the works stay here, one per
unit, so that memory is bounded by the number of units and nothing is lost. A flood (a first list, a
policy that all sources follow) leaves at a bounded rate, and what just changed goes ahead of it.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from fedingress.domain.work import Work

_LOG = logging.getLogger("fedingress")

REPEATED: Final = "relisted"
_SHORTEST_REST: Final = 0.01

_Unit = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """
    How fast works leave.

    quiet_seconds: from the first work of a batch to its publication.
    retry_seconds: the first and the longest wait after the bus has failed.
    burst, per_second: so many works at once, and after that so many a second.
    """

    quiet_seconds: float = 1.0
    retry_seconds: tuple[float, float] = (0.5, 30.0)
    burst: int = 500
    per_second: float = 50.0


@dataclass(slots=True, kw_only=True)
class Sent:
    """Works so far. coalesced: found another one of their unit waiting.   failures: of the bus."""

    asked: int = 0
    coalesced: int = 0
    published: int = 0
    failures: int = 0


def _joined(first: Work, second: Work) -> Work:
    """The one that stands for both: what asks for a thorough look is not lost."""
    return second if second.thorough and not first.thorough else first


class Debounce:
    """Publishes from a thread of its own; also a context manager."""

    def __init__(self, publish: Callable[[Sequence[Work]], None], flow: Flow | None = None) -> None:
        self.sent = Sent()
        self._publish = publish
        self._flow = flow or Flow()
        self._waiting: dict[_Unit, Work] = {}
        self._sweep: dict[_Unit, Work] = {}
        self._leaving: dict[_Unit, Work] = {}
        self._told: dict[_Unit, float] = {}
        self._allowance = float(self._flow.burst)
        self._refilled = self._turned = time.monotonic()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="debounce", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def add(self, works: Iterable[Work], *, sweep: bool = False) -> None:
        """
        Have *works* published soon; returns at once.

        *sweep*: they follow from no change, and let those pass that do.
        """
        with self._changed:
            if not (self._waiting or self._sweep or self._leaving):
                self._turned = time.monotonic()
            for work in works:
                unit = (work.concern, work.unit)
                self.sent.asked += 1
                if unit in self._waiting or (sweep and unit in self._sweep):
                    self.sent.coalesced += 1
                    if unit in self._waiting:
                        self._waiting[unit] = _joined(self._waiting[unit], work)
                elif sweep:
                    self._sweep[unit] = work
                else:
                    self.sent.coalesced += self._sweep.pop(unit, None) is not None
                    self._waiting[unit] = work
            self._changed.notify()

    def pending(self) -> list[Work]:
        """What the bus has not accepted yet, what is on its way to it included."""
        with self._changed:
            return list((self._sweep | self._leaving | self._waiting).values())

    def told_since(self, moment: float) -> list[Work]:
        """
        The units that were published at *moment*, of the monotonic clock, or later; to be repeated.

        Those before it are forgotten.
        """
        with self._changed:
            self._told = {unit: at for unit, at in self._told.items() if at >= moment}
            return [
                Work(concern=concern, unit=unit, cause=REPEATED)  # type: ignore[arg-type]
                for concern, unit in self._told
            ]

    def stuck_seconds(self) -> float:
        """How long ago the publishing thread last went round; 0 while there is nothing to do."""
        with self._changed:
            busy = self._waiting or self._sweep or self._leaving
            return max(0.0, time.monotonic() - self._turned) if busy else 0.0

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """Publish what waits, once, at any rate, and end; what the bus refuses stays `pending`."""
        self._stopping.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        delay = self._flow.retry_seconds[0]
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._waiting or self._sweep or self._stopping.is_set()
                )
            self._rest(max(self._flow.quiet_seconds, _SHORTEST_REST))
            last = self._stopping.is_set()
            if self._send(everything=last):
                delay = self._flow.retry_seconds[0]
            elif not last:
                self._rest(delay)
                delay = min(delay * 2, self._flow.retry_seconds[1])
            if last:
                return

    def _rest(self, seconds: float) -> None:
        self._turned = time.monotonic() + seconds
        self._stopping.wait(seconds)
        self._turned = time.monotonic()

    def _send(self, *, everything: bool) -> bool:
        """Publish what may leave now; whether the bus took it."""
        with self._changed:
            self._leaving = self._taken(everything=everything)
        if not self._leaving:
            return True
        try:
            self._publish(list(self._leaving.values()))
        except Exception as error:  # noqa: BLE001  whatever the bus says, the works are still due
            _LOG.warning("%d works wait for the bus: %s", len(self._leaving), str(error)[:256])
            with self._changed:
                self.sent.failures += 1
                for unit, work in self._leaving.items():
                    self._waiting[unit] = _joined(work, self._waiting.get(unit, work))
                self._leaving = {}
            return False
        with self._changed:
            self.sent.published += len(self._leaving)
            self._allowance -= len(self._leaving)
            self._told |= dict.fromkeys(self._leaving, time.monotonic())
            self._leaving = {}
        return True

    def _taken(self, *, everything: bool) -> dict[_Unit, Work]:
        """Take out of what waits as much as the rate allows, changes before the sweep."""
        now = time.monotonic()
        earned = (now - self._refilled) * self._flow.per_second
        self._allowance = min(float(self._flow.burst), self._allowance + earned)
        self._refilled = now
        room = len(self._waiting) + len(self._sweep) if everything else int(self._allowance)
        found: dict[_Unit, Work] = {}
        for waiting in (self._waiting, self._sweep):
            for unit in list(waiting)[: max(0, room - len(found))]:
                found[unit] = waiting.pop(unit)
        return found
