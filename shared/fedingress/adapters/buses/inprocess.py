"""
The bus of one process: deliveries by a thread pool, as unreliable in order as the real ones.

For the embedded home, the command line and tests. What it holds is lost with the process; the
store's `due_at` and the tick bring it back.
"""

import heapq
import itertools
import logging
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final, Self

from fedingress.domain.errors import Unavailable
from fedingress.domain.work import Work
from fedingress.ports.clock import Clock

_LOG: Final = logging.getLogger("fedingress")
_FIRST_BACKOFF: Final = 0.1
_LAST_BACKOFF: Final = 10.0
_JOIN: Final = 0.1
"""A delayed hint joins one that comes at most this part of its delay later."""

Handler = Callable[[Work, str], bool]
"""Gets the work and its delivery's id; False asks for a redelivery, as an exception does."""
Unit = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Hints by their state. *delayed* holds redeliveries too."""

    ready: int
    running: int
    delayed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hint:
    work: Work
    delivery: str
    attempt: int = 0

    @property
    def unit(self) -> Unit:
        return self.work.concern, self.work.unit


class InProcessBus:
    """
    Delivers each published work at least once to the handler of its concern.

    Undelivered hints for one unit are joined, a thorough one wins. *workers*: deliveries at a time.
    *capacity*: hints held at most; beyond it the bus is `Unavailable`. Times are the clock's, waits
    are real: a test that moves its clock calls `wake`.
    """

    def __init__(self, clock: Clock, *, workers: int = 8, capacity: int = 100_000) -> None:
        self.clock = clock
        self.capacity = capacity
        self._changed = threading.Condition()
        self._handlers: dict[str, Handler] = {}
        self._ready: OrderedDict[Unit, _Hint] = OrderedDict()
        self._delayed: list[tuple[float, int, _Hint]] = []
        self._dues: dict[Unit, list[float]] = {}
        self._order = itertools.count()
        self._running = 0
        self._paused = self._closed = False
        self._ids = f"inprocess-{uuid.uuid4().hex[:12]}"
        self._threads = [
            threading.Thread(target=self._work, name=f"bus-{n}", daemon=True)
            for n in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def subscribe(self, concern: str, handler: Handler) -> None:
        """Deliver work for *concern* to *handler*; until then it waits."""
        with self._changed:
            self._handlers[concern] = handler
            self._changed.notify_all()

    def publish(self, works: Iterable[Work]) -> None:
        """
        Accept all works or none.

        Raises:
            Unavailable: The bus is full or closed.
        """
        hints = [_Hint(work=work, delivery=self._next_id()) for work in works]
        with self._changed:
            if self._closed:
                raise Unavailable("the bus is closed")
            if len(self._ready) + len(self._delayed) + len(hints) > self.capacity:
                raise Unavailable(f"the bus holds {self.capacity} hints already")
            for hint in hints:
                if hint.work.delay_seconds > 0:
                    self._delay(hint, hint.work.delay_seconds)
                else:
                    self._make_ready(hint)
            self._changed.notify_all()

    def pending(self) -> Pending:
        """How many hints there are, by state."""
        with self._changed:
            return Pending(
                ready=len(self._ready), running=self._running, delayed=len(self._delayed)
            )

    def idle(self, timeout_seconds: float, *, within_seconds: float = 0.0) -> bool:
        """
        Wait until nothing is ready or running, and no delayed hint comes *within_seconds*.

        Returns:
            Whether that was so before *timeout_seconds* were over.
        """
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            while not self._is_idle(within_seconds):
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
            return True

    def pause(self) -> None:
        """Deliver nothing more; what runs ends, what is published waits."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        """Deliver again."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def wake(self) -> None:
        """Look at the clock again, which a test has moved."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Let the running deliveries end and stop; undelivered hints are dropped."""
        with self._changed:
            self._closed = True
            self._ready.clear()
            self._delayed.clear()
            self._dues.clear()
            self._changed.notify_all()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def _work(self) -> None:
        while (found := self._next()) is not None:
            hint, handler = found
            acknowledged = False
            try:
                acknowledged = handler(hint.work, hint.delivery)
            except BaseException:  # noqa: BLE001  a handler never ends its worker
                _LOG.exception(
                    "delivery %s of %s %r failed", hint.delivery, hint.work.concern, hint.work.unit
                )
            self._end(hint, acknowledged=acknowledged)

    def _next(self) -> tuple[_Hint, Handler] | None:
        """Wait for a hint that can be delivered; None when the bus is closed."""
        with self._changed:
            while not self._closed:
                self._ripen()
                if not self._paused:
                    for unit, hint in self._ready.items():
                        handler = self._handlers.get(hint.work.concern)
                        if handler:
                            del self._ready[unit]
                            self._running += 1
                            return hint, handler
                self._changed.wait(self._seconds_to_next())
            return None

    def _end(self, hint: _Hint, *, acknowledged: bool) -> None:
        with self._changed:
            self._running -= 1
            if not acknowledged and not self._closed:
                backoff = min(_FIRST_BACKOFF * 2.0 ** min(hint.attempt, 16), _LAST_BACKOFF)
                again = replace(hint, attempt=hint.attempt + 1)
                self._push(again, self.clock.now() + backoff)
            self._changed.notify_all()

    def _make_ready(self, hint: _Hint) -> None:
        waiting = self._ready.get(hint.unit)
        if waiting is None or (hint.work.thorough and not waiting.work.thorough):
            self._ready[hint.unit] = hint  # in the place of the one it joins

    def _delay(self, hint: _Hint, delay_seconds: float) -> None:
        due = self.clock.now() + delay_seconds
        joins = any(due <= d <= due + _JOIN * delay_seconds for d in self._dues.get(hint.unit, ()))
        if hint.work.thorough or not joins:
            self._push(hint, due)

    def _push(self, hint: _Hint, due: float) -> None:
        heapq.heappush(self._delayed, (due, next(self._order), hint))
        self._dues.setdefault(hint.unit, []).append(due)

    def _ripen(self) -> None:
        now = self.clock.now()
        while self._delayed and self._delayed[0][0] <= now:
            due, _, hint = heapq.heappop(self._delayed)
            dues = self._dues[hint.unit]
            dues.remove(due)
            if not dues:
                del self._dues[hint.unit]
            self._make_ready(hint)

    def _seconds_to_next(self) -> float | None:
        return max(self._delayed[0][0] - self.clock.now(), 0.0) if self._delayed else None

    def _is_idle(self, within_seconds: float) -> bool:
        soon = self._delayed and self._delayed[0][0] <= self.clock.now() + within_seconds
        return not (self._ready or self._running or soon)

    def _next_id(self) -> str:
        return f"{self._ids}-{next(self._order)}"
