"""Many threads that bring requests for one unit to one queue at the same moment."""

import threading

from fedingress.domain.outcome import Settled
from fedingress.runtime.queue import Again, Lease

THREADS = 50
WAITING = 10
"""The first run lasts until so many requests came in during it."""


class Crowd:
    """Threads that each bring one request for *work*, and run whatever they may run."""

    def __init__(self, queue, work):
        self.queue, self.work = queue, work
        self.start = threading.Barrier(THREADS)
        self.counting, self.working = threading.Lock(), threading.Lock()
        self.acknowledged = threading.Semaphore(0)
        self.asked, self.observed, self.failures = 0, [], []

    def check(self):
        """Bring all; one works at a time, and a run observes after the last request."""
        threads = [threading.Thread(target=self.bring, args=(n,)) for n in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert self.failures == []
        assert max(self.observed) == THREADS
        assert 2 <= len(self.observed) <= THREADS - WAITING + 1
        state = self.queue.state(self.work.concern, self.work.unit)
        assert (state.wanted, state.owner) == (state.done, "")

    def bring(self, n):
        """One thread's request."""
        try:
            self.start.wait()
            with self.counting:
                self.asked += 1
            answer = self.queue.take(self.work, f"event-{n}")
            while isinstance(answer, Lease):
                answer = self.run(answer)
            self.acknowledged.release()
        except Exception as error:  # noqa: BLE001  the test looks at it
            self.failures.append(error)

    def run(self, lease):
        """One run."""
        if not self.working.acquire(blocking=False):
            self.failures.append("two runs at once")
        self.observed.append(self.asked)
        if len(self.observed) == 1:
            for _ in range(WAITING):
                self.acknowledged.acquire(timeout=10)
        self.working.release()
        ended = self.queue.settle(lease, Settled())
        return self.queue.start(ended.lease) if isinstance(ended, Again) else ended
