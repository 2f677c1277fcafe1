"""The wire: what is refused before a method is reached, faults, and who is counted."""

import gzip
import json
import uuid

import pytest
import requests
from google.api_core import exceptions
from google.api_core.gapic_v1.client_info import ClientInfo
from google.auth.credentials import AnonymousCredentials
from google.cloud import compute_v1 as c

from localcloud.faults import Fault
from localcloud.gcp.call import caller
from tests.localcloud.gcp.lab import PROJECT, Lab, refusal

pytestmark = pytest.mark.wire


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"nam": "x"}, "Unknown name \"nam\" at 'resource': Cannot find field"),
        ({"name": 5}, "Invalid value at 'resource.name' (TYPE_STRING)"),
        ({"name": "x", "timeoutSec": "soon"}, "(TYPE_INT32)"),
        ({"name": "x", "timeoutSec": 1.5}, "(TYPE_INT32)"),
        ({"name": "x", "timeoutSec": 2**31}, "(TYPE_INT32)"),
        ({"name": "x", "enableCDN": "yes"}, "(TYPE_BOOL)"),
        ({"name": "x", "backends": {}}, "(array)"),
        ({"name": "x", "backends": [5]}, "'resource.backends[0]' (object)"),
        ({"name": "x", "fingerprint": "?"}, "Base64 decoding failed"),
        ({"name": "x", "protocol": "FTP"}, "Acceptable values are"),
        ({"name": "Bad_Name"}, "Must be a match of regex"),
        ([], "(object)"),
    ],
)
def test_bodies_are_held_to_the_schema(lab: Lab, body: object, words: str):
    """Unknown fields, wrong types, ranges, enums and patterns are 400 and name the field."""
    code, _, message = refusal(lab.rest.post("/global/backendServices", json=body))
    assert code == 400
    assert words in message


def test_what_proto_json_allows_is_accepted(lab: Lab):
    """Numeric strings are numbers, null is absent, output-only fields are ignored."""
    body = {
        "name": "hc",
        "type": "TCP",
        "timeoutSec": "4",
        "description": None,
        "id": "17",
        "selfLink": "x",
        "kind": "compute#other",
    }
    stored = lab.insert("healthChecks", **body)
    assert stored["timeoutSec"] == 4
    assert stored["id"] != "17"
    assert stored["kind"] == "compute#healthCheck"


def test_requests_that_no_method_serves_are_refused(lab: Lab):
    """Unknown paths are 404, unknown parameters 400, broken JSON 400, the rest says 501."""
    assert refusal(lab.rest.get("/global/instances"))[0] == 404
    assert refusal(lab.rest.get("/global/urlMaps?fliter=x"))[:2] == (400, "badRequest")
    assert refusal(lab.rest.get("/global/urlMaps/Bad_Name"))[:2] == (400, "invalid")
    broken = lab.rest.post("/global/urlMaps", data="{")
    assert refusal(broken)[:2] == (400, "parseError")
    policy = lab.rest.get("/global/backendServices/x/getIamPolicy")
    assert refusal(policy)[:2] == (501, "notImplemented")
    other = requests.get(f"{lab.url}/storage/v1/b", timeout=10)
    assert refusal(other)[0] == 404


def test_a_fingerprint_is_bytes_in_any_base64(lab: Lab):
    """The URL-safe alphabet and missing padding mean the same fingerprint."""
    for number in range(40):
        body = lab.insert("backendServices", name="bs", description=str(number))
        mark = body["fingerprint"].replace("+", "-").replace("/", "_").rstrip("=")
        patch = {"fingerprint": mark, "timeoutSec": 3}
        assert lab.rest.patch("/global/backendServices/bs", json=patch).status_code == 200
        lab.rest.delete("/global/backendServices/bs")


def test_compressed_bodies_are_read(lab: Lab):
    """Clients may send gzip."""
    data = gzip.compress(json.dumps({"name": "hc", "type": "TCP"}).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    answer = lab.rest.post("/global/healthChecks", data=data, headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"User-Agent": "fedingress/1.0 gl-python/3.11 rest/2.32 gapic/1.57"}, "fedingress"),
        ({"User-Agent": "gl-python/3.11 gapic/1.57 fedingress/1.0"}, "fedingress"),
        ({"User-Agent": "gl-python/3.11", "X-Goog-Api-Client": "gax/2 autoneg/3"}, "autoneg"),
        ({"User-Agent": "kubemci/0.4 (gzip)"}, "kubemci"),
        ({"User-Agent": "python-requests/2", "X-Goog-Api-Client": "rest/2 a/1"}, "a"),
        ({"User-Agent": "google-api-python-client/2 (gzip)"}, "google-api-python-client"),
        ({"User-Agent": "gl-python/3.11 gapic/1.57"}, "gl-python"),
        ({}, "unknown"),
    ],
)
def test_the_caller_is_the_program_not_its_library(headers: dict[str, str], name: str):
    """A program's own token counts wherever it stands among those of the client library."""
    assert caller(headers) == name


def test_writes_are_counted_by_caller(lab: Lab):
    """Only writes that took effect count, under the name that the program gave its client."""
    client = c.HealthChecksClient(
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": lab.url},
        client_info=ClientInfo(user_agent="fedingress/1.2"),
    )
    check = c.HealthCheck(name="hc", type_="TCP")
    client.insert_unary(project=PROJECT, health_check_resource=check)
    with pytest.raises(exceptions.Conflict):
        client.insert_unary(project=PROJECT, health_check_resource=check)
    client.get(project=PROJECT, health_check="hc")
    client.delete_unary(project=PROJECT, health_check="hc")
    lab.run(lambda: lab.cloud.create_zone(PROJECT, "z", "example.com."))
    record = {"name": "a.example.com.", "type": "A", "ttl": 5, "rrdatas": ["203.0.113.1"]}
    headers = {"User-Agent": "someone/1"}
    change = {"additions": [record]}
    assert lab.dns_rest.post("/managedZones/z/changes", json=change, headers=headers).ok
    counted = [
        (k.caller, k.service, k.place, k.verb, k.resource, k.count) for k in lab.cloud.calls.list()
    ]
    assert counted == [
        ("fedingress", "compute", PROJECT, "delete", "healthChecks", 1),
        ("fedingress", "compute", PROJECT, "insert", "healthChecks", 1),
        ("someone", "dns", PROJECT, "create", "changes", 1),
    ]


def test_faults_answer_in_googles_form(lab: Lab):
    """An injected status has a reason that clients understand, once, for one caller."""
    headers = {"X-Error-Reason": "rateLimitExceeded"}
    lab.cloud.faults.add(Fault(method="GET", caller="fedingress", status=403, headers=headers))
    lab.cloud.faults.add(Fault(method="GET", status=503))
    mine = {"User-Agent": "gl-python/3 fedingress/1"}
    assert refusal(lab.rest.get("/global/urlMaps"))[:2] == (503, "backendError")
    limited = refusal(lab.rest.get("/global/urlMaps", headers=mine))
    assert limited[:2] == (403, "rateLimitExceeded")
    assert lab.rest.get("/global/urlMaps", headers=mine).status_code == 200


def test_a_lost_reply_is_mended_by_the_request_id(lab: Lab):
    """An insert whose reply is lost took effect; repeating it with its id is no conflict."""
    lab.cloud.faults.add(Fault(method="POST", abort_after=True))
    path = f"/global/healthChecks?requestId={uuid.uuid4()}"
    body = {"name": "hc", "type": "TCP"}
    with pytest.raises(requests.ConnectionError):
        lab.rest.post(path, json=body)
    assert lab.get("global/healthChecks/hc")["name"] == "hc"
    assert lab.rest.post(path, json=body).json()["operationType"] == "insert"
    assert refusal(lab.rest.post("/global/healthChecks", json=body))[0] == 409
