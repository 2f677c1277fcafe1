"""Whose place a question is asked for: client subnets and private zones, with real packets."""

import struct

import pytest
from dnslib import EDNS0, QTYPE, RCODE, DNSHeader, DNSQuestion, DNSRecord, EDNSOption

from localcloud.dataplane.answers import Records, ZoneView, stored
from tests.localcloud.dataplane.test_dns import EXAMPLE, rows, served, zone

pytestmark = pytest.mark.wire


def subnet_option(family=1, prefix=24, scope=0, address=b"\x7f\x01\xc9"):
    return EDNSOption(8, struct.pack("!HBB", family, prefix, scope) + address)


def ask_for(server, option, name="w.policy.org."):
    request = DNSRecord(DNSHeader(rd=1), q=DNSQuestion(name, QTYPE.A))
    request.add_ar(EDNS0(udp_len=1232, opts=[option]))
    reply = DNSRecord.parse(request.send(server.host, server.port, timeout=5))
    (opt,) = [record for record in reply.ar if record.rtype == QTYPE.OPT]
    return reply, [each.data for each in opt.rdata if each.code == 8]


def test_a_client_subnet_stands_for_the_client():
    """RFC 7871: the network asked for decides and is echoed, with the scope of the answer."""
    policy = zone("policy.org.", ("plain.policy.org.", "A", 5, ["127.0.0.1"]))
    policy.rrsets["w.policy.org.", "A"] = {"name": "w.policy.org.", "type": "A"}
    seen = []

    def choose(record_set, client):
        if "rrdatas" in record_set:
            return stored(record_set, client)
        seen.append(client)
        return Records(ttl=5, rdatas=("127.0.0.9",), located=True)

    def story(server):
        reply, echoed = ask_for(server, subnet_option())
        assert rows(reply.rr)[0][3] == "127.0.0.9"
        assert echoed == [struct.pack("!HBB", 1, 24, 24) + b"\x7f\x01\xc9"]
        _, echoed = ask_for(server, subnet_option(prefix=32, address=b"\x7f\x01\xc9\x07"))
        assert echoed == [struct.pack("!HBB", 1, 32, 24) + b"\x7f\x01\xc9\x07"]
        _, echoed = ask_for(server, subnet_option(family=2, prefix=8, address=b"\x20"))
        assert echoed == [struct.pack("!HBB", 2, 8, 8) + b"\x20"]
        _, echoed = ask_for(server, subnet_option(prefix=0, address=b""))
        assert echoed == [struct.pack("!HBB", 1, 0, 0)]
        assert seen == ["127.1.201.0", "127.1.201.0", "2000::", "127.0.0.1"]
        _, echoed = ask_for(server, subnet_option(), "plain.policy.org.")
        assert echoed == [struct.pack("!HBB", 1, 24, 0) + b"\x7f\x01\xc9"]

    with served(policy, choose=choose) as use:
        use(story)


@pytest.mark.parametrize(
    "option",
    [
        EDNSOption(8, b"\x00"),
        subnet_option(family=3),
        subnet_option(prefix=33, address=b"\x7f\x01\xc9\x07\x00"),
        subnet_option(scope=1),
        subnet_option(address=b"\x7f\x01"),
        subnet_option(prefix=20),
    ],
)
def test_malformed_client_subnets_are_refused(option):
    """RFC 7871 §7.1.2: FORMERR, nothing echoed."""

    def story(server):
        reply, echoed = ask_for(server, option, "www.example.com.")
        assert (reply.header.rcode, echoed) == (RCODE.FORMERR, [])

    with served(EXAMPLE) as use:
        use(story)


def test_a_private_zone_answers_its_networks_only():
    """Inside it hides the public zone of the same name, and no client subnet counts."""
    public = zone("split.org.", ("www.split.org.", "A", 5, ["127.0.0.1"]))
    rrsets = zone("split.org.", ("www.split.org.", "A", 5, ["127.0.0.2"])).rrsets
    inside = ZoneView(dns_name="split.org.", rrsets=rrsets, networks=("127.0.0.0/24",))
    outside = ZoneView(dns_name="split.org.", rrsets=rrsets, networks=("127.9.0.0/24",))

    def answers(value):
        def story(server):
            option = subnet_option(address=b"\x7f\x09\x00")
            reply, _ = ask_for(server, option, "www.split.org.")
            assert rows(reply.rr)[0][3] == value

        return story

    with served(public, inside) as use:
        use(answers("127.0.0.2"))
    with served(public, outside) as use:
        use(answers("127.0.0.1"))
