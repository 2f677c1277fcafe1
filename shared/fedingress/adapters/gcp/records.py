"""
Record sets between our form and Cloud DNS's JSON.

Called by `record_sets`; pure. Ours has no final dots, lower-case names, sorted values, and TXT as
plain text; Cloud DNS has master-file forms.

Source: dns v1 ResourceRecordSet.
"""

import ipaddress
import json
from collections.abc import Mapping
from typing import Any, Final

from fedingress.adapters.masterfile import text_rrdata, text_value
from fedingress.domain.record import RecordSet

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
