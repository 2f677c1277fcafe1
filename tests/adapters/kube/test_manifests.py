"""Manifests of any kind are applied, each for itself."""

import pytest

from fedingress.adapters.kube.manifests import Applied, apply_manifests
from fedingress.adapters.kube.resources import FEDERATION_POLICY
from tests.adapters.kube.running import definition, running_cluster

pytestmark = pytest.mark.wire


@pytest.fixture
def cluster():
    with running_cluster() as running:
        yield running


@pytest.fixture
def connection(cluster):
    made = cluster.connection()
    yield made
    made.close()


def service(name="web", port=80, namespace="shop") -> dict:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "spec": {"selector": {"app": name}, "ports": [{"port": port}]},
    }


def actions(results) -> list[str]:
    return [result.action for result in results]


def test_created_then_unchanged_then_configured(connection):
    """The action says what happened."""
    assert actions(apply_manifests(connection, [service()])) == ["created"]
    assert actions(apply_manifests(connection, [service()])) == ["unchanged"]
    assert actions(apply_manifests(connection, [service(port=81)])) == ["configured"]


def test_one_refusal_does_not_stop_the_others(cluster, connection):
    """Each bad object has its reason; the good ones are there."""
    nameless = {"apiVersion": "v1", "kind": "Service", "metadata": {}}
    strange = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
    documents = [service(port=70000), strange, nameless, service("late", namespace="nowhere")]
    results = apply_manifests(connection, [*documents, service("good")])

    assert actions(results) == ["failed"] * 4 + ["created"]
    assert "port" in results[0].reason
    assert "Widget" in results[1].reason
    assert "metadata.name" in results[2].reason
    assert "nowhere" in results[3].reason
    assert cluster.get("Service", "shop", "good") is not None


def test_namespaces_and_definitions_come_first(connection):
    """An object may stand before its namespace and its kind's definition."""
    policy = {
        "apiVersion": "fedingress.dev/v1alpha1",
        "kind": "FederationPolicy",
        "metadata": {"name": "standard"},
        "spec": {"topology": "gcp"},
    }
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new"}}
    documents = [policy, service("web", namespace="new"), definition(FEDERATION_POLICY), namespace]

    results = apply_manifests(connection, documents)

    assert actions(results) == ["created"] * 4
    assert results[0].kind == "Namespace"


def test_the_default_namespace_is_filled_in(cluster, connection):
    """An object without a namespace goes where the user said."""
    (result,) = apply_manifests(connection, [service("web", namespace="")], namespace="shop")

    assert result == Applied(kind="Service", namespace="shop", name="web", action="created")
    assert cluster.get("Service", "shop", "web") is not None


def test_lists_are_taken_apart(connection):
    """A `List` applies its items."""
    both = {"apiVersion": "v1", "kind": "List", "items": [service("a"), service("b")]}

    assert actions(apply_manifests(connection, [both])) == ["created", "created"]


def test_anothers_fields_are_taken_by_force_only(cluster, connection):
    """A conflict says who owns the field; force takes it."""
    cluster.put(service(), manager="someone")
    wanted = service()
    wanted["spec"]["selector"] = {"app": "other"}
    (refused,) = apply_manifests(connection, [wanted])
    assert refused.action == "failed"
    assert "someone" in refused.reason
    assert "force" in refused.reason

    assert actions(apply_manifests(connection, [wanted], force=True)) == ["configured"]
