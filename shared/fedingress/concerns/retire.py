"""The leaving half of fan-out: tell the others, wait for them, empty the members, let go."""

from collections.abc import Sequence
from dataclasses import asdict

from fedingress.concerns import claim, rows
from fedingress.concerns.subject import Subject, owner_of, release
from fedingress.concerns.visit import Tour
from fedingress.domain.change import Plan
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.errors import FederationError
from fedingress.domain.footprint import Footprint
from fedingress.domain.ingress import IngressKey
from fedingress.domain.member import INGRESS, SERVICE, MemberObject
from fedingress.domain.outcome import Later, Outcome, Settled
from fedingress.domain.policy import ZoneRef
from fedingress.domain.report import NetworkIntent, ZoneIntent
from fedingress.domain.work import Work
from fedingress.planning import firewall
from fedingress.planning.companions import Owner
from fedingress.planning.fanout import MemberWish
from fedingress.ports import Guard, Ports
from fedingress.ports.ledger import Entry, intent_entry
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
    _announce(found, footprint, work, ports)
    for earlier in ("dns", "backends"):
        if found.holds(earlier):
            return Settled(summary=f"waiting for {earlier}")  # which tells us when it has left
    orphan = footprint.mode == "orphan" and found.source.deleting
    left, unseen = ([], []) if orphan else _empty(found, footprint, ports, guard)
    if left:
        return Later(after_seconds=1.0, why=f"objects are left in {', '.join(left)}")
    # Every one of them is noted at once, so that their waits run side by side.
    rest = {name: footprint.grace_seconds - _waited(found, name, ports) for name in unseen}
    if late := {name: seconds for name, seconds in rest.items() if seconds > 0}:
        why = f"{', '.join(late)} cannot be reached"
        return Later(after_seconds=min(*late.values(), _AWAIT_SECONDS), why=why)
    for name in unseen:
        stone = Tombstone(
            key=found.source.key, uid=found.source.uid, cluster=name, since=ports.clock.now()
        )
        ports.sources.put_tombstone(stone)
    _let_go(found, footprint, ports)
    return Settled(summary="withdrawn")


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
    key = IngressKey.parse(unit)
    stones = [stone for stone in ports.sources.tombstones() if stone.key == key]
    inventory = ports.sources.inventory()
    waiting = []
    for stone in stones:
        member = inventory.named(stone.cluster)
        owner = Owner(installation=ports.owner, key=key, uid=stone.uid)
        if member is not None and _remains(member, owner, ports, guard):
            waiting.append(stone.cluster)
        elif member is not None or stone.cluster not in inventory.unreadable:
            ports.sources.drop_tombstone(stone)
    ports.ledger.drop_reports(unit)
    if waiting:
        return Later(after_seconds=_AWAIT_SECONDS, why=f"leftovers in {', '.join(waiting)}")
    return Settled(summary="the source is gone")


def _announce(found: Subject, footprint: Footprint, work: Work, ports: Ports) -> None:
    """Tell every zone and the others that the source is leaving."""
    entries: list[Entry] = []
    works = [
        Work(concern="backends", unit=found.key, cause="source.leaving"),
        Work(concern="status", unit=found.key, cause="source.leaving"),
    ]
    for zone in footprint.zones:
        before = ports.ledger.intent(zone.unit, found.source.uid, ZoneIntent)
        if found.holds("dns") and (before is None or before.state == "present"):
            entries.append(intent_entry(zone.unit, _leaving(found, footprint, zone)))
        works.append(Work(concern="dns", unit=zone.unit, cause="source.leaving"))
    if found.holds("dns") and not footprint.zones:
        release(found, "dns", ports)  # no zone ever held anything of it
    ports.ledger.announce(ports.bus, entries, works, always=work.thorough or not entries)


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


def _remains(member: MemberCluster, owner: Owner, ports: Ports, guard: Guard) -> bool:
    """Delete what is left in a member that came back; whether to look again."""
    try:
        items: Sequence[MemberObject] = [
            item
            for kind in (INGRESS, SERVICE)
            for item in ports.clusters.list_owned(member, kind, owner.uid)
        ]
        for item in items:
            if owner.owns(item.manifest):
                ports.clusters.delete(member, item, guard=guard)
    except FederationError:
        return True
    return bool(items)


def _waited(found: Subject, name: str, ports: Ports) -> float:
    """Seconds since the member was first found unreachable during this withdrawal."""
    note = f"grace/{found.source.uid}/{name}"
    begun = ports.ledger.note(note)
    if begun is None:
        ports.ledger.put_note(note, {"since": ports.clock.now()})
        return 0.0
    return ports.clock.now() - float(begun["since"])


def _let_go(found: Subject, footprint: Footprint, ports: Ports) -> None:
    """Forget claims and intents, then take the last finalizer off."""
    source = found.source
    claim.abandon(source, ports)
    works = []
    orphan = footprint.mode == "orphan" and source.deleting
    for text in () if orphan else footprint.networks:  # an orphaned graph still needs its probes
        project, _, network = text.partition("/")
        unit = firewall.unit(project, network)
        if ports.ledger.intent(unit, source.uid, NetworkIntent) is not None:
            ports.ledger.drop_intent(unit, source.uid)
        works.append(Work(concern="backends", unit=unit, cause="source.left"))
    ports.bus.publish(works)
    for zone in footprint.zones:
        ports.ledger.drop_intent(zone.unit, source.uid)
    for prefix in ("grace", "dns-gone", "unhealthy", "moved", "waiting"):
        ports.ledger.drop_notes(f"{prefix}/{source.uid}")
    if not source.deleting:
        ports.sources.write_status(source, StatusWrite(addresses=(), annotations={}))
    release(found, "fanout", ports)
    ports.ledger.drop_reports(found.key)
    ports.bus.publish([Work(concern="status", unit=found.key, cause="source.left")])
