"""
Conformance: unmanaged instance groups, their members, named ports and health.

Sources: compute v1 reference of instanceGroups and instances; texts of refusals as users quote them
(ansible-collections/google.cloud#349, kubernetes#58500, kubernetes/ingress-gce#1074, and the page
"Troubleshoot external Application Load Balancers").
"""

from typing import Any

import pytest
from google.api_core.exceptions import PreconditionFailed
from google.cloud import compute_v1 as c

from tests.localcloud.gcp.lab import PROJECT, Lab, link, rate, refusal

pytestmark = pytest.mark.wire

ZONE = "zones/us-central1-a"
GROUP = f"projects/{PROJECT}/{ZONE}/instanceGroups/ig"
BASE = "https://www.googleapis.com/compute/v1/"


@pytest.fixture
def grouped(lab: Lab) -> Lab:
    """A group of two nodes without named ports."""
    lab.insert(f"{ZONE}/instanceGroups", name="ig")
    nodes = [lab.node(f"node-{n}", address=f"10.7.0.{n}") for n in (1, 2)]
    assert _members(lab, "add", *nodes).status_code == 200
    return lab


def _members(lab: Lab, verb: str, *links: str, group: str = "ig") -> Any:
    body = {"instances": [{"instance": each} for each in links]}
    return lab.rest.post(f"/{ZONE}/instanceGroups/{group}/{verb}Instances", json=body)


def _name_ports(lab: Lab, *ports: tuple[str, int], **more: object) -> Any:
    named = [{"name": name, "port": port} for name, port in ports]
    body = {"namedPorts": named, **more}
    return lab.rest.post(f"/{ZONE}/instanceGroups/ig/setNamedPorts", json=body)


def _instances(**more: Any) -> dict[str, Any]:
    """Give a backend of the group in RATE mode."""
    return {"group": GROUP, "balancingMode": "RATE", "maxRatePerInstance": 10, **more}


def test_instances_are_read_by_the_official_client(grouped: Lab):
    """A node is a running instance with its address, network and tags; nobody makes one here."""
    grouped.node("other", "europe-west1-b", tags=["gke-eu-node"])
    client = grouped.client("Instances")
    one = client.get(project=PROJECT, zone="us-central1-a", instance="node-1")
    assert (one.status, one.network_interfaces[0].network_i_p) == ("RUNNING", "10.7.0.1")
    assert one.network_interfaces[0].network.endswith("/global/networks/default")
    assert one.zone == f"{BASE}projects/{PROJECT}/{ZONE}"
    listed = client.list(project=PROJECT, zone="us-central1-a")
    assert [each.name for each in listed] == ["node-1", "node-2"]
    everywhere = dict(client.aggregated_list(project=PROJECT))
    (there,) = everywhere["zones/europe-west1-b"].instances
    assert (there.name, list(there.tags.items)) == ("other", ["gke-eu-node"])
    made = grouped.rest.post(f"/{ZONE}/instances", json={"name": "mine"})
    assert refusal(made)[0] == 404


def test_members_come_and_go(grouped: Lab):
    """Size, network and list follow the members; listing tells state and named ports."""
    group = grouped.get(f"{ZONE}/instanceGroups/ig")
    assert (group["size"], group["network"].rpartition("/")[2]) == (2, "default")
    assert _name_ports(grouped, ("port30080", 30080)).status_code == 200
    client = grouped.client("InstanceGroups")
    request = c.InstanceGroupsListInstancesRequest(instance_state="RUNNING")
    listed = client.list_instances(
        project=PROJECT,
        zone="us-central1-a",
        instance_group="ig",
        instance_groups_list_instances_request_resource=request,
    )
    seen = [(each.instance, each.status, each.named_ports[0].port) for each in listed]
    assert seen == [
        (f"{BASE}projects/{PROJECT}/{ZONE}/instances/node-{n}", "RUNNING", 30080) for n in (1, 2)
    ]
    node = f"{ZONE}/instances/node-1"
    assert _members(grouped, "remove", node).status_code == 200
    assert grouped.get(f"{ZONE}/instanceGroups/ig")["size"] == 1
    code, reason, words = refusal(_members(grouped, "remove", node))
    assert (code, reason) == (400, "memberNotFound"), words
    everywhere = dict(client.aggregated_list(project=PROJECT))
    assert [each.name for each in everywhere[ZONE].instance_groups] == ["ig"]


def test_wrong_members_are_refused(grouped: Lab):
    """A member again, another zone, another network, an unknown instance, the same one twice."""
    here, there = f"projects/{PROJECT}/{ZONE}/instances/node-1", f"{ZONE}/instances/node-9"
    words = f"Resource '{here}' is already a member of '{GROUP}'."
    assert refusal(_members(grouped, "add", here)) == (400, "memberAlreadyExists", words)
    elsewhere = grouped.node("far", "us-central1-b")
    assert "must be in the zone" in refusal(_members(grouped, "add", elsewhere))[2]
    foreign = grouped.node("foreign", network="blue")
    assert "is not on the network" in refusal(_members(grouped, "add", foreign))[2]
    assert refusal(_members(grouped, "add", there))[:2] == (404, "notFound")
    new = grouped.node("node-3")
    assert "Duplicate instance" in refusal(_members(grouped, "add", new, new))[2]
    assert refusal(_members(grouped, "add"))[:2] == (400, "required")
    assert "malformed" in refusal(_members(grouped, "add", "node-3"))[2]
    assert refusal(_members(grouped, "add", new, group="gone"))[0] == 404


def test_named_ports_are_guarded_by_their_own_fingerprint(grouped: Lab):
    """Members do not age the fingerprint, named ports do; a stale one is a 412."""
    client = grouped.client("InstanceGroups")

    def set_ports(fingerprint: str, *numbers: int) -> Any:
        ports = [c.NamedPort(name=f"port{number}", port=number) for number in numbers]
        request = c.InstanceGroupsSetNamedPortsRequest(named_ports=ports, fingerprint=fingerprint)
        return client.set_named_ports_unary(
            project=PROJECT,
            zone="us-central1-a",
            instance_group="ig",
            instance_groups_set_named_ports_request_resource=request,
        )

    first = grouped.get(f"{ZONE}/instanceGroups/ig")["fingerprint"]
    assert _members(grouped, "remove", f"{ZONE}/instances/node-2").status_code == 200
    assert grouped.get(f"{ZONE}/instanceGroups/ig")["fingerprint"] == first
    set_ports(first, 30080)
    second = grouped.get(f"{ZONE}/instanceGroups/ig")["fingerprint"]
    assert second != first
    with pytest.raises(PreconditionFailed, match="fingerprint"):
        set_ports(first, 30081)
    set_ports(second, 30080, 30081)
    observed = grouped.get(f"{ZONE}/instanceGroups/ig")
    assert [port["name"] for port in observed["namedPorts"]] == ["port30080", "port30081"]
    set_ports("", 30080)
    assert grouped.get(f"{ZONE}/instanceGroups/ig")["fingerprint"] == second


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        ([("Http", 80)], "namedPorts[0].name"),
        ([("", 80)], "namedPorts[0].name"),
        ([("http", 0)], "namedPorts[0].port"),
        ([("http", 65536)], "namedPorts[0].port"),
        ([("a", 80), ("a", 80)], "Duplicate named port"),
    ],
)
def test_unsound_named_ports_are_refused(grouped: Lab, ports: list[tuple[str, int]], words: str):
    """Names and numbers are held to the reference; one name may have several numbers."""
    assert words in refusal(_name_ports(grouped, *ports))[2]
    assert _name_ports(grouped, ("a", 80), ("a", 81)).status_code == 200


def test_health_of_a_group_names_each_instance_at_the_named_port(grouped: Lab):
    """One entry for each instance with the port that the service's name means; none, unhealthy."""
    _name_ports(grouped, ("port30080", 30080), ("port30081", 30081))
    grouped.service(portName="port30081", backends=[_instances()])

    def health() -> list[tuple[str, int, str]]:
        answer = grouped.client("BackendServices").get_health(
            project=PROJECT,
            backend_service="bs",
            resource_group_reference_resource=c.ResourceGroupReference(group=GROUP),
        )
        return [
            (each.instance.rpartition("/")[2], each.port, each.health_state)
            for each in answer.health_status
        ]

    assert health() == [("node-1", 30081, "UNKNOWN"), ("node-2", 30081, "UNKNOWN")]
    grouped.cloud.health = lambda _service, _group: {
        ("10.7.0.1", 30081): "HEALTHY",
        ("10.7.0.2", 30081): "UNHEALTHY",
        ("10.7.0.2", 30080): "HEALTHY",
    }
    assert health() == [("node-1", 30081, "HEALTHY"), ("node-2", 30081, "UNHEALTHY")]
    _name_ports(grouped, ("port30080", 30080))
    assert health() == [("node-1", 0, "UNHEALTHY"), ("node-2", 0, "UNHEALTHY")]


def test_a_used_group_cannot_be_deleted(grouped: Lab):
    """A backend service holds its group; without it, group and members part."""
    grouped.service(backends=[_instances()])
    path = f"/{ZONE}/instanceGroups/ig"
    code, reason, words = refusal(grouped.rest.delete(path))
    user = f"projects/{PROJECT}/global/backendServices/bs"
    assert (code, reason) == (400, "resourceInUseByAnotherResource")
    assert words == (f"The instance_group resource '{GROUP}' is already being used by '{user}'")
    assert grouped.rest.delete("/global/backendServices/bs").status_code == 200
    assert grouped.rest.delete(path).status_code == 200
    assert grouped.rest.get(path).status_code == 404
    assert grouped.rest.get(f"/{ZONE}/instances/node-1").status_code == 200


def test_one_mode_for_a_group_in_all_services(grouped: Lab):
    """RATE in one backend service and UTILIZATION in another is refused in Google's words."""
    grouped.service("one", backends=[_instances()])
    grouped.insert("healthChecks", name="hc", type="HTTP")
    other = {"group": GROUP, "balancingMode": "UTILIZATION", "maxUtilization": 0.8}
    code, reason, words = grouped.refused(
        "backendServices",
        name="two",
        loadBalancingScheme="EXTERNAL_MANAGED",
        healthChecks=[link("hc")],
        backends=[other],
    )
    services = f"projects/{PROJECT}/global/backendServices/"
    assert (code, reason) == (400, "invalid")
    assert words == (
        f"Validation failed for instance group '{GROUP}': backend services '{services}two' and "
        f"'{services}one' point to the same instance group but the backends have incompatible "
        "balancing_mode. Values should be the same."
    )
    wrong = rate(GROUP)
    body = {"name": "two", "healthChecks": [link("hc")], "backends": [wrong]}
    assert "maxRatePerEndpoint needs" in grouped.refused("backendServices", **body)[2]


def test_the_right_to_change_a_group_is_one(grouped: Lab):
    """Members and named ports need ``compute.instanceGroups.update``, and the text says so."""
    grouped.cloud.access.denied.add("compute.instanceGroups.update")
    for answer in (
        _name_ports(grouped, ("http", 80)),
        _members(grouped, "remove", f"{ZONE}/instances/node-1"),
    ):
        code, reason, words = refusal(answer)
        assert (code, reason) == (403, "forbidden")
        assert "Required 'compute.instanceGroups.update' permission" in words
    assert grouped.get(f"{ZONE}/instanceGroups/ig")["size"] == 2


def test_an_instance_serves_behind_one_group(grouped: Lab):
    """It may be in a second group, but only one of its groups may be balanced over."""
    grouped.insert(f"{ZONE}/instanceGroups", name="second")
    node = f"{ZONE}/instances/node-1"
    assert _members(grouped, "add", node, group="second").status_code == 200
    grouped.service(backends=[_instances()])
    second = {**_instances(), "group": GROUP.replace("/ig", "/second")}
    grouped.insert("healthChecks", name="hc", type="HTTP")
    body = {"name": "two", "healthChecks": [link("hc")], "backends": [second]}
    code, reason, words = grouped.refused("backendServices", **body)
    assert (code, reason) == (400, "instanceInMultipleLoadBalancedIgs")
    assert words == (
        f"Validation failed for instance 'projects/{PROJECT}/{node}': instance may belong to at "
        "most one load-balanced instance group."
    )
    assert _members(grouped, "remove", node, group="second").status_code == 200
    assert grouped.insert("backendServices", **body)["backends"][0][
        "group"
    ] == BASE + GROUP.replace("/ig", "/second")
    late = _members(grouped, "add", node, group="second")
    assert refusal(late)[1] == "instanceInMultipleLoadBalancedIgs"
