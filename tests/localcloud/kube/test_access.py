"""Who may do what: tokens, TLS, access reviews, and the faults and counts of the wire."""

import ssl
from collections.abc import Iterator

import pytest
import trustme
import urllib3

from localcloud.faults import Fault
from localcloud.kube import KubeCluster
from tests.localcloud.kube.manifests import config_map, config_maps, ingress, ingresses
from tests.localcloud.kube.running import Running, running
from tests.localcloud.kube.wire import Api

pytestmark = pytest.mark.wire


def _reads_ingresses(method: str, path: str) -> bool:
    return method == "GET" and "/ingresses" in path


@pytest.fixture
def guarded() -> Iterator[Running]:
    """A cluster that knows an administrator and a reader."""
    tokens = {"admin-token": None, "reader-token": _reads_ingresses}
    with running(KubeCluster("guarded", tokens=tokens)) as served:
        yield served


def _as(served: Running, token: str) -> Api:
    return Api(served.server.url, headers={"Authorization": f"Bearer {token}"})


def test_no_token_and_a_wrong_token_are_unauthorized(guarded: Running):
    """Objects, discovery and OpenAPI all want a token that is known."""
    for client in (Api(guarded.server.url), _as(guarded, "guess"), _as(guarded, "")):
        for path in (ingresses("default"), "/apis", "/openapi/v3"):
            reply = client.get(path)
            assert (reply.status, reply.reason) == (401, "Unauthorized")
        client.close()


def test_probes_and_version_need_no_token(guarded: Running):
    """Load balancers ask without one."""
    client = Api(guarded.server.url)
    assert [client.get(f"/{p}").text for p in ("readyz", "livez", "healthz")] == ["ok"] * 3
    assert client.get("/version").json["gitVersion"].startswith("v1.")
    client.close()


def test_what_is_not_allowed_is_forbidden(guarded: Running):
    """The reader lists Ingresses and discovers; the rest is a 403 that says what was tried."""
    reader = _as(guarded, "reader-token")
    assert reader.get(ingresses("default")).status == 200
    assert reader.get("/apis/networking.k8s.io/v1").status == 200
    refused = reader.post(ingresses("default"), ingress("a"))
    assert (refused.status, refused.reason) == (403, "Forbidden")
    assert "cannot create resource" in refused.json["message"]
    assert 'in the namespace "default"' in refused.json["message"]
    assert reader.get("/api/v1/namespaces/default/secrets").status == 403
    assert guarded.cluster.list("ingresses.networking.k8s.io") == []
    reader.close()


REVIEWS = [
    ({"verb": "list", "group": "networking.k8s.io", "resource": "ingresses"}, True),
    ({"verb": "create", "group": "networking.k8s.io", "resource": "ingresses"}, False),
    ({"verb": "get", "resource": "secrets", "namespace": "default", "name": "a"}, False),
]


@pytest.mark.parametrize(("attributes", "allowed"), REVIEWS)
def test_an_access_review_tells_the_truth(guarded: Running, attributes, allowed: bool):
    """What the review says is what the request would meet."""
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    for token, expected in (("reader-token", allowed), ("admin-token", True)):
        client = _as(guarded, token)
        reply = client.post(path, body)
        assert (reply.status, reply.json["status"]["allowed"]) == (201, expected)
        client.close()


def test_tls_with_a_ca_of_its_own():
    """The server is trusted by its CA only."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with authority.cert_pem.tempfile() as ca, running(KubeCluster("tls"), ssl_context=context) as s:
        assert s.server.url.startswith("https://127.0.0.1:")
        trusting, doubting = Api(s.server.url, ca_certs=ca), Api(s.server.url)
        assert trusting.get("/readyz").text == "ok"
        with pytest.raises(urllib3.exceptions.SSLError):
            doubting.get("/readyz")
        trusting.close()
        doubting.close()


def test_a_throttled_request_says_when_to_come_back(own: Running, own_api: Api):
    """An injected 429 is a Kubernetes Status with Retry-After, and has no effect."""
    fault = Fault(method="POST", status=429, headers={"Retry-After": "2"})
    own.call(own.cluster.faults.add, fault)
    reply = own_api.post(config_maps("default"), config_map("a"))
    assert (reply.status, reply.reason, reply.headers["Retry-After"]) == (
        429,
        "TooManyRequests",
        "2",
    )
    assert reply.json["details"]["retryAfterSeconds"] == 2
    assert own_api.get(config_maps("default", "a")).status == 404


@pytest.mark.parametrize("before", [True, False])
def test_a_lost_reply_is_not_a_lost_write(own: Running, own_api: Api, before: bool):
    """Cut before, the object is absent; cut after, it is there, and counted."""
    fault = Fault(method="POST", abort_before=before, abort_after=not before)
    own.call(own.cluster.faults.add, fault)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        own_api.post(config_maps("default"), config_map("a"))
    assert own_api.get(config_maps("default", "a")).status == (404 if before else 200)
    assert own.cluster.calls.total() == (0 if before else 1)


def test_writes_are_counted_by_verb_and_resource(own: Running, own_api: Api):
    """Each kind of write has its verb; a patch without effect was still sent."""
    path = ingresses("default", "a")
    own_api.post(ingresses("default"), ingress("a"))
    own_api.put(path, ingress("a", ingressClassName="x"))
    own_api.merge(path, {"spec": {"ingressClassName": "x"}})
    own_api.apply(path, ingress("a"), force=True)
    own_api.merge(f"{path}/status", {"status": {"loadBalancer": {}}})
    own_api.delete(path)
    counted = {(c.verb, c.resource): c.count for c in own.cluster.calls.list()}
    name = "ingresses.networking.k8s.io"
    assert counted == {
        ("create", name): 1,
        ("update", name): 1,
        ("patch", name): 1,
        ("apply", name): 1,
        ("patch", f"{name}/status"): 1,
        ("delete", name): 1,
    }
    assert {(c.caller, c.place, c.service) for c in own.cluster.calls.list()} == {
        ("tester", "own", "kubernetes")
    }


def test_what_changes_nothing_by_design_is_not_counted(own: Running, own_api: Api):
    """Reads, dry runs, refusals, Events and Leases cost no call."""
    own_api.get(ingresses("default"))
    own_api.post(ingresses("default"), ingress("a"), dryRun="All")
    own_api.post(ingresses("default"), ingress("Bad!"))
    own_api.delete(ingresses("default", "none"))
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "a"}}
    own_api.post("/apis/coordination.k8s.io/v1/namespaces/default/leases", lease)
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "a"},
        "involvedObject": {"kind": "Ingress", "name": "a", "namespace": "default"},
    }
    assert own_api.post("/api/v1/namespaces/default/events", event).status == 201
    assert own.cluster.calls.total() == 0
