"""A cluster used inside the process, as the lab's other parts use it."""

import sys
from typing import Any

import pytest

from localcloud.kube import KubeCluster
from localcloud.kube.errors import ApiError
from tests.localcloud.kube.manifests import config_map, definition, ingress, service

INGRESSES = "ingresses.networking.k8s.io"


def test_put_creates_changes_and_settles():
    """Put is server-side apply with force: the third time nothing changes."""
    cluster = KubeCluster("a")
    first = cluster.put(ingress("a", labels={"x": "1"}), manager="ann")
    second = cluster.put(ingress("a", labels={"x": "2"}), manager="bob")
    third = cluster.put(ingress("a", labels={"x": "2"}), manager="bob")
    assert first["metadata"]["namespace"] == "default"
    assert second["metadata"]["labels"] == {"x": "2"}
    assert second["metadata"]["resourceVersion"] != first["metadata"]["resourceVersion"]
    assert third == second


def test_put_of_a_status_makes_the_object_too():
    """An absent object is created first; then only the status is written."""
    cluster = KubeCluster("a")
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    made = cluster.put({**ingress("a"), "status": status}, manager="m", subresource="status")
    assert (made["status"], made["spec"]) == (status, ingress("a")["spec"])
    other = {**ingress("a", ingressClassName="x"), "status": {"loadBalancer": {}}}
    again = cluster.put(other, manager="m", subresource="status")
    assert "ingressClassName" not in again["spec"]


def test_reading_gives_copies():
    """Who changes what was read changes nothing."""
    cluster = KubeCluster("a")
    cluster.put(config_map("a", labels={"x": "1"}), manager="m")
    cluster.get("configmaps", "default", "a")["data"]["a"] = "changed"
    cluster.list("configmaps")[0]["data"]["a"] = "changed"
    cluster.put(config_map("a", labels={"x": "1"}), manager="m")["data"]["a"] = "changed"
    assert cluster.get("configmaps", "default", "a")["data"] == {"a": "1"}


def test_what_was_put_may_be_reused():
    """The caller's object is neither kept nor changed."""
    cluster = KubeCluster("a")
    body = service("a")
    before = repr(body)
    cluster.put(body, manager="m")
    body["spec"]["ports"][0]["port"] = 99
    assert cluster.get("services", "default", "a")["spec"]["ports"][0]["port"] == 80
    assert repr(service("a")) == before


def test_lists_are_narrowed_by_namespace_and_labels():
    """None means all namespaces; the order is by namespace and name."""
    cluster = KubeCluster("a")
    for namespace, name, labels in (
        ("kube-system", "b", {"x": "1"}),
        ("default", "b", {"x": "2"}),
        ("default", "a", {"x": "1"}),
    ):
        cluster.put(config_map(name, namespace=namespace, labels=labels), manager="m")

    def names(**query: Any) -> list[tuple[str, str]]:
        found = cluster.list("configmaps", **query)
        return [(o["metadata"]["namespace"], o["metadata"]["name"]) for o in found]

    assert names() == [("default", "a"), ("default", "b"), ("kube-system", "b")]
    assert names(namespace="default") == [("default", "a"), ("default", "b")]
    assert names(label_selector="x=1") == [("default", "a"), ("kube-system", "b")]


def test_absent_objects():
    """Get gives None, remove is quiet, and an unknown resource is an error."""
    cluster = KubeCluster("a")
    assert cluster.get(INGRESSES, "default", "none") is None
    cluster.remove(INGRESSES, "default", "none")
    with pytest.raises(ApiError):
        cluster.get("ingresses", "default", "none")


def test_subscribers_are_told_of_each_change_in_order():
    """Event type, resource and object come once per change, with what changed already stored."""
    cluster = KubeCluster("a")
    told: list[tuple[str, str, str]] = []
    cluster.subscribe(lambda kind, res, obj: told.append((kind, res, obj["metadata"]["name"])))
    cluster.put(ingress("a"), manager="m")
    cluster.put(ingress("a"), manager="m")
    cluster.put(ingress("a", labels={"x": "1"}), manager="m")
    cluster.put(service("s"), manager="m")
    cluster.remove(INGRESSES, "default", "a")
    assert told == [
        ("ADDED", INGRESSES, "a"),
        ("MODIFIED", INGRESSES, "a"),
        ("ADDED", "services", "s"),
        ("DELETED", INGRESSES, "a"),
    ]


def test_a_subscriber_may_write():
    """A controller that answers a change with a change of its own ends with both stored."""
    cluster = KubeCluster("a")

    def annotate(kind: str, resource: str, obj: dict[str, Any]) -> None:
        if kind == "ADDED" and resource == "services":
            name = obj["metadata"]["name"]
            cluster.put(config_map(f"for-{name}"), manager="controller")

    cluster.subscribe(annotate)
    cluster.put(service("a"), manager="m")
    assert cluster.get("configmaps", "default", "for-a") is not None


def test_everybody_hears_of_changes_in_the_same_order():
    """A dependent's deletion is told after its owner's, and a listener's write after its cause."""
    cluster = KubeCluster("a")
    told: list[tuple[str, str]] = []

    def answer(kind: str, resource: str, obj: dict[str, Any]) -> None:
        if (kind, resource) == ("ADDED", "services"):
            cluster.put(config_map("answer"), manager="controller")

    cluster.subscribe(answer)
    cluster.subscribe(lambda kind, _resource, obj: told.append((kind, obj["metadata"]["name"])))
    owner = cluster.put(service("owner"), manager="m")["metadata"]
    reference = {"apiVersion": "v1", "kind": "Service", "name": "owner", "uid": owner["uid"]}
    cluster.put(config_map("child", ownerReferences=[reference]), manager="m")
    cluster.remove("services", "default", "owner")
    assert told == [
        ("ADDED", "owner"),
        ("ADDED", "answer"),
        ("ADDED", "child"),
        ("DELETED", "owner"),
        ("DELETED", "child"),
    ]


def test_a_failing_subscriber_fails_nobody_else(caplog: pytest.LogCaptureFixture):
    """The write stands, the others are told, and the log has the traceback."""
    cluster = KubeCluster("a")
    told: list[str] = []

    def fail(*_args: Any) -> None:
        raise RuntimeError("broken subscriber")

    cluster.subscribe(fail)
    cluster.subscribe(lambda kind, _resource, _obj: told.append(kind))
    cluster.put(service("a"), manager="m")
    assert told == ["ADDED"]
    assert cluster.get("services", "default", "a") is not None
    assert "broken subscriber" in caplog.text


def test_custom_resources_are_served_after_their_definition():
    """The registry follows the definitions, both ways."""
    cluster = KubeCluster("a")
    cluster.put(definition("gizmos"), manager="m")
    body = {"apiVersion": "example.dev/v1", "kind": "Gizmo", "metadata": {"name": "a"}}
    cluster.put({**body, "spec": {"n": 1}}, manager="m")
    assert cluster.get("gizmos.example.dev", "default", "a")["spec"] == {"n": 1}
    cluster.remove("customresourcedefinitions.apiextensions.k8s.io", None, "gizmos.example.dev")
    with pytest.raises(ApiError):
        cluster.list("gizmos.example.dev")


def test_in_process_writes_are_not_calls():
    """Only what comes over the wire is counted."""
    cluster = KubeCluster("a")
    cluster.put(service("a"), manager="m")
    assert cluster.calls.total() == 0


def test_clusters_have_identities_of_their_own():
    """Each has a kube-system namespace with its own uid."""
    one, two = KubeCluster("a"), KubeCluster("a")
    assert one.uid() != two.uid()
    assert one.uid() == one.get("namespaces", None, "kube-system")["metadata"]["uid"]


def calls_of(work, *given, **more):
    """How many calls of Python's functions *work* makes: its cost, whatever else runs."""
    found = 0

    def note(_frame, event, _argument):
        nonlocal found
        found += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work(*given, **more)
    finally:
        sys.setprofile(before)
    return found


def test_a_write_costs_the_same_in_a_large_cluster():
    """Among a thousand objects as among ten, whether it changes something or not."""
    cluster, costs = KubeCluster("a"), {}
    for number in range(1000):
        cluster.put(ingress(f"i{number}", labels={"x": "1"}), manager="m")
        if number + 1 in {10, 1000}:
            changed = ingress("i5", labels={"x": str(number)})
            writes = [calls_of(cluster.put, changed, manager="m") for _ in range(2)]
            costs[number + 1] = writes

    assert all(few > 10 for few in costs[10]), "nothing was counted"
    assert all(many <= 1.2 * few for few, many in zip(costs[10], costs[1000], strict=True))
