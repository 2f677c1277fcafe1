"""NEG endpoints and their health."""

import pytest
from google.cloud import compute_v1 as c

from tests.localcloud.gcp.lab import PROJECT, Lab, rate, refusal

pytestmark = pytest.mark.wire

ZONE = "zones/us-central1-a"
GROUPS = f"/{ZONE}/networkEndpointGroups"


def _pod(number: int) -> dict[str, object]:
    return {"instance": "node-1", "ipAddress": f"10.7.1.{number}", "port": 8080}


def _attach(lab: Lab, *pods: dict[str, object]) -> dict[str, object]:
    answer = lab.rest.post(
        f"{GROUPS}/pods/attachNetworkEndpoints", json={"networkEndpoints": list(pods)}
    )
    return answer.json()


def test_endpoints_are_attached_listed_and_detached(lab: Lab):
    """Endpoints come and go with the size; attaching one again changes nothing."""
    lab.neg("pods")
    _attach(lab, _pod(1), _pod(2))
    _attach(lab, _pod(2))
    assert lab.get(f"{ZONE}/networkEndpointGroups/pods")["size"] == 2
    client = lab.client("NetworkEndpointGroups")
    listed = client.list_network_endpoints(
        project=PROJECT,
        zone="us-central1-a",
        network_endpoint_group="pods",
        network_endpoint_groups_list_endpoints_request_resource=(
            c.NetworkEndpointGroupsListEndpointsRequest(health_status="SKIP")
        ),
    )
    assert [e.network_endpoint.ip_address for e in listed] == ["10.7.1.1", "10.7.1.2"]
    body = {"networkEndpoints": [_pod(1)]}
    assert lab.rest.post(f"{GROUPS}/pods/detachNetworkEndpoints", json=body).status_code == 200
    again = lab.rest.post(f"{GROUPS}/pods/detachNetworkEndpoints", json=body)
    assert "does not exist" in refusal(again)[2]
    assert lab.get(f"{ZONE}/networkEndpointGroups/pods")["size"] == 1


@pytest.mark.parametrize(
    ("endpoints", "words"),
    [
        ([], "networkEndpoints' not specified"),
        ([{"ipAddress": "10.7.1.1", "port": 80}], "instance' not specified"),
        ([{"instance": "n", "ipAddress": "10.7.1.1"}], "port' not specified"),
        ([_pod(1), _pod(1)], "Duplicate network endpoint"),
        ([_pod(n % 250) | {"port": n} for n in range(501)], "At most 500"),
    ],
)
def test_unsound_endpoints_are_refused(lab: Lab, endpoints: list[object], words: str):
    """Endpoints of a GCE_VM_IP_PORT group have instance, address and port, once, at most 500."""
    lab.neg("pods")
    body = {"networkEndpoints": endpoints}
    answer = lab.rest.post(f"{GROUPS}/pods/attachNetworkEndpoints", json=body)
    assert words in refusal(answer)[2]


def test_health_is_what_the_data_plane_says(lab: Lab):
    """Without a source everything is UNKNOWN; with one, both methods say what it says."""
    neg = lab.neg("pods")
    _attach(lab, _pod(1), _pod(2))
    lab.service(backends=[rate(neg)])
    client = lab.client("BackendServices")

    def health() -> list[tuple[str, int, str]]:
        answer = client.get_health(
            project=PROJECT,
            backend_service="bs",
            resource_group_reference_resource=c.ResourceGroupReference(group=neg),
        )
        return [(e.ip_address, e.port, e.health_state) for e in answer.health_status]

    def shown() -> list[str]:
        answer = lab.rest.post(f"{GROUPS}/pods/listNetworkEndpoints", json={"healthStatus": "SHOW"})
        return [item["healths"][0]["healthState"] for item in answer.json()["items"]]

    assert {state for *_, state in health()} == {"UNKNOWN"}
    asked: list[tuple[str, str]] = []

    def source(service: str, group: str) -> dict[tuple[str, int], str]:
        asked.append((service, group))
        return {("10.7.1.1", 8080): "HEALTHY", ("10.7.1.2", 8080): "UNHEALTHY"}

    lab.cloud.health = source
    assert health() == [("10.7.1.1", 8080, "HEALTHY"), ("10.7.1.2", 8080, "UNHEALTHY")]
    assert shown() == ["HEALTHY", "UNHEALTHY"]
    assert set(asked) == {(f"projects/{PROJECT}/global/backendServices/bs", neg)}


def test_health_of_a_group_that_is_no_backend_is_refused(lab: Lab):
    """GetHealth answers only for groups of the backend service."""
    neg = lab.neg("pods")
    lab.service()
    answer = lab.rest.post("/global/backendServices/bs/getHealth", json={"group": neg})
    assert refusal(answer)[:2] == (400, "invalid")


def test_a_used_group_cannot_be_deleted(lab: Lab):
    """A NEG that a backend service refers to stays, also for callers in process."""
    neg = lab.neg("pods")
    lab.service(backends=[rate(neg)])
    answer = lab.rest.delete(f"{GROUPS}/pods")
    assert refusal(answer)[:2] == (400, "resourceInUseByAnotherResource")
    assert "network_endpoint_group resource" in refusal(answer)[2]
    assert lab.run(lambda: lab.cloud.users(neg)) == (
        f"projects/{PROJECT}/global/backendServices/bs",
    )
