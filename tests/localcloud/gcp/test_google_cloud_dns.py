"""google-cloud-dns as the second reader of plain record sets."""

from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import dns

from tests.localcloud.gcp.lab import PROJECT, Lab

pytestmark = pytest.mark.wire


@pytest.fixture
def client(lab: Lab) -> Any:
    """The client, pointed at the stand-in."""
    return dns.Client(
        project=PROJECT,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": lab.url},
    )


def test_plain_records_are_written_and_read(client: Any):
    """Zone, change and record sets go round, with times as this client reads them."""
    zone = client.zone("z", "example.com.", "made by a test")
    zone.create()
    assert zone.name_servers
    assert zone.created.year >= 2025
    changes = zone.changes()
    changes.add_record_set(zone.resource_record_set("a.example.com.", "A", 60, ["203.0.113.9"]))
    changes.create()
    assert changes.status == "done"
    changes.reload()
    assert changes.started.tzinfo is not None
    found = {(r.name, r.record_type): r for r in zone.list_resource_record_sets()}
    assert set(found) == {
        ("example.com.", "NS"),
        ("example.com.", "SOA"),
        ("a.example.com.", "A"),
    }
    assert found["a.example.com.", "A"].ttl == 60
    assert [z.name for z in client.list_zones()] == ["z"]
    assert zone.exists()


def test_it_cannot_read_a_routing_policy(client: Any, lab: Lab):
    """A record set with a policy carries no rrdatas, on which this client fails: a known limit."""
    zone = client.zone("z", "example.com.", "made by a test")
    zone.create()
    items = [{"weight": 1, "rrdatas": ["203.0.113.1"]}]
    body = {
        "name": "w.example.com.",
        "type": "A",
        "ttl": 30,
        "routingPolicy": {"wrr": {"items": items}},
    }
    assert lab.dns_rest.post("/managedZones/z/rrsets", json=body).status_code == 200
    with pytest.raises(KeyError, match="rrdatas"):
        list(zone.list_resource_record_sets())
