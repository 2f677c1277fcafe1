"""
A change batch: all of it or nothing, in its own order.

Pure: from the groups of a zone and a batch to the groups after it. Each change is checked against
what the changes before it left, so a policy is swapped by deleting a whole group before creating
its successor.

Source: Route 53 API reference, ChangeResourceRecordSets; quotas: Developer Guide, "Quotas"
(1000 elements and 32,000 characters in a batch, UPSERT counts twice, 10,000 record sets in a zone).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.aws.route53 import groups, recordsets
from localcloud.aws.route53.names import BadName, within
from localcloud.aws.route53.recordsets import RecordSet
from localcloud.aws.wire.errors import AwsError

Groups = Mapping[tuple[str, str], tuple[RecordSet, ...]]  # by canonical name and type

MOST_ELEMENTS = 1000
MOST_CHARACTERS = 32_000
MOST_RECORD_SETS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """
    What a batch is checked against beside the zone's own record sets.

    Attributes:
        zone_id: Of the zone.
        apex: Its name.
        balancer: Says whether a load balancer's zone id, name and a record type can be aliased to;
            a sentence when not.
        health_check: Says whether a health check exists.
    """

    zone_id: str
    apex: str
    balancer: Callable[[str, str, str], str]
    health_check: Callable[[str], bool]


def apply(
    before: Groups, changes: Sequence[Mapping[str, Any]], around: Surroundings
) -> dict[tuple[str, str], tuple[RecordSet, ...]]:
    """
    Give the groups after the batch.

    Raises:
        AwsError: InvalidInput or InvalidChangeBatch; with every reason that stands by itself.
    """
    for change in changes:
        recordsets.require_shape(change)
    _require_size(changes)
    batch = _Batch(dict(before), around)
    for change in changes:
        batch.take(change)
    batch.require_whole()
    if batch.faults:
        raise AwsError("InvalidChangeBatch", f"[{', '.join(dict.fromkeys(batch.faults))}]")
    return batch.groups


class _Batch:
    def __init__(
        self, copy: dict[tuple[str, str], tuple[RecordSet, ...]], around: Surroundings
    ) -> None:
        self.groups = copy
        self.faults: list[str] = []
        self._around = around
        self._types: dict[str, set[str]] = {}
        for name, kind in copy:
            self._types.setdefault(name, set()).add(kind)

    def take(self, change: Mapping[str, Any]) -> None:
        try:
            record = recordsets.normal(change["ResourceRecordSet"])
        except BadName as fault:
            self.faults.append(str(fault))
            return
        if change["Action"] == "DELETE":
            self._delete(record)
        else:
            self._put(record, blind=change["Action"] == "UPSERT")

    def require_whole(self) -> None:
        apex = self._around.apex
        if (apex, "SOA") not in self.groups:
            self.faults.append("A HostedZone must contain exactly one SOA record.")
        if (apex, "NS") not in self.groups:
            self.faults.append(
                "A HostedZone must contain at least one NS record for the zone itself."
            )
        if sum(len(group) for group in self.groups.values()) > MOST_RECORD_SETS:
            self.faults.append(f"Number of records limit of {MOST_RECORD_SETS} exceeded.")

    def _delete(self, record: RecordSet) -> None:
        key = (record["Name"], record["Type"])
        found, others = _split(self.groups.get(key, ()), record)
        tried = f"Tried to delete resource record set {groups.bracketed(record)}"
        if found is None:
            self.faults.append(f"{tried} but it was not found")
        elif not recordsets.same(found, record):
            self.faults.append(f"{tried} but the values provided do not match the current values")
        else:
            self._set(key, others)

    def _put(self, record: RecordSet, *, blind: bool) -> None:
        key = (record["Name"], record["Type"])
        found, others = _split(self.groups.get(key, ()), record)
        faults = list(self._faults(record, others))
        if found is not None and not blind:
            faults.append(
                f"Tried to create resource record set {groups.bracketed(record)} but it already "
                "exists"
            )
        self.faults.extend(faults)
        if not faults:
            self._set(key, (*others, record))

    def _faults(self, record: RecordSet, others: Sequence[RecordSet]) -> Iterator[str]:
        around = self._around
        yield from recordsets.faults(record, around.apex)
        yield from groups.cname_faults(record, self._types.get(record["Name"], ()), around.apex)
        yield from groups.faults(record, others)
        check = record.get("HealthCheckId")
        if check is not None and not around.health_check(check):
            yield f"{groups.named(record)} cannot be created as no health check {check} exists."
        if "AliasTarget" in record:
            yield from self._alias_faults(record)

    def _alias_faults(self, record: RecordSet) -> Iterator[str]:
        target, kind = record["AliasTarget"], record["Type"]
        name, zone_id = target["DNSName"], target["HostedZoneId"]
        tried = f"Tried to create an alias that targets {name}, type {kind} in zone {zone_id}, but "
        if zone_id == self._around.zone_id:
            own = (record["Name"], kind)
            if not within(name, self._around.apex):
                yield f"{tried}the alias target name does not lie within the target zone"
            elif (name, kind) == own or (name, kind) not in self.groups:
                yield f"{tried}that target was not found"
        else:
            problem = self._around.balancer(zone_id, name, kind)
            if problem:
                yield tried + problem

    def _set(self, key: tuple[str, str], members: tuple[RecordSet, ...]) -> None:
        name, kind = key
        if members:
            self.groups[key] = members
            self._types.setdefault(name, set()).add(kind)
        else:
            self.groups.pop(key, None)
            self._types.get(name, set()).discard(kind)


def _split(
    group: Sequence[RecordSet], record: RecordSet
) -> tuple[RecordSet | None, tuple[RecordSet, ...]]:
    """Give the member of *record*'s identity, and the others."""
    identifier = record.get("SetIdentifier")
    found = next((each for each in group if each.get("SetIdentifier") == identifier), None)
    return found, tuple(each for each in group if each is not found)


def _require_size(changes: Sequence[Mapping[str, Any]]) -> None:
    elements = characters = 0
    for change in changes:
        times = 2 if change["Action"] == "UPSERT" else 1
        data = change["ResourceRecordSet"].get("ResourceRecords")
        elements += times * (1 if data is None else len(data))
        characters += times * sum(len(each["Value"]) for each in data or ())
    if elements > MOST_ELEMENTS:
        raise AwsError(
            "InvalidChangeBatch", f"[Number of records limit of {MOST_ELEMENTS} exceeded.]"
        )
    if characters > MOST_CHARACTERS:
        raise AwsError(
            "InvalidChangeBatch", f"[Number of characters limit of {MOST_CHARACTERS} exceeded.]"
        )
