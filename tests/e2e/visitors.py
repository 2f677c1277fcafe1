"""Visitors of a site: DNS packets and HTTP requests from a region's own source address."""

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dnslib import QTYPE, RCODE, DNSRecord

_DNS_SECONDS = 5.0
_HTTP_SECONDS = 30.0
_LARGEST = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """
    What a request met.

    status: 0 when nobody answered.   body: the echo server's JSON, empty for other answers.
    """

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cluster(self) -> str:
        """The member that answered, or nothing."""
        return str(self.body.get("cluster", ""))

    @property
    def app(self) -> str:
        """The Deployment that answered, without the ReplicaSet's hash, or nothing."""
        return str(self.body.get("app", "")).partition("-")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """One place in the world: *source* is its address, *dns* `HOST:PORT`, *port* stands for 80."""

    source: str
    dns: str
    port: int

    def question(self, name: str, kind: str = "A") -> tuple[str, list[str]]:
        """Ask for record sets in one DNS packet; gives the response code and the answers."""
        host, _, port = self.dns.rpartition(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.settimeout(_DNS_SECONDS)
            wire.bind((self.source, 0))
            wire.sendto(DNSRecord.question(name, kind).pack(), (host, int(port)))
            reply = DNSRecord.parse(wire.recv(_LARGEST))
        answers = [str(record.rdata) for record in reply.rr if QTYPE.get(record.rtype) == kind]
        return str(RCODE.get(reply.header.rcode)), answers

    def get(self, host: str, path: str = "/", *, address: str = "") -> Page:
        """Ask for a page at *address*, by default at the one that DNS gives for *host*."""
        if not address:
            _, found = self.question(host)
            if not found:
                return Page(status=0)
            address = found[0]
        wire = http.client.HTTPConnection(
            address, self.port, timeout=_HTTP_SECONDS, source_address=(self.source, 0)
        )
        try:
            wire.request("GET", path, headers={"Host": host})
            response = wire.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            return Page(status=0)
        finally:
            wire.close()
        is_json = response.getheader("Content-Type", "").startswith("application/json")
        return Page(status=response.status, body=json.loads(text) if is_json else {})
