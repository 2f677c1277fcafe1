"""
Record sets between our form and Cloud DNS's JSON.

Called by `record_sets`; pure. Ours has no final dots, lower-case names, sorted values, and TXT as
plain text; Cloud DNS has master-file forms.

Source: dns v1 ResourceRecordSet.
"""

import ipaddress
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from fedingress.adapters.masterfile import text_rrdata, text_value
from fedingress.domain.record import RecordSet, policy_text

LINKS: Final = "https://www.googleapis.com/compute/v1/"
"""Before the path of a health check; Cloud DNS wants whole URLs."""
_CHECK: Final = re.compile(
    r"https?://[^/]+/compute/[^/]+/(projects/[^/]+/global/healthChecks/[^/]+)"
)
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
        policy=policy_text(policy) if policy else "",
        health_check=_check(policy or {}),
    )


def encode(record: RecordSet) -> dict[str, Any]:
    """One record set as Cloud DNS takes it."""
    body: dict[str, Any] = {
        "name": f"{record.name}.",
        "type": record.type,
        "ttl": record.ttl_seconds,
    }
    if record.policy:
        return {**body, "routingPolicy": json.loads(record.policy) | _checked(record.health_check)}
    return {**body, "rrdatas": [_rrdata(record.type, value) for value in record.values]}


def name(text: str) -> str:
    r"""A DNS name in our form; `\052` is how some write the asterisk of a wildcard."""
    return text.removesuffix(".").lower().replace("\\052", "*")


def _check(policy: Mapping[str, Any]) -> str:
    """The path of the health check; one that is not global is others', and stays as it is."""
    link = str(policy.get("healthCheck", ""))
    found = _CHECK.fullmatch(link)
    return found[1] if found else link


def _checked(check: str) -> dict[str, str]:
    if not check:
        return {}
    return {"healthCheck": f"{LINKS}{check}" if check.startswith("projects/") else check}


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
