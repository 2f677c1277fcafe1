"""
What an event costs on its way through the embedded home: the bus, the queue, and a burst of them.

The bus and the queue are the product's own, over SQLite on disk, as `fedingress serve` has them; a
run does nothing but take *RUN_SECONDS*, so that the way is measured, and not the concern.
"""

import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from fedingress.adapters.buses.inprocess import InProcessBus
from fedingress.adapters.stores.sqlite import SqliteStore
from fedingress.domain.outcome import Outcome, Settled
from fedingress.domain.work import Work
from fedingress.ports import Guard
from fedingress.runtime.clock import SystemClock
from fedingress.runtime.invoke import invoke
from fedingress.runtime.queue import Acknowledged, WorkQueue
from tests.bench.figures import Figure
from tests.bench.world import CountedStore

RUN_SECONDS: Final = 0.005
_WORKERS: Final = 8


def measure(single: int = 200, *, burst: int = 5_000, units: int = 500) -> list[Figure]:
    """
    Latencies of single events, and what a burst comes to.

    Args:
        single: Events sent one after the other, each when the one before is done.
        burst: Events sent at once, in an order drawn from a seed.
        units: Over how many units.
    """
    with _home() as home:
        figures = _latencies(home, single)
    with _home() as home:
        return figures + _burst(home, burst, units)


class _Home:
    """A bus, a queue, and the moments of each run."""

    def __init__(self, store: CountedStore) -> None:
        self.store = store
        clock = SystemClock()
        self.queue = WorkQueue(store, clock)
        self.bus = InProcessBus(clock, workers=_WORKERS)
        self.bus.subscribe("fanout", self._handle)
        self.spans: list[tuple[float, float, float, float]] = []
        self._lock = threading.Lock()

    def _handle(self, work: Work, delivery: str) -> bool:
        delivered = time.perf_counter()
        runs: list[tuple[float, float]] = []

        def reconcile(taken: Work, guard: Guard) -> Outcome:
            began = time.perf_counter()
            time.sleep(RUN_SECONDS)
            runs.append((began, time.perf_counter()))
            return Settled()

        answer = invoke(work, delivery, queue=self.queue, bus=self.bus, reconcile=reconcile)
        ended = time.perf_counter()
        with self._lock:
            self.spans += [(delivered, *run, ended) for run in runs]
        return isinstance(answer, Acknowledged)


@contextmanager
def _home() -> Iterator[_Home]:
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "state.db")
        home = _Home(CountedStore(store))
        try:
            yield home
        finally:
            home.bus.close()
            store.close()


def _latencies(home: _Home, count: int) -> list[Figure]:
    parts: dict[str, list[float]] = {"bus": [], "queue": [], "settle": [], "total": []}
    for number in range(count):
        sent = time.perf_counter()
        home.bus.publish([Work(concern="fanout", unit=f"shop/shop-{number}", cause="changed")])
        if not home.bus.idle(30.0):
            raise RuntimeError("an event was not done within 30 s")
        delivered, began, done, ended = home.spans[-1]
        parts["bus"].append(delivered - sent)
        parts["queue"].append(began - delivered)
        parts["settle"].append(ended - done)
        parts["total"].append(ended - sent - RUN_SECONDS)
    return [
        Figure(name=f"event.embedded.{part}.{name}", value=round(value * 1000, 2), unit="ms")
        for part, found in parts.items()
        for name, value in (
            ("p50", statistics.median(found)),
            ("p99", statistics.quantiles(found, n=100, method="inclusive")[98]),
        )
    ]


def _burst(home: _Home, burst: int, units: int) -> list[Figure]:
    works = [
        Work(concern="fanout", unit=f"shop/shop-{number % units}", cause="changed")
        for number in range(burst)
    ]
    random.Random(1).shuffle(works)
    began = time.perf_counter()
    for work in works:
        home.bus.publish([work])
    if not home.bus.idle(300.0):
        raise RuntimeError("the burst was not done within 300 s")
    seconds = time.perf_counter() - began
    name = f"burst.{burst}.units.{units}"
    calls = home.store.calls
    return [
        Figure(name=f"{name}.runs", value=len(home.spans), unit="runs", target=2.0 * units),
        Figure(name=f"{name}.seconds", value=round(seconds, 2), unit="s"),
        Figure(name=f"{name}.store.reads", value=calls["read"], unit="calls"),
        Figure(name=f"{name}.store.writes", value=calls["write"], unit="calls"),
    ]
