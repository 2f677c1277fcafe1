"""Conformance of dns v1, driven by google-api-python-client's static discovery."""

from collections.abc import Iterator
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.localcloud.gcp.lab import PROJECT, FakeClock, Lab, running_lab

pytestmark = pytest.mark.wire

ZONE = {"project": PROJECT, "managedZone": "z"}
A = {"name": "a.example.com.", "type": "A", "ttl": 30, "rrdatas": ["203.0.113.1"]}
CHECK = "https://www.googleapis.com/compute/v1/projects/lab/global/healthChecks/hc"
SOURCES = ["asia-southeast1", "europe-west1", "us-central1"]


@pytest.fixture
def dns(lab: Lab) -> Iterator[Any]:
    """The client, in front of a zone `z` for example.com."""
    lab.run(lambda: lab.cloud.create_zone(PROJECT, "z", "example.com."))
    for name, regions in (("hc", SOURCES), ("inside", [])):
        body = {"type": "TCP", "checkIntervalSec": 30, "sourceRegions": regions}
        path = f"projects/{PROJECT}/global/healthChecks/{name}"
        lab.run(lambda path=path, body=body: lab.cloud.insert(path, body))
    with lab.dns() as client:
        yield client


def _change(dns: Any, *additions: Any, deletions: Any = ()) -> dict[str, Any]:
    body = {"additions": list(additions), "deletions": list(deletions)}
    return dns.changes().create(**ZONE, body=body).execute()


def _list(dns: Any, **query: object) -> list[dict[str, Any]]:
    return dns.resourceRecordSets().list(**ZONE, **query).execute()["rrsets"]


def _refused(request: Any) -> tuple[int, str, str]:
    with pytest.raises(HttpError) as refused:
        request()
    detail = refused.value.error_details[0]
    return refused.value.status_code, detail["reason"], detail["message"]


def test_zones_are_made_read_changed_and_deleted(lab: Lab):
    """A zone gets name servers, SOA and NS; it is deleted only when nothing else is in it."""
    with lab.dns() as dns:
        zones = dns.managedZones()
        body = {"name": "z", "dnsName": "Example.com.", "description": "d"}
        made = zones.create(project=PROJECT, body=body).execute()
        assert (made["dnsName"], made["visibility"]) == ("example.com.", "public")
        assert len(made["nameServers"]) == 4
        assert [r["type"] for r in _list(dns)] == ["NS", "SOA"]
        assert zones.get(project=PROJECT, managedZone=made["id"]).execute() == made
        listed = zones.list(project=PROJECT, dnsName="example.com.").execute()["managedZones"]
        assert [z["name"] for z in listed] == ["z"]
        patched = zones.patch(**ZONE, body={"description": "new"}).execute()
        assert patched["zoneContext"]["newValue"]["description"] == "new"
        _change(dns, A)
        assert _refused(zones.delete(**ZONE).execute)[:2] == (400, "containerNotEmpty")
        _change(dns, deletions=[A])
        assert not zones.delete(**ZONE).execute()
        assert _refused(zones.get(**ZONE).execute)[:2] == (404, "notFound")


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        ({"name": "z", "dnsName": "a.org.", "description": ""}, 409, "alreadyExists"),
        ({"name": "y", "dnsName": "a.org.", "description": None}, 400, "required"),
        ({"name": "y", "description": ""}, 400, "required"),
        ({"name": "y", "dnsName": "a.org", "description": ""}, 400, "invalid"),
        ({"name": "Y", "dnsName": "a.org.", "description": ""}, 400, "invalid"),
        ({"name": "y", "dnsName": "*.a.org.", "description": ""}, 400, "invalid"),
    ],
)
def test_unsound_zones_are_refused(dns: Any, body: dict[str, Any], code: int, reason: str):
    """A description is required, names are unique, domains are absolute."""
    request = dns.managedZones().create(project=PROJECT, body=body)
    assert _refused(request.execute)[:2] == (code, reason)


def test_a_change_is_atomic_and_exact(dns: Any):
    """Deletions must match exactly, additions must be new, and a failed change leaves nothing."""
    _change(dns, A)
    b = {**A, "name": "b.example.com."}
    stale = {**A, "ttl": 31}
    assert _refused(lambda: _change(dns, b, deletions=[stale])) == (
        412,
        "conditionNotMet",
        "Precondition not met for 'entity.change.deletions[0]'",
    )
    assert _refused(lambda: _change(dns, b, A)) == (
        409,
        "alreadyExists",
        "The resource 'entity.change.additions[1]' named 'a.example.com. (A)' already exists",
    )
    assert _refused(lambda: _change(dns, A, deletions=[b])) == (
        404,
        "notFound",
        "The 'entity.change.deletions[0]' resource named 'b.example.com. (A)' does not exist.",
    )
    assert _refused(lambda: _change(dns))[1] == "required"
    assert [r["name"] for r in _list(dns, name="a.example.com.")] == ["a.example.com."]
    assert _list(dns, name="b.example.com.") == []
    moved = {**A, "ttl": "60", "rrdatas": ["203.0.113.2", "203.0.113.3"]}
    change = _change(dns, moved, deletions=[A])
    assert change["additions"][0]["ttl"] == 60
    reversed_data = {**moved, "rrdatas": moved["rrdatas"][::-1]}
    assert _change(dns, deletions=[reversed_data])["status"] == "done"


def test_a_change_is_pending_then_done():
    """A change answers pending, and done once the clock has moved on."""
    clock = FakeClock()
    with running_lab(clock=clock, operation_seconds=5.0) as lab, lab.dns() as dns:
        lab.run(lambda: lab.cloud.create_zone(PROJECT, "z", "example.com."))
        change = _change(dns, A)
        assert (change["id"], change["status"]) == ("1", "pending")
        assert change["startTime"] == "2025-06-15T15:06:40.000Z"
        assert _list(dns, name="a.example.com.")
        clock.now += 5
        again = dns.changes().get(**ZONE, changeId="1").execute()
        assert again["status"] == "done"
        listed = dns.changes().list(**ZONE).execute()["changes"]
        assert [c["id"] for c in listed] == ["1", "0"]
        assert _refused(dns.changes().get(**ZONE, changeId="9").execute)[0] == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "a.other.com."},
        {"name": "a.example.com"},
        {"name": "notexample.com."},
        {"name": "a.*.example.com."},
        {"name": "a..example.com."},
        {"name": f"{'a' * 64}.example.com."},
        {"type": "B"},
        {"ttl": -1},
        {"rrdatas": ["1.2.3"]},
        {"rrdatas": ["203.0.113.1", "203.0.113.1"]},
        {"rrdatas": ["2001:db8::1"]},
        {"type": "AAAA"},
        {"type": "CNAME", "rrdatas": ["b.example.com"]},
        {"type": "CNAME", "rrdatas": ["b.example.com.", "c.example.com."]},
        {"type": "MX", "rrdatas": ["mail.example.com."]},
        {"type": "SRV", "rrdatas": ["1 2 mail.example.com."]},
        {"type": "TXT", "rrdatas": ['"' + "x" * 256 + '"']},
        {"type": "SOA", "rrdatas": ["a. b. 1 2 3 4 5"]},
    ],
)
def test_unsound_record_sets_are_refused(dns: Any, changes: dict[str, Any]):
    """Names stand under the zone, and data is of its type."""
    code, reason, message = _refused(lambda: _change(dns, {**A, **changes}))
    assert (code, reason) == (400, "invalid")
    assert message.startswith("Invalid value for 'entity.change.additions[0].")


@pytest.mark.parametrize("field", ["name", "type", "ttl", "rrdatas"])
def test_required_fields_of_a_record_set(dns: Any, field: str):
    """Name, type, TTL and data are required."""
    code, reason, message = _refused(
        lambda: _change(dns, {k: v for k, v in A.items() if k != field})
    )
    assert (code, reason) == (400, "required")
    assert "parameter is required but was missing" in message


def test_a_cname_stands_alone(dns: Any):
    """A CNAME beside other types of a name, the apex among them, is refused in both orders."""
    cname = {"name": A["name"], "type": "CNAME", "ttl": 30, "rrdatas": ["b.example.com."]}
    _change(dns, A)
    code, reason, message = _refused(lambda: _change(dns, cname))
    assert (code, reason) == (400, "cnameResourceRecordSetConflict")
    assert "either one CNAME resource record set or" in message
    assert _change(dns, cname, deletions=[A])["status"] == "done"
    assert _refused(lambda: _change(dns, A))[1] == "cnameResourceRecordSetConflict"
    apex = {**cname, "name": "example.com."}
    assert _refused(lambda: _change(dns, apex))[1] == "cnameResourceRecordSetConflict"


def test_the_apex_keeps_soa_and_ns(dns: Any):
    """SOA and NS of the apex can be replaced, not removed."""
    ns = _list(dns, name="example.com.", type="NS")[0]
    assert _refused(lambda: _change(dns, deletions=[ns]))[1] == "invalidZoneApex"
    request = dns.resourceRecordSets().delete(**ZONE, name="example.com.", type="SOA")
    assert _refused(request.execute)[1] == "invalidZoneApex"
    assert _change(dns, {**ns, "ttl": 60}, deletions=[ns])["status"] == "done"


def test_names_and_text_are_stored_in_one_form(dns: Any):
    r"""Names are lower case, \052 is a star, text without quotes is split into quoted words."""
    _change(
        dns,
        {**A, "name": "\\052.X.example.com."},
        {**A, "name": "t.example.com.", "type": "TXT", "rrdatas": ["v=spf1 -all"]},
    )
    assert _list(dns, name="*.x.example.com.")[0]["name"] == "*.x.example.com."
    assert _list(dns, name="t.example.com.")[0]["rrdatas"] == ['"v=spf1" "-all"']
    got = dns.resourceRecordSets().get(**ZONE, name="*.x.example.com.", type="A").execute()
    assert got["rrdatas"] == A["rrdatas"]


def test_lists_have_pages_and_need_a_name_for_a_type(dns: Any):
    """Without a size, a page holds 100 record sets, and the next one must be asked for."""
    _change(dns, *({**A, "name": f"n{i:03}.example.com."} for i in range(120)))
    sets = dns.resourceRecordSets()
    request, seen, pages = sets.list(**ZONE), [], 0
    while request is not None:
        answer = request.execute()
        seen += [r["name"] for r in answer["rrsets"]]
        request, pages = sets.list_next(request, answer), pages + 1
    assert (len(seen), len(set(seen)), pages) == (122, 121, 2)
    assert _refused(sets.list(**ZONE, type="A").execute)[1] == "required"


def test_record_sets_are_also_written_one_by_one(dns: Any):
    """create, patch and delete of one record set are changes too."""
    sets = dns.resourceRecordSets()
    assert sets.create(**ZONE, body=A).execute()["kind"] == "dns#resourceRecordSet"
    assert _refused(sets.create(**ZONE, body=A).execute)[0] == 409
    key = {"name": A["name"], "type": "A"}
    patched = sets.patch(**ZONE, **key, body={"rrdatas": ["203.0.113.9"]}).execute()
    assert (patched["ttl"], patched["rrdatas"]) == (30, ["203.0.113.9"])
    policy = {"wrr": {"items": [{"weight": 1, "rrdatas": ["203.0.113.1"]}]}}
    patched = sets.patch(**ZONE, **key, body={"routingPolicy": policy}).execute()
    assert "rrdatas" not in patched
    assert sets.delete(**ZONE, **key).execute() == {}
    assert _refused(sets.delete(**ZONE, **key).execute)[:2] == (404, "notFound")
    assert len(dns.changes().list(**ZONE).execute()["changes"]) == 5


GEO = {"geo": {"items": [{"location": "us-east1", "rrdatas": ["203.0.113.1"]}]}}
WRR = {
    "wrr": {
        "items": [
            {"weight": 0.7, "rrdatas": ["203.0.113.1"]},
            {"weight": 0.3, "rrdatas": ["203.0.113.2"]},
        ]
    }
}
BACKUP = {
    "healthCheck": CHECK,
    "primaryBackup": {
        "primaryTargets": {"externalEndpoints": ["203.0.113.1"]},
        "backupGeoTargets": GEO["geo"],
        "trickleTraffic": 0.1,
    },
}


@pytest.mark.parametrize("policy", [WRR, GEO, BACKUP], ids=["wrr", "geo", "primaryBackup"])
def test_routing_policies_are_kept_and_matched_by_deletions(dns: Any, policy: dict[str, Any]):
    """A record set with a policy has no rrdatas; its deletion must name the policy exactly."""
    base = {"name": "w.example.com.", "type": "A", "ttl": 30}
    _change(dns, {**base, "routingPolicy": policy})
    stored = _list(dns, name="w.example.com.")[0]
    assert "rrdatas" not in stored
    assert stored["routingPolicy"]["kind"] == "dns#rRSetRoutingPolicy"
    assert (
        _refused(lambda: _change(dns, deletions=[{**base, "rrdatas": ["203.0.113.1"]}]))[0] == 412
    )
    _change(dns, deletions=[{**base, "routingPolicy": policy}])
    assert _list(dns, name="w.example.com.") == []


@pytest.mark.parametrize(
    "policy",
    [
        {**WRR, **GEO},
        {"wrr": {"items": []}},
        {"wrr": {"items": [{"weight": -1, "rrdatas": ["203.0.113.1"]}]}},
        {"wrr": {"items": [{"weight": 1}]}},
        {"wrr": {"items": [{"weight": 1, "rrdatas": ["x"]}]}},
        {"geo": {"items": [{"location": "mars", "rrdatas": ["203.0.113.1"]}]}},
        {"geo": {"items": GEO["geo"]["items"] * 2}},
        {"primaryBackup": BACKUP["primaryBackup"]},
        {**BACKUP, "healthCheck": "hc"},
        {**BACKUP, "healthCheck": CHECK.replace("/hc", "/gone")},
        {**BACKUP, "healthCheck": CHECK.replace("/hc", "/inside")},
        {"healthCheck": CHECK, "primaryBackup": {"backupGeoTargets": GEO["geo"]}},
    ],
)
def test_unsound_policies_are_refused(dns: Any, policy: dict[str, Any]):
    """Exactly one way, known places once, weights and data, a health check for checked targets."""
    body = {"name": "w.example.com.", "type": "A", "ttl": 30, "routingPolicy": policy}
    code, reason, _ = _refused(lambda: _change(dns, body))
    assert code == 400
    assert reason in {"invalid", "required"}


def test_endpoints_are_checked_for_public_zones_only(lab: Lab, dns: Any):
    """A private zone has internal load balancers for that."""
    network = f"https://www.googleapis.com/compute/v1/projects/{PROJECT}/global/networks/default"
    body = {
        "name": "inside",
        "dnsName": "example.com.",
        "description": "d",
        "visibility": "private",
        "privateVisibilityConfig": {"networks": [{"networkUrl": network}]},
    }
    dns.managedZones().create(project=PROJECT, body=body).execute()
    item = {"name": "w.example.com.", "type": "A", "ttl": 30, "routingPolicy": BACKUP}
    where = {"project": PROJECT, "managedZone": "inside"}
    request = dns.changes().create(**where, body={"additions": [item]})
    assert _refused(request.execute)[:2] == (400, "invalid")


def test_data_and_a_policy_exclude_each_other(dns: Any):
    """A record set has data or a policy, and only some types can have a policy."""
    assert _refused(lambda: _change(dns, {**A, "routingPolicy": WRR}))[0] == 400
    ns = {"name": "n.example.com.", "type": "NS", "ttl": 30, "routingPolicy": WRR}
    assert _refused(lambda: _change(dns, ns))[0] == 400


def test_quotas_of_zones_and_record_sets():
    """One zone or record set more than its quota is 403 quotaExceeded."""
    quotas = {"managedZones": 1, "resourceRecordSetsPerManagedZone": 3}
    with running_lab(quotas=quotas) as lab, lab.dns() as dns:
        lab.run(lambda: lab.cloud.create_zone(PROJECT, "z", "example.com."))
        body = {"name": "y", "dnsName": "a.org.", "description": ""}
        create = dns.managedZones().create(project=PROJECT, body=body)
        assert _refused(create.execute)[:2] == (403, "quotaExceeded")
        _change(dns, A)
        more = {**A, "name": "b.example.com."}
        assert _refused(lambda: _change(dns, more))[:2] == (403, "quotaExceeded")
