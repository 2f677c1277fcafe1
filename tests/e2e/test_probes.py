"""Readiness probes of pods become the health check, as Google's own client reads it."""

import pytest

from infra.demo import manifests as demo
from tests.e2e.homes import look_thoroughly
from tests.e2e.manifests import NAMESPACE, ingress
from tests.e2e.site import CONFIG, PROJECT
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

GKE = ("gke-us", "gke-eu")
NAME = "probed"


def workload(path: str) -> list[dict]:
    """A Deployment whose probe asks for *path*, beside a sidecar with a probe, and its Service."""
    labels = {"app": NAME}
    get = {"path": path, "port": "web"}
    web = {
        "name": "web",
        "image": "web",
        "ports": [{"name": "web", "containerPort": 8080}],
        "readinessProbe": {"httpGet": get, "periodSeconds": 2, "timeoutSeconds": 1},
    }
    side = {
        "name": "side",
        "image": "side",
        "ports": [{"name": "admin", "containerPort": 9000}],
        "readinessProbe": {"tcpSocket": {"port": "admin"}},
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": [web, side]}}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": "web"}]},
        },
    ]


def platform() -> list[dict]:
    """A class and a policy that says only how many bad probes it takes."""
    policy, made = demo.policy(), demo.ingress_class()
    policy["metadata"]["name"] = made["metadata"]["name"] = NAME
    policy["spec"]["backends"] = {"drainingSeconds": 1, "healthCheck": {"unhealthyThreshold": 3}}
    policy["spec"]["deletion"] = {"graceSeconds": 5, "drainSeconds": 1}
    made["spec"]["parameters"]["name"] = NAME
    return [policy, made]


@pytest.fixture
def probed(site, home):
    """The site with these pods in both members; all of it goes with the test."""
    for member in GKE:
        site.apply(member, *workload("/ready"))
    site.apply(CONFIG, *platform())
    yield site
    site.withdraw()
    from kubernetes import client

    for member in GKE:
        client.AppsV1Api(site.api(member)).delete_namespaced_deployment(NAME, NAMESPACE)
        site.core(member).delete_namespaced_service(NAME, NAMESPACE)


def asked(site):
    """Path, interval, timeout and thresholds as google-cloud-compute reads them."""
    (check,) = site.listed("HealthChecks")
    block = check["http_health_check"]
    times = check["check_interval_sec"], check["timeout_sec"]
    counts = check["healthy_threshold"], check["unhealthy_threshold"]
    return (block["request_path"], *times, *counts)


def tune(site) -> None:
    """An operator expects a certain answer and asks for logs, by Google's own client."""
    from google.cloud import compute_v1

    (check,) = site.listed("HealthChecks")
    patch = compute_v1.HealthCheck(
        healthy_threshold=2,
        log_config=compute_v1.HealthCheckLogConfig(enable=True),
    )
    site.compute("HealthChecks").patch_unary(
        project=PROJECT, health_check=check["name"], health_check_resource=patch
    )
    until("the operator's change", lambda: asked(site)[3] == 2, say=lambda: asked(site))


def test_an_edited_probe_reaches_the_health_check_and_operators_keep_their_fields(probed, home):
    """The Deployment is edited in both members; after a resync the check follows, and serves."""
    submitted = ingress()
    submitted["spec"]["ingressClassName"] = NAME
    backend = {"service": {"name": NAME, "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    submitted["spec"]["rules"][0]["http"]["paths"] = [path]
    probed.apply(CONFIG, submitted)
    probed.until_served()
    first = asked(probed)
    tune(probed)
    for member in GKE:
        probed.apply(member, *workload("/healthz"))
    look_thoroughly(home)
    until("the edited probe", lambda: asked(probed)[0] == "/healthz", say=lambda: asked(probed))
    probed.until_served()
    (check,) = probed.listed("HealthChecks")

    assert first == ("/ready", 2, 1, 1, 3)
    assert asked(probed) == ("/healthz", 2, 1, 2, 3)
    assert check["log_config"]["enable"] is True
    assert probed.visitor("us-central1").get("shop.example.com").cluster == "gke-us"
