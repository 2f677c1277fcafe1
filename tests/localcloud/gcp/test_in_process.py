"""What other parts of the local cloud do to the cloud without the wire."""

import subprocess
import sys

import pytest

from localcloud.gcp import GcpCloud, GoogleError

NEG = "projects/lab/zones/us-central1-a/networkEndpointGroups/pods"
POD = {"instance": "node", "ipAddress": "10.7.1.1", "port": 80}


@pytest.fixture
def cloud() -> GcpCloud:
    """A cloud whose operations on the wire would take long."""
    return GcpCloud(next_address=lambda: "127.7.250.1", operation_seconds=60.0)


def test_changes_take_effect_at_once_and_are_told(cloud: GcpCloud):
    """insert, attach, detach and delete are done when they return, each with a notice."""
    heard: list[str] = []
    cloud.subscribe(heard.append)
    cloud.insert(
        NEG, {"networkEndpointType": "GCE_VM_IP_PORT", "network": "global/networks/default"}
    )
    cloud.attach(NEG, [POD])
    assert cloud.compute[NEG]["size"] == 1
    assert [e["ipAddress"] for e in cloud.endpoints[NEG]] == ["10.7.1.1"]
    cloud.detach(NEG, [POD])
    assert cloud.endpoints[NEG] == []
    cloud.delete(NEG)
    assert NEG not in cloud.compute
    assert NEG not in cloud.endpoints
    assert heard == [NEG] * 4


def test_they_are_checked_as_on_the_wire(cloud: GcpCloud):
    """A bad type, an unknown field, a second insert and a missing NEG are refused."""
    with pytest.raises(GoogleError, match="in this scope"):
        cloud.insert(NEG, {"networkEndpointType": "SERVERLESS"})
    with pytest.raises(GoogleError, match="Cannot find field"):
        cloud.insert(NEG, {"networkEndpointTyp": "GCE_VM_IP_PORT"})
    cloud.insert(NEG, {"networkEndpointType": "GCE_VM_IP_PORT"})
    with pytest.raises(GoogleError, match="already exists"):
        cloud.insert(NEG, {"networkEndpointType": "GCE_VM_IP_PORT"})
    with pytest.raises(GoogleError, match="was not found"):
        cloud.attach(NEG.replace("pods", "none"), [POD])


def test_a_zone_has_its_apex_and_is_told(cloud: GcpCloud):
    """A zone made in process holds SOA and NS, and its path is told."""
    heard: list[str] = []
    cloud.subscribe(heard.append)
    zone = cloud.create_zone("lab", "example-com", "example.com.")
    assert sorted(zone.rrsets) == [("example.com.", "NS"), ("example.com.", "SOA")]
    assert cloud.zones["lab", "example-com"] is zone
    assert heard == ["projects/lab/managedZones/example-com"]


def test_documents_are_read_only_when_they_are_needed():
    """Importing the package reads no discovery document and imports no Google library."""
    program = (
        "import sys, localcloud.gcp; from localcloud.gcp import discovery; "
        "assert discovery.api.cache_info().currsize == 0; "
        "assert 'googleapiclient' not in sys.modules and 'google.auth' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_the_views_are_read_only(cloud: GcpCloud):
    """Other parts cannot write past the rules."""
    with pytest.raises(TypeError):
        cloud.compute["x"] = {}  # type: ignore[index]
