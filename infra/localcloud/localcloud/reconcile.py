"""
The loop that every controller of the local cloud turns in: keys that want another look.

Level-triggered: a key says where to look, never what happened, so a burst of events on one key is
one look, and a look that fails is repeated. Used by the controllers in `workloads` and `gke`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Look = Callable[[Key], Awaitable[float | None]]

_FIRST_RETRY_SECONDS = 0.05
_LAST_RETRY_SECONDS = 2.0

log = logging.getLogger("localcloud")


class Reconciler(Generic[Key]):
    """One worker over a set of keys; a key is never looked at twice at the same time."""

    def __init__(self, name: str, look: Look[Key]) -> None:
        """
        Look with *look*, which gives the seconds after which it wants to be called again, or None.

        Args:
            name: Stands in log lines.
            look: An exception that it raises is logged, and the key comes back with growing delay.
        """
        self._name = name
        self._look = look
        self._wanted: dict[Key, None] = {}  # a dict keeps the order of arrival, a set does not
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._wake = asyncio.Event()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._worker: asyncio.Task[None] | None = None

    def want(self, key: Key) -> None:
        """Ask for a look at *key* as soon as possible; from the loop's own thread only."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        self._wanted[key] = None
        self._quiet.clear()
        self._wake.set()

    async def start(self) -> None:
        """Begin to work; keys that were wanted before are kept."""
        self._worker = asyncio.create_task(self._work(), name=self._name)

    async def close(self) -> None:
        """Stop after the look in progress; nothing is looked at any more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
            self._worker = None

    async def idle(self) -> None:
        """Return when no key is wanted now; keys that wait for their time do not count."""
        await self._quiet.wait()

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            while self._wanted:
                key = next(iter(self._wanted))
                del self._wanted[key]
                await self._attempt(key)
            self._wake.clear()
            self._quiet.set()

    async def _attempt(self, key: Key) -> None:
        try:
            again = await self._look(key)
        except Exception:  # a controller outlives every bad object
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            log.exception("%s: %s failed, attempt %d", self._name, key, failures)
            again = min(_FIRST_RETRY_SECONDS * 2**failures, _LAST_RETRY_SECONDS)
        else:
            self._failures.pop(key, None)
        if again is not None and key not in self._wanted:
            loop = asyncio.get_running_loop()
            self._timers[key] = loop.call_later(again, self.want, key)
