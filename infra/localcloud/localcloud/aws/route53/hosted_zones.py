"""
The hosted zones of the account: made, found, listed, changed, deleted.

Source: Route 53 API reference, the operations on hosted zones and record sets.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from localcloud.aws.route53.batch import Surroundings
from localcloud.aws.route53.names import BadName, canonical, listing_order
from localcloud.aws.route53.throttle import new_id
from localcloud.aws.route53.zone import Change, Order, Zone
from localcloud.aws.wire.errors import AwsError

PAGE_RECORD_SETS = 300
PAGE_ZONES = 100
MOST_ZONES = 500

Values = Mapping[str, Any]


class HostedZones:
    """
    The zones.

    Attributes:
        zones: By id.
        changes: By id.
    """

    def __init__(self, clock: Callable[[], float], sync_seconds: float) -> None:
        """Let changes be PENDING for *sync_seconds*."""
        self.zones: dict[str, Zone] = {}
        self.changes: dict[str, Change] = {}
        self._clock = clock
        self.sync_seconds = sync_seconds

    def create(self, given: Values) -> dict[str, Any]:
        """
        Make a zone as CreateHostedZone does.

        Raises:
            AwsError: Refused.
        """
        try:
            name = canonical(given["Name"])
        except BadName as fault:
            raise AwsError("InvalidDomainName", str(fault)) from fault
        reference = given["CallerReference"]
        if any(zone.caller_reference == reference for zone in self.zones.values()):
            message = (
                f"A hosted zone has already been created with the caller reference {reference}"
            )
            raise AwsError("HostedZoneAlreadyExists", message, 409)
        if len(self.zones) >= MOST_ZONES:
            raise AwsError("TooManyHostedZones", "Limits Exceeded: MAX_HOSTED_ZONES")
        config = {"PrivateZone": False, **(given.get("HostedZoneConfig") or {})}
        vpc = given.get("VPC")
        if config["PrivateZone"] and vpc is None:
            raise AwsError("InvalidVPCId", "The VPC ID is missing: a private zone needs a VPC")
        config["PrivateZone"] = vpc is not None
        zone = Zone(
            id=new_id("Z", 13),
            name=name,
            caller_reference=reference,
            config=config,
            vpcs=[] if vpc is None else [dict(vpc)],
            name_servers=() if vpc is not None else _name_servers(len(self.zones)),
        )
        zone.begin()
        self.zones[zone.id] = zone
        return {**self.described(zone), "ChangeInfo": self._changed()}

    def zone(self, zone_id: str) -> Zone:
        """
        Give a zone by its id, with or without ``/hostedzone/``.

        Raises:
            AwsError: NoSuchHostedZone.
        """
        bare = zone_id.rpartition("/")[2]
        found = self.zones.get(bare)
        if found is None:
            raise AwsError("NoSuchHostedZone", f"No hosted zone found with ID: {bare}", 404)
        return found

    def described(self, zone: Zone) -> dict[str, Any]:
        """Give ``HostedZone`` and what stands beside it."""
        found: dict[str, Any] = {"HostedZone": summary(zone)}
        if zone.private:
            found["VPCs"] = zone.vpcs
            found["VPC"] = zone.vpcs[0]
        else:
            servers = [server.rstrip(".") for server in zone.name_servers]
            found["DelegationSet"] = {"NameServers": servers}
        return found

    def delete(self, zone_id: str) -> dict[str, Any]:
        """
        Delete an empty zone.

        Raises:
            AwsError: NoSuchHostedZone, HostedZoneNotEmpty.
        """
        zone = self.zone(zone_id)
        if not zone.empty:
            message = (
                "The specified hosted zone contains non-required resource record sets and so "
                "cannot be deleted."
            )
            raise AwsError("HostedZoneNotEmpty", message)
        del self.zones[zone.id]
        return {"ChangeInfo": self._changed()}

    def associate(self, zone_id: str, vpc: Mapping[str, str]) -> dict[str, Any]:
        """
        Let a private zone answer in one more VPC.

        Raises:
            AwsError: NoSuchHostedZone, PublicZoneVPCAssociation.
        """
        zone = self.zone(zone_id)
        if not zone.private:
            message = "You're trying to associate a VPC with a public hosted zone."
            raise AwsError("PublicZoneVPCAssociation", message)
        if dict(vpc) not in zone.vpcs:
            zone.vpcs.append(dict(vpc))
        return {"ChangeInfo": self._changed()}

    def change(
        self,
        zone: Zone,
        batch: Values,
        balancer: Callable[[str, str, str], str],
        health_check: Callable[[str], bool],
    ) -> dict[str, Any]:
        """
        Carry out a change batch.

        Raises:
            AwsError: Refused.
        """
        around = Surroundings(
            zone_id=zone.id, apex=zone.name, balancer=balancer, health_check=health_check
        )
        changes = [
            {**each, "ResourceRecordSet": _bare(each["ResourceRecordSet"])}
            for each in batch["Changes"]
        ]
        zone.change(changes, around, self._clock() + self.sync_seconds)
        return {"ChangeInfo": self._changed(batch.get("Comment"))}

    def list_record_sets(self, given: Values) -> dict[str, Any]:
        """
        Give a page of record sets.

        Raises:
            AwsError: NoSuchHostedZone, InvalidInput.
        """
        zone = self.zone(given["HostedZoneId"])
        wanted = _page_size(given, PAGE_RECORD_SETS)
        page = list(islice(zone.record_sets(_start(given)), wanted + 1))
        found: dict[str, Any] = {
            "ResourceRecordSets": page[:wanted],
            "IsTruncated": len(page) > wanted,
            "MaxItems": str(wanted),
        }
        if len(page) > wanted:
            following = page[wanted]
            found["NextRecordName"] = following["Name"]
            found["NextRecordType"] = following["Type"]
            found["NextRecordIdentifier"] = following.get("SetIdentifier")
        return found

    def list(self, given: Values) -> dict[str, Any]:
        """Give a page of zones, by their ids."""
        zones = sorted(self.zones.values(), key=lambda zone: zone.id)
        marker = str(given.get("Marker", "")).rpartition("/")[2]
        wanted = _page_size(given, PAGE_ZONES)
        rest = [zone for zone in zones if zone.id >= marker]
        found: dict[str, Any] = {**_page(rest, wanted), "Marker": given.get("Marker", "")}
        if len(rest) > wanted:
            found["NextMarker"] = rest[wanted].id
        return found

    def list_by_name(self, given: Values) -> dict[str, Any]:
        """
        Give a page of zones, by their names.

        Raises:
            AwsError: InvalidDomainName.
        """
        start = ("", "")
        if given.get("DNSName"):
            try:
                first = listing_order(canonical(given["DNSName"]))
            except BadName as fault:
                raise AwsError("InvalidDomainName", str(fault)) from fault
            start = (first, str(given.get("HostedZoneId", "")).rpartition("/")[2])
        zones = sorted(self.zones.values(), key=_by_name)
        wanted = _page_size(given, PAGE_ZONES)
        rest = [zone for zone in zones if _by_name(zone) >= start]
        found = {**_page(rest, wanted), "DNSName": given.get("DNSName")}
        found["HostedZoneId"] = given.get("HostedZoneId")
        if len(rest) > wanted:
            found["NextDNSName"] = rest[wanted].name
            found["NextHostedZoneId"] = rest[wanted].id
        return found

    def get_change(self, change_id: str) -> dict[str, Any]:
        """
        Give how far a change is.

        Raises:
            AwsError: NoSuchChange.
        """
        change = self.changes.get(change_id.rpartition("/")[2])
        if change is None:
            raise AwsError("NoSuchChange", f"Could not find resource with ID: {change_id}", 404)
        return {"ChangeInfo": change.info(self._clock(), self.sync_seconds)}

    def _changed(self, comment: str | None = None) -> dict[str, Any]:
        change = Change(id=new_id("C"), at=self._clock(), comment=comment)
        self.changes[change.id] = change
        return change.info(self._clock(), self.sync_seconds)


def summary(zone: Zone) -> dict[str, Any]:
    """Give ``HostedZone``."""
    return {
        "Id": f"/hostedzone/{zone.id}",
        "Name": zone.name,
        "CallerReference": zone.caller_reference,
        "Config": zone.config,
        "ResourceRecordSetCount": zone.count,
    }


def _bare(record: Values) -> dict[str, Any]:
    """Route 53 takes alias targets' zone ids with and without their prefix."""
    if "AliasTarget" not in record:
        return dict(record)
    target = record["AliasTarget"]
    return {
        **record,
        "AliasTarget": {**target, "HostedZoneId": target["HostedZoneId"].rpartition("/")[2]},
    }


def _start(given: Values) -> Order:
    """Where a listing begins; a type needs a name, an identifier needs both (API reference)."""
    name, kind = given.get("StartRecordName"), given.get("StartRecordType")
    identifier = given.get("StartRecordIdentifier")
    if (kind and not name) or (identifier and not kind):
        missing = "StartRecordName" if not name else "StartRecordType"
        raise AwsError("InvalidInput", f"Invalid request: Missing field '{missing}'")
    if not name:
        return ("", "", "")
    try:
        return (listing_order(canonical(name)), kind or "", identifier or "")
    except BadName as fault:
        raise AwsError("InvalidInput", str(fault)) from fault


def _page_size(given: Values, most: int) -> int:
    asked = given.get("MaxItems")
    if asked is None:
        return most
    if not str(asked).isdecimal() or int(asked) < 1:
        raise AwsError("InvalidInput", f"Invalid request: MaxItems '{asked}' is no positive number")
    return min(int(asked), most)


def _page(rest: Sequence[Zone], wanted: int) -> dict[str, Any]:
    return {
        "HostedZones": [summary(zone) for zone in rest[:wanted]],
        "IsTruncated": len(rest) > wanted,
        "MaxItems": str(wanted),
    }


def _by_name(zone: Zone) -> tuple[str, str]:
    return (listing_order(zone.name), zone.id)


def _name_servers(number: int) -> tuple[str, ...]:
    domains: Iterable[str] = ("com", "net", "org", "co.uk")
    return tuple(
        f"ns-{512 * index + number}.awsdns-{number % 64:02}.{domain}."
        for index, domain in enumerate(domains)
    )
