"""
An authoritative DNS server on loopback, for `dig` and for resolvers of the tests.

Answers over UDP and TCP from the zones a callable gives at each question: nothing is copied, so a
change that Cloud DNS has taken is served by the next packet. A client subnet in the question
(RFC 7871) stands for the place of the asker in public zones.

Not modelled: DNSSEC, zone transfer, notify, query logging, recursion.
Record sets with a routing policy need a `Chooser` that resolves them, else they are SERVFAIL.
"""

import asyncio
import contextlib
import logging
import struct
from collections.abc import Callable, Iterable
from typing import cast

from dnslib import CLASS, EDNS0, QTYPE, RCODE, RR, DNSError, DNSHeader, DNSRecord, EDNSOption
from dnslib.label import DNSLabelError

from localcloud.addresses import loopback
from localcloud.dataplane.answers import Answer, Chooser, Row, Unserved, ZoneView, resolve, stored
from localcloud.dataplane.listening import stop_accepting
from localcloud.dataplane.subnet import subnet_of
from localcloud.dataplane.wire import name_of, records_of

PLAIN_UDP_BYTES = 512
# What we offer and the most we send in one datagram; loopback does not fragment.
UDP_BYTES = 4096
IDLE_SECONDS = 10.0
_HEADER_BYTES = 12
_ANY_CLASS = 255
_PORT_TRIES = 20

log = logging.getLogger(__name__)


class DnsServer:
    """
    One UDP and one TCP socket at the same port.

    Args:
        records: Gives all zones; called at each question.
        host: 127.a.b.c.
        port: 0 takes a free one; see ``port`` after `start`.
        choose: Gives the records of a set for a client's address.
    """

    def __init__(
        self,
        *,
        records: Callable[[], Iterable[ZoneView]],
        host: str = "127.0.0.1",
        port: int = 0,
        choose: Chooser = stored,
    ) -> None:
        self.host = loopback(host)
        self.port = port
        self._records = records
        self._choose = choose
        self._tcp: asyncio.Server | None = None
        self._udp: asyncio.DatagramTransport | None = None
        self._streams: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """
        Bind both sockets.

        Raises:
            OSError: The port is taken.
        """
        tries = 1 if self.port else _PORT_TRIES
        for attempt in range(1, tries + 1):
            try:
                await self._bind()
            except OSError:
                await self.close()
                if attempt == tries:
                    raise
            else:
                return

    async def close(self) -> None:
        """Close the sockets and every open TCP connection."""
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            await stop_accepting([self._tcp])
        self._udp = self._tcp = None
        for stream in self._streams:
            stream.cancel()
        await asyncio.gather(*self._streams, return_exceptions=True)

    def reply_to(self, packet: bytes, client: str, limit: int | None) -> bytes | None:
        """
        The reply to a packet, or None where silence is right.

        Args:
            packet: As received.
            client: Its sender's address.
            limit: The most bytes for a client that offers no more by EDNS; None for TCP.
        """
        try:
            request = DNSRecord.parse(packet)
        except (DNSError, ValueError, IndexError, struct.error):
            return _malformed(packet)
        if request.header.qr:
            return None
        reply, offered = self._reply(request, client)
        wire = bytes(reply.pack())
        if limit is not None and len(wire) > max(limit, min(offered, UDP_BYTES)):
            reply.rr, reply.auth = [], []
            reply.ar = [record for record in reply.ar if record.rtype == QTYPE.OPT]
            reply.header.tc = 1
            wire = bytes(reply.pack())
        return wire

    async def _bind(self) -> None:
        loop = asyncio.get_running_loop()
        self._tcp = await asyncio.start_server(self._serve_stream, self.host, self.port)
        port = self._tcp.sockets[0].getsockname()[1]
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=(self.host, port)
        )
        self.port = port

    def _reply(self, request: DNSRecord, client: str) -> tuple[DNSRecord, int]:
        """The whole reply and the datagram size the client offers (0 without EDNS)."""
        reply = request.reply(ra=0, aa=0)
        option = next((record for record in request.ar if record.rtype == QTYPE.OPT), None)
        if option is not None and option.edns_ver != 0:
            reply.add_ar(EDNS0(udp_len=UDP_BYTES, ext_rcode=1))  # BADVERS, RFC 6891 §6.1.3
            return reply, int(option.edns_len)
        if request.header.opcode != 0:
            reply.header.rcode = RCODE.NOTIMP
        elif len(request.questions) != 1:
            reply.header.rcode = RCODE.FORMERR
        elif request.q.qclass not in (CLASS.IN, _ANY_CLASS):
            reply.header.rcode = RCODE.REFUSED
        else:
            echoed = self._answer(reply, request, client, option)
            if option is not None:
                reply.add_ar(EDNS0(udp_len=UDP_BYTES, opts=echoed))
                return reply, int(option.edns_len)
        if option is not None:
            reply.add_ar(EDNS0(udp_len=UDP_BYTES))
        return reply, int(option.edns_len) if option is not None else 0

    def _answer(
        self, reply: DNSRecord, request: DNSRecord, client: str, option: RR | None
    ) -> list[EDNSOption]:
        """Fill the reply; give the client subnet to echo, with the scope of the answer."""
        try:
            asked = subnet_of(option)
        except ValueError:
            reply.header.rcode = RCODE.FORMERR
            return []
        located = self._fill(reply, request, client, asked.address if asked else "")
        return [asked.echo(located=located)] if asked else []

    def _fill(self, reply: DNSRecord, request: DNSRecord, client: str, subnet: str) -> bool:
        """Put in what the zones say; whether it depends on the asker's place."""
        name = name_of(request.q.qname.label)
        kind = str(QTYPE.get(request.q.qtype))
        try:
            answer = resolve(self._records(), name, kind, client, self._choose, subnet=subnet)
            own = {name: request.q.qname}
            sections = [records_of(rows, own) for rows in _sections(answer)]
        except Unserved as reason:
            log.warning("no answer for %s %s: %s", name, kind, reason)
            reply.header.rcode = RCODE.SERVFAIL
            return False
        except (DNSError, DNSLabelError, ValueError, LookupError, TypeError) as error:
            log.warning("a record set of %s %s is not DNS: %r", name, kind, error)
            reply.header.rcode = RCODE.SERVFAIL
            return False
        reply.header.rcode = getattr(RCODE, answer.rcode)
        reply.header.aa = int(answer.authoritative)
        reply.rr, reply.auth, reply.ar = sections
        return answer.located

    async def _serve_stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Questions of one TCP connection, each with its length before it (RFC 7766)."""
        task = asyncio.current_task()
        assert task is not None
        self._streams.add(task)
        client = writer.get_extra_info("peername")[0]
        # Clients leave whenever they like; so may we.
        with contextlib.suppress(OSError, EOFError, TimeoutError, asyncio.CancelledError):
            while True:
                async with asyncio.timeout(IDLE_SECONDS):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    packet = await reader.readexactly(length)
                reply = self.reply_to(packet, client, None)
                if reply is not None:
                    writer.write(struct.pack("!H", len(reply)) + reply)
                    await writer.drain()
        self._streams.discard(task)
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    """UDP: one packet, one reply."""

    def __init__(self, server: DnsServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket to answer on."""
        # Not assert isinstance: the loop's own datagram transport is no subclass.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer at once; looking up is a matter of microseconds."""
        reply = self._server.reply_to(data, addr[0], PLAIN_UDP_BYTES)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)


def _malformed(packet: bytes) -> bytes | None:
    """FORMERR with the sender's id, when at least a header and no reply came in."""
    if len(packet) < _HEADER_BYTES or packet[2] & 0x80:
        return None
    (identity,) = struct.unpack("!H", packet[:2])
    header = DNSHeader(id=identity, qr=1, aa=0, ra=0, rd=0, rcode=RCODE.FORMERR)
    return bytes(DNSRecord(header).pack())


def _sections(answer: Answer) -> tuple[list[Row], list[Row], list[Row]]:
    return answer.answers, answer.authority, answer.additional
