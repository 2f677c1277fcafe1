"""
Hosted zones in memory: the strict twin of `adapters.gcp.record_sets`.

For the tests of concerns, and for the port's contract. Batches are atomic; what Cloud DNS refuses
is refused (`record_rules`), and what Route 53 refuses in its zones (`route53_rules`). A `fault`
hook sees each write before and after it happens.
"""

import threading
from collections.abc import Collection, Iterable, Sequence

from fedingress.adapters.memory import record_rules, route53_rules
from fedingress.adapters.memory.clusters import FaultHook, no_fault
from fedingress.domain.errors import Conflict, Invalid
from fedingress.domain.policy import ZoneRef
from fedingress.domain.record import RecordSet
from fedingress.ports.guard import Guard

_Key = tuple[str, str, str]


class MemoryRecordSets:
    """
    The port `RecordSets`.

    calls: (`change`, the zone's unit) of every batch that reached the provider, in order.
    slow: whether changes stay under way.
    fault: called with `before` or `after`, `change` and the zone's unit; raising stops it there.
    """

    def __init__(self, zones: Iterable[ZoneRef], *, fault: FaultHook = no_fault) -> None:
        self.call_timeout_seconds = 10.0
        self.calls: list[tuple[str, str]] = []
        self.fault = fault
        self.slow = False
        self._lock = threading.Lock()
        self._domains: dict[str, str] = {}
        self._records: dict[str, dict[_Key, RecordSet]] = {}
        for zone in zones:
            self._domains[zone.unit] = zone.domain
            self._records[zone.unit] = {item.identity: item for item in _apex(zone.domain)}

    def put(self, zone: ZoneRef, record: RecordSet) -> None:
        """Have a record that someone else wrote, unchecked."""
        with self._lock:
            self._records[zone.unit][record.identity] = record

    def remove(self, zone: ZoneRef, name: str, kind: str, set_identifier: str = "") -> None:
        """Take a record away as someone else would."""
        with self._lock:
            self._records[zone.unit].pop((name, kind, set_identifier), None)

    def domain(self, zone: ZoneRef) -> str:
        """The zone's DNS name."""
        if zone.unit not in self._domains:
            raise Invalid(f"project {zone.project} has no managed zone {zone.name}")
        return self._domains[zone.unit]

    def list(self, zone: ZoneRef) -> Sequence[RecordSet]:
        """Every record set, by name and type."""
        self.domain(zone)
        with self._lock:
            found = self._records[zone.unit]
            return [found[key] for key in sorted(found)]

    def find(self, zone: ZoneRef, names: Collection[str]) -> Sequence[RecordSet]:
        """Every record set of these names."""
        return [item for item in self.list(zone) if item.name in names]

    def change(
        self,
        zone: ZoneRef,
        *,
        deletions: Sequence[RecordSet],
        additions: Sequence[RecordSet],
        guard: Guard,
    ) -> str:
        """One atomic batch; every server has it at once, unless *slow*."""
        if not deletions and not additions:
            return ""
        guard.check(self.call_timeout_seconds)
        self.fault("before", "change", zone.unit)
        domain = self.domain(zone)
        with self._lock:
            self.calls.append(("change", zone.unit))
            records = dict(self._records[zone.unit])
            for item in deletions:
                if records.pop(item.identity, None) != item:
                    raise Conflict(f"{item.label} does not stand in {domain} as it was observed")
            for item in additions:
                if item.identity in records:
                    raise Conflict(f"{item.label} already exists in {domain}")
                records[item.identity] = item
            rules = route53_rules if zone.provider == "route53" else record_rules
            if faults := rules.reasons(domain, records, additions):
                raise Invalid(faults)
            self._records[zone.unit] = records
        self.fault("after", "change", zone.unit)
        return f"change-{len(self.calls)}" if self.slow else ""

    def done(self, zone: ZoneRef, change: str) -> bool:
        """Whether the change is old, which it is once *slow* is over."""
        return not self.slow or not change or zone.unit not in self._domains


def _apex(domain: str) -> tuple[RecordSet, ...]:
    servers = tuple(f"ns-cloud-a{number}.googledomains.com" for number in range(1, 5))
    start = f"{servers[0]}. cloud-dns-hostmaster.google.com. 1 21600 3600 259200 300"
    return (
        RecordSet(name=domain, type="NS", ttl_seconds=21600, values=servers),
        RecordSet(name=domain, type="SOA", ttl_seconds=21600, values=(start,)),
    )
