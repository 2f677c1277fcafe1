"""The queue behind the bus of one process: bursts and failures end in peace, untended."""

import threading
import time
from collections import defaultdict

import pytest

from fedingress.adapters.buses.inprocess import InProcessBus
from fedingress.adapters.stores.memory import MemoryStore
from fedingress.adapters.stores.sqlite import SqliteStore
from fedingress.domain.errors import Conflict
from fedingress.domain.outcome import Later, Settled
from fedingress.domain.work import Work
from fedingress.runtime.invoke import invoke
from fedingress.runtime.queue import Acknowledged, WorkQueue
from tests.runtime.clocks import WallClock

UNITS = [f"shop/web-{n}" for n in range(12)]
DEADLINE = 30.0


class Concern:
    """Copies what is wanted of each unit; every run is in trouble first."""

    def __init__(self):
        self.lock = threading.Lock()
        self.wanted, self.copied = defaultdict(int), defaultdict(int)
        self.runs, self.busy, self.faults = defaultdict(int), set(), []

    def change(self, unit):
        with self.lock:
            self.wanted[unit] += 1

    def reconcile(self, work, guard):
        with self.lock:
            if work.unit in self.busy:
                self.faults.append(f"two runs at once for {work.unit}")
            self.busy.add(work.unit)
            self.runs[work.unit] += 1
            run, observed = self.runs[work.unit], self.wanted[work.unit]
        try:
            time.sleep(0.001)  # so that changes come in during runs
            guard.check(1.0)
            if run % 5 == 1:
                return Later(after_seconds=0.05, why="an operation is pending")
            if run % 5 == 2:
                raise Conflict("stale")
            self.copied[work.unit] = observed
            return Settled()
        finally:
            with self.lock:
                self.busy.remove(work.unit)


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    if request.param == "memory":
        yield MemoryStore()
        return
    store = SqliteStore(tmp_path / "state.db", busy_seconds=30)
    yield store
    store.close()


def test_every_change_is_copied(store):
    """After 600 changes of 12 units the last one of each is copied, one run at a time each."""
    concern, clock = Concern(), WallClock()
    queue = WorkQueue(store, clock)
    with InProcessBus(clock, workers=6) as bus:

        def handle(work, delivery):
            done = invoke(work, delivery, queue=queue, bus=bus, reconcile=concern.reconcile)
            return isinstance(done, Acknowledged)

        bus.subscribe("fanout", handle)
        for n in range(600):
            unit = UNITS[n % len(UNITS)]
            concern.change(unit)
            bus.publish([Work(concern="fanout", unit=unit, cause="ingress.changed")])
        assert bus.idle(DEADLINE, within_seconds=5.0)

    assert concern.faults == []
    assert concern.copied == concern.wanted
    assert all(queue.state("fanout", unit).due_at is None for unit in UNITS)
