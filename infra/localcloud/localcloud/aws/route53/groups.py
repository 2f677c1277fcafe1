"""
Record sets of one name and type beside each other: what Route 53 lets stand together.

Source: Route 53 Developer Guide (routing policies, quotas); texts from issue threads:
external-dns #1411, #1517, #3141, #4058, terraform-provider-aws #1668, #1961, aws-sdk-go-v2 #518.
Where no text is published, ours has the same form.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from localcloud.aws.route53.recordsets import POLICIES, RecordSet, policy

MOST_OF_A_GROUP = 100


def named(record: RecordSet) -> str:
    """Give how Route 53's sentences name a record set."""
    identifier = record.get("SetIdentifier")
    more = "" if identifier is None else f", SetIdentifier {identifier}"
    return f"RRSet with DNS name {record['Name']}, type {record['Type']}{more}"


def bracketed(record: RecordSet) -> str:
    """Give how the sentences about missing and existing record sets name one."""
    identifier = record.get("SetIdentifier")
    more = "" if identifier is None else f", set-identifier='{identifier}'"
    return f"[name='{record['Name']}', type='{record['Type']}'{more}]"


def faults(new: RecordSet, others: Sequence[RecordSet]) -> Iterator[str]:
    """Give the complaints about *new* beside the *others* of its name and type."""
    if not others:
        return
    field = policy(new)
    if not field or not policy(others[0]):
        if not field:
            yield (
                f"{named(new)} cannot be created as other RRSets exist with the same name and type."
            )
        else:
            yield _foreign(new, field)
        return
    if any(policy(other) != field for other in others):
        yield _foreign(new, field)
        return
    if len(others) >= MOST_OF_A_GROUP:
        yield (
            f"{named(new)} cannot be created as the limit of {MOST_OF_A_GROUP} RRSets with the "
            "same name and type is reached."
        )
    yield from _policy_faults(new, field, others)


def cname_faults(new: RecordSet, types: Iterable[str], apex: str) -> Iterator[str]:
    """Give the complaint when a CNAME would not be alone; *types* are the others of its name."""
    name, kind = new["Name"], new["Type"]
    others = set(types) - {kind}
    if kind == "CNAME" and others:
        yield (
            f"RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other "
            f"records with the same DNS name in zone {apex}"
        )
    elif "CNAME" in others:
        yield (
            f"RRSet of type {kind} with DNS name {name} is not permitted because a conflicting "
            f"RRSet of type CNAME with the same DNS name already exists in zone {apex}"
        )


def _foreign(new: RecordSet, field: str) -> str:
    return (
        f"{named(new)} cannot be created as a non-{POLICIES[field]} set exists with the same name "
        "and type."
    )


def _policy_faults(new: RecordSet, field: str, others: Sequence[RecordSet]) -> Iterator[str]:
    ttls = {other["TTL"] for other in (new, *others) if "TTL" in other}
    if field == "Weight" and len(ttls) > 1:
        yield f"{named(new)} cannot be created as weighted sets must contain the same TTL."
    if field == "Region" and any(other["Region"] == new["Region"] for other in others):
        yield (
            f"{named(new)}, and Region Name={new['Region']} cannot be created because a latency "
            "RRSet with the same name, type and region already exists."
        )
    if field == "GeoLocation" and any(
        place(other["GeoLocation"]) == place(new["GeoLocation"]) for other in others
    ):
        where = "-".join(filter(None, place(new["GeoLocation"])))
        yield (
            f"{named(new)}, and GeoLocation {where} cannot be created because a geolocation RRSet "
            "with the same name, type and location already exists."
        )
    if field == "Failover" and any(other["Failover"] == new["Failover"] for other in others):
        yield (
            f"{named(new)} cannot be created because a {new['Failover']} failover RRSet with the "
            "same name and type already exists."
        )


def place(location: Mapping[str, str]) -> tuple[str, str, str]:
    """Give continent, country and subdivision; two record sets of the same exclude each other."""
    return (
        location.get("ContinentCode", ""),
        location.get("CountryCode", ""),
        location.get("SubdivisionCode", ""),
    )
