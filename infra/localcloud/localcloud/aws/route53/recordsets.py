"""
One record set of a change: its shape, its identity, what it must and must not hold.

What it may stand beside is `groups`. Both speak in Route 53's own sentences where they are known.

Source: Route 53 API reference (ResourceRecordSet), Developer Guide; texts from issue threads of
Terraform's AWS provider, external-dns, cli53, aws-sdk-go-v2.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.aws.route53 import values
from localcloud.aws.route53.names import BadName, canonical, within
from localcloud.aws.wire.errors import AwsError

RecordSet = Mapping[str, Any]  # as on the wire, names canonical; never changed in place

POLICIES = {
    "Weight": "weighted",
    "Region": "latency",
    "Failover": "failover",
    "GeoLocation": "geolocation",
    "MultiValueAnswer": "multivalue answer",
    "GeoProximityLocation": "geoproximity",
    "CidrRoutingConfig": "CIDR",
}
_UNSERVED = ("GeoProximityLocation", "CidrRoutingConfig", "TrafficPolicyInstanceId")
_DATA = "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or "
_DATA += "TrafficPolicyInstanceId]"
_POLICY = "Expected exactly one of [Weight, Region, Failover, GeoLocation, MultiValueAnswer, "
_POLICY += "GeoProximityLocation, or CidrRoutingConfig]"
_APEX_TYPES = ("SOA", "NS")


def policy(record: RecordSet) -> str:
    """Give the field that names the routing policy, or nothing for a simple record set."""
    return next((field for field in POLICIES if field in record), "")


def require_shape(change: Mapping[str, Any]) -> None:
    """
    Check what a change says by itself.

    Raises:
        AwsError: InvalidInput, with Route 53's sentence.
    """
    record = change["ResourceRecordSet"]
    named = (
        f"in Change with [Action={change['Action']}, Name={record['Name']}, "
        f"Type={record['Type']}, SetIdentifier={record.get('SetIdentifier', 'null')}]"
    )
    for field in _UNSERVED:
        if field in record:
            raise AwsError(
                "InvalidInput", f"Invalid request: no {field} in the local cloud {named}"
            )
    plain = "TTL" in record or "ResourceRecords" in record
    alias = "AliasTarget" in record
    if alias and plain:
        raise AwsError("InvalidInput", f"Invalid request: {_DATA}, but found more than one {named}")
    if not alias and not ("TTL" in record and "ResourceRecords" in record):
        raise AwsError("InvalidInput", f"Invalid request: {_DATA}, but found none {named}")
    policies = [field for field in POLICIES if field in record]
    identified = "SetIdentifier" in record
    if len(policies) > 1:
        raise AwsError(
            "InvalidInput", f"Invalid request: {_POLICY}, but found more than one {named}"
        )
    if identified and not policies:
        raise AwsError("InvalidInput", f"Invalid request: {_POLICY}, but found none {named}")
    if policies and not identified:
        raise AwsError("InvalidInput", f"Invalid request: Missing field 'SetIdentifier' {named}")


def normal(record: RecordSet) -> RecordSet:
    """
    Give the record set as it is stored: canonical names, defaults left out.

    Raises:
        BadName: The name or the alias target's is none.
    """
    found = {**record, "Name": canonical(record["Name"])}
    if "AliasTarget" in record:
        target = record["AliasTarget"]
        found["AliasTarget"] = {**target, "DNSName": canonical(target["DNSName"])}
    if found.get("MultiValueAnswer") is False:
        raise BadName("MultiValueAnswer must be true, or left out")
    return found


def same(one: RecordSet, other: RecordSet) -> bool:
    """Say whether two normal record sets are equal; values count in any order."""
    return _comparable(one) == _comparable(other)


def faults(record: RecordSet, apex: str) -> Iterator[str]:
    """Give the complaints about a normal record set of the zone *apex* by itself."""
    name, kind = record["Name"], record["Type"]
    if not within(name, apex):
        yield f"RRSet with DNS name {name} is not permitted in zone {apex}"
    if kind == "CNAME" and name == apex:
        yield f"RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {apex}"
    if kind == "SOA" and name != apex:
        yield f"RRSet of type SOA with DNS name {name} is only permitted at apex in zone {apex}"
    if kind in _APEX_TYPES and policy(record) and name == apex:
        yield f"RRSet of type {kind} with DNS name {name} must not have a routing policy"
    yield from values.faults(kind, [each["Value"] for each in record.get("ResourceRecords", ())])
    yield from _policy_faults(record)


def _policy_faults(record: RecordSet) -> Iterator[str]:
    alias = record.get("AliasTarget")
    named = f"{record['Name']}, type {record['Type']}"
    if "MultiValueAnswer" in record and alias is not None:
        yield f"Multivalue answer RRSet with DNS name {named} must not be an alias."
    if "Failover" in record and alias is not None and not alias["EvaluateTargetHealth"]:
        yield f"Failover alias RRSet with DNS name {named} must evaluate target health."
    if record.get("Failover") == "PRIMARY" and alias is None and "HealthCheckId" not in record:
        yield "A non-alias primary resource record set must have an associated health check."
    place = record.get("GeoLocation")
    if place is not None:
        yield from _place_faults(place)


def _place_faults(place: Mapping[str, str]) -> Iterator[str]:
    continent, country = place.get("ContinentCode"), place.get("CountryCode")
    if (continent is None) == (country is None):
        yield "GeoLocation must have exactly one of ContinentCode and CountryCode."
    if "SubdivisionCode" in place and country != "US":
        yield "GeoLocation may have a SubdivisionCode only with CountryCode US."


def _comparable(record: RecordSet) -> dict[str, Any]:
    found = dict(record)
    if "ResourceRecords" in found:
        found["ResourceRecords"] = sorted(each["Value"] for each in found["ResourceRecords"])
    return found
