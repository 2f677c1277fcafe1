"""Pods that speak TLS, behind the load balancer, as their Service says."""

import pytest

from tests.e2e.manifests import NAMESPACE, ingress
from tests.e2e.site import CONFIG
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

GKE = ("gke-us", "gke-eu")
PORT = {"name": "https", "port": 443, "targetPort": "https"}


def secure(protocol: str) -> list[dict]:
    """A Deployment whose port speaks TLS, and its Service, which says so."""
    labels = {"app": "secure"}
    container = {
        "name": "secure",
        "image": "secure",
        "ports": [{"name": "https", "containerPort": 8443}],
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    note = {"cloud.google.com/app-protocols": f'{{"https": "{protocol}"}}'}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "secure", "namespace": NAMESPACE},
            "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "secure", "namespace": NAMESPACE, "annotations": note},
            "spec": {"selector": labels, "ports": [PORT]},
        },
    ]


@pytest.fixture
def tls(site, home):
    """The site with the TLS shop in both members; the Deployment goes with the test."""
    for member in GKE:
        site.apply(member, *secure("HTTPS"))
    yield site
    site.withdraw()
    from kubernetes import client

    for member in GKE:
        client.AppsV1Api(site.api(member)).delete_namespaced_deployment("secure", NAMESPACE)
        site.core(member).delete_namespaced_service("secure", NAMESPACE)


def spoken(site):
    """(protocol of the service, type of its check) as google-cloud-compute reads them."""
    found = site.listed("BackendServices"), site.listed("HealthChecks")
    if [len(items) for items in found] != [1, 1]:
        return None  # one check goes, another one comes
    (service,), (check,) = found
    assert service["health_checks"] == [check["self_link"]]
    return service["protocol"], check["type_"]


def test_pods_that_speak_tls_are_served_as_their_service_says(tls):
    """Checks and requests go by TLS; another word of the Services changes both at once."""
    backend = {"service": {"name": "secure", "port": {"name": "https"}}}
    tls.apply(CONFIG, ingress({"path": "/", "pathType": "Prefix", "backend": backend}))
    tls.until_served()
    page = tls.visitor("us-central1").get("shop.example.com")
    before = spoken(tls)
    for member in GKE:
        tls.apply(member, *secure("HTTP2"))
    until("HTTP2", lambda: spoken(tls) == ("HTTP2", "HTTP2"), say=lambda: spoken(tls))
    tls.until_served()

    assert (page.status, page.body["scheme"], page.cluster) == (200, "https", "gke-us")
    assert page.body["protocol"] == "HTTP/1.1"
    assert before == ("HTTPS", "HTTPS")
    far = tls.visitor("europe-west1")
    until("HTTP/2 to a pod", lambda: called(far) == ("https", "HTTP/2"), say=lambda: called(far))


def called(visitor):
    """The scheme and the protocol that a pod was called by; nothing while none answers."""
    page = visitor.get("shop.example.com")
    return page.status == 200 and (page.body["scheme"], page.body["protocol"])
