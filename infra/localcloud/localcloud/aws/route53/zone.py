"""
A hosted zone: its record sets as they are listed, and as the name servers know them.

A change is listed at once and answered after a while: until then it is PENDING, and DNS goes on
with what was INSYNC. Groups are never changed in place, so what is answered is a whole that was
once listed.

Source: Route 53 API reference, ChangeInfo, ListResourceRecordSets.
"""

import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localcloud.aws.route53.batch import Groups, Surroundings, apply
from localcloud.aws.route53.names import listing_order
from localcloud.aws.route53.recordsets import RecordSet

Order = tuple[str, str, str]  # reversed name, type, set identifier

_NS_TTL_SECONDS = 172_800
_SOA_TTL_SECONDS = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One accepted change; *at* in seconds since 1970."""

    id: str
    at: float
    comment: str | None = None

    def info(self, now: float, seconds: float) -> dict[str, Any]:
        """Give ``ChangeInfo``; it is PENDING for *seconds*."""
        status = "PENDING" if now - self.at < seconds else "INSYNC"
        found = {"Id": f"/change/{self.id}", "Status": status, "SubmittedAt": self.at}
        return found if self.comment is None else {**found, "Comment": self.comment}


@dataclass(slots=True, kw_only=True)
class Zone:
    """
    One hosted zone.

    Attributes:
        id: Without ``/hostedzone/``.
        name: Canonical.
        caller_reference: As given at its creation.
        config: ``Comment`` and ``PrivateZone``.
        vpcs: Of a private zone.
        name_servers: Of a public one.
        groups: Record sets as listed.
        busy: A change is being processed.
    """

    id: str
    name: str
    caller_reference: str
    config: dict[str, Any]
    vpcs: list[dict[str, str]]
    name_servers: tuple[str, ...]
    groups: Groups = field(default_factory=dict)
    busy: bool = False
    _answered: Groups = field(default_factory=dict)
    _pending: list[tuple[float, Groups]] = field(default_factory=list)
    _listing: tuple[Groups, list[tuple[Order, RecordSet]]] | None = None

    @property
    def private(self) -> bool:
        """Say whether it answers inside its VPCs only."""
        return bool(self.config["PrivateZone"])

    def begin(self) -> None:
        """Make the record sets that every zone has at its apex; they are answered at once."""
        first = self.name_servers[0] if self.name_servers else "ns-0.awsdns-00.com."
        soa = f"{first} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
        servers = self.name_servers or (first,)
        self.groups = self._answered = {
            (self.name, "NS"): (self._apex("NS", _NS_TTL_SECONDS, servers),),
            (self.name, "SOA"): (self._apex("SOA", _SOA_TTL_SECONDS, (soa,)),),
        }

    def change(
        self, changes: Sequence[Mapping[str, Any]], around: Surroundings, answered_at: float
    ) -> None:
        """
        Carry out a batch; its effect is answered from *answered_at* on.

        Raises:
            AwsError: Refused, and nothing is changed.
        """
        self.groups = apply(self.groups, changes, around)
        self._pending.append((answered_at, self.groups))

    def answered(self, now: float) -> Groups:
        """Give the groups that the name servers know at *now*."""
        while self._pending and self._pending[0][0] <= now:
            self._answered = self._pending.pop(0)[1]
        return self._answered

    def record_sets(self, start: Order) -> Iterator[RecordSet]:
        """Give the record sets from *start* on, in the order of a listing."""
        if self._listing is None or self._listing[0] is not self.groups:
            ordered = sorted(
                ((order(record), record) for group in self.groups.values() for record in group),
                key=lambda pair: pair[0],
            )
            self._listing = (self.groups, ordered)
        listing = self._listing[1]
        for _, record in listing[bisect.bisect_left(listing, start, key=lambda pair: pair[0]) :]:
            yield record

    @property
    def count(self) -> int:
        """Give the number of its record sets."""
        return sum(len(group) for group in self.groups.values())

    @property
    def empty(self) -> bool:
        """Say whether it holds nothing but NS and SOA of its apex."""
        return set(self.groups) <= {(self.name, "NS"), (self.name, "SOA")}

    def _apex(self, kind: str, ttl: int, data: Sequence[str]) -> RecordSet:
        records = [{"Value": value} for value in data]
        return {"Name": self.name, "Type": kind, "TTL": ttl, "ResourceRecords": records}


def order(record: RecordSet) -> Order:
    """Give what sorts record sets as Route 53 lists them."""
    return (listing_order(record["Name"]), record["Type"], record.get("SetIdentifier", ""))
