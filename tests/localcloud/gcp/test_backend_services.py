"""What the stand-in refuses and fills in for backend services and health checks."""

import pytest

from tests.localcloud.gcp.lab import PROJECT, Lab, link, rate, refusal

pytestmark = pytest.mark.wire


@pytest.fixture
def prepared(lab: Lab) -> Lab:
    """A health check, two NEGs and an instance group to build on."""
    lab.insert("healthChecks", name="hc", type="HTTP")
    lab.neg("n1")
    lab.neg("n2", "europe-west1-b")
    lab.insert("zones/us-central1-a/instanceGroups", name="ig")
    return lab


N1 = f"projects/{PROJECT}/zones/us-central1-a/networkEndpointGroups/n1"
N2 = f"projects/{PROJECT}/zones/europe-west1-b/networkEndpointGroups/n2"
IG = f"projects/{PROJECT}/zones/us-central1-a/instanceGroups/ig"


def _refused(lab: Lab, *backends: dict[str, object], **more: object) -> str:
    body = {
        "name": "bs",
        "loadBalancingScheme": "EXTERNAL_MANAGED",
        "healthChecks": [link("hc")],
        "backends": list(backends),
        **more,
    }
    code, reason, message = lab.refused("backendServices", **body)
    assert (code, reason) == (400, "invalid"), message
    return message


def test_defaults_are_filled_in(prepared: Lab):
    """A backend service answers the defaults that Compute Engine gives."""
    body = prepared.insert(
        "backendServices",
        name="bs",
        healthChecks=[link("hc")],
        backends=[{"group": N1, "maxRatePerEndpoint": 1e14}],
        loadBalancingScheme="EXTERNAL_MANAGED",
    )
    assert body["protocol"] == "HTTP"
    assert body["timeoutSec"] == 30
    assert body["sessionAffinity"] == "NONE"
    assert body["kind"] == "compute#backendService"
    backend = body["backends"][0]
    assert (backend["balancingMode"], backend["capacityScaler"]) == ("RATE", 1.0)
    assert backend["group"] == f"https://www.googleapis.com/compute/v1/{N1}"
    check = prepared.get("global/healthChecks/hc")
    assert (check["checkIntervalSec"], check["timeoutSec"]) == (5, 5)
    assert (check["healthyThreshold"], check["unhealthyThreshold"]) == (2, 2)
    assert check["httpHealthCheck"] == {"port": 80, "proxyHeader": "NONE", "requestPath": "/"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"maxRatePerEndpoint": None}, "Exactly one of maxRate and maxRatePerEndpoint"),
        ({"maxRate": 5}, "Exactly one of maxRate and maxRatePerEndpoint"),
        ({"maxUtilization": 0.8}, "maxUtilization cannot be set for network endpoint groups"),
        ({"balancingMode": "UTILIZATION"}, "not supported for network endpoint groups"),
        ({"balancingMode": "CONNECTION"}, "not supported for network endpoint groups"),
        ({"maxRatePerEndpoint": 0}, "Must be greater than 0"),
        ({"capacityScaler": 0.05}, "Must be 0.0, or between 0.1 and 1.0"),
        ({"capacityScaler": 1.5}, "Must be 0.0, or between 0.1 and 1.0"),
        ({"capacityScaler": 0}, "only one backend"),
        ({"preference": "MAYBE"}, "Acceptable values are"),
    ],
)
def test_a_neg_backend_has_a_rate_and_a_sound_scaler(
    prepared: Lab, changes: dict[str, object], words: str
):
    """RATE needs exactly one rate, a scaler is 0 or 0.1 to 1, and never 0 for a lone backend."""
    assert words in _refused(prepared, rate(N1, **changes))


def test_preference_and_a_drained_backend_beside_another_are_accepted(prepared: Lab):
    """PREFERRED and DEFAULT backends stand together, and one of two may be drained."""
    body = prepared.insert(
        "backendServices",
        name="bs",
        loadBalancingScheme="EXTERNAL_MANAGED",
        healthChecks=[link("hc")],
        backends=[
            rate(N1, preference="PREFERRED"),
            rate(N2, preference="DEFAULT", capacityScaler=0),
        ],
    )
    assert [b["capacityScaler"] for b in body["backends"]] == [1.0, 0]


def test_groups_are_there_once_and_of_the_same_project(prepared: Lab):
    """A foreign project's NEG, a missing one and a doubled one are refused."""
    foreign = rate(N1.replace(PROJECT, "other"))
    assert "Cross project referencing is not allowed" in _refused(prepared, foreign)
    assert "cannot be found" in _refused(prepared, rate(N1.replace("n1", "gone")))
    assert "Duplicate backend group" in _refused(prepared, rate(N1), rate(N1))
    wrong = rate(f"projects/{PROJECT}/global/healthChecks/hc")
    assert "Unexpected resource collection" in _refused(prepared, wrong)
    assert "The URL is malformed" in _refused(prepared, rate("n1"))


def test_an_instance_group_has_one_mode_in_all_services(prepared: Lab):
    """Two backend services with the same instance group cannot use RATE and UTILIZATION."""
    first = {"group": IG, "balancingMode": "RATE", "maxRatePerInstance": 10}
    prepared.service("one", backends=[first])
    second = {"group": IG, "balancingMode": "UTILIZATION", "maxUtilization": 0.8}
    assert "incompatible balancing_mode" in _refused(prepared, second)
    assert "maxRatePerEndpoint needs a network endpoint group" in _refused(prepared, rate(IG))
    mixed = _refused(prepared, rate(N1), {**first, "balancingMode": "RATE"})
    assert "must be of the same kind" in mixed


def test_probed_groups_need_one_health_check(prepared: Lab):
    """A service with NEGs has exactly one health check."""
    code, reason, _ = prepared.refused(
        "backendServices",
        name="bs",
        loadBalancingScheme="EXTERNAL_MANAGED",
        backends=[rate(N1)],
    )
    assert (code, reason) == (400, "required")
    prepared.insert("healthChecks", name="hc2", type="HTTP")
    words = _refused(prepared, rate(N1), healthChecks=[link("hc"), link("hc2")])
    assert "At most one health check" in words


def test_the_scheme_cannot_change(prepared: Lab):
    """A patch that changes the load balancing scheme is refused, one that repeats it is not."""
    body = prepared.service()
    path = "/global/backendServices/bs"
    patch = {"fingerprint": body["fingerprint"], "loadBalancingScheme": "EXTERNAL"}
    assert refusal(prepared.rest.patch(path, json=patch))[:2] == (400, "invalid")
    patch["loadBalancingScheme"] = "EXTERNAL_MANAGED"
    assert prepared.rest.patch(path, json=patch).status_code == 200


def test_a_raw_patch_clears_with_an_empty_list_and_with_null(prepared: Lab):
    """What the proto client cannot say, raw JSON can: [] and null clear a field."""
    body = prepared.service(backends=[rate(N1), rate(N2)], customRequestHeaders=["A: b"])
    patch = {"fingerprint": body["fingerprint"], "backends": [], "customRequestHeaders": None}
    assert prepared.rest.patch("/global/backendServices/bs", json=patch).status_code == 200
    after = prepared.get("global/backendServices/bs")
    assert after["backends"] == []
    assert "customRequestHeaders" not in after


def test_a_put_replaces_and_keeps_what_the_server_gave(prepared: Lab):
    """A PUT drops what it does not name, and ignores output-only fields in its body."""
    body = prepared.service(timeoutSec=99, backends=[rate(N1)])
    put = {
        "name": "bs",
        "fingerprint": body["fingerprint"],
        "id": "7",
        "healthChecks": [link("hc")],
    }
    assert prepared.rest.put("/global/backendServices/bs", json=put).status_code == 200
    after = prepared.get("global/backendServices/bs")
    assert (after["timeoutSec"], after["id"]) == (30, body["id"])
    assert "backends" not in after
    assert after["loadBalancingScheme"] == "EXTERNAL_MANAGED"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"checkIntervalSec": 5, "timeoutSec": 6}, "less than or equal to checkIntervalSec"),
        ({"checkIntervalSec": 301}, "less than or equal to 300"),
        ({"healthyThreshold": 11}, "less than or equal to 10"),
        ({"unhealthyThreshold": 0}, "greater than or equal to 1"),
        ({"httpHealthCheck": {"requestPath": "healthz"}}, "Must start with '/'"),
        (
            {"httpHealthCheck": {"port": 80, "portSpecification": "USE_SERVING_PORT"}},
            "Cannot be set with USE_SERVING_PORT",
        ),
        ({"tcpHealthCheck": {"port": 80}}, "Cannot be set for a health check of HTTP"),
    ],
)
def test_health_checks_keep_their_ranges(lab: Lab, fields: dict[str, object], words: str):
    """Intervals, thresholds and the protocol block of a health check are held to their rules."""
    code, _, message = lab.refused("healthChecks", name="hc", type="HTTP", **fields)
    assert code == 400
    assert words in message


def test_names_and_descriptions_have_limits(lab: Lab):
    """Names follow RFC 1035, descriptions end at 2048 characters, a type is required."""
    assert lab.refused("healthChecks", name="Bad_Name", type="TCP")[1] == "invalid"
    assert lab.refused("healthChecks", name="a" * 64, type="TCP")[1] == "invalid"
    assert lab.refused("healthChecks", name="ends-", type="TCP")[1] == "invalid"
    assert lab.refused("healthChecks", type="TCP")[1] == "required"
    assert lab.refused("healthChecks", name="hc")[1] == "required"
    long = lab.refused("healthChecks", name="hc", type="TCP", description="x" * 2049)
    assert long[1] == "invalid"
    lab.insert("healthChecks", name="a" * 63, type="TCP", description="x" * 2048)
