"""The watcher's pages: probes that fail when they should, and metrics that can be parsed."""

import time

import pytest

from fedingress.watcher import figures
from fedingress.watcher.cluster import ClusterWatch, config_role, member_role
from fedingress.watcher.debounce import Debounce
from fedingress.watcher.exposition import Metric, Sample, exposition


@pytest.fixture
def debounce():
    return Debounce(lambda works: None)


@pytest.fixture
def watch(debounce):
    found = ClusterWatch(None, member_role("lab"), debounce)
    for each in found.watches.values():
        each._thread.run = lambda: None
        each.start()
    return found


def test_text_is_escaped():
    """Quotes, backslashes and line ends of a label stay within it; whole numbers are exact."""
    labels = {"kind": 'a"b\\c\nd'}
    metric = Metric(
        name="x_total",
        type="counter",
        help="A\nline.",
        samples=[Sample(value=10**9, labels=labels)],
    )
    assert exposition([metric]) == (
        "# HELP x_total A\\nline.\n# TYPE x_total counter\n"
        'x_total{kind="a\\"b\\\\c\\nd"} 1000000000\n'
    )


def test_every_family_is_named_once(watch, debounce):
    """No two families share a name, each has a type, and counters end as they should."""
    text = figures.metrics(watch, debounce).text
    typed = [line.split()[2:] for line in text.splitlines() if line.startswith("# TYPE")]

    assert len({name for name, _ in typed}) == len(typed) >= 15
    assert all(name.endswith("_total") == (kind == "counter") for name, kind in typed)


def test_a_standstill_is_not_alive(watch, debounce):
    """A thread that has not moved for three minutes fails the probe; waiting as asked does not."""
    assert figures.alive(watch, debounce).status == 200
    stuck = watch.watches["Service"]
    stuck._turned = stuck._progress = time.monotonic() - 200
    assert figures.alive(watch, debounce).status == 503
    stuck._turned = time.monotonic() + 300
    assert figures.alive(watch, debounce).status == 200


def test_a_publisher_that_hangs_is_not_alive(watch, debounce):
    """Works wait and nobody goes round."""
    debounce.add(watch._routes.works("Service", "SYNCED", None))
    debounce._turned = time.monotonic() - 200
    assert figures.alive(watch, debounce).status == 200
    debounce._waiting["fanout", "a/b"] = None
    assert figures.alive(watch, debounce).status == 503


def test_ready_means_listed_and_spoken_to(watch):
    """Not before the first lists, and not while the API server is silent."""
    for kind in ("Ingress", "EndpointSlice"):
        watch.watches[kind].synced.set()
    answer = figures.ready(watch)
    assert (answer.status, answer.text) == (503, "not listed yet: services, endpointslices\n")
    watch.watches["Service"].synced.set()
    watch.watches["EndpointSlice"].synced.set()
    assert figures.ready(watch).status == 200
    watch.watches["Service"]._progress = time.monotonic() - 200
    assert figures.ready(watch).status == 503


def test_a_watcher_is_ready_without_a_right_on_secrets(debounce):
    """It may be taken away: certificates are then found by the next resync."""
    watch = ClusterWatch(None, config_role("inventory"), debounce)
    for kind, each in watch.watches.items():
        if kind != "Secret":
            each.synced.set()
    watch.watches["Secret"]._progress = time.monotonic() - 1000

    assert figures.ready(watch).status == 200


def test_the_leading_kind_comes_first(debounce):
    """Nothing else is watched before the classes are listed, and stopping still ends."""
    watch = ClusterWatch(None, config_role("inventory"), debounce)
    leading, *others = watch.watches.values()
    assert leading.resource.kind == "IngressClass"
    leading._thread.run = lambda: None
    watch.start()
    watch.stop()
    assert not any(each.started for each in others)
