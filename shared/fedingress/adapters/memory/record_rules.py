"""
What Cloud DNS refuses of a batch, for the twin in memory.

It does not model: DNSSEC, delegations below the apex, quotas, whether a health check stands.

Source: Cloud DNS documentation, "Supported record types" and "Wildcard records"; dns v1 reference,
RRSetRoutingPolicy.
"""

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fedingress.domain.record import RecordSet

_LABEL: Final = re.compile(r"[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?")
_LONGEST: Final = 253
_MOST_SECONDS: Final = 2**31 - 1
_WAYS: Final = ("wrr", "geo", "primaryBackup")
_VERSIONS: Final = {"A": 4, "AAAA": 6}


def reasons(
    domain: str, records: Mapping[tuple[str, str, str], RecordSet], additions: Sequence[RecordSet]
) -> list[str]:
    """
    Every fault of a zone as it would become.

    Args:
        domain: The zone's DNS name.
        records: All record sets after the batch.
        additions: Those that the batch brings.
    """
    found = [text for item in additions for text in _record(domain, item)]
    found += [
        f"{item.label}: {text}"
        for item in additions
        if item.policy
        for text in _policy(item, json.loads(item.policy))
    ]
    found += [
        f"a zone must contain exactly one resource record set of type '{kind}' at the apex"
        for kind in ("NS", "SOA")
        if (domain, kind, "") not in records
    ]
    for name in sorted({item.name for item in additions}):
        kinds = sorted(kind for other, kind, _ in records if other == name)
        if "CNAME" in kinds and len(kinds) > 1:
            found.append(
                f"The resource record set '{name}' is invalid because the DNS name may have "
                f"either one CNAME resource record set or resource record sets of other types, "
                f"but not both: {', '.join(kinds)}"
            )
    return found


def _record(domain: str, item: RecordSet) -> Iterator[str]:
    name = item.name
    labels = name.removeprefix("*.").split(".")
    if len(name) > _LONGEST or not all(_LABEL.fullmatch(label) for label in labels):
        yield f"Invalid value for 'name': '{name}'"
    if name != domain and not name.endswith("." + domain):
        yield f"Invalid value for 'name': '{name}' is not within '{domain}'"
    if not 0 <= item.ttl_seconds <= _MOST_SECONDS:
        yield f"Invalid value for 'ttl' of {item.label}: '{item.ttl_seconds}'"
    if bool(item.values) == bool(item.policy):
        yield f"{item.label} needs exactly one of 'rrdatas' and 'routingPolicy'"
    if len(set(item.values)) != len(item.values):
        yield f"{item.label} has duplicate values"
    if item.values != tuple(sorted(item.values)):
        yield f"{item.label} has values that are not in order"
    if item.type == "CNAME" and len(item.values) > 1:
        yield f"{item.label} may have one value only"
    for value in item.values:
        if not value or (item.type in _VERSIONS and not _is_address(value, _VERSIONS[item.type])):
            yield f"Invalid value for 'rrdata' of {item.label}: '{value}'"


def _policy(item: RecordSet, policy: Mapping[str, Any]) -> Iterator[str]:
    """One of the ways, each of its items with data, and what is checked with a check."""
    ways = [way for way in _WAYS if way in policy]
    if len(ways) != 1:
        yield f"exactly one of {', '.join(_WAYS)} must be set"
        return
    body = policy[ways[0]]
    backup = body.get("backupGeoTargets", {})
    items = [*body.get("items", ()), *backup.get("items", ())]
    targets = [each.get("healthCheckedTargets", {}) for each in items]
    if ways[0] == "primaryBackup":
        targets.append(body.get("primaryTargets", {}))
    if not items:
        yield "'items' must not be empty"
    if ways[0] == "wrr" and not all(each.get("weight", -1) >= 0 for each in items):
        yield "each weight must be 0 or more"
    places = [each.get("location") for each in items] if ways[0] != "wrr" else []
    if len({*places}) != len(places) or not all(places):
        yield "each item needs a location of its own"
    for each in targets:
        ends = each.get("externalEndpoints", ())
        version = _VERSIONS.get(item.type)
        if ends and (version is None or not all(_is_address(end, version) for end in ends)):
            yield f"Invalid value for 'externalEndpoints': {ends}"
        if ends and not item.health_check:
            yield "'healthCheck' is required with externalEndpoints"
    rows = [{**each, **each.get("healthCheckedTargets", {})} for each in items]
    if not all(each.get("rrdatas") or each.get("externalEndpoints") for each in rows):
        yield "each item needs 'rrdata' or health-checked targets"


def _is_address(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False
