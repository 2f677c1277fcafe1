"""The official Python client against a served cluster."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, watch
from kubernetes.client.exceptions import ApiException

from tests.localcloud.kube.manifests import config_map, definition, ingress, service
from tests.localcloud.kube.running import Running

pytestmark = pytest.mark.wire

_APPLY = "application/apply-patch+yaml"
_TIMEOUT = 20


@pytest.fixture
def sdk(own: Running) -> Iterator[client.ApiClient]:
    """A client of `own`."""
    with client.ApiClient(client.Configuration(host=own.server.url)) as found:
        yield found


def test_typed_objects_make_the_round_trip(sdk: client.ApiClient):
    """Models are created, read, listed and deleted."""
    core = client.CoreV1Api(sdk)
    spec = client.V1ServiceSpec(ports=[client.V1ServicePort(port=80)], selector={"a": "b"})
    body = client.V1Service(metadata=client.V1ObjectMeta(name="web"), spec=spec)
    made = core.create_namespaced_service("default", body, _request_timeout=_TIMEOUT)
    assert made.spec.cluster_ip.startswith("10.0.")
    read = core.read_namespaced_service("web", "default", _request_timeout=_TIMEOUT)
    assert read.metadata.uid == made.metadata.uid
    listed = core.list_service_for_all_namespaces(_request_timeout=_TIMEOUT)
    assert [item.metadata.name for item in listed.items] == ["web"]
    core.delete_namespaced_service("web", "default", _request_timeout=_TIMEOUT)
    with pytest.raises(ApiException) as gone:
        core.read_namespaced_service("web", "default", _request_timeout=_TIMEOUT)
    assert gone.value.status == 404


def test_server_side_apply_conflicts_and_forces(sdk: client.ApiClient):
    """The client's apply patch creates, meets a conflict, and takes over."""
    api = client.NetworkingV1Api(sdk)

    def apply(manager: str, tier: str, **more: Any) -> Any:
        return api.patch_namespaced_ingress(
            "a",
            "default",
            ingress("a", labels={"tier": tier}),
            field_manager=manager,
            _content_type=_APPLY,
            _request_timeout=_TIMEOUT,
            **more,
        )

    assert apply("ann", "web").metadata.labels == {"tier": "web"}
    with pytest.raises(ApiException) as refused:
        apply("bob", "db")
    assert refused.value.status == 409
    assert apply("bob", "db", force=True).metadata.labels == {"tier": "db"}


def test_the_status_has_methods_of_its_own(sdk: client.ApiClient):
    """A patched status shows up in the typed model."""
    api = client.NetworkingV1Api(sdk)
    api.create_namespaced_ingress("default", ingress("a"), _request_timeout=_TIMEOUT)
    status = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.3"}]}}}
    after = api.patch_namespaced_ingress_status("a", "default", status, _request_timeout=_TIMEOUT)
    assert after.status.load_balancer.ingress[0].ip == "192.0.2.3"


def test_the_clients_watch_sees_changes(own: Running, sdk: client.ApiClient):
    """Its generator yields typed events until it is stopped."""
    core = client.CoreV1Api(sdk)
    first = core.list_namespaced_config_map("default", _request_timeout=_TIMEOUT)
    stream = watch.Watch()
    seen: list[tuple[str, str]] = []

    def look() -> None:
        for event in stream.stream(
            core.list_namespaced_config_map,
            "default",
            resource_version=first.metadata.resource_version,
            timeout_seconds=_TIMEOUT,
        ):
            seen.append((event["type"], event["object"].metadata.name))
            if event["type"] == "DELETED":
                stream.stop()

    looking = threading.Thread(target=look)
    looking.start()
    own.call(own.cluster.put, config_map("a"), manager="m")
    own.call(own.cluster.remove, "configmaps", "default", "a")
    looking.join(_TIMEOUT)
    assert seen == [("ADDED", "a"), ("DELETED", "a")]


def test_custom_objects(own: Running, sdk: client.ApiClient):
    """The generic API reads and writes objects of a CRD."""
    own.call(own.cluster.put, definition("gizmos"), manager="m")
    api = client.CustomObjectsApi(sdk)
    where = ("example.dev", "v1", "default", "gizmos")
    body = {
        "apiVersion": "example.dev/v1",
        "kind": "Gizmo",
        "metadata": {"name": "a"},
        "spec": {"n": 1},
    }
    api.create_namespaced_custom_object(*where, body, _request_timeout=_TIMEOUT)
    patch = {"spec": {"n": 2}}
    merge = "application/merge-patch+json"
    api.patch_namespaced_custom_object(
        *where, "a", patch, _content_type=merge, _request_timeout=_TIMEOUT
    )
    listed = api.list_namespaced_custom_object(*where, _request_timeout=_TIMEOUT)
    assert [item["spec"] for item in listed["items"]] == [{"n": 2}]


def test_events_in_both_their_apis(sdk: client.ApiClient):
    """An Event of the newer group is the same object in the core group."""
    new = client.EventsV1Api(sdk)
    body = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "a.1"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "regarding": {"kind": "Ingress", "name": "a", "namespace": "default"},
        "note": "all is well",
        "reason": "Settled",
        "type": "Normal",
        "action": "Reconcile",
        "reportingController": "federator",
        "reportingInstance": "federator-1",
    }
    new.create_namespaced_event("default", body, _request_timeout=_TIMEOUT)
    core = client.CoreV1Api(sdk)
    (old,) = core.list_namespaced_event(
        "default", field_selector="involvedObject.name=a", _request_timeout=_TIMEOUT
    ).items
    assert (old.message, old.involved_object.name) == ("all is well", "a")
    (again,) = new.list_namespaced_event(
        "default", field_selector="regarding.name=a", _request_timeout=_TIMEOUT
    ).items
    assert (again.note, again.regarding.name) == ("all is well", "a")


def test_an_invalid_object_is_told_by_its_causes(sdk: client.ApiClient):
    """The exception's body is a Status that can be decoded."""
    with pytest.raises(ApiException) as refused:
        client.CoreV1Api(sdk).create_namespaced_service(
            "default", service("a", {"port": 0}), _request_timeout=_TIMEOUT
        )
    assert refused.value.status == 422
    assert '"field":"spec.ports[0].port"' in refused.value.body
