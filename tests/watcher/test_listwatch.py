"""The watcher's loop against a real API server: every change told once, whatever the link does."""

import dataclasses
import random
import threading
import time

import pytest

from fedingress.adapters.kube.connect import to_server
from fedingress.adapters.kube.resources import INGRESS
from fedingress.domain.names import CONDITIONS
from fedingress.watcher.listwatch import ListWatch
from fedingress.watcher.pace import Pace
from tests.adapters.kube.running import QUICK, TOKEN, running_cluster
from tests.watcher.links import Link, Told, until

pytestmark = pytest.mark.wire

PACE = Pace(silence=1.0, watch=(4, 6), backoff=(0.02, 0.3), short_watch=0.2)


@pytest.fixture
def cluster():
    with running_cluster(history=200, bookmark_seconds=0.3) as running:
        yield running


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def watching(cluster, told):
    connection = cluster.connection()
    with ListWatch(connection, INGRESS, told, pace=PACE, seed=7) as watch:
        assert watch.synced.wait(10)
        yield watch
    connection.close()


def ingress(name: str, host: str = "a.example.com", **annotations: str) -> dict:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"namespace": "shop", "name": name, "annotations": annotations},
        "spec": {"rules": [{"host": host, "http": {"paths": paths}}]},
    }


def test_what_is_there_is_told_first(cluster, told):
    """Objects that were there before the watcher arrive, then SYNCED."""
    cluster.put(ingress("old"))
    connection = cluster.connection()
    with ListWatch(connection, INGRESS, told, pace=PACE) as watch:
        assert watch.synced.wait(10)
        assert told.events == [("ADDED", "old"), ("SYNCED", "")]
    connection.close()


def test_changes_and_deletions_are_told(cluster, told, watching):
    """Create, change, delete: three events in that order."""
    cluster.put(ingress("web"))
    cluster.put(ingress("web", host="b.example.com"))
    cluster.remove("Ingress", "shop", "web")

    assert until(lambda: told.changes("web") == ["ADDED", "MODIFIED", "DELETED"])


def test_our_own_writes_wake_nobody(cluster, told, watching):
    """Status, our annotations and finalizers change the version and nothing else."""
    stored = cluster.put(ingress("web"))
    cluster.put(ingress("web", **{CONDITIONS: "[1]"}))
    address = {"loadBalancer": {"ingress": [{"ip": "127.9.0.1"}]}}
    cluster.put_status({**ingress("web"), "status": address})
    cluster.put(ingress("end"))

    assert until(lambda: told.changes("end"))
    assert told.changes("web") == ["ADDED"]
    assert watching.mirror.irrelevant >= 2
    assert stored["metadata"]["resourceVersion"]


def test_a_cut_connection_is_resumed(cluster, told, watching):
    """The watch goes on where it was: nothing is told twice, and nothing is listed anew."""
    cluster.put(ingress("one"))
    assert until(lambda: told.changes("one"))
    cluster.do(cluster.cluster.cut_watches)
    cluster.put(ingress("two"))

    assert until(lambda: told.changes("two"))
    assert told.changes("one") == ["ADDED"]
    assert watching.counts.lists == 1


def test_410_as_an_event_leads_to_a_new_list(cluster, told, watching):
    """A compacted history costs a list, and a deletion in between is still told."""
    cluster.put(ingress("gone"))
    assert until(lambda: told.changes("gone"))

    def compacted():
        # In one step of the server's loop: the watcher cannot come back in between.
        cluster.cluster.cut_watches()
        cluster.cluster.remove("ingresses.networking.k8s.io", "shop", "gone")
        cluster.cluster.compact()

    cluster.do(compacted)
    assert until(lambda: told.changes("gone") == ["ADDED", "DELETED"])
    assert watching.counts.lists == 2
    assert watching.counts.expired == 1


def test_410_as_a_status_leads_to_a_new_list(cluster, told, watching):
    """The other way in which servers say it."""
    cluster.fault(path="watch=true", status=410)
    cluster.do(cluster.cluster.cut_watches)
    cluster.put(ingress("new"))

    assert until(lambda: watching.counts.lists == 2)
    assert until(lambda: told.changes("new") == ["ADDED"])
    assert watching.counts.expired == 1


def test_another_object_of_the_same_name_is_told_as_such(cluster, told, watching):
    """Deleted and made again while nobody watched: DELETED, then ADDED with the new uid."""
    cluster.put(ingress("web"))
    assert until(lambda: told.changes("web"))
    first = told.uids["web"]

    def swapped():
        cluster.cluster.cut_watches()
        cluster.cluster.remove("ingresses.networking.k8s.io", "shop", "web")
        cluster.cluster.put(ingress("web"), manager="kubectl")
        cluster.cluster.compact()

    cluster.do(swapped)
    assert until(lambda: told.changes("web") == ["ADDED", "DELETED", "ADDED"])
    assert told.uids["web"] != first


def test_a_silent_link_is_left_in_time(cluster, told):
    """Without bookmarks the client's own timeout ends the watch; changes then arrive."""
    link = Link(cluster._loop, cluster.port)
    connection = to_server(
        f"https://127.0.0.1:{link.port}",
        name="gke-us",
        ca_data=cluster.ca_data,
        credentials=lambda fresh: f"Bearer {TOKEN}",
        concern="watcher",
        timeouts=dataclasses.replace(QUICK, connect_seconds=0.5, read_seconds=0.5),
    )
    with ListWatch(connection, INGRESS, told, pace=PACE) as watch:
        assert watch.synced.wait(10)
        cluster.put(ingress("before"))
        assert until(lambda: told.changes("before"))
        link.silence()
        cluster.put(ingress("while-silent"))
        assert until(lambda: watch.counts.silent, seconds=30.0)
        assert told.changes("while-silent") == []
        link.flow()
        assert until(lambda: told.changes("while-silent") == ["ADDED"], seconds=30.0)
    connection.close()
    link.close()


def test_bookmarks_keep_a_quiet_watch_alive(cluster, told, watching):
    """A link on which nothing happens is not taken for a dead one."""
    assert not until(lambda: watching.counts.silent, seconds=1.5)
    assert watching.quiet_seconds() < 1.0
    assert watching.counts.watches == 1


def test_a_server_that_was_away_is_found_again(cluster, told, watching):
    """Down for a while, then back on the same port: the watch goes on."""
    cluster.break_down()
    assert until(lambda: watching.counts.errors >= 2)
    cluster.come_back()
    cluster.put(ingress("after"))

    assert until(lambda: told.changes("after") == ["ADDED"])


def test_retry_after_is_honoured(cluster, told, watching):
    """A server that asks for a second gets it."""
    cluster.fault(path="watch=true", status=429, headers={"Retry-After": "1"})
    cluster.do(cluster.cluster.cut_watches)
    began = time.monotonic()
    cluster.put(ingress("late"))

    assert until(lambda: told.changes("late"))
    assert time.monotonic() - began >= 0.9


def test_a_rotated_token_is_read_again(cluster, told):
    """401 in the middle of a life: the next connect asks for fresh credentials."""
    tokens = ["old"]
    cluster.tokens["old"] = None
    connection = to_server(
        cluster.url,
        name="gke-us",
        ca_data=cluster.ca_data,
        credentials=lambda fresh: f"Bearer {tokens[-1] if fresh else tokens[0]}",
        concern="watcher",
        timeouts=QUICK,
    )
    with ListWatch(connection, INGRESS, told, pace=PACE) as watch:
        assert watch.synced.wait(10)
        tokens.append(TOKEN)
        del cluster.tokens["old"]
        cluster.do(cluster.cluster.cut_watches)
        cluster.put(ingress("rotated"))
        assert until(lambda: told.changes("rotated"))
    connection.close()


def test_what_was_not_taken_is_told_again(cluster, told):
    """A listener that failed hears of the same change until it takes it."""
    failing = threading.Event()
    failing.set()
    refused = []

    def listener(kind, change, manifest):
        if failing.is_set() and manifest is not None:
            refused.append(change)
            raise RuntimeError("the bus is down")
        told(kind, change, manifest)

    connection = cluster.connection()
    with ListWatch(connection, INGRESS, listener, pace=PACE):
        cluster.put(ingress("held"))
        assert until(lambda: len(refused) >= 2)
        failing.clear()
        assert until(lambda: told.changes("held") == ["ADDED"])
    connection.close()


def test_stopping_is_prompt_and_final(cluster, told):
    """An idle watch ends at once, and nothing is told afterwards."""
    connection = cluster.connection()
    watch = ListWatch(connection, INGRESS, told, pace=dataclasses.replace(PACE, silence=60.0))
    watch.start()
    assert watch.synced.wait(10)
    assert until(lambda: cluster.cluster.watches)
    began = time.monotonic()
    watch.stop()
    assert time.monotonic() - began < 20.0
    cluster.put(ingress("unseen"))
    assert told.changes("unseen") == []
    connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2])
def test_it_converges_through_chaos(cluster, seed):
    """Ten seconds of writes, cuts, compactions, errors and silences: at the end both agree."""
    chance = random.Random(seed)
    told, link = Told(), Link(cluster._loop, cluster.port)
    connection = to_server(
        f"https://127.0.0.1:{link.port}",
        name="gke-us",
        ca_data=cluster.ca_data,
        credentials=lambda fresh: f"Bearer {TOKEN}",
        concern="watcher",
        timeouts=dataclasses.replace(QUICK, connect_seconds=0.5, read_seconds=1.0),
    )
    pace = dataclasses.replace(PACE, watch=(1, 2), silence=0.8)
    faults: dict[str, int] = {}
    pause = threading.Event()
    silent_until = 0.0
    with ListWatch(connection, INGRESS, told, pace=pace, seed=seed) as watch:
        for number in range(900):
            pause.wait(0.01)
            _write(cluster, chance, number)
            if silent_until and time.monotonic() > silent_until:
                link.flow()
                silent_until = 0.0
            fault = _misfortune(cluster, chance)
            if fault == "silence" and not silent_until:
                link.silence()
                silent_until = time.monotonic() + 1.2
            faults[fault] = faults.get(fault, 0) + 1
        link.flow()
        cluster.do(cluster.cluster.faults.clear)

        def truth():
            listed = cluster.list("Ingress")
            return {item["metadata"]["name"]: item["metadata"]["uid"] for item in listed}

        assert until(lambda: told.uids == truth(), seconds=60), (seed, faults, watch.counts)
        specs = {item["metadata"]["name"]: str(item["spec"]) for item in cluster.list("Ingress")}
        assert told.objects == specs
        print(f"seed {seed}: {faults}, {watch.counts}, {told.counts()}")
    assert watch.counts.lists > 1
    assert {"cut", "compact", "errors", "silence"} <= faults.keys()
    connection.close()
    link.close()


def _write(cluster, chance: random.Random, number: int) -> None:
    name = f"i{chance.randrange(40)}"
    if chance.random() < 0.3:
        cluster.remove("Ingress", "shop", name)
    else:
        cluster.put(ingress(name, host=f"h{number}.example.com"))


def _compact_unseen(cluster) -> None:
    """In one step of the server's loop, so that no watcher has seen the last change."""
    cluster.cluster.cut_watches()
    cluster.cluster.put(ingress("unseen", host=f"{time.monotonic_ns()}.example.com"), manager="x")
    cluster.cluster.compact()


def _misfortune(cluster, chance: random.Random) -> str:
    drawn = chance.random()
    if drawn < 0.010:
        cluster.do(cluster.cluster.cut_watches)
        return "cut"
    if drawn < 0.014:
        cluster.do(lambda: _compact_unseen(cluster))
        return "compact"
    if drawn < 0.018:
        cluster.fault(status=chance.choice([429, 500, 503]), times=3)
        cluster.do(cluster.cluster.cut_watches)
        return "errors"
    return "silence" if drawn < 0.022 else "none"
