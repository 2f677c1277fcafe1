"""DNS: make the record sets of a hosted zone follow the intents of the Ingresses that use it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fedingress.concerns import patience, zone_memory
from fedingress.concerns.claim import COMPLETE
from fedingress.concerns.said import Said
from fedingress.concerns.subject import Subject, release, subject
from fedingress.concerns.zone_look import Look, Visit, gone_note
from fedingress.concerns.zone_memory import ZoneMemory
from fedingress.domain import names
from fedingress.domain.change import Plan
from fedingress.domain.errors import Forbidden, Invalid
from fedingress.domain.outcome import Later, Outcome, Refused, Settled
from fedingress.domain.policy import ZoneRef
from fedingress.domain.record import RecordSet
from fedingress.domain.report import DnsReport, ZoneIntent
from fedingress.domain.work import Work
from fedingress.planning import dns
from fedingress.planning.answers import shown
from fedingress.planning.answers.compiling import ADDRESS_TYPES
from fedingress.planning.answers.zone import LEAVING
from fedingress.ports import Guard, Ports
from fedingress.ports.ledger import Entry, report_entry

_FORBIDDEN_SECONDS = 60.0
_GOING = LEAVING | {"left"}


def reconcile(work: Work, ports: Ports, guard: Guard) -> Outcome:
    """
    Bring the zone `work.unit` (`cloud-dns:PROJECT/ZONE`) in line with its intents, in one batch.

    Raises:
        Unavailable, Conflict: Observe again later.
    """
    intents = ports.ledger.intents(work.unit, ZoneIntent)
    memory = zone_memory.recall(work.unit, ports.ledger)
    if not intents and not work.thorough and not memory.unswept:
        zone_memory.remember(work.unit, memory, memory, ports.ledger)  # strays go
        return Settled(summary="no Ingress uses this zone")
    zone = _zone(work.unit)
    try:
        domain = (
            memory.domain if memory.domain and not work.thorough else ports.record_sets.domain(zone)
        )
        now = ports.clock.now()
        visit = Visit(zone=zone, domain=domain, intents=intents, work=work, now=now)
        look = visit.look(memory, ports, guard)
    except Invalid as error:  # a zone that cannot be written holds nothing of ours
        _report_refusal(work, intents, str(error), ports)
        return _outcome(work, intents, {}, ports, reasons=error.reasons)
    except Forbidden as error:
        _report_refusal(work, intents, str(error), ports)
        return Later(after_seconds=_FORBIDDEN_SECONDS, why=str(error))
    look = replace(look, memory=replace(look.memory, moving=shown.moving(look.weighed)))
    _report(work, intents, look, ports, before=memory)
    learned = look.memory
    if look.prints is not None:
        learned = zone_memory.keep_prints(work.unit, learned, look.prints, ports.ledger)
    zone_memory.remember(work.unit, memory, learned, ports.ledger)
    marked = dns.marked(look.records, domain, ports.owner)
    if look.memory.unswept and all(each.state in _GOING for each in intents.values()):
        # The last one to leave waits until everything is swept.
        marked = {uid: frozenset({work.unit}) for uid in intents} | dict(marked)
    reasons = (*look.decision.plan.held, *look.held, *sorted(set(look.failed.values())))
    return _outcome(work, intents, marked, ports, reasons=reasons, again_seconds=look.again_seconds)


def _outcome(
    work: Work,
    intents: Mapping[str, ZoneIntent],
    marked: Mapping[str, frozenset[str]],
    ports: Ports,
    *,
    reasons: Sequence[str],
    again_seconds: float = 0.0,
) -> Outcome:
    """
    Let go who may, and say when to look again for the others.

    The zone is shared: whoever waits for records to expire does not keep the others waiting.
    """
    waits = [
        _leave(work, intent, ports, left=bool(marked.get(uid)))
        for uid, intent in sorted(intents.items())
        if intent.state in {*LEAVING, "left"}
    ]
    if soonest := min((wait for wait in (*waits, again_seconds) if wait), default=None):
        why = "; ".join(reasons) or "records expire"
        return Settled(summary=why, look_again_seconds=soonest, held=len(reasons))
    if reasons:
        return Refused(reasons=tuple(reasons))
    return Settled(summary="the zone is as wanted")


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
    looking = Work(concern="dns", unit=unit, cause="preview")
    try:
        domain = ports.record_sets.domain(zone)
        # Only members' load balancers are weighed by the clock, which a preview may not have.
        now = ports.clock.now() if any(each.targets for each in intents.values()) else 0.0
        visit = Visit(zone=zone, domain=domain, intents=intents, work=looking, now=now)
        return visit.preview(zone_memory.recall(unit, ports.ledger), ports).plan
    except (Forbidden, Invalid) as error:
        return Plan(held=(str(error),))


def _zone(unit: str) -> ZoneRef:
    provider, _, rest = unit.partition(":")
    project, slash, name = rest.partition("/")
    if not provider or not slash or not project or not name:
        raise Invalid(f"{unit!r} is not PROVIDER:PROJECT/ZONE")
    return ZoneRef(provider=provider, project=project, name=name, domain="")


def _report(
    work: Work,
    intents: Mapping[str, ZoneIntent],
    look: Look,
    ports: Ports,
    *,
    before: ZoneMemory,
) -> None:
    """
    Tell every source what was found of its hosts, and its members' shares when they moved.

    Those not looked at are as they were.
    """
    told, held = _said(work, ports), look.decision.plan.held
    moved = _moved(before, look.memory)
    for uid, intent in intents.items():
        said = look.decision.hosts.get(uid, {})
        hosts = {
            host: {"zone": work.unit, "state": state, "message": text}
            for host, (state, text) in said.items()
        }
        for host, row in hosts.items():
            if host in look.failed:
                row |= {"state": "failed", "message": look.failed[host]}
            elif row["state"] == "published" and intent.healthy and not intent.targets:
                kinds = (intent.addresses.get(kind, ()) for kind in ADDRESS_TYPES)
                row["address"] = ", ".join(each for found in kinds for each in found)
            if held:
                row |= {"state": "held", "message": "; ".join(held)}
            elif look.held and row["state"] == "waiting":
                row |= {"message": "; ".join((row["message"], *look.held))}
        tells = bool(hosts or not intent.hosts)
        members: shown.Rows = {}
        if intent.targets and (tells or moved):
            members = shown.members(look.weighed, uid)
            tells = tells or not told.has_shares(uid, intent.generation, members)
        if tells:
            _keep(work, intent, hosts, told, ports, members=members)
        else:
            told.as_before(uid)
    told.keep()


def _moved(before: ZoneMemory, now: ZoneMemory) -> bool:
    """Whether shares moved in this look, or are on their way, came to rest or were refused."""
    pools = [(each.weighing or {}).get("pools") for each in (before, now)]
    refused = before.refused.keys() != now.refused.keys()
    return now.moving or before.moving or refused or pools[0] != pools[1]


def _report_refusal(work: Work, intents: Mapping[str, ZoneIntent], why: str, ports: Ports) -> None:
    told = _said(work, ports)
    for intent in intents.values():
        row = {"zone": work.unit, "state": "failed", "message": why[:512]}
        _keep(work, intent, dict.fromkeys(intent.hosts, row), told, ports)
    told.keep()


def _said(work: Work, ports: Ports) -> Said:
    return Said(f"dns-said/{names.short_hash(work.unit)}", ports, thorough=work.thorough)


def _keep(
    work: Work,
    intent: ZoneIntent,
    hosts: Mapping[str, Mapping[str, str]],
    told: Said,
    ports: Ports,
    *,
    members: shown.Rows | None = None,
) -> None:
    if intent.state != "present":
        return
    shares = members = members or {}
    whole = all(host in hosts for host in intent.hosts)
    if not whole or (intent.targets and not (_published(hosts) and shown.rests(members))):
        before = _said_before(work, intent, ports)
        kept = {host: row for host, row in before.hosts.items() if host in intent.hosts}
        hosts = {**kept, **hosts}
        members = shown.told(before.members, members)
        if not _published(hosts):
            members = {**before.members, **members}  # some host may still lead there
    report = DnsReport(uid=intent.uid, generation=intent.generation, hosts=hosts, members=members)
    if not told.is_news(report, shares):
        return
    entries: list[Entry] = [report_entry(report_name(work.unit), intent.source, report)]
    works = [Work(concern="status", unit=intent.source, cause="dns.settled")]
    ports.ledger.announce(ports.bus, entries, works)  # a resync of a source tells status itself


def _published(hosts: Mapping[str, Mapping[str, str]]) -> bool:
    return all(row["state"] == "published" for row in hosts.values())


def _said_before(work: Work, intent: ZoneIntent, ports: Ports) -> DnsReport:
    """What was said to the source, this incarnation of it."""
    before = ports.ledger.report(report_name(work.unit), intent.source, DnsReport)
    if before is None or before.uid != intent.uid:
        return DnsReport(uid=intent.uid, generation=0)
    return before


def report_name(unit: str) -> str:
    """Under which name the report of one zone stands: an Ingress may use several zones."""
    return f"dns-{names.short_hash(unit)}"


def _leave(work: Work, intent: ZoneIntent, ports: Ports, *, left: bool) -> float:
    """
    Let a leaving Ingress go when its records are gone and expired everywhere.

    Returns:
        Seconds until the next look; 0 when this zone is done with it.
    """
    if left:
        return patience.pause(_waiting(intent, work), ports, first=2.0, last=60.0)
    if intent.state == "deleting" and (rest := _seconds_to_expire(work, intent, ports)) > 0:
        return rest
    found = subject(intent.source, ports)
    if found is None or found.source.uid != intent.uid:
        ports.ledger.amend_intent(work.unit, intent, None)
    elif found.retired:  # else it came back; fan-out and backends say anew what it wants
        _let_go(work, intent, found, ports)
    return 0.0


def _let_go(work: Work, intent: ZoneIntent, found: Subject, ports: Ports) -> None:
    """Leave this zone and, when it was the last one, the source."""
    gone = replace(intent, state="left")
    if intent != gone and not ports.ledger.amend_intent(work.unit, intent, gone):
        return
    if found.holds("dns"):
        zones = found.footprint.zones if found.footprint else ()
        if not all(_has_left(zone, intent.uid, ports) for zone in zones):
            return
        release(found, "dns", ports)
    ports.bus.publish(
        [
            Work(concern="backends", unit=intent.source, cause="dns.left"),
            Work(concern="fanout", unit=intent.source, cause="dns.left"),
            Work(concern="status", unit=intent.source, cause="dns.left"),
        ]
    )
    ports.ledger.amend_intent(work.unit, gone, None)  # last: until then all of this is repeated


def _seconds_to_expire(work: Work, intent: ZoneIntent, ports: Ports) -> float:
    """How long resolvers may still remember what was published for *intent*."""
    name = gone_note(intent.uid, work.unit)
    removed = ports.ledger.note(name)
    if removed is None:
        if ports.ledger.note(COMPLETE) is not None:
            return 0.0  # nothing was ever published
        removed = {"at": ports.clock.now()}  # a store that was lost does not know since when
        ports.ledger.put_note(name, removed)
    over = float(removed["at"]) + intent.ttl_seconds + intent.drain_seconds
    return over - ports.clock.now()


def _has_left(zone: ZoneRef, uid: str, ports: Ports) -> bool:
    intent = ports.ledger.intent(zone.unit, uid, ZoneIntent)
    return intent is not None and intent.state == "left"


def _waiting(intent: ZoneIntent, work: Work) -> str:
    return f"{intent.uid}/{names.short_hash(work.unit)}"
