"""
Health checks with source regions, by google-cloud-compute.

Source: compute v1 ``HealthCheck.sourceRegions``: exactly three, HTTP, HTTPS and TCP only, no proxy
header, an interval of at least 30 seconds, and no use by backend services.
"""

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import compute_v1 as c

from tests.localcloud.gcp.lab import PROJECT, Lab

pytestmark = pytest.mark.wire

REGIONS = ["asia-southeast1", "europe-west1", "us-central1"]
SOUND = {"name": "hc", "type_": "TCP", "check_interval_sec": 30, "source_regions": REGIONS}
UNSOUND = {
    "two regions": {"source_regions": REGIONS[:2]},
    "one twice": {"source_regions": [*REGIONS[:2], REGIONS[0]]},
    "no region": {"source_regions": [*REGIONS[:2], "atlantis1"]},
    "too often": {"check_interval_sec": 29},
    "another kind": {"type_": "SSL"},
    "a request": {"tcp_health_check": c.TCPHealthCheck(request="hello")},
    "a header": {"tcp_health_check": c.TCPHealthCheck(proxy_header="PROXY_V1")},
}


def _insert(lab: Lab, **fields: object) -> None:
    lab.client("HealthChecks").insert_unary(
        project=PROJECT, health_check_resource=c.HealthCheck(**(SOUND | fields))
    )


@pytest.mark.parametrize("name", UNSOUND)
def test_what_regions_cannot_do_is_refused(lab: Lab, name: str):
    """With 400; without regions most of it is fine."""
    with pytest.raises(BadRequest, match="resource"):
        _insert(lab, **UNSOUND[name])


def test_a_check_from_regions_is_kept_and_serves_no_backend_service(lab: Lab):
    """It comes back as it was given."""
    _insert(lab)
    found = lab.client("HealthChecks").get(project=PROJECT, health_check="hc")
    assert list(found.source_regions) == REGIONS
    service = c.BackendService(
        name="bs",
        load_balancing_scheme="EXTERNAL_MANAGED",
        protocol="HTTP",
        health_checks=[f"projects/{PROJECT}/global/healthChecks/hc"],
    )
    with pytest.raises(BadRequest, match="source regions"):
        lab.client("BackendServices").insert_unary(
            project=PROJECT, backend_service_resource=service
        )
