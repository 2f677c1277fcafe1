"""
Record sets between our form and Cloud DNS's JSON.

Called by `record_sets`; pure. Ours has no final dots, lower-case names, sorted values, and TXT as
plain text; Cloud DNS has master-file forms.

Source: dns v1 ResourceRecordSet; RFC 1035 section 5.1 (quotes, escapes, strings of 255 octets).
"""

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from fedingress.domain.record import RecordSet

_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)', re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\(\d{3}|.)", re.DOTALL)
_LONGEST_STRING: Final = 255
_PRINTABLE: Final = range(0x20, 0x7F)
_NAMES_AS_VALUES: Final = frozenset({"CNAME", "NS", "PTR"})


def decode(rrset: Mapping[str, Any]) -> RecordSet:
    """One record set as Cloud DNS lists it."""
    kind = str(rrset["type"])
    policy = rrset.get("routingPolicy")
    values = () if policy else (_value(kind, text) for text in rrset.get("rrdatas") or ())
    return RecordSet(
        name=name(str(rrset["name"])),
        type=kind,
        ttl_seconds=int(rrset.get("ttl", 0)),
        values=tuple(sorted(values)),
        policy=json.dumps(policy, sort_keys=True, separators=(",", ":")) if policy else "",
    )


def encode(record: RecordSet) -> dict[str, Any]:
    """One record set as Cloud DNS takes it."""
    body: dict[str, Any] = {
        "name": f"{record.name}.",
        "type": record.type,
        "ttl": record.ttl_seconds,
    }
    if record.policy:
        return {**body, "routingPolicy": json.loads(record.policy)}
    return {**body, "rrdatas": [_rrdata(record.type, value) for value in record.values]}


def name(text: str) -> str:
    r"""A DNS name in our form; `\052` is how some write the asterisk of a wildcard."""
    return text.removesuffix(".").lower().replace("\\052", "*")


def text_value(rrdata: str) -> str:
    """The text of a TXT value: its strings joined, without quotes and escapes."""
    found = (quoted or bare for quoted, bare in _STRING.findall(rrdata))
    return b"".join(_unescaped(each) for each in found).decode("utf-8", "replace")


def text_rrdata(value: str) -> str:
    """A TXT value as quoted strings of at most 255 octets."""
    octets = value.encode()
    starts = range(0, max(len(octets), 1), _LONGEST_STRING)
    return " ".join(f'"{"".join(_escaped(octets, start))}"' for start in starts)


def _value(kind: str, rrdata: str) -> str:
    if kind == "TXT":
        return text_value(rrdata)
    if kind in _NAMES_AS_VALUES:
        return name(rrdata)
    if kind == "AAAA":
        return str(ipaddress.ip_address(rrdata))
    return rrdata


def _rrdata(kind: str, value: str) -> str:
    if kind == "TXT":
        return text_rrdata(value)
    return f"{value}." if kind in _NAMES_AS_VALUES else value


def _unescaped(text: str) -> bytes:
    def octet(found: re.Match[bytes]) -> bytes:
        word = found[1]
        return bytes([int(word) % 256]) if word.isdigit() and len(word) > 1 else word

    return _ESCAPE.sub(octet, text.encode())


def _escaped(octets: bytes, start: int) -> Iterator[str]:
    for octet in octets[start : start + _LONGEST_STRING]:
        if octet not in _PRINTABLE:
            yield f"\\{octet:03}"
        else:
            yield f"\\{chr(octet)}" if chr(octet) in '"\\' else chr(octet)
