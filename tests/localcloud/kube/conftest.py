"""
An API server to test: ours on loopback, or a real one.

With ``USE_EXISTING_CLUSTER=true`` (envtest's word) the tests that ask for `api` run against the
current context of ``$KUBECONFIG``; those that need our server's insides ask for `own`.
"""

import os
import uuid
from collections.abc import Iterator

import pytest

from localcloud.kube import KubeCluster
from tests.localcloud.kube.running import Running, running
from tests.localcloud.kube.wire import Api

_REAL = os.environ.get("USE_EXISTING_CLUSTER", "").lower() == "true"


def _existing() -> Api:
    from kubernetes import client, config

    loaded = client.Configuration()
    config.load_kube_config(client_configuration=loaded)
    headers = {}
    if token := loaded.get_api_key_with_prefix("authorization"):
        headers["Authorization"] = token
    return Api(
        loaded.host,
        headers=headers,
        ca_certs=loaded.ssl_ca_cert,
        cert_file=loaded.cert_file,
        key_file=loaded.key_file,
    )


@pytest.fixture(scope="session")
def api() -> Iterator[Api]:
    """An API server that conforms, whoever made it."""
    if _REAL:
        found = _existing()
        yield found
        found.close()
        return
    with running(KubeCluster("conformance", bookmark_seconds=0.5)) as served:
        ours = Api(served.server.url)
        yield ours
        ours.close()


@pytest.fixture(scope="session")
def real() -> bool:
    """Whether `api` is a real cluster, with controllers that take their time."""
    return _REAL


@pytest.fixture
def namespace(api: Api) -> Iterator[str]:
    """A namespace for one test."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    assert api.post("/api/v1/namespaces", body).status == 201
    yield name
    api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def own() -> Iterator[Running]:
    """A server of ours, with its insides at hand."""
    with running(KubeCluster("own", history=200, bookmark_seconds=0.2)) as served:
        yield served


@pytest.fixture
def own_api(own: Running) -> Iterator[Api]:
    """The wire of `own`."""
    client = Api(own.server.url, headers={"User-Agent": "tester/1.0 (pytest)"})
    yield client
    client.close()
