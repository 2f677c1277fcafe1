"""The DNS server asked with real packets: by dnslib's client, and by dig where it is installed."""

import asyncio
import contextlib
import random
import shutil
import socket
import struct
import subprocess

import pytest
from dnslib import EDNS0, QTYPE, RCODE, DNSHeader, DNSQuestion, DNSRecord

from localcloud.addresses import AddressRefused
from localcloud.dataplane.answers import Records, ZoneView
from localcloud.dataplane.dns import DnsServer

pytestmark = pytest.mark.wire

SOA = "ns1.example.com. admin.example.com. 1 21600 3600 259200 60"


def zone(dns_name, *rows):
    rows = (
        (dns_name, "SOA", 300, [SOA]),
        (dns_name, "NS", 300, ["ns1.example.com."]),
        *rows,
    )
    return ZoneView(
        dns_name=dns_name,
        rrsets={
            (name, kind): {"name": name, "type": kind, "ttl": ttl, "rrdatas": data}
            for name, kind, ttl, data in rows
        },
    )


EXAMPLE = zone(
    "example.com.",
    ("www.example.com.", "A", 30, ["127.1.250.1", "127.1.250.2"]),
    ("www.example.com.", "AAAA", 30, ["::1"]),
    ("alias.example.com.", "CNAME", 30, ["www.example.com."]),
    ("chain.example.com.", "CNAME", 30, ["alias.example.com."]),
    ("out.example.com.", "CNAME", 30, ["www.elsewhere.org."]),
    ("dead.example.com.", "CNAME", 30, ["nothing.example.com."]),
    ("loop.example.com.", "CNAME", 30, ["loop.example.com."]),
    ("text.example.com.", "TXT", 30, ['"a b" "say \\"hi\\"; \\195\\164"', "bare words", '"ä"']),
    ("mail.example.com.", "MX", 30, ["10 www.example.com."]),
    ("_x._tcp.example.com.", "SRV", 30, ["1 2 8080 www.example.com."]),
    ("caa.example.com.", "CAA", 30, ['0 issue "pki.goog"']),
    ("*.wild.example.com.", "A", 30, ["127.1.250.9"]),
    ("*.wild.example.com.", "TXT", 30, ['"w"']),
    ("there.wild.example.com.", "TXT", 30, ['"t"']),
    ("a.b.wild.example.com.", "A", 30, ["127.1.250.8"]),
    ("*.aliased.example.com.", "CNAME", 30, ["www.example.com."]),
    ("UPPER.example.com.", "A", 30, ["127.1.250.3"]),
    ("big.example.com.", "TXT", 30, [f'"{n}{"x" * 200}"' for n in range(10)]),
    ("sub.example.com.", "NS", 30, ["ns.sub.example.com."]),
    ("ns.sub.example.com.", "A", 30, ["127.1.250.7"]),
    ("broken.example.com.", "A", 30, ["not an address"]),
)
CHILD = zone("child.example.com.", ("www.child.example.com.", "A", 30, ["127.1.250.4"]))


@contextlib.contextmanager
def served(*zones, **options):
    """A server in a loop of its own thread's making: ask(name, type, **) in a thread beside it."""

    async def story(use):
        server = DnsServer(records=lambda: zones, **options)
        await server.start()
        try:
            return await asyncio.to_thread(use, server)
        finally:
            await server.close()

    yield lambda use: asyncio.run(story(use))


def ask(server, name, kind, *, tcp=False, edns=0, qclass=1):
    request = DNSRecord(DNSHeader(rd=1), q=DNSQuestion(name, getattr(QTYPE, kind), qclass))
    if edns:
        request.add_ar(EDNS0(udp_len=edns))
    wire = request.send(server.host, server.port, tcp=tcp, timeout=5)
    reply = DNSRecord.parse(wire)
    assert reply.header.id == request.header.id
    return reply


def rows(records):
    return [(str(r.rname), QTYPE.get(r.rtype), r.ttl, str(r.rdata)) for r in records]


WWW = [
    ("www.example.com.", "A", 30, "127.1.250.1"),
    ("www.example.com.", "A", 30, "127.1.250.2"),
]
NAMES = [
    ("www.example.com.", "A", "NOERROR", WWW),
    ("www.example.com.", "AAAA", "NOERROR", [("www.example.com.", "AAAA", 30, "::1")]),
    (
        "chain.example.com.",
        "A",
        "NOERROR",
        [
            ("chain.example.com.", "CNAME", 30, "alias.example.com."),
            ("alias.example.com.", "CNAME", 30, "www.example.com."),
            *WWW,
        ],
    ),
    (
        "alias.example.com.",
        "CNAME",
        "NOERROR",
        [("alias.example.com.", "CNAME", 30, "www.example.com.")],
    ),
    (
        "out.example.com.",
        "A",
        "NOERROR",
        [("out.example.com.", "CNAME", 30, "www.elsewhere.org.")],
    ),
    (
        "dead.example.com.",
        "A",
        "NXDOMAIN",
        [("dead.example.com.", "CNAME", 30, "nothing.example.com.")],
    ),
    (
        "mail.example.com.",
        "MX",
        "NOERROR",
        [("mail.example.com.", "MX", 30, "10 www.example.com.")],
    ),
    (
        "_x._tcp.example.com.",
        "SRV",
        "NOERROR",
        [("_x._tcp.example.com.", "SRV", 30, "1 2 8080 www.example.com.")],
    ),
    ("caa.example.com.", "CAA", "NOERROR", [("caa.example.com.", "CAA", 30, '0 issue "pki.goog"')]),
    ("upper.example.com.", "A", "NOERROR", [("upper.example.com.", "A", 30, "127.1.250.3")]),
    ("x.wild.example.com.", "A", "NOERROR", [("x.wild.example.com.", "A", 30, "127.1.250.9")]),
    ("x.y.wild.example.com.", "A", "NOERROR", [("x.y.wild.example.com.", "A", 30, "127.1.250.9")]),
    ("x.wild.example.com.", "AAAA", "NOERROR", []),
    ("there.wild.example.com.", "A", "NOERROR", []),
    ("x.there.wild.example.com.", "A", "NXDOMAIN", []),
    ("b.wild.example.com.", "A", "NOERROR", []),
    ("x.b.wild.example.com.", "A", "NXDOMAIN", []),
    (
        "x.aliased.example.com.",
        "A",
        "NOERROR",
        [("x.aliased.example.com.", "CNAME", 30, "www.example.com."), *WWW],
    ),
    ("nothing.example.com.", "A", "NXDOMAIN", []),
    ("_tcp.example.com.", "SRV", "NOERROR", []),
    ("www.example.com.", "MX", "NOERROR", []),
    (
        "www.child.example.com.",
        "A",
        "NOERROR",
        [("www.child.example.com.", "A", 30, "127.1.250.4")],
    ),
    ("www.elsewhere.org.", "A", "REFUSED", []),
    ("example.community.", "A", "REFUSED", []),
    ("notexample.com.", "A", "REFUSED", []),
    ("broken.example.com.", "A", "SERVFAIL", []),
]


def test_names_and_types():
    """Each question gets the status and records DNS prescribes, negative ones with their SOA."""

    def story(server):
        for name, kind, rcode, expected in NAMES:
            reply = ask(server, name, kind)
            found = (name, kind, RCODE.get(reply.header.rcode), rows(reply.rr))
            assert found == (name, kind, rcode, expected)
            asked_for = bool(expected) and kind == expected[-1][1]
            outside = rcode in ("REFUSED", "SERVFAIL") or name.startswith("out.")
            if not asked_for and not outside:
                assert rows(reply.auth)[0][:3] == ("example.com.", "SOA", 60)
            else:
                assert reply.auth == []
            assert reply.header.aa == (rcode not in ("REFUSED", "SERVFAIL"))
            assert reply.header.ra == 0

    with served(EXAMPLE, CHILD) as use:
        use(story)


def test_text_is_quoted_and_escaped():
    """Quoted strings lose their quotes, escapes become bytes, bare words are strings each."""

    def story(server):
        texts = [record.rdata.data for record in ask(server, "text.example.com.", "TXT").rr]
        assert texts == [
            [b"a b", 'say "hi"; ä'.encode()],
            [b"bare", b"words"],
            ["ä".encode()],
        ]

    with served(EXAMPLE) as use:
        use(story)


def test_an_endless_chain_is_a_failure():
    """A CNAME that leads to itself ends, as SERVFAIL."""

    def story(server):
        assert ask(server, "loop.example.com.", "A").header.rcode == RCODE.SERVFAIL

    with served(EXAMPLE) as use:
        use(story)


def test_any_gives_every_set_of_the_name():
    """ANY answers with all types at once."""

    def story(server):
        kinds = {row[1] for row in rows(ask(server, "www.example.com.", "ANY").rr)}
        assert kinds == {"A", "AAAA"}

    with served(EXAMPLE) as use:
        use(story)


def test_the_case_of_the_question_comes_back():
    """Matching ignores case and the owner name keeps the asker's."""

    def story(server):
        reply = ask(server, "WwW.eXample.COM.", "A")
        assert bytes(reply.rr[0].rname.label[0]) == b"WwW"

    with served(EXAMPLE) as use:
        use(story)


def test_a_delegated_name_is_a_referral():
    """Below a zone cut the reply is not authoritative and carries servers and glue."""

    def story(server):
        reply = ask(server, "deep.sub.example.com.", "A")
        assert (reply.header.aa, reply.rr) == (0, [])
        assert rows(reply.auth) == [("sub.example.com.", "NS", 30, "ns.sub.example.com.")]
        assert rows(reply.ar) == [("ns.sub.example.com.", "A", 30, "127.1.250.7")]

    with served(EXAMPLE) as use:
        use(story)


def test_truncation_and_sizes():
    """Over 512 bytes or the offered size a datagram says TC; EDNS and TCP carry it whole."""

    def story(server):
        for edns, truncated in ((0, 1), (1232, 1), (4096, 0), (100, 1)):
            reply = ask(server, "big.example.com.", "TXT", edns=edns)
            assert (reply.header.tc, len(reply.rr)) == (truncated, 0 if truncated else 10)
            assert len(reply.ar) == (1 if edns else 0)
        reply = ask(server, "big.example.com.", "TXT", tcp=True)
        assert (reply.header.tc, len(reply.rr)) == (0, 10)

    with served(EXAMPLE) as use:
        use(story)


def test_several_questions_on_one_tcp_connection():
    """A connection stays open for the next question, pipelined ones included."""

    def story(server):
        packets = [DNSRecord.question(name).pack() for name in ("www.example.com", "x.org")]
        with socket.create_connection((server.host, server.port), timeout=5) as connection:
            connection.sendall(b"".join(struct.pack("!H", len(p)) + p for p in packets))
            stream = connection.makefile("rb")
            for packet, count in zip(packets, (2, 0), strict=True):
                (length,) = struct.unpack("!H", stream.read(2))
                reply = DNSRecord.parse(stream.read(length))
                assert reply.header.id == DNSRecord.parse(packet).header.id
                assert len(reply.rr) == count
            stream.close()

    with served(EXAMPLE) as use:
        use(story)


def test_a_change_is_served_by_the_next_packet():
    """Nothing is copied from the zones."""
    changing = zone("changing.org.", ("a.changing.org.", "A", 5, ["127.0.0.1"]))

    def story(server):
        assert rows(ask(server, "a.changing.org.", "A").rr)[0][3] == "127.0.0.1"
        changing.rrsets["a.changing.org.", "A"]["rrdatas"] = ["127.0.0.2"]
        assert rows(ask(server, "a.changing.org.", "A").rr)[0][3] == "127.0.0.2"
        del changing.rrsets["a.changing.org.", "A"]
        assert ask(server, "a.changing.org.", "A").header.rcode == RCODE.NXDOMAIN

    with served(changing) as use:
        use(story)


def test_a_routing_policy_is_the_choosers():
    """Without one a policy set is SERVFAIL; a chooser sees the set and the client's address."""
    policy = zone("policy.org.")
    policy.rrsets["w.policy.org.", "A"] = {
        "name": "w.policy.org.",
        "type": "A",
        "ttl": 5,
        "routingPolicy": {"wrr": {"items": [{"weight": 1, "rrdatas": ["127.0.0.9"]}]}},
    }

    def unserved(server):
        assert ask(server, "w.policy.org.", "A").header.rcode == RCODE.SERVFAIL

    def chosen(server):
        assert rows(ask(server, "w.policy.org.", "A").rr)[0][3] == "127.0.0.9"

    def choose(record_set, client):
        assert client == "127.0.0.1"
        rdatas = record_set["routingPolicy"]["wrr"]["items"][0]["rrdatas"]
        return Records(ttl=record_set["ttl"], rdatas=tuple(rdatas))

    with served(policy) as use:
        use(unserved)
    with served(policy, choose=choose) as use:
        use(chosen)


def test_odd_packets_are_answered_or_ignored():
    """Other opcodes, classes and EDNS versions get their codes; noise never stops the server."""

    def story(server):
        assert ask(server, "www.example.com.", "A", qclass=3).header.rcode == RCODE.REFUSED
        notify = DNSRecord(DNSHeader(opcode=4), q=DNSQuestion("example.com."))
        reply = DNSRecord.parse(notify.send(server.host, server.port, timeout=5))
        assert reply.header.rcode == RCODE.NOTIMP
        newer = DNSRecord.question("www.example.com")
        newer.add_ar(EDNS0(version=1, udp_len=1232))
        reply = DNSRecord.parse(newer.send(server.host, server.port, timeout=5))
        assert (reply.ar[0].edns_rcode, reply.rr) == (1, [])
        chance = random.Random(7)
        good = DNSRecord.question("www.example.com").pack()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
            for _ in range(100):
                packet = bytearray(good[: chance.randrange(1, len(good) + 1)])
                for _ in range(3):
                    packet[chance.randrange(len(packet))] = chance.randrange(256)
                noise.sendto(packet, (server.host, server.port))
        odd = DNSRecord(q=DNSQuestion([b"a.b", b"wild", b"example", b"com"]))
        reply = DNSRecord.parse(odd.send(server.host, server.port, timeout=5))
        assert rows(reply.rr)[0][3] == "127.1.250.9"
        assert reply.rr[0].rname == odd.q.qname
        assert len(ask(server, "www.example.com.", "A").rr) == 2

    with served(EXAMPLE) as use:
        use(story)


def test_only_loopback_is_bound():
    """An address outside 127.0.0.0/8 is refused before a socket opens."""
    for host in ("0.0.0.0", "10.0.0.1", "localhost", "::1"):
        with pytest.raises(AddressRefused):
            DnsServer(records=tuple, host=host)


def dig(server, *arguments):
    command = ["dig", f"@{server.host}", "-p", str(server.port), "+time=5", "+tries=1", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(shutil.which("dig") is None, reason="dig is not installed")
def test_dig_understands_the_server():
    """BIND's dig reads answers, follows truncation to TCP, and sees the status."""

    def story(server):
        assert dig(server, "+short", "chain.example.com").split() == [
            "alias.example.com.",
            "www.example.com.",
            "127.1.250.1",
            "127.1.250.2",
        ]
        assert len(dig(server, "+short", "+bufsize=512", "TXT", "big.example.com").split()) == 10
        assert '"say \\"hi\\"; \\195\\164"' in dig(server, "+short", "TXT", "text.example.com")
        assert "status: NXDOMAIN" in dig(server, "nothing.example.com")
        assert "status: REFUSED" in dig(server, "elsewhere.org")
        assert "WARNING" not in dig(server, "+norecurse", "x.wild.example.com")

    with served(EXAMPLE) as use:
        use(story)


def test_closing_ends_open_connections():
    """A TCP client sees the end when the server closes, and both sockets are free again."""

    async def story():
        server = DnsServer(records=lambda: [EXAMPLE])
        await server.start()
        reader, writer = await asyncio.open_connection(server.host, server.port)
        packet = DNSRecord.question("www.example.com").pack()
        writer.write(struct.pack("!H", len(packet)) + packet)
        assert await reader.readexactly(2)
        await server.close()
        async with asyncio.timeout(5):
            await reader.read()
        writer.close()
        again = DnsServer(records=lambda: [EXAMPLE], port=server.port)
        await again.start()
        await again.close()

    asyncio.run(story())
