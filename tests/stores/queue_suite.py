"""What the work queue does on each store; subclassed with fixtures `store` and `requests`."""

import time

from fedingress.domain.outcome import Settled
from fedingress.domain.work import Work
from fedingress.runtime.queue import Acknowledged, WorkQueue
from tests.runtime import queue_schedules
from tests.runtime.clocks import HandClock
from tests.runtime.crowd import Crowd

WORK = Work(concern="dns", unit="cloud-dns:acme/example-com", cause="ingress.changed")


class QueueContract:
    """
    Cost, contention and random schedules.

    The fixture `requests` is the list of what was asked of the server, `read` or `write` each.
    """

    seconds = 2.0
    """How long schedules are played."""
    fewest = 10

    def test_uncontended_event_is_three_requests(self, store, requests):
        """An event that finds its unit free costs one read and two writes, whatever the store."""
        queue = WorkQueue(store, HandClock())
        for n in range(3):
            requests.clear()
            queue.settle(queue.take(WORK, f"event-{n}"), Settled())

            assert requests == ["read", "write", "write"]

    def test_covered_event_is_one_read(self, store, requests):
        """During a run the first event costs a read and a write, each further one a read."""
        queue = WorkQueue(store, HandClock())
        queue.take(WORK, "event-1")
        requests.clear()
        for n in range(2, 6):
            assert isinstance(queue.take(WORK, f"event-{n}"), Acknowledged)

        assert requests == ["read", "write", "read", "read", "read"]

    def test_fifty_deliveries_for_one_unit(self, store):
        """Of 50 threads one works at a time, and a run observes after the last request."""
        Crowd(WorkQueue(store, HandClock()), WORK).check()

    def test_random_schedules(self, store, request, record_property):
        """Crashes, lost replies, duplicates and skewed clocks lose no request and no lease."""
        first = request.config.getoption("--schedules-seed")
        count = request.config.getoption("--schedules-count")
        fewest = count or self.fewest

        def seeds():
            until, played = time.monotonic() + (0.0 if count else self.seconds), 0
            while time.monotonic() < until or played < fewest:
                yield first + played
                played += 1

        def emptied():
            for document in store.list("work"):
                store.delete(document.key)
            return store

        tally = queue_schedules.play_all(seeds(), emptied)
        seen = f"seeds {first} to {first + tally.schedules - 1}"
        record_property("schedules", f"queue on {type(store).__name__}, {seen}: {tally}")

        assert tally.schedules >= fewest
        assert tally.runs >= tally.schedules
