"""
Backends of topology `aws`: nothing is built, for members' own controllers make load balancers.

What they made is asked of the cloud and told to the hosted zones as targets; a member that leaves
keeps its copy until no resolver remembers its load balancer. Called by the concern `backends`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from fedingress.concerns import accelerating
from fedingress.concerns.subject import Subject
from fedingress.domain import names
from fedingress.domain.balancer import Balancer
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.errors import FederationError
from fedingress.domain.footprint import Footprint
from fedingress.domain.outcome import Outcome, Settled
from fedingress.domain.policy import FederationPolicy, ZoneRef
from fedingress.domain.report import (
    AttachedReport,
    BackendsReport,
    DnsReport,
    FanoutReport,
    ZoneIntent,
)
from fedingress.domain.target import Target
from fedingress.domain.work import Work
from fedingress.planning import copies, dns, targets
from fedingress.ports import Guard, Ports
from fedingress.ports.ledger import intent_entry, report_entry

_POLL_SECONDS = 5.0
_HEALTH_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One Ingress, what fan-out reported of it, and the policy."""

    found: Subject
    policy: FederationPolicy
    fanned: FanoutReport

    @property
    def own_name(self) -> str:
        """The name that its status shows."""
        return targets.own_name(self.found.source.uid, self.policy.dns.zones)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """
    What was observed.

    silent: regions that could not be asked, with why.   static: addresses of the accelerator that
    zones lead to instead; empty without one.   problems: what cannot be fulfilled of it.
    """

    targets: tuple[Target, ...]
    balancers: Mapping[str, Balancer]
    silent: Mapping[str, str]
    static: tuple[str, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()


def reconcile(look: Look, work: Work, ports: Ports, guard: Guard) -> Outcome:
    """
    Tell every zone the targets of the Ingress, and fan-out which members may be led to.

    Raises:
        Unavailable, Forbidden: The members' profiles cannot be read.
    """
    if look.fanned.faults:
        return Settled(summary="not accepted; what stands stays")
    seen, before = observe(look, ports), said_before(look, ports)
    standing = accelerating.follow(wish(look, seen, ports), ports, guard)
    seen = replace(seen, static=standing.static, problems=standing.problems)
    for zone, intent in intents(look, seen, ports).items():
        works = [Work(concern="dns", unit=zone.unit, cause=_cause(work))]
        entries = [intent_entry(zone.unit, intent)]
        ports.ledger.announce(ports.bus, entries, works, always=work.thorough)
    leaving, rest = _leave(look, before, seen.targets, ports)
    report = report_of(look, seen, leaving)
    _announce(look, report, work, ports)
    waits = [each for each in (rest, standing.again_seconds) if each]
    return _outcome(look, seen, waits, ports)


def said_before(look: Look, ports: Ports) -> BackendsReport | None:
    """What was reported last of this very source."""
    found = ports.ledger.report("backends", look.found.key, BackendsReport)
    return found if found is not None and found.uid == look.found.source.uid else None


def wish(look: Look, seen: Seen, ports: Ports) -> accelerating.Wish:
    """What an accelerator follows from."""
    return accelerating.Wish(
        found=look.found,
        policy=look.policy,
        targets=seen.targets,
        balancers=tuple(seen.balancers.values()),
        silent=bool(seen.silent),
        before=said_before(look, ports),
    )


def observe(look: Look, ports: Ports) -> Seen:
    """Ask the cloud of every region for the load balancers that members report."""
    members = targets.answering(look.fanned, ports.sources.inventory())
    asked: dict[str, list[str]] = {}
    for member in members:
        if member.provider == "aws":  # ELBv2 knows nothing of the others, nor of their regions
            asked.setdefault(member.region, []).append(targets.address_of(look.fanned, member.name))
    answers = ports.parallel.each(
        asked, lambda region: ports.balancers.find(region, sorted(set(asked[region])))
    )
    silent = {name: str(each) for name, each in answers.items() if isinstance(each, Exception)}
    balancers = {
        address: balancer
        for answer in answers.values()
        if not isinstance(answer, FederationError)
        for address, balancer in answer.items()
    }
    kept = _kept(look, ports) if silent else {}
    # Without its hosted zone a name would be published as another kind of record, only to change.
    known = [each for each in members if _known(each, look.fanned, silent, kept)]
    found = targets.of(look.policy, look.fanned, known, balancers, kept)
    return Seen(targets=found, balancers=balancers, silent=silent)


def _known(
    member: MemberCluster,
    fanned: FanoutReport,
    silent: Mapping[str, str],
    kept: Mapping[str, Target],
) -> bool:
    heard = member.provider != "aws" or member.region not in silent
    return heard or targets.address_of(fanned, member.name) in kept


def _kept(look: Look, ports: Ports) -> dict[str, Target]:
    """By address, what the zones were told last."""
    found: dict[str, Target] = {}
    for zone in _zones(look):
        intent = ports.ledger.intent(zone.unit, look.found.source.uid, ZoneIntent)
        for body in intent.targets if intent else ():
            target = Target.decode(body)
            found[target.address] = target
    return found


def _zones(look: Look) -> tuple[ZoneRef, ...]:
    footprint = look.found.footprint
    return footprint.zones if footprint else ()


def intents(look: Look, seen: Seen, ports: Ports) -> dict[ZoneRef, ZoneIntent]:
    """What this Ingress wants of each zone, which may be nothing any more."""
    return {zone: _intent(look, seen, zone, ports) for zone in _zones(look)}


def _intent(look: Look, seen: Seen, zone: ZoneRef, ports: Ports) -> ZoneIntent:
    source, policy = look.found.source, look.policy
    kept = ports.ledger.intent(zone.unit, source.uid, ZoneIntent)
    zones = policy.dns.zones
    managed = [(host, dns.zones_for(host, zones)) for host in look.fanned.hosts]
    hosts = [host for host, found in managed if zone.unit in {each.unit for each in found}]
    if zones and zones[0].unit == zone.unit:
        hosts.append(look.own_name)
    encoded: tuple[Mapping[str, Any], ...] = tuple(each.encode() for each in seen.targets)
    addresses = _static(seen)
    if addresses:
        encoded = ()
    elif not encoded and kept is not None:
        encoded = kept.targets  # what serves goes on until something else does
    return ZoneIntent(
        uid=source.uid,
        generation=source.generation,
        source=look.found.key,
        created=source.created,
        state="present",
        zone=asdict(zone),
        hosts=tuple(hosts),
        healthy=targets.healthy(seen.targets) or (kept is not None and kept.healthy),
        ttl_seconds=policy.dns.ttl_seconds,
        drain_seconds=policy.deletion.drain_seconds,
        addresses=addresses,
        targets=encoded,
        routing=asdict(replace(policy.dns, zones=())),
        adopt=dns.adopts(source),
    )


def _static(seen: Seen) -> dict[str, tuple[str, ...]]:
    """The accelerator's addresses by type of record."""
    four = tuple(each for each in seen.static if ":" not in each)
    six = tuple(each for each in seen.static if ":" in each)
    return {kind: found for kind, found in (("A", four), ("AAAA", six)) if found}


def report_of(look: Look, seen: Seen, leaving: Iterable[str]) -> BackendsReport:
    """How the members' load balancers stand; *leaving*: those that resolvers may remember."""
    name = look.own_name
    programmed = bool(seen.targets) and bool(name)
    message = ""
    if not name:
        message = "the policy has no hosted zone (spec.dns.zones), so nobody can be led to members"
    elif not seen.targets:
        message = "no member's load balancer has an address yet"
    return BackendsReport(
        uid=look.found.source.uid,
        generation=look.found.source.generation,
        address=name,
        static=seen.static if programmed else (),
        programmed=programmed,
        reason="Programmed" if programmed else "Pending" if name else "NoZone",
        message=message,
        clusters=_rows(look, seen),
        serving=tuple(sorted({*(each.cluster for each in seen.targets), *leaving})),
        problems=_problems(look, seen),
    )


def _rows(look: Look, seen: Seen) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for target in seen.targets:
        ready, wanted = look.fanned.ready.get(target.cluster, (0, 0))
        row: dict[str, Any] = {"endpoints": wanted, "healthy": ready, "attached": True}
        balancer = seen.balancers.get(target.address)
        if balancer is not None and balancer.state == "failed":
            text = f"its load balancer {target.address} has failed"
            row |= {"reason": "LoadBalancerFailed", "message": text}
        rows[target.cluster] = row
    return rows


def _problems(look: Look, seen: Seen) -> tuple[tuple[str, str], ...]:
    """What cannot be fulfilled, although the rest stands."""
    found = [
        ("RegionSilent", f"load balancers of {region} cannot be asked: {why[:256]}")
        for region, why in sorted(seen.silent.items())
    ]
    if copies.by_controller(look.policy.aws.ingress_class):
        given = copies.ignored(look.found.source.annotations)
        if given:
            text = f"{', '.join(given)}: the policy's to give (spec.aws), so not copied to members"
            found.append(("AnnotationIgnored", text[:512]))
    return (*found, *seen.problems)


def _leave(
    look: Look, before: BackendsReport | None, wanted: Sequence[Target], ports: Ports
) -> tuple[tuple[str, ...], float]:
    """
    Members that shall not answer any more but whose load balancers resolvers may remember.

    Returns:
        Their names, and the seconds until the first of them may be emptied (0 for none).
    """
    footprint = look.found.footprint or Footprint()
    standing = {n for n, row in look.fanned.clusters.items() if row["state"] == "removing"}
    candidates = standing if before is None else {*before.serving}
    candidates -= {each.cluster for each in wanted}
    name = f"led/{look.found.source.uid}"
    note = dict(ports.ledger.note(name) or {})
    led, now = _led(look, ports), ports.clock.now()
    since = {each: now if each in led else float(note.get(each, now)) for each in candidates}
    wait = footprint.ttl_seconds + footprint.drain_seconds
    left = {each: at + wait - now for each, at in since.items() if at + wait > now}
    kept = {each: since[each] for each in sorted(left)}
    if kept and kept != note:
        ports.ledger.put_note(name, kept)
    elif note and not kept:
        ports.ledger.drop_note(name)
    rest = min((_POLL_SECONDS if each in led else left[each] for each in left), default=0.0)
    return tuple(sorted(left)), rest


def _led(look: Look, ports: Ports) -> set[str]:
    """Members that some record of this Ingress leads to, as `dns` has told."""
    reports = (
        ports.ledger.report(f"dns-{names.short_hash(zone.unit)}", look.found.key, DnsReport)
        for zone in _zones(look)
    )
    uid = look.found.source.uid
    return {each for report in reports if report and report.uid == uid for each in report.members}


def _announce(look: Look, report: BackendsReport, work: Work, ports: Ports) -> None:
    """Tell status and fan-out; the zones were told before."""
    key, always = look.found.key, work.thorough
    works = [Work(concern="status", unit=key, cause=_cause(work))]
    said = report_entry("backends", key, report)
    ports.ledger.announce(ports.bus, [said], works, always=always)
    attached = AttachedReport(uid=report.uid, generation=0, serving=report.serving)
    works = [Work(concern="fanout", unit=key, cause="backends.settled")]
    ports.ledger.announce(ports.bus, [report_entry("attached", key, attached)], works)


def _cause(work: Work) -> str:
    return work.cause if work.thorough else "backends.settled"


def _outcome(look: Look, seen: Seen, waits: list[float], ports: Ports) -> Settled:
    """Look again when a member may be emptied, a region is silent, or targets are not healthy."""
    if seen.silent:
        waits.append(30.0)
    note = f"unhealthy/{look.found.source.uid}"
    begun, now = ports.ledger.note(note), ports.clock.now()
    unwell = [each.cluster for each in seen.targets if each.balancer is not True and each.ready]
    if unwell and begun is None:
        ports.ledger.put_note(note, {"since": now})
    elif begun is not None and not unwell:
        ports.ledger.drop_note(note)
    waited = now - float(begun["since"]) if begun else 0.0
    if unwell and waited < _HEALTH_SECONDS:
        waits.append(min(60.0, max(1.0, waited / 2)))
    why = f"targets in {', '.join(each.cluster for each in seen.targets) or 'no member'}"
    if waits:
        return Settled(summary=why, look_again_seconds=min(waits))
    return Settled(summary=why)
