"""
What others are told of a graph: status and fan-out how it stands, each zone what to publish.

Called by `backends` when a run ends, well or not.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from fedingress.concerns.subject import Subject
from fedingress.domain.policy import FederationPolicy, ZoneRef
from fedingress.domain.report import AttachedReport, BackendsReport, FanoutReport, ZoneIntent
from fedingress.domain.work import Work
from fedingress.planning import dns
from fedingress.ports import Ports
from fedingress.ports.ledger import intent_entry, report_entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One accepted Ingress, with everything that its graph follows from."""

    found: Subject
    policy: FederationPolicy
    fanned: FanoutReport
    work: Work

    @property
    def cause(self) -> str:
        """Why others are asked to work."""
        return self.work.cause if self.work.thorough else "backends.settled"


def announce(task: Task, report: BackendsReport, ports: Ports) -> None:
    """Tell status and fan-out how the graph stands, and each zone what to publish."""
    key, always = task.found.key, task.work.thorough
    footprint = task.found.footprint
    for zone in footprint.zones if footprint else ():
        intent = intent_entry(zone.unit, _intent(task, zone, report, ports))
        works = [Work(concern="dns", unit=zone.unit, cause=task.cause)]
        ports.ledger.announce(ports.bus, [intent], works, always=always)
    # After the intents: when it stands, they do. Before what is told to fan-out, who reads it.
    said = report_entry("backends", key, report)
    works = [Work(concern="status", unit=key, cause=task.cause)]
    ports.ledger.announce(ports.bus, [said], works, always=always)
    attached = AttachedReport(uid=report.uid, generation=0, negs=report.negs, former=report.former)
    works = [Work(concern="fanout", unit=key, cause="backends.settled")]
    ports.ledger.announce(ports.bus, [report_entry("attached", key, attached)], works)


def _intent(task: Task, zone: ZoneRef, report: BackendsReport, ports: Ports) -> ZoneIntent:
    """
    What this Ingress wants of *zone*, which may be nothing any more.

    Another address is wanted only when it serves.
    """
    source, policy = task.found.source, task.policy
    managed = ((host, dns.zones_for(host, policy.dns.zones)) for host in task.fanned.hosts)
    kept = ports.ledger.intent(zone.unit, source.uid, ZoneIntent)
    if kept is not None and task.fanned.faults:
        return kept  # the hosts cannot be read
    serving = bool(report.programmed and report.healthy)
    addresses: Mapping[str, tuple[str, ...]] = report.by_type
    if kept is not None and kept.addresses and not serving:
        addresses = kept.addresses
    return ZoneIntent(
        uid=source.uid,
        generation=source.generation,
        source=task.found.key,
        created=source.created,
        state="frozen" if task.fanned.faults else "present",
        zone=asdict(zone),
        hosts=tuple(host for host, found in managed if zone.unit in {each.unit for each in found}),
        addresses=addresses,
        healthy=serving or (kept is not None and kept.healthy),
        ttl_seconds=policy.dns.ttl_seconds,
        drain_seconds=policy.deletion.drain_seconds,
        adopt=dns.adopts(source),
    )


def doubt(task: Task, before: BackendsReport | None, ports: Ports) -> None:
    """
    Forget that the graph is in place: a look has found that it is not, and could not mend it.

    Whoever comes again is not told why the first one looked, and would pass by.
    """
    if before is not None and before.fingerprint:
        doubted = report_entry("backends", task.found.key, replace(before, fingerprint=""))
        ports.ledger.announce(ports.bus, [doubted], [])
