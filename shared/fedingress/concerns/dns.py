"""DNS: make the record sets of a hosted zone follow the intents of the Ingresses that use it."""

from collections.abc import Mapping, Sequence

from fedingress.concerns.claim import COMPLETE
from fedingress.concerns.subject import release, subject
from fedingress.domain import names
from fedingress.domain.change import Delete, Plan
from fedingress.domain.errors import Forbidden, Invalid
from fedingress.domain.outcome import Later, Outcome, Refused, Settled
from fedingress.domain.policy import ZoneRef
from fedingress.domain.record import RecordSet
from fedingress.domain.report import DnsReport, ZoneIntent
from fedingress.domain.work import Work
from fedingress.planning import dns
from fedingress.planning.dns import ZoneDecision
from fedingress.ports import Guard, Ports
from fedingress.ports.ledger import Entry, report_entry

_FORBIDDEN_SECONDS = 60.0


def reconcile(work: Work, ports: Ports, guard: Guard) -> Outcome:
    """
    Bring the zone `work.unit` (`cloud-dns:PROJECT/ZONE`) in line with its intents, in one batch.

    Raises:
        Unavailable, Conflict: Observe again later.
    """
    intents = ports.ledger.intents(work.unit, ZoneIntent)
    if not intents and not work.thorough:
        return Settled(summary="no Ingress uses this zone")
    zone = _zone(work.unit)
    try:
        domain = ports.record_sets.domain(zone)
        observed = ports.record_sets.list(zone)
        decision = _decide(domain, intents, observed, ports)
        if decision.plan:
            _remember_removals(work.unit, intents, decision.plan, ports)
            deletions, additions = dns.batch(decision.plan)
            ports.record_sets.change(zone, deletions=deletions, additions=additions, guard=guard)
            observed = ports.record_sets.list(zone)
    except (Forbidden, Invalid) as error:
        _report_refusal(work, intents, str(error), ports)
        if isinstance(error, Invalid):
            return Refused(reasons=error.reasons)
        return Later(after_seconds=_FORBIDDEN_SECONDS, why=str(error))
    _report(work, intents, decision, ports)
    marked = dns.marked(observed, domain, ports.owner)
    waits = [
        _leave(work, intent, marked.get(uid, frozenset()), ports)
        for uid, intent in sorted(intents.items())
        if intent.state != "present"
    ]
    if any(waits):
        return Later(after_seconds=min(wait for wait in waits if wait), why="records expire")
    if decision.plan.held:
        return Refused(reasons=decision.plan.held)
    return Settled(summary=f"{len(decision.plan.changes)} record sets changed")


def preview(
    unit: str, ports: Ports, expected: Mapping[str, ZoneIntent] | None = None
) -> Plan[RecordSet]:
    """
    What `reconcile` would change in the zone; nothing is written.

    Args:
        unit: `cloud-dns:PROJECT/ZONE`.
        ports: Read only.
        expected: Intents, by uid, that are about to be made, over the kept ones.
    """
    zone = _zone(unit)
    intents = {**ports.ledger.intents(unit, ZoneIntent), **(expected or {})}
    try:
        domain = ports.record_sets.domain(zone)
        observed = ports.record_sets.list(zone)
    except (Forbidden, Invalid) as error:
        return Plan(held=(str(error),))
    return _decide(domain, intents, observed, ports).plan


def _zone(unit: str) -> ZoneRef:
    provider, _, rest = unit.partition(":")
    project, slash, name = rest.partition("/")
    if not provider or not slash or not project or not name:
        raise Invalid(f"{unit!r} is not PROVIDER:PROJECT/ZONE")
    return ZoneRef(provider=provider, project=project, name=name, domain="")


def _decide(
    domain: str, intents: Mapping[str, ZoneIntent], observed: Sequence[RecordSet], ports: Ports
) -> ZoneDecision:
    complete = ports.ledger.note(COMPLETE) is not None
    return dns.decide(domain, intents, observed, ports.owner, complete=complete)


def _remember_removals(
    unit: str, intents: Mapping[str, ZoneIntent], plan: Plan[RecordSet], ports: Ports
) -> None:
    """Keep when records of a leaving Ingress went, for resolvers remember them for a while."""
    removed = any(isinstance(change, Delete) for change in plan)
    for uid, intent in intents.items():
        if removed and intent.state == "deleting":
            ports.ledger.put_note(_note(uid, unit), {"at": ports.clock.now()})


def _report(
    work: Work, intents: Mapping[str, ZoneIntent], decision: ZoneDecision, ports: Ports
) -> None:
    for uid, intent in intents.items():
        said = decision.hosts.get(uid, {})
        hosts = {
            host: {"zone": work.unit, "state": state, "message": text}
            for host, (state, text) in said.items()
        }
        if decision.plan.held:
            for row in hosts.values():
                row |= {"state": "held", "message": "; ".join(decision.plan.held)}
        _keep(work, intent, hosts, ports)


def _report_refusal(work: Work, intents: Mapping[str, ZoneIntent], why: str, ports: Ports) -> None:
    for intent in intents.values():
        row = {"zone": work.unit, "state": "failed", "message": why[:512]}
        _keep(work, intent, dict.fromkeys(intent.hosts, row), ports)


def _keep(
    work: Work, intent: ZoneIntent, hosts: Mapping[str, Mapping[str, str]], ports: Ports
) -> None:
    if intent.state != "present":
        return
    report = DnsReport(uid=intent.uid, generation=intent.generation, hosts=hosts)
    entries: list[Entry] = [report_entry(report_name(work.unit), intent.source, report)]
    works = [Work(concern="status", unit=intent.source, cause="dns.settled")]
    ports.ledger.announce(ports.bus, entries, works, always=work.thorough)


def report_name(unit: str) -> str:
    """Under which name the report of one zone stands: an Ingress may use several zones."""
    return f"dns-{names.short_hash(unit)}"


def _leave(work: Work, intent: ZoneIntent, left: frozenset[str], ports: Ports) -> float:
    """
    Let a leaving Ingress go when its records are gone and expired everywhere.

    Returns:
        Seconds still to wait; 0 when this zone is done with it.
    """
    if left:
        return 2.0
    removed = ports.ledger.note(_note(intent.uid, work.unit))
    if removed is not None and intent.state == "deleting":
        over = float(removed["at"]) + intent.ttl_seconds + intent.drain_seconds
        if (rest := over - ports.clock.now()) > 0:
            return rest
    found = subject(intent.source, ports)
    if found is None or found.source.uid != intent.uid:
        ports.ledger.drop_intent(work.unit, intent.uid)
        return 0.0
    if found.holds("dns"):
        ports.ledger.put_note(_done(intent.uid, work.unit), {"done": True})
        zones = found.footprint.zones if found.footprint else ()
        if not all(ports.ledger.note(_done(intent.uid, zone.unit)) for zone in zones):
            return 0.0
        release(found, "dns", ports)
    ports.bus.publish(
        [
            Work(concern="backends", unit=intent.source, cause="dns.left"),
            Work(concern="fanout", unit=intent.source, cause="dns.left"),
            Work(concern="status", unit=intent.source, cause="dns.left"),
        ]
    )
    ports.ledger.drop_intent(work.unit, intent.uid)  # last: until then all of this is repeated
    return 0.0


def _note(uid: str, unit: str) -> str:
    return f"dns-gone/{uid}/{names.short_hash(unit)}"


def _done(uid: str, unit: str) -> str:
    return f"dns-gone/{uid}/{names.short_hash(unit)}/done"
