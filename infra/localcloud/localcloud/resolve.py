"""A DNS question to the lab, for machines without ``dig``."""

import socket

from dnslib import QTYPE, RCODE, DNSRecord

_TIMEOUT_SECONDS = 2.0
_TRIES = 2
_LARGEST = 4096


class NoAnswerError(RuntimeError):
    """The name has no address, or the DNS server does not answer; the text says which."""


def resolve(server: str, name: str, *, client: str = "", kind: str = "A") -> tuple[str, ...]:
    """
    Give the addresses of *name*.

    Args:
        server: ``address:port``, as in ``LOCALCLOUD_DNS``.
        name: With or without a final dot.
        client: Address to ask from, whose region decides "nearest"; empty leaves it open.
        kind: ``A`` or ``AAAA``.

    Raises:
        NoAnswerError: See there.
    """
    question = DNSRecord.question(name, kind)
    address, _, port = server.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.settimeout(_TIMEOUT_SECONDS)
        if client:
            wire.bind((client, 0))
        wire.connect((address, int(port)))
        reply = _ask(wire, question.pack(), server)
    if reply.header.rcode != RCODE.NOERROR:
        raise NoAnswerError(f"{name}: {RCODE.get(reply.header.rcode)}")
    found = tuple(str(r.rdata) for r in reply.rr if QTYPE.get(r.rtype) == kind)
    if not found:
        raise NoAnswerError(f"{name} has no {kind} record")
    return found


def _ask(wire: socket.socket, packet: bytes, server: str) -> DNSRecord:
    for _ in range(_TRIES):
        wire.send(packet)
        try:
            return DNSRecord.parse(wire.recv(_LARGEST))
        except TimeoutError:
            continue
        except OSError as error:
            raise NoAnswerError(f"the DNS server at {server} does not answer: {error}") from error
    raise NoAnswerError(f"the DNS server at {server} does not answer")
