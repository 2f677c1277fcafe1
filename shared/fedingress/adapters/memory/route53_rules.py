"""
What Route 53 refuses of a batch, for the twin in memory; with Amazon's texts where they are known.

It does not model: quotas of a batch, health checks that do not exist, load balancers' names.

Source: Route 53 API reference, ResourceRecordSet; Developer Guide, "Quotas"; texts from issue
threads of external-dns (#1411, #1517, #3141, #4058) and Terraform's AWS provider (#1668).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from fedingress.domain.record import RecordSet

MOST_OF_A_GROUP: Final = 100
_ROUTINGS: Final = ("weight", "region", "location", "failover")
_NAMES: Final = {
    "weight": "weighted",
    "region": "latency",
    "location": "geolocation",
    "failover": "failover",
    "policy": "multivalue answer",
}
_HEAVIEST: Final = 255
_SIMPLE: Final = ""

Records = Mapping[tuple[str, str, str], RecordSet]


def reasons(domain: str, records: Records, additions: Sequence[RecordSet]) -> list[str]:
    """
    Every fault of the additions, in a zone as it would become.

    Args:
        domain: The zone's DNS name.
        records: All record sets after the batch.
        additions: Those that the batch brings, in their order.
    """
    coming = {item.identity for item in additions}
    found: list[str] = []
    made = {key: item for key, item in records.items() if key not in coming}
    for item in additions:  # each stands beside those before it only
        found += _alone(domain, item)
        found += _beside(item, made)
        made[item.identity] = item
    return list(dict.fromkeys(found))


def routing(item: RecordSet) -> str:
    """The field that names the routing; empty for a simple record set."""
    if item.policy:
        return "policy"
    given = (name for name in _ROUTINGS if getattr(item, name) not in {None, ""})
    return next(given, _SIMPLE)


def _alone(domain: str, item: RecordSet) -> Iterator[str]:
    given = [name for name in _ROUTINGS if getattr(item, name) not in {None, ""}]
    if len(given) > 1 or bool(routing(item)) != bool(item.set_identifier):
        yield f"{item.label}: Expected exactly one of [Weight, Region, Failover, GeoLocation]"
    if item.weight is not None and not 0 <= item.weight <= _HEAVIEST:
        yield f"{item.label}: Weight {item.weight} is not within 0 to {_HEAVIEST}"
    if item.alias and (item.values or item.ttl_seconds):
        yield f"{item.label}: an alias has neither TTL nor values"
    if item.type == "CNAME" and item.name == domain:
        yield f"RRSet of type CNAME with DNS name {item.name} is not permitted at apex in zone"
    if item.failover and item.alias and not item.alias.evaluate:
        yield f"Failover alias RRSet with DNS name {item.name} must evaluate target health."
    if item.failover == "PRIMARY" and not item.alias and not item.health_check:
        yield "A non-alias primary resource record set must have an associated health check."


def _beside(item: RecordSet, made: Records) -> Iterator[str]:
    others = [each for each in made.values() if (each.name, each.type) == (item.name, item.type)]
    kinds = {each.type for each in made.values() if each.name == item.name} - {item.type}
    named = f"RRSet with DNS name {item.name}., type {item.type}"
    if item.set_identifier:
        named += f", SetIdentifier {item.set_identifier}"
    if "CNAME" in kinds or (item.type == "CNAME" and kinds):
        yield (
            f"RRSet of type {item.type} with DNS name {item.name}. is not permitted because a "
            f"conflicting RRSet of type {'/'.join(sorted(kinds))} exists"
        )
    if item.alias and not item.alias.hosted_zone:
        target = (item.alias.name, item.type)
        if target == (item.name, item.type) or all(key[:2] != target for key in made):
            yield (
                f"Tried to create an alias that targets {item.alias.name}., type {item.type} in "
                "the zone, but that target was not found"
            )
    if not others:
        return
    kind = routing(item)
    if not kind:
        yield f"{named} cannot be created as other RRSets exist with the same name and type."
    elif any(routing(each) != kind for each in others):
        yield (
            f"{named} cannot be created as a non-{_NAMES[kind]} set exists with the same name "
            "and type."
        )
    elif len(others) >= MOST_OF_A_GROUP:
        yield f"{named} cannot be created as the limit of {MOST_OF_A_GROUP} RRSets is reached."
    else:
        yield from _choice(item, kind, others, named)


def _choice(item: RecordSet, kind: str, others: Sequence[RecordSet], named: str) -> Iterator[str]:
    value = getattr(item, kind)
    if kind in {"region", "location", "failover"}:
        if any(getattr(each, kind) == value for each in others):
            yield (
                f"{named} cannot be created because a {_NAMES[kind]} RRSet with the same name, "
                f"type and {kind} already exists."
            )
    elif kind == "weight":
        ttls = {each.ttl_seconds for each in (item, *others) if not each.alias}
        if len(ttls) > 1:
            yield f"{named} cannot be created as weighted sets must contain the same TTL."
