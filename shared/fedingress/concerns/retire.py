"""The leaving half of fan-out: tell the others, wait for them, empty the members, let go."""

from dataclasses import asdict, replace

from fedingress.concerns import bury, claim, networks, patience, rows
from fedingress.concerns.named_ports import NOTE
from fedingress.concerns.subject import Subject, owner_of, release, subject
from fedingress.concerns.visit import Tour
from fedingress.domain.change import Plan
from fedingress.domain.errors import FederationError
from fedingress.domain.footprint import Footprint
from fedingress.domain.member import MemberObject
from fedingress.domain.outcome import Outcome, Settled
from fedingress.domain.policy import ZoneRef
from fedingress.domain.report import BackendsReport, FanoutReport, ZoneIntent
from fedingress.domain.work import Work
from fedingress.planning.companions import Owner
from fedingress.planning.fanout import MemberWish
from fedingress.ports import Guard, Ports
from fedingress.ports.ledger import intent_entry, report_entry
from fedingress.ports.sources import StatusWrite, Tombstone

_AWAIT_SECONDS = 30.0


def withdraw(found: Subject, work: Work, ports: Ports, guard: Guard) -> Outcome:
    """
    Take back what was made for *found*, in the order dns, backends, fanout.

    Returns:
        Settled once the last finalizer of ours is gone.
    """
    if not found.involved:
        return Settled(summary="nothing of ours is left")
    footprint = found.footprint or Footprint()
    claim.abandon(found.source, ports)  # at once: another Ingress may wait for the hosts
    _announce(found, footprint, work, ports)
    for earlier in ("dns", "backends"):
        if found.holds(earlier):
            return Settled(summary=f"waiting for {earlier}")  # which tells us when it has left
    orphan = footprint.mode == "orphan" and found.source.deleting
    ruled = networks.leave(found, ports, orphan=orphan, always=work.thorough)
    left, unseen = ([], []) if orphan else _empty(found, footprint, ports, guard)
    if waits := _wait_for_members(found, footprint, left, unseen, ports):
        return waits
    if ruled:
        return Settled(summary=f"waiting for the firewall of {', '.join(ruled)}")
    for name in unseen:
        stone = Tombstone(
            key=found.source.key, uid=found.source.uid, cluster=name, since=ports.clock.now()
        )
        ports.sources.put_tombstone(stone)
    if not found.source.deleting and (fresh := _without_address(found, ports)) is not found:
        if fresh is None or not fresh.retired:
            return Settled(summary="the source changed meanwhile")  # which is told on its own
        found = fresh
    _let_go(found, footprint, ports)
    return Settled(summary="withdrawn")


def _wait_for_members(
    found: Subject, footprint: Footprint, left: list[str], unseen: list[str], ports: Ports
) -> Settled | None:
    """How to wait for members that are not empty, or not seen for less than the grace; or None."""
    if left:
        pause = patience.pause(f"{found.source.uid}/left", ports, first=1.0, last=60.0)
        why = f"objects are left in {', '.join(left)}"
        return Settled(summary=why, look_again_seconds=pause)
    # Every one of them is noted at once, so that their waits run side by side.
    rest = {name: footprint.grace_seconds - _waited(found, name, ports) for name in unseen}
    if late := {name: seconds for name, seconds in rest.items() if seconds > 0}:
        why = f"{', '.join(late)} cannot be reached"
        return Settled(summary=why, look_again_seconds=min(*late.values(), _AWAIT_SECONDS))
    return None


def preview(found: Subject, ports: Ports) -> Plan[MemberObject]:
    """What a withdrawal would still delete in the members."""
    footprint = found.footprint or Footprint()
    if footprint.mode == "orphan":
        return Plan(held=("deletion mode orphan: everything stays",))
    members = [m for m in ports.sources.inventory().members if m.name in footprint.members]
    tour = _emptying(owner_of(found.source, ports), frozenset())
    return rows.joined(tour.go(members, ports, None))


def clean_up(unit: str, ports: Ports, guard: Guard) -> Outcome:
    """The source is gone: empty members that were unreachable then, and forget what was kept."""
    bury.of_another(unit, source_uid="", ports=ports)
    ports.ledger.drop_reports(unit)
    return bury.weed(unit, ports, guard)


def _announce(found: Subject, footprint: Footprint, work: Work, ports: Ports) -> None:
    """Tell every zone and the others that the source is leaving."""
    entries = networks.kept(found, ports) if found.holds("backends") else []
    works = [Work(concern="status", unit=found.key, cause="source.leaving")]
    if found.holds("backends"):
        works.append(Work(concern="backends", unit=found.key, cause="source.leaving"))
    for zone in footprint.zones:
        before = ports.ledger.intent(zone.unit, found.source.uid, ZoneIntent)
        if found.holds("dns") and (before is None or before.state in {"present", "frozen"}):
            entries.append(intent_entry(zone.unit, _leaving(found, footprint, zone)))
        if found.holds("dns"):
            works.append(Work(concern="dns", unit=zone.unit, cause="source.leaving"))
    said = ports.ledger.report("fanout", found.key, FanoutReport)
    if said is None or said.uid != found.source.uid:
        said = FanoutReport(
            uid=found.source.uid,
            generation=found.source.generation,
            footprint=footprint.encode(),
        )
    entries.append(report_entry("fanout", found.key, replace(said, leaving=True)))
    if found.holds("dns") and not footprint.zones:
        release(found, "dns", ports)  # no zone ever held anything of it
    ports.ledger.announce(ports.bus, entries, works, always=work.thorough)


def _leaving(found: Subject, footprint: Footprint, zone: ZoneRef) -> ZoneIntent:
    orphan = footprint.mode == "orphan" and found.source.deleting
    return ZoneIntent(
        uid=found.source.uid,
        generation=found.source.generation,
        source=found.key,
        created=found.source.created,
        state="orphan" if orphan else "deleting",
        zone=asdict(zone),
        ttl_seconds=footprint.ttl_seconds,
        drain_seconds=footprint.drain_seconds,
    )


def _emptying(owner: Owner, in_use: frozenset[str]) -> Tour:
    return Tour(owner=owner, wishing=lambda _member, _seen: MemberWish(), negs_in_use=in_use)


def _empty(
    found: Subject, footprint: Footprint, ports: Ports, guard: Guard
) -> tuple[list[str], list[str]]:
    """Delete everything of ours; gives the members where something is left, and the unseen."""
    inventory = ports.sources.inventory()
    members = [member for member in inventory.members if member.name in footprint.members]
    visits = _emptying(owner_of(found.source, ports), frozenset()).go(members, ports, guard)
    left, unseen = [], [name for name in inventory.unreadable if name in footprint.members]
    for name, visit in visits.items():
        if isinstance(visit, FederationError) or visit.error is not None:
            unseen.append(name)
        elif not visit.empty:  # gone counts only once it was observed
            left.append(name)
    return sorted(left), sorted(unseen)


def _waited(found: Subject, name: str, ports: Ports) -> float:
    """Seconds since the member was first found unreachable during this withdrawal."""
    note = f"grace/{found.source.uid}/{name}"
    begun = ports.ledger.note(note)
    if begun is None:
        ports.ledger.put_note(note, {"since": ports.clock.now()})
        return 0.0
    return ports.clock.now() - float(begun["since"])


def _without_address(found: Subject, ports: Ports) -> Subject | None:
    """Take our address off a source that stays with its user; another controller's is not ours."""
    built = ports.ledger.report("backends", found.key, BackendsReport)
    if built is None or not built.address or found.source.addresses != built.addresses:
        return found
    ports.sources.write_status(found.source, StatusWrite(addresses=(), annotations={}))
    return subject(found.key, ports)


def _let_go(found: Subject, footprint: Footprint, ports: Ports) -> None:
    """Forget claims and intents, then take the last finalizer off."""
    source = found.source
    for text in footprint.networks:
        ports.ledger.drop_intent(networks.unit_of(text), source.uid)
    for zone in footprint.zones:
        ports.ledger.drop_intent(zone.unit, source.uid)
    kept = ("grace", "dns-gone", "unhealthy", "moved", "ramp", "readdress", "waiting", "led")
    for prefix in (*kept, "warming", NOTE, "accelerated", "dial", "endpoints"):
        ports.ledger.drop_notes(f"{prefix}/{source.uid}")
    ports.ledger.drop_reports(found.key)  # before: a source that comes back is begun anew
    release(found, "fanout", ports)
    ports.bus.publish([Work(concern="status", unit=found.key, cause="source.left")])
