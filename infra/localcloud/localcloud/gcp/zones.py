"""
A managed zone: its record sets, and atomic changes of them.

What is changed here is served at once: "pending" only says how long the real service takes to tell
its name servers.

Not modelled: the serial of the SOA record set grows only when a client changes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localcloud.gcp.errors import GoogleError, bad_value, missing
from localcloud.gcp.rrsets import RecordSet, read, same
from localcloud.gcp.times import dns_time

Key = tuple[str, str]  # name with a final dot, type

_APEX_TYPES = ("NS", "SOA")
_TTL_SECONDS = 21600


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One accepted change; *at* in seconds since 1970."""

    id: str
    at: float
    additions: tuple[RecordSet, ...]
    deletions: tuple[RecordSet, ...]

    def json(self, now: float, seconds: float) -> dict[str, Any]:
        """Give ``dns#change``; it is pending for *seconds*."""
        found: dict[str, Any] = {
            "kind": "dns#change",
            "id": self.id,
            "startTime": dns_time(self.at),
            "status": "pending" if now - self.at < seconds else "done",
        }
        for name, sets in (("additions", self.additions), ("deletions", self.deletions)):
            if sets:
                found[name] = list(sets)
        return found


@dataclass(slots=True, kw_only=True)
class Zone:
    """
    One managed zone.

    Attributes:
        zone: As a GET answers it.
        rrsets: Record sets by name and type, as a GET answers them.
        changes: Oldest first.
        updates: Operations on the zone itself, oldest first.
    """

    zone: dict[str, Any]
    rrsets: dict[Key, RecordSet] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)

    @property
    def domain(self) -> str:
        """Give the domain, with a final dot."""
        return str(self.zone["dnsName"])

    def begin(self, at: float) -> None:
        """Make the record sets that every zone has at its apex."""
        servers = self.zone["nameServers"]
        soa = f"{servers[0]} cloud-dns-hostmaster.google.com. 1 21600 3600 259200 300"
        self.change([self._apex("NS", servers), self._apex("SOA", [soa])], [], at)

    def change(
        self,
        additions: Sequence[Mapping[str, Any]],
        deletions: Sequence[Mapping[str, Any]],
        at: float,
    ) -> Change:
        """
        Take *deletions* away, which must match exactly, then put *additions*; all or nothing.

        Raises:
            GoogleError: 400, 404 and 412 for deletions, 409 for additions.
        """
        if not additions and not deletions:
            raise missing("entity.change")
        rrsets = dict(self.rrsets)
        gone = [
            self._take(rrsets, each, f"entity.change.deletions[{index}]")
            for index, each in enumerate(deletions)
        ]
        new = [
            self._put(rrsets, each, f"entity.change.additions[{index}]")
            for index, each in enumerate(additions)
        ]
        for index, each in enumerate(new):
            _cname_alone(rrsets, each, f"entity.change.additions[{index}]")
        for index, each in enumerate(gone):
            self._apex_stays(rrsets, each, f"entity.change.deletions[{index}]")
        self.rrsets.clear()
        self.rrsets.update(rrsets)
        change = Change(
            id=str(len(self.changes)), at=at, additions=tuple(new), deletions=tuple(gone)
        )
        self.changes.append(change)
        return change

    def _take(self, rrsets: dict[Key, RecordSet], wanted: Mapping[str, Any], at: str) -> RecordSet:
        given = read(wanted, self.domain, at)
        key = (given["name"], given["type"])
        if key not in rrsets:
            message = f"The '{at}' resource named '{key[0]} ({key[1]})' does not exist."
            raise GoogleError(404, "notFound", message)
        if not same(given, rrsets[key]):
            raise GoogleError(412, "conditionNotMet", f"Precondition not met for '{at}'")
        return rrsets.pop(key)

    def _put(self, rrsets: dict[Key, RecordSet], wanted: Mapping[str, Any], at: str) -> RecordSet:
        given = read(wanted, self.domain, at)
        key = (given["name"], given["type"])
        if key in rrsets:
            message = f"The resource '{at}' named '{key[0]} ({key[1]})' already exists"
            raise GoogleError(409, "alreadyExists", message)
        if key[1] == "SOA" and key[0] != self.domain:
            raise bad_value(f"{at}.name", key[0])
        rrsets[key] = given
        return given

    def _apex_stays(self, rrsets: Mapping[Key, RecordSet], gone: RecordSet, at: str) -> None:
        kind = gone["type"]
        if (
            gone["name"] == self.domain
            and kind in _APEX_TYPES
            and (self.domain, kind) not in rrsets
        ):
            raise GoogleError(
                400,
                "invalidZoneApex",
                f"The resource record set '{at}' is invalid because a zone must contain exactly "
                f"one resource record set of type '{kind}' at the apex.",
            )

    def _apex(self, kind: str, data: Sequence[str]) -> RecordSet:
        return {"name": self.domain, "type": kind, "ttl": _TTL_SECONDS, "rrdatas": list(data)}


def _cname_alone(rrsets: Mapping[Key, RecordSet], new: RecordSet, at: str) -> None:
    types = [kind for name, kind in rrsets if name == new["name"]]
    if "CNAME" in types and len(types) > 1:
        raise GoogleError(
            400,
            "cnameResourceRecordSetConflict",
            f"The resource record set '{at}' is invalid because the DNS name '{new['name']}' may "
            "have either one CNAME resource record set or resource record sets of other types, "
            "but not both.",
        )
