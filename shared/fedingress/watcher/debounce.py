"""
From many changes to few events: works are collected for a moment, each unit once, then published.

The watcher's callbacks must not wait for a bus. While the bus is down the works stay here, one per
unit, so that memory is bounded by the number of units and nothing is lost.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Self

from fedingress.domain.work import Work

_LOG = logging.getLogger("fedingress")


class Debounce:
    """
    Publishes from a thread of its own; also a context manager.

    quiet_seconds: from the first work of a batch to its publication.
    retry_seconds: the first and the longest wait after the bus has failed.
    """

    def __init__(
        self,
        publish: Callable[[Sequence[Work]], None],
        *,
        quiet_seconds: float = 1.0,
        retry_seconds: tuple[float, float] = (0.5, 30.0),
    ) -> None:
        self._publish = publish
        self._quiet_seconds = quiet_seconds
        self._retry_seconds = retry_seconds
        self._waiting: dict[tuple[str, str], Work] = {}
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

    def add(self, works: Iterable[Work]) -> None:
        """Have *works* published soon; returns at once."""
        with self._changed:
            for work in works:
                self._waiting.setdefault((work.concern, work.unit), work)
            self._changed.notify()

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """Publish what waits, once, and end."""
        self._stopping.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        delay = self._retry_seconds[0]
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopping.is_set())
            self._stopping.wait(self._quiet_seconds)
            with self._changed:
                batch, self._waiting = self._waiting, {}
            if self._published(batch):
                delay = self._retry_seconds[0]
            elif not self._stopping.is_set():
                self._stopping.wait(delay)
                delay = min(delay * 2, self._retry_seconds[1])
            if self._stopping.is_set() and not self._waiting:
                return

    def _published(self, batch: dict[tuple[str, str], Work]) -> bool:
        if not batch:
            return True
        try:
            self._publish(list(batch.values()))
        except Exception as error:  # noqa: BLE001  whatever the bus says, the works are still due
            _LOG.warning("%d works wait for the bus: %s", len(batch), error)
            if not self._stopping.is_set():
                with self._changed:
                    self._waiting = batch | self._waiting
            return False
        return True
