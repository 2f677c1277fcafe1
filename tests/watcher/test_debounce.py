"""Many changes become few events, and none is lost while the bus is down."""

import threading
import time

import pytest

from fedingress.domain import names
from fedingress.domain.errors import Unavailable
from fedingress.domain.work import ROTATION, Work
from fedingress.watcher.cluster import ClusterWatch, config_role
from fedingress.watcher.debounce import Debounce, Flow
from fedingress.watcher.mirror import ADDED, MODIFIED
from tests.watcher.links import until


def work(name: str, cause: str = "changed") -> Work:
    return Work(concern="fanout", unit=f"shop/{name}", cause=cause)


def test_a_burst_is_published_once():
    """A hundred changes of two units are two works."""
    batches = []
    with Debounce(batches.append, Flow(quiet_seconds=0.1)) as debounce:
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

    with Debounce(publish, Flow(quiet_seconds=0.01, retry_seconds=(0.01, 0.05))) as debounce:
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
    debounce = Debounce(batches.append, Flow(quiet_seconds=30.0))
    debounce.start()
    debounce.add([work("late")])
    debounce.stop()

    assert [each.unit for batch in batches for each in batch] == ["shop/late"]


def test_stopping_while_the_bus_is_down_ends():
    """A broken bus does not hold the process."""

    def publish(works):
        raise Unavailable("no bus")

    debounce = Debounce(publish, Flow(quiet_seconds=0.01, retry_seconds=(30.0, 30.0)))
    debounce.start()
    debounce.add([work("a")])
    debounce.stop(timeout_seconds=5.0)

    assert not debounce._thread.is_alive()
    assert debounce.pending() == [work("a")]


def test_a_flood_leaves_slowly_and_changes_go_ahead_of_it():
    """A sweep over a thousand units is held to the rate; what changed meanwhile passes it."""
    sent = []
    flow = Flow(quiet_seconds=0.01, burst=10, per_second=50.0)
    with Debounce(sent.extend, flow) as debounce:
        debounce.add([work(f"old-{n}") for n in range(1000)], sweep=True)
        assert until(lambda: sent)
        debounce.add([work("now"), work("old-999")])
        assert until(lambda: {"shop/now", "shop/old-999"} <= {each.unit for each in sent})
        assert len(sent) < 100
        assert len(debounce.pending()) > 800
        assert debounce.sent.coalesced == 1
    assert len(sent) == len({each.unit for each in sent}) == 1001


def test_what_is_on_its_way_is_still_pending():
    """A checkpoint that is written during a publication must not lose it."""
    entered, leave = threading.Event(), threading.Event()

    def publish(works):
        entered.set()
        assert leave.wait(10)

    with Debounce(publish, Flow(quiet_seconds=0.01)) as debounce:
        debounce.add([work("a")])
        assert entered.wait(10)
        assert debounce.pending() == [work("a")]
        assert debounce.stuck_seconds() >= 0
        leave.set()
        assert until(lambda: debounce.pending() == [])
        assert debounce.stuck_seconds() == 0
        assert debounce.sent.published == 1


def test_what_was_published_lately_can_be_told_again():
    """After a gap a watch repeats what was published since; what is older is forgotten."""
    batches = []
    with Debounce(batches.append, Flow(quiet_seconds=0.01)) as debounce:
        debounce.add([work("old")])
        assert until(lambda: debounce.sent.published == 1)
        moment = time.monotonic()
        debounce.add([work("new")])
        assert until(lambda: debounce.sent.published == 2)

        assert [each.unit for each in debounce.told_since(moment)] == ["shop/new"]
        assert [each.unit for each in debounce.told_since(0.0)] == ["shop/new"]
        assert debounce.told_since(time.monotonic()) == []


@pytest.mark.parametrize("causes", [("changed", ROTATION), (ROTATION, "changed")])
def test_what_asks_for_a_thorough_look_is_not_lost_among_others(causes):
    """Whichever comes first, also while the bus is down."""
    batches, broken, tries = [], threading.Event(), []
    broken.set()

    def publish(works):
        tries.append(works)
        if broken.is_set():
            raise Unavailable("no bus")
        batches.append(works)

    first, second = causes
    with Debounce(publish, Flow(quiet_seconds=0.01, retry_seconds=(0.01, 0.05))) as debounce:
        debounce.add([work("a", first), work("b", first)])
        debounce.add([work("a", second)])
        assert until(lambda: tries)
        debounce.add([work("b", second)])
        broken.clear()
        wanted = {("shop/a", ROTATION), ("shop/b", ROTATION)}
        assert until(
            lambda: wanted <= {(each.unit, each.cause) for batch in batches for each in batch}
        )


def test_a_first_list_of_secrets_asks_for_no_thorough_look():
    """Without a checkpoint everything looks new; what ticks spread must not come at once."""
    debounce = Debounce(lambda _: None)
    watch = ClusterWatch(None, config_role("inventory"), debounce)
    parameters = {"apiGroup": "fedingress.dev", "kind": "FederationPolicy", "name": "main"}
    spec = {"controller": names.CONTROLLER, "parameters": parameters}
    watch._changed("IngressClass", ADDED, {"metadata": {"name": "federated"}, "spec": spec})
    meta = {"namespace": "shop", "name": "web"}
    tls = {"ingressClassName": "federated", "tls": [{"secretName": "web"}]}
    watch._changed("Ingress", ADDED, {"metadata": meta, "spec": tls})
    watch._changed("Secret", ADDED, {"metadata": meta})
    first = debounce.pending()
    watch.watches["Secret"].synced.set()
    watch._changed("Secret", MODIFIED, {"metadata": meta})

    assert [each.cause for each in first] == ["ingress.seen"]
    assert [each.cause for each in debounce.pending()] == [ROTATION]
