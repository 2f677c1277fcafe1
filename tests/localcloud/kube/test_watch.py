"""Conformance: watching from a version, with selectors, bookmarks and streaming lists."""

import pytest

from tests.localcloud.kube.manifests import config_map, config_maps, ingress, ingresses
from tests.localcloud.kube.running import Running
from tests.localcloud.kube.wire import Api, wait_for

pytestmark = pytest.mark.wire

_END = "k8s.io/initial-events-end"


def _version(api: Api, path: str) -> str:
    return str(api.get(path).json["metadata"]["resourceVersion"])


def test_a_watch_tells_each_change_once_and_in_order(api: Api, namespace: str):
    """From a list's version on come the later changes, and nothing that was there before."""
    path = ingresses(namespace)
    api.post(path, ingress("before"))
    with api.watch(path, resourceVersion=_version(api, path)) as stream:
        api.post(path, ingress("a"))
        api.merge(f"{path}/a", {"metadata": {"labels": {"x": "1"}}})
        api.delete(f"{path}/a")
        stream.until(lambda s: len(s.events) >= 3)
    assert stream.types() == ["ADDED", "MODIFIED", "DELETED"]
    versions = [int(e["object"]["metadata"]["resourceVersion"]) for e in stream.events]
    assert versions == sorted(set(versions))


def test_a_watch_without_version_begins_with_what_is_there(api: Api, namespace: str):
    """Every object comes as ADDED first."""
    path = ingresses(namespace)
    api.post(path, ingress("a"))
    with api.watch(path) as stream:
        stream.until(lambda s: s.types("a") == ["ADDED"])


def test_missed_changes_are_replayed(api: Api, namespace: str):
    """A watch that resumes sees what happened while it was away."""
    path = ingresses(namespace)
    version = _version(api, path)
    api.post(path, ingress("a"))
    api.delete(f"{path}/a")
    with api.watch(path, resourceVersion=version) as stream:
        stream.until(lambda s: len(s.events) >= 2)
    assert stream.types("a") == ["ADDED", "DELETED"]


def test_a_watch_ends_at_its_timeout(api: Api, namespace: str):
    """The server closes the stream by itself."""
    path = ingresses(namespace)
    with api.watch(path, resourceVersion=_version(api, path), timeoutSeconds=1) as stream:
        assert stream.closed.wait(10)
    assert stream.events == []


def test_bookmarks_tell_how_far_the_watch_is(api: Api, namespace: str):
    """A quiet watch that asked for bookmarks learns a version from which it can resume."""
    path = ingresses(namespace)
    version = _version(api, path)
    with api.watch(
        path, resourceVersion=version, allowWatchBookmarks=True, timeoutSeconds=3
    ) as stream:
        api.post(config_maps(namespace), config_map("elsewhere"))
        stream.until(lambda s: "BOOKMARK" in s.types() or s.closed.is_set())
    (first, *_) = [e for e in stream.events if e["type"] == "BOOKMARK"]
    assert first["object"]["kind"] == "Ingress"
    assert int(first["object"]["metadata"]["resourceVersion"]) >= int(version)


def test_leaving_a_selection_is_a_deletion(api: Api, namespace: str):
    """An object that no longer matches is DELETED for this watch, and ADDED when it returns."""
    path = ingresses(namespace)
    query = {"labelSelector": "x=1", "resourceVersion": _version(api, path)}
    with api.watch(path, **query) as stream:
        api.post(path, ingress("never"))
        api.post(path, ingress("a", labels={"x": "1"}))
        for value in ("2", "1", "1"):
            api.merge(f"{path}/a", {"metadata": {"labels": {"x": value, "y": value + "y"}}})
        api.merge(f"{path}/a", {"metadata": {"labels": {"y": "z"}}})
        stream.until(lambda s: len(s.events) >= 4)
    assert stream.types() == ["ADDED", "DELETED", "ADDED", "MODIFIED"]
    assert {e["object"]["metadata"]["name"] for e in stream.events} == {"a"}


def test_one_object_is_watched_by_field_selector(api: Api, namespace: str):
    """Only the named object's changes come."""
    path = ingresses(namespace)
    query = {"fieldSelector": "metadata.name=a", "resourceVersion": _version(api, path)}
    with api.watch(path, **query) as stream:
        api.post(path, ingress("b"))
        api.post(path, ingress("a"))
        stream.until(lambda s: s.events)
    assert [e["object"]["metadata"]["name"] for e in stream.events] == ["a"]


def test_a_streaming_list_marks_its_end(api: Api, namespace: str):
    """After the initial objects comes a bookmark with the annotation that says so."""
    path = ingresses(namespace)
    api.post(path, ingress("a"))
    query = {"sendInitialEvents": True, "resourceVersionMatch": "NotOlderThan"}
    with api.watch(path, allowWatchBookmarks=True, **query) as stream:
        stream.until(lambda s: "BOOKMARK" in s.types())
    assert stream.types()[:2] == ["ADDED", "BOOKMARK"]
    assert stream.events[1]["object"]["metadata"]["annotations"] == {_END: "true"}


def test_a_watch_over_all_namespaces(api: Api, namespace: str):
    """The cluster-wide path tells of every namespace."""
    path = "/apis/networking.k8s.io/v1/ingresses"
    with api.watch(path, resourceVersion=_version(api, path)) as stream:
        api.post(ingresses(namespace), ingress("wide"))
        stream.until(lambda s: s.types("wide"))


def test_the_event_of_a_deletion_carries_its_own_version(api: Api, namespace: str):
    """A deletion is a change like any other: the last state comes under a new version."""
    path = config_maps(namespace)
    made = api.post(path, config_map("a")).json
    with api.watch(path, resourceVersion=made["metadata"]["resourceVersion"]) as stream:
        api.delete(f"{path}/a")
        stream.until(lambda s: s.events)
    (gone,) = stream.events
    assert gone["object"]["metadata"]["uid"] == made["metadata"]["uid"]
    before, after = made["metadata"], gone["object"]["metadata"]
    assert int(after["resourceVersion"]) > int(before["resourceVersion"])


def test_a_compacted_version_is_gone(own: Running, own_api: Api):
    """A watch from before the compaction gets an ERROR event with a 410, and ends."""
    path = ingresses("default")
    version = _version(own_api, path)
    own_api.post(path, ingress("a"))
    own.call(own.cluster.compact)
    with own_api.watch(path, resourceVersion=version) as stream:
        assert stream.closed.wait(10)
    (error,) = stream.events
    assert (error["type"], error["object"]["code"]) == ("ERROR", 410)
    assert error["object"]["reason"] == "Expired"


def test_history_is_bounded(own: Running, own_api: Api):
    """More changes than the history keeps make an old version too old, and not one sooner."""
    path = config_maps("default")
    own_api.post(path, config_map("a"))
    versions = [_version(own_api, path)]
    for number in range(200):
        patch = {"data": {"n": str(number)}}
        versions.append(own_api.merge(f"{path}/a", patch).json["metadata"]["resourceVersion"])
    with own_api.watch(path, resourceVersion=versions[0]) as reached:
        reached.until(lambda s: len(s.events) == 200)
    own_api.merge(f"{path}/a", {"data": {"n": "last"}})
    with own_api.watch(path, resourceVersion=versions[0]) as late:
        assert late.closed.wait(10)
    assert late.types() == ["ERROR"]


def test_an_old_continue_token_is_gone(own: Running, own_api: Api):
    """After a compaction the next page is a 410, as HTTP status."""
    for name in ("a", "b"):
        own_api.post(config_maps("default"), config_map(name))
    token = own_api.get(config_maps("default"), limit=1).json["metadata"]["continue"]
    own_api.post(config_maps("default"), config_map("c"))
    own.call(own.cluster.compact)
    reply = own_api.get(config_maps("default"), **{"limit": 1, "continue": token})
    assert (reply.status, reply.reason) == (410, "Expired")


def test_watches_can_be_cut(own: Running, own_api: Api):
    """A cut watch ends without a last word, and the next one resumes."""
    path = config_maps("default")
    version = _version(own_api, path)
    with own_api.watch(path, resourceVersion=version) as stream:
        wait_for(lambda: own.cluster.watches)
        own.call(own.cluster.cut_watches)
        assert stream.closed.wait(10)
    own_api.post(path, config_map("a"))
    with own_api.watch(path, resourceVersion=version) as resumed:
        resumed.until(lambda s: s.types("a") == ["ADDED"])


def test_a_watch_whose_client_left_is_forgotten(own: Running, own_api: Api):
    """Nothing is kept for a client that closed its connection."""
    with own_api.watch(config_maps("default")):
        wait_for(lambda: own.cluster.watches)
    wait_for(lambda: not own.cluster.watches)
