"""Which endpoints the probers reach: rules of a network, their sources, ports and target tags."""

import pytest

from localcloud.dataplane.haproxy.firewalls import PROBERS, reached
from localcloud.dataplane.haproxy.snapshot import Snapshot

GROUP = "projects/p/zones/z/networkEndpointGroups/web"
BLUE = "projects/p/global/networks/blue"
ROWS = ({"ipAddress": "10.1.1.1", "port": 8080, "instance": "node-a"},)


def rule(**fields):
    """A rule that lets the probers in."""
    return {
        "network": f"https://www.googleapis.com/compute/v1/{BLUE}",
        "direction": "INGRESS",
        "sourceRanges": list(PROBERS),
        "allowed": [{"IPProtocol": "tcp"}],
        **fields,
    }


def found(*rules, network=BLUE):
    """The endpoints that are reached, and what is said."""
    compute = {GROUP: {"network": network}}
    for number, each in enumerate(rules):
        compute[f"projects/p/global/firewalls/rule-{number}"] = each
    problems = []
    snapshot = Snapshot(compute=compute, endpoints={GROUP: ROWS}, tags={"node-a": ("blue",)})
    return list(reached(GROUP, ROWS, snapshot, problems)), problems


OPEN = {
    "for all": [rule()],
    "for its tag": [rule(targetTags=["green", "blue"])],
    "for its port": [rule(allowed=[{"IPProtocol": "tcp", "ports": ["80", "8000-9000"]}])],
    "for everybody": [rule(sourceRanges=["0.0.0.0/0"], allowed=[{"IPProtocol": "all"}])],
    "by two rules": [rule(sourceRanges=[prober]) for prober in PROBERS],
}
CLOSED = {
    "without a rule": [],
    "for another tag": [rule(targetTags=["green"])],
    "for another port": [rule(allowed=[{"IPProtocol": "tcp", "ports": ["80", "443-8079"]}])],
    "for another protocol": [rule(allowed=[{"IPProtocol": "udp"}])],
    "for one of the ranges": [rule(sourceRanges=PROBERS[:1])],
    "for IPv6": [rule(sourceRanges=["::/0"])],
    "by a rule that is off": [rule(disabled=True)],
    "outwards": [rule(direction="EGRESS")],
    "by a refusal": [rule(allowed=None, denied=[{"IPProtocol": "tcp"}])],
    "of another network": [rule(network="projects/p/global/networks/green")],
}


@pytest.mark.parametrize("name", OPEN)
def test_endpoints_behind_an_open_firewall_are_reached(name):
    """Each range of the probers needs a rule for the endpoint's node and port."""
    assert found(*OPEN[name]) == (list(ROWS), [])


@pytest.mark.parametrize("name", CLOSED)
def test_endpoints_behind_a_closed_firewall_are_not(name):
    """They are left out, and that is told."""
    assert found(*CLOSED[name]) == ([], [f"{BLUE} lets no prober reach {GROUP}"])


@pytest.mark.parametrize("network", ["", "projects/p/global/networks/default"])
def test_the_default_network_is_open(network):
    """It needs no rule here, nor does a group whose network is not known."""
    assert found(network=network) == (list(ROWS), [])


NODES = "projects/p/zones/z/instanceGroups/nodes"


@pytest.mark.parametrize(("ports", "healthy"), [(["30000-32767"], 1), (["8080"], 0)])
def test_nodes_are_reached_at_their_node_port(ports, healthy):
    """The rule must be for the named port of the group, and for the tags of its instances."""
    place = "https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/node-a"
    row = {"instance": place, "ipAddress": "10.1.1.1", "port": 30080, "portName": "port30080"}
    open_to = rule(targetTags=["blue"], allowed=[{"IPProtocol": "tcp", "ports": ports}])
    compute = {NODES: {"network": BLUE}, "projects/p/global/firewalls/rule": open_to}
    snapshot = Snapshot(compute=compute, endpoints={NODES: [row]}, tags={"node-a": ("blue",)})
    problems = []
    assert len(reached(NODES, [row], snapshot, problems)) == healthy
    assert bool(problems) is not bool(healthy)
