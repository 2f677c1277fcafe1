"""DNS names and records between text, as Cloud DNS stores it, and the wire; for `dns`."""

import re
from collections.abc import Iterable, Mapping

from dnslib import QTYPE, RD, RDMAP, RR, TXT, DNSLabel

from localcloud.dataplane.answers import Row

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)', re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-9]{3}|.)", re.DOTALL)


def name_of(labels: Iterable[bytes]) -> str:
    """The name as text; a dot inside a label is escaped, so it never matches a stored name."""
    return "".join(label.decode("latin-1").replace(".", "\\046") + "." for label in labels) or "."


def records_of(rows: Iterable[Row], own: Mapping[str, DNSLabel]) -> list[RR]:
    """Wire records; the question's own name goes back as it came, odd labels included."""
    return [
        RR(
            rname=own.get(row.name, row.name),
            rtype=getattr(QTYPE, row.type),
            ttl=row.ttl,
            rdata=_rdata(row.type, rdata),
        )
        for row in rows
        for rdata in row.rdatas
    ]


def _rdata(kind: str, text: str) -> RD:
    r"""
    Wire data of presentation-form data.

    Quotes are taken off; in texts ``\"`` and ``\DDD`` stand for one byte each, and unquoted words
    are strings of their own, as Cloud DNS reads them.
    """
    fields = [bare or quoted for quoted, bare in _TOKEN.findall(text)]
    if kind in ("TXT", "SPF"):
        return TXT([_ESCAPE.sub(_unescape, field.encode()) for field in fields])
    return RDMAP[kind].fromZone(fields)


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code)]) if code.isdigit() else code
