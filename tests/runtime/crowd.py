"""Many threads that bring requests for one unit to one queue at the same moment."""

import threading

from fedingress.domain.outcome import Settled
from fedingress.runtime.queue import Again, Lease

THREADS = 50


class Crowd:
    """Threads that each bring one request for *work*, and run whatever they may run."""

    def __init__(self, queue, work):
        self.queue, self.work = queue, work
        self.start = threading.Barrier(THREADS)
        self.counting, self.working = threading.Lock(), threading.Lock()
        self.acknowledged = threading.Event()
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
        assert 2 <= len(self.observed) < THREADS
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
            self.acknowledged.set()
        except Exception as error:  # noqa: BLE001  the test looks at it
            self.failures.append(error)

    def run(self, lease):
        """One run."""
        if not self.working.acquire(blocking=False):
            self.failures.append("two runs at once")
        self.observed.append(self.asked)
        self.acknowledged.wait(10)  # the first run lasts until a request came in during it
        self.working.release()
        ended = self.queue.settle(lease, Settled())
        return self.queue.start(ended.lease) if isinstance(ended, Again) else ended
