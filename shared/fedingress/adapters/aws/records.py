"""
Record sets between our form and Route 53's.

Called by `route53`; pure. Ours has no final dots, lower-case names, `*` for the wildcard, sorted
values, and TXT as plain text. Routings that ours has no field for are kept as text and never made.

Source: Route 53 API reference, ResourceRecordSet, AliasTarget, GeoLocation; Developer Guide, "DNS
domain name format".
"""

import ipaddress
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from fedingress.adapters.masterfile import text_rrdata, text_value
from fedingress.domain.record import Alias, RecordSet

_OTHER_ROUTINGS: Final = (
    "MultiValueAnswer",
    "GeoProximityLocation",
    "CidrRoutingConfig",
    "TrafficPolicyInstanceId",
)
_NAMES_AS_VALUES: Final = frozenset({"CNAME", "NS", "PTR"})
_ESCAPE: Final = re.compile(r"\\([0-3][0-7]{2})")
_OCTAL: Final = 8


def decode(found: Mapping[str, Any], zone: str) -> RecordSet:
    """One record set as Route 53 lists it; *zone* is the id of its own zone."""
    kind = str(found["Type"])
    other = {name: found[name] for name in _OTHER_ROUTINGS if name in found}
    values = (_value(kind, each["Value"]) for each in found.get("ResourceRecords") or ())
    return RecordSet(
        name=name(str(found["Name"])),
        type=kind,
        ttl_seconds=int(found.get("TTL", 0)),
        values=() if other else tuple(sorted(values)),
        policy=json.dumps(dict(found), sort_keys=True, separators=(",", ":")) if other else "",
        set_identifier=str(found.get("SetIdentifier", "")),
        weight=int(found["Weight"]) if "Weight" in found else None,
        region=str(found.get("Region", "")),
        location=_location(found.get("GeoLocation") or {}),
        failover=str(found.get("Failover", "")),
        alias=_alias(found.get("AliasTarget"), zone),
        health_check=str(found.get("HealthCheckId", "")),
    )


def encode(record: RecordSet, zone: str) -> dict[str, Any]:
    """One record set as Route 53 takes it."""
    if record.policy:
        found: dict[str, Any] = json.loads(record.policy)
        return found
    body: dict[str, Any] = {"Name": f"{record.name}.", "Type": record.type}
    if record.set_identifier:
        body["SetIdentifier"] = record.set_identifier
    if record.weight is not None:
        body["Weight"] = record.weight
    if record.region:
        body["Region"] = record.region
    if record.location:
        body["GeoLocation"] = _geo_location(record.location)
    if record.failover:
        body["Failover"] = record.failover
    if record.health_check:
        body["HealthCheckId"] = record.health_check
    if record.alias:
        body["AliasTarget"] = {
            "DNSName": f"{record.alias.name}.",
            "HostedZoneId": record.alias.hosted_zone or zone,
            "EvaluateTargetHealth": record.alias.evaluate,
        }
    else:
        body["TTL"] = record.ttl_seconds
        values = (_rrdata(record.type, value) for value in record.values)
        body["ResourceRecords"] = [{"Value": value} for value in values]
    return body


def name(text: str) -> str:
    r"""A DNS name in our form; Route 53 writes the asterisk of a wildcard as `\052`."""
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], _OCTAL)), text)
    return plain.removesuffix(".").lower()


def _alias(target: Mapping[str, Any] | None, zone: str) -> Alias | None:
    if target is None:
        return None
    there = str(target["HostedZoneId"]).rpartition("/")[2]
    return Alias(
        name=name(str(target["DNSName"])),
        hosted_zone="" if there == zone else there,
        evaluate=bool(target["EvaluateTargetHealth"]),
    )


def _location(given: Mapping[str, str]) -> str:
    if "ContinentCode" in given:
        return f"continent:{given['ContinentCode']}"
    if "SubdivisionCode" in given:
        return f"subdivision:{given['CountryCode']}/{given['SubdivisionCode']}"
    return f"country:{given['CountryCode']}" if given else ""


def _geo_location(text: str) -> dict[str, str]:
    kind, _, rest = text.partition(":")
    if kind == "continent":
        return {"ContinentCode": rest}
    country, _, subdivision = rest.partition("/")
    return {"CountryCode": country} | ({"SubdivisionCode": subdivision} if subdivision else {})


def _value(kind: str, rrdata: str) -> str:
    if kind == "TXT":
        return text_value(rrdata, base=_OCTAL)
    if kind in _NAMES_AS_VALUES:
        return name(rrdata)
    return str(ipaddress.ip_address(rrdata)) if kind == "AAAA" else rrdata


def _rrdata(kind: str, value: str) -> str:
    if kind == "TXT":
        return text_rrdata(value, base=_OCTAL)
    return f"{value}." if kind in _NAMES_AS_VALUES else value
