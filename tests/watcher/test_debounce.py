"""Many changes become few events, and none is lost while the bus is down."""

import threading

from fedingress.domain.errors import Unavailable
from fedingress.domain.work import Work
from fedingress.watcher.debounce import Debounce
from tests.watcher.links import until


def work(name: str, cause: str = "changed") -> Work:
    return Work(concern="fanout", unit=f"shop/{name}", cause=cause)


def test_a_burst_is_published_once():
    """A hundred changes of two units are two works."""
    batches = []
    with Debounce(batches.append, quiet_seconds=0.1) as debounce:
        for _ in range(50):
            debounce.add([work("a"), work("b")])
        assert until(lambda: batches)

    assert [[each.unit for each in batch] for batch in batches] == [["shop/a", "shop/b"]]


def test_a_bus_that_is_down_loses_nothing():
    """Works wait, one per unit, until the bus accepts them."""
    batches, broken, tries = [], threading.Event(), []
    broken.set()

    def publish(works):
        tries.append(len(works))
        if broken.is_set():
            raise Unavailable("no bus")
        batches.append(works)

    pace = {"quiet_seconds": 0.01, "retry_seconds": (0.01, 0.05)}
    with Debounce(publish, **pace) as debounce:
        debounce.add([work("a", "first")])
        assert until(lambda: len(tries) >= 3)
        debounce.add([work("a", "second"), work("b")])
        assert until(lambda: 2 in tries)
        broken.clear()
        assert until(lambda: batches)

    assert sorted(each.unit for each in batches[0]) == ["shop/a", "shop/b"]


def test_what_waits_is_published_at_the_end():
    """Stopping does not drop the last works."""
    batches = []
    debounce = Debounce(batches.append, quiet_seconds=30.0)
    debounce.start()
    debounce.add([work("late")])
    debounce.stop()

    assert [each.unit for batch in batches for each in batch] == ["shop/late"]


def test_stopping_while_the_bus_is_down_ends():
    """A broken bus does not hold the process."""

    def publish(works):
        raise Unavailable("no bus")

    debounce = Debounce(publish, quiet_seconds=0.01, retry_seconds=(30.0, 30.0))
    debounce.start()
    debounce.add([work("a")])
    debounce.stop(timeout_seconds=5.0)

    assert not debounce._thread.is_alive()
