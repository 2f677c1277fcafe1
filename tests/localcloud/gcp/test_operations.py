"""Long-running operations: when effects come, what fails, what must wait."""

import threading
import uuid

import pytest

from localcloud.gcp import OperationFault
from tests.localcloud.gcp.lab import PROJECT, FakeClock, Lab, link, refusal, running_lab

pytestmark = pytest.mark.wire

CHECK = f"projects/{PROJECT}/global/healthChecks/hc"


def _post(lab: Lab, path: str, **body: object) -> dict[str, object]:
    answer = lab.rest.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _status(lab: Lab, operation: dict[str, object]) -> tuple[str, int]:
    found = lab.get(f"global/operations/{operation['name']}")
    return found["status"], found["progress"]


def test_the_clock_moves_an_operation_on(still: Lab, clock: FakeClock):
    """PENDING, RUNNING and DONE follow the injected clock, and times are in its seconds."""
    operation = _post(still, "/global/healthChecks", name="hc", type="TCP")
    assert _status(still, operation) == ("PENDING", 0)
    clock.now += 15
    assert _status(still, operation) == ("RUNNING", 50)
    clock.now += 15
    assert _status(still, operation) == ("DONE", 100)
    ended = still.get(f"global/operations/{operation['name']}")
    assert ended["endTime"] == "2025-06-15T07:07:10.000-08:00"
    assert ended["targetLink"].endswith(CHECK)


def test_a_change_and_a_delete_take_effect_when_done(still: Lab, clock: FakeClock):
    """Until its operation is done, a patched field is the old one and a deleted object is there."""
    _post(still, "/global/healthChecks", name="hc", type="TCP")
    clock.now += 30
    assert still.rest.patch("/global/healthChecks/hc", json={"timeoutSec": 3}).status_code == 200
    assert still.get("global/healthChecks/hc")["timeoutSec"] == 5
    clock.now += 30
    assert still.get("global/healthChecks/hc")["timeoutSec"] == 3
    still.rest.delete("/global/healthChecks/hc")
    assert still.get("global/healthChecks/hc")["name"] == "hc"
    clock.now += 30
    assert refusal(still.rest.get("/global/healthChecks/hc"))[:2] == (404, "notFound")


def test_two_changes_of_one_resource_do_not_overlap(still: Lab, clock: FakeClock):
    """While an operation works on a resource, a second change of it is resourceNotReady."""
    _post(still, "/global/healthChecks", name="hc", type="TCP")
    patch = still.rest.patch("/global/healthChecks/hc", json={"timeoutSec": 3})
    assert refusal(patch)[:2] == (400, "resourceNotReady")
    delete = still.rest.delete("/global/healthChecks/hc")
    assert refusal(delete)[:2] == (400, "resourceNotReady")
    clock.now += 30
    assert still.rest.delete("/global/healthChecks/hc").status_code == 200
    body = {"name": "bs", "protocol": "TCP", "healthChecks": [link("hc")]}
    code, reason, _ = still.refused("backendServices", **body)
    assert (code, reason) == (400, "resourceNotReady")


def test_an_operation_can_fail_and_leaves_nothing(still: Lab, clock: FakeClock):
    """An injected fault ends an insert and a patch in an error; neither has an effect."""
    fault = OperationFault(
        verb="insert", path="/hc$", code="QUOTA_EXCEEDED", message="no", http_status=403
    )
    still.cloud.fail_operation(fault)
    operation = _post(still, "/global/healthChecks", name="hc", type="TCP")
    clock.now += 30
    ended = still.get(f"global/operations/{operation['name']}")
    assert ended["status"] == "DONE"
    assert ended["error"] == {"errors": [{"code": "QUOTA_EXCEEDED", "message": "no"}]}
    assert (ended["httpErrorStatusCode"], ended["httpErrorMessage"]) == (403, "FORBIDDEN")
    assert still.rest.get("/global/healthChecks/hc").status_code == 404
    _post(still, "/global/healthChecks", name="hc", type="TCP")
    clock.now += 30
    still.cloud.fail_operation(OperationFault(verb="patch"))
    still.rest.patch("/global/healthChecks/hc", json={"timeoutSec": 3})
    clock.now += 30
    assert still.get("global/healthChecks/hc")["timeoutSec"] == 5


def test_what_a_running_change_will_refer_to_is_in_use(still: Lab, clock: FakeClock):
    """An object that a patch is about to name cannot be deleted before the patch is done."""
    for name in ("old", "new"):
        _post(still, "/global/healthChecks", name=name, type="TCP")
    clock.now += 30
    _post(still, "/global/backendServices", name="bs", protocol="TCP", healthChecks=[link("old")])
    clock.now += 30
    mark = still.get("global/backendServices/bs")["fingerprint"]
    patch = {"healthChecks": [link("new")], "fingerprint": mark}
    assert still.rest.patch("/global/backendServices/bs", json=patch).status_code == 200
    for name in ("old", "new"):
        answer = still.rest.delete(f"/global/healthChecks/{name}")
        assert refusal(answer)[:2] == (400, "resourceInUseByAnotherResource")
    clock.now += 30
    assert still.rest.delete("/global/healthChecks/old").status_code == 200
    assert still.rest.delete("/global/healthChecks/new").status_code == 400


def test_an_attach_to_a_group_that_went_fails_in_its_operation(still: Lab, clock: FakeClock):
    """A NEG that is deleted while endpoints are being attached makes that operation fail."""
    place = "zones/us-central1-a/networkEndpointGroups"
    _post(still, f"/{place}", name="pods", networkEndpointType="GCE_VM_IP_PORT")
    clock.now += 30
    pod = {"instance": "node", "ipAddress": "10.7.1.1", "port": 80}
    attach = _post(still, f"/{place}/pods/attachNetworkEndpoints", networkEndpoints=[pod])
    still.run(lambda: still.cloud.delete(f"projects/{PROJECT}/{place}/pods"))
    clock.now += 30
    ended = still.get(f"zones/us-central1-a/operations/{attach['name']}")
    assert ended["error"]["errors"][0]["code"] == "NOT_FOUND"


def test_a_network_in_use_fails_in_its_operation(lab: Lab):
    """Deleting a network in use is accepted, and its operation says why it failed."""
    lab.insert("networks", name="net", autoCreateSubnetworks=False)
    lab.insert(
        "firewalls", name="fw", network="global/networks/net", allowed=[{"IPProtocol": "tcp"}]
    )
    operation = lab.rest.delete("/global/networks/net").json()
    assert operation["error"]["errors"][0]["code"] == "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE"
    assert operation["httpErrorStatusCode"] == 400
    assert lab.get("global/networks/net")["name"] == "net"


def test_wait_returns_when_the_operation_is_done(slow_lab: Lab):
    """`wait` holds the line until the operation is done, and answers it as it ended."""
    operation = _post(slow_lab, "/global/healthChecks", name="hc", type="TCP")
    assert operation["status"] == "PENDING"
    ended = slow_lab.rest.post(f"/global/operations/{operation['name']}/wait").json()
    assert ended["status"] == "DONE"


def test_the_end_of_an_operation_is_told_without_another_request(clock: FakeClock):
    """Subscribers hear of an insert when its operation ends, not before and without asking."""
    heard: list[str] = []
    told = threading.Event()

    def hear(path: str) -> None:
        heard.append(path)
        told.set()

    with running_lab(clock=clock, operation_seconds=0.1) as lab:
        lab.run(lambda: lab.cloud.subscribe(hear))
        _post(lab, "/global/healthChecks", name="hc", type="TCP")
        assert heard == []
        clock.now += 1
        assert told.wait(10)
    assert heard == [CHECK]


def test_operations_are_listed_filtered_and_forgotten(lab: Lab):
    """Operations can be listed by target, and their records deleted."""
    lab.insert("healthChecks", name="hc", type="TCP")
    lab.insert("healthChecks", name="other", type="TCP")
    query = {"filter": 'targetLink eq ".*/healthChecks/hc"'}
    listed = lab.rest.get("/global/operations", params=query).json()["items"]
    assert [o["operationType"] for o in listed] == ["insert"]
    path = f"/global/operations/{listed[0]['name']}"
    assert lab.rest.delete(path).status_code == 204
    assert refusal(lab.rest.get(path))[:2] == (404, "notFound")


def test_request_ids_are_uuids_and_belong_to_one_request(lab: Lab):
    """A bad or zero request id is refused, and so is one that served another request."""
    for bad in ("x", str(uuid.UUID(int=0))):
        answer = lab.rest.post(f"/global/addresses?requestId={bad}", json={"name": "a"})
        assert refusal(answer)[:2] == (400, "invalid")
    number = str(uuid.uuid4())
    path = f"/global/addresses?requestId={number}"
    assert lab.rest.post(path, json={"name": "a"}).status_code == 200
    other = lab.rest.post(f"/global/healthChecks?requestId={number}", json={"name": "h"})
    assert refusal(other)[:2] == (400, "invalid")


def test_a_refused_request_does_not_use_up_its_id(lab: Lab):
    """After a 400 the same request id can carry out the mended request."""
    path = f"/global/healthChecks?requestId={uuid.uuid4()}"
    assert lab.rest.post(path, json={"name": "hc"}).status_code == 400
    assert lab.rest.post(path, json={"name": "hc", "type": "TCP"}).status_code == 200
