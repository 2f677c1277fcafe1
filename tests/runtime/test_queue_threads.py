"""The queue under real threads, without a director."""

import threading

import pytest

from fedingress.adapters.stores.memory import MemoryStore
from fedingress.adapters.stores.sqlite import SqliteStore
from fedingress.domain.outcome import Settled
from fedingress.domain.work import Work
from fedingress.runtime.queue import Again, Lease, WorkQueue
from tests.runtime.clocks import HandClock

WORK = Work(concern="dns", unit="cloud-dns:acme/example-com", cause="ingress.changed")
THREADS = 50


class Crowd:
    """Threads that each bring one request, and run whatever they may run."""

    def __init__(self, queue):
        self.queue = queue
        self.start = threading.Barrier(THREADS)
        self.counting, self.working = threading.Lock(), threading.Lock()
        self.acknowledged = threading.Event()
        self.asked, self.observed, self.failures = 0, [], []

    def bring(self, n):
        try:
            self.start.wait()
            with self.counting:
                self.asked += 1
            answer = self.queue.take(WORK, f"event-{n}")
            while isinstance(answer, Lease):
                answer = self.run(answer)
            self.acknowledged.set()
        except Exception as error:  # noqa: BLE001  the test looks at it
            self.failures.append(error)

    def run(self, lease):
        if not self.working.acquire(blocking=False):
            self.failures.append("two runs at once")
        self.observed.append(self.asked)
        self.acknowledged.wait(10)  # the first run lasts until a request came in during it
        self.working.release()
        ended = self.queue.settle(lease, Settled())
        return self.queue.start(ended.lease) if isinstance(ended, Again) else ended


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    if request.param == "memory":
        yield MemoryStore()
        return
    store = SqliteStore(tmp_path / "state.db", busy_seconds=30)
    yield store
    store.close()


def test_fifty_deliveries_for_one_unit(store):
    """Of 50 threads one works at a time, and a run observes after the last request."""
    queue = WorkQueue(store, HandClock())
    crowd = Crowd(queue)
    threads = [threading.Thread(target=crowd.bring, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert crowd.failures == []
    assert max(crowd.observed) == THREADS
    assert 2 <= len(crowd.observed) < THREADS
    state = queue.state(WORK.concern, WORK.unit)
    assert (state.wanted, state.owner) == (state.done, "")
