"""What the stand-in refuses for addresses, forwarding rules, proxies, firewalls and NEGs."""

import pytest
import trustme

from tests.localcloud.gcp.lab import PROJECT, Lab, refusal

pytestmark = pytest.mark.wire

RULE = {
    "loadBalancingScheme": "EXTERNAL_MANAGED",
    "portRange": "80",
    "target": "global/targetHttpProxies/web",
}


@pytest.fixture
def front(lab: Lab) -> Lab:
    """A forwarding rule `web` on the address `web-vip`, port 80."""
    lab.service()
    lab.front()
    return lab


def test_one_rule_per_address_and_port(front: Lab):
    """A second rule on the same address and port conflicts; another port does not."""
    for address in ("web-vip", "global/addresses/web-vip", "127.7.250.1"):
        body = {**RULE, "name": "second", "IPAddress": address}
        code, reason, message = front.refused("forwardingRules", **body)
        assert (code, reason) == (400, "invalid")
        assert "Specified IP address is in-use and would result in a conflict" in message
    other = front.insert(
        "forwardingRules", **{**RULE, "name": "other", "IPAddress": "web-vip", "portRange": "8080"}
    )
    assert (other["IPAddress"], other["portRange"]) == ("127.7.250.1", "8080-8080")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"IPAddress": "127.9.9.9"}, "not reserved in this project"),
        ({"IPAddress": "nowhere"}, "address resource cannot be found"),
        ({"portRange": "80-90"}, "single port"),
        ({"portRange": "http"}, "Must be a match of regex"),
        ({"portRange": None}, "portRange' not specified"),
        ({"target": None}, "target' not specified"),
        ({"target": "global/targetHttpProxies/none"}, "cannot be found"),
        ({"target": "global/urlMaps/web"}, "Unexpected resource collection"),
        ({"loadBalancingScheme": "EXTERNAL"}, "does not match EXTERNAL_MANAGED"),
        ({"IPProtocol": "UDP"}, "Target proxies need TCP"),
        ({"networkTier": "STANDARD"}, "PREMIUM"),
        ({"ports": ["80"]}, "Cannot be set"),
    ],
)
def test_unsound_rules_are_refused(front: Lab, changes: dict[str, object], words: str):
    """Addresses, ports, targets and schemes of a forwarding rule fit together."""
    code, _, message = front.refused("forwardingRules", **{**RULE, "name": "second", **changes})
    assert code == 400
    assert words in message


def test_a_classic_rule_has_classic_ports(lab: Lab):
    """An EXTERNAL rule for an HTTP proxy listens on 80 or 8080 only."""
    lab.insert("backendServices", name="bs", loadBalancingScheme="EXTERNAL")
    lab.insert("urlMaps", name="web", defaultService="global/backendServices/bs")
    lab.insert("targetHttpProxies", name="web", urlMap="global/urlMaps/web")
    body = {**RULE, "name": "r", "loadBalancingScheme": "EXTERNAL"}
    assert "Supported ports" in lab.refused("forwardingRules", **{**body, "portRange": "81"})[2]
    lab.insert("forwardingRules", **body)


def test_an_address_cannot_be_chosen(lab: Lab):
    """A global address gets its IP from the cloud, of the family that is asked for."""
    assert lab.refused("addresses", name="a", address="1.2.3.4")[1] == "invalid"
    assert lab.insert("addresses", name="six", ipVersion="IPV6")["address"].startswith("fd00:")


def test_labels_have_a_fingerprint_of_their_own(front: Lab):
    """SetLabels needs the label fingerprint and refuses an old one with 412."""
    address = front.get("global/addresses/web-vip")
    path = "/global/addresses/web-vip/setLabels"
    assert refusal(front.rest.post(path, json={"labels": {"a": "b"}}))[:2] == (400, "required")
    body = {"labels": {"a": "b"}, "labelFingerprint": address["labelFingerprint"]}
    assert front.rest.post(path, json=body).status_code == 200
    assert front.get("global/addresses/web-vip")["labels"] == {"a": "b"}
    answer = front.rest.post(path, json=body)
    assert refusal(answer)[:2] == (412, "conditionNotMet")
    assert answer.json()["error"]["errors"][0]["location"] == "If-Match"


def test_an_https_proxy_needs_a_certificate_and_the_key_stays_inside(lab: Lab):
    """No proxy without a certificate; a private key is never answered."""
    lab.service()
    lab.insert("urlMaps", name="um", defaultService="global/backendServices/bs")
    missing = lab.refused("targetHttpsProxies", name="tps", urlMap="global/urlMaps/um")
    assert missing[:2] == (400, "required")
    authority = trustme.CA()
    mine, other = authority.issue_cert("a.example.com"), authority.issue_cert("b.example.com")
    pem = mine.cert_chain_pems[0].bytes().decode()
    keys = [each.private_key_pem.bytes().decode() for each in (mine, other)]
    for chain, key, words in (
        ("x", keys[0], "certificate could not be parsed"),
        (pem, "y", "key could not be parsed"),
        (pem, keys[1], "does not match"),
    ):
        bad = lab.refused("sslCertificates", name="c", certificate=chain, privateKey=key)
        assert (bad[0], words in bad[2]) == (400, True)
    stored = lab.insert("sslCertificates", name="c", certificate=pem, privateKey=keys[0])
    assert "PRIVATE KEY" not in str(stored)
    assert stored["subjectAlternativeNames"] == ["a.example.com"]
    assert stored["expireTime"] > "2000"
    path = f"projects/{PROJECT}/global/sslCertificates/c"
    assert lab.run(lambda: lab.cloud.private_key(path)) == keys[0]


def test_ssl_policies_hold_to_their_profiles(lab: Lab):
    """TLS 1.3 needs the restricted profile; a proxy may name a policy, which is in use then."""
    bad = lab.refused("sslPolicies", name="p", minTlsVersion="TLS_1_3")
    assert (bad[0], "RESTRICTED" in bad[2]) == (400, True)
    stored = lab.insert("sslPolicies", name="p", minTlsVersion="TLS_1_2")
    assert (stored["profile"], bool(stored["fingerprint"])) == ("COMPATIBLE", True)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "Exactly one of allowed and denied"),
        ({"allowed": [{"ports": ["80"]}]}, "IPProtocol' not specified"),
        ({"allowed": [{"IPProtocol": "icmp", "ports": ["80"]}]}, "not allowed for protocol"),
        ({"allowed": [{"IPProtocol": "tcp", "ports": ["90-80"]}]}, "range of ports"),
        ({"allowed": [{"IPProtocol": "tcp"}], "sourceRanges": ["10.0.0.1/8"]}, "CIDR"),
        ({"allowed": [{"IPProtocol": "tcp"}], "priority": 65536}, "less than or equal to 65535"),
        ({"allowed": [{"IPProtocol": "tcp"}], "network": "global/networks/n"}, "cannot be found"),
    ],
)
def test_unsound_firewalls_are_refused(lab: Lab, body: dict[str, object], words: str):
    """Protocols, ports, ranges and networks of a firewall rule are held to their rules."""
    assert words in lab.refused("firewalls", name="fw", **body)[2]


def test_a_firewall_without_sources_is_open_and_its_network_stays(lab: Lab):
    """The defaults are the real ones, and the network of a rule cannot change."""
    made = lab.insert("firewalls", name="fw", allowed=[{"IPProtocol": "tcp"}])
    assert made["sourceRanges"] == ["0.0.0.0/0"]
    assert made["network"].endswith(f"projects/{PROJECT}/global/networks/default")
    lab.insert("networks", name="other", autoCreateSubnetworks=False)
    patch = {"network": "global/networks/other"}
    assert refusal(lab.rest.patch("/global/firewalls/fw", json=patch))[1] == "invalid"
    patch = {"network": "global/networks/default", "sourceRanges": ["10.0.0.0/8"]}
    assert lab.rest.patch("/global/firewalls/fw", json=patch).status_code == 200
    assert lab.get("global/firewalls/fw")["sourceRanges"] == ["10.0.0.0/8"]


def test_a_neg_is_of_a_type_that_its_scope_has(lab: Lab):
    """Zonal, global and regional NEGs have different types."""
    kinds = {
        "zones/us-central1-a": "GCE_VM_IP_PORT",
        "global": "INTERNET_FQDN_PORT",
        "regions/us-central1": "SERVERLESS",
    }
    for scope, kind in kinds.items():
        made = lab.insert(f"{scope}/networkEndpointGroups", name="n", networkEndpointType=kind)
        assert made["size"] == 0
        assert ("network" in made) is (kind == "GCE_VM_IP_PORT")
    wrong = lab.refused("global/networkEndpointGroups", name="m", networkEndpointType="SERVERLESS")
    assert "in this scope" in wrong[2]
