"""Sources that are gone: what they left in members, and those that went without a withdrawal."""

from collections.abc import Sequence
from dataclasses import asdict

from fedingress.concerns import networks
from fedingress.domain import footprint as footprints
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.errors import FederationError
from fedingress.domain.footprint import Footprint
from fedingress.domain.ingress import IngressKey
from fedingress.domain.member import INGRESS, SERVICE, MemberObject
from fedingress.domain.outcome import Settled
from fedingress.domain.policy import ZoneRef
from fedingress.domain.report import FanoutReport, NetworkIntent, ZoneIntent
from fedingress.domain.work import Work
from fedingress.planning.companions import Owner
from fedingress.ports import Guard, Ports
from fedingress.ports.ledger import intent_entry
from fedingress.ports.sources import Tombstone

_FIRST_SECONDS = 30.0
_LAST_SECONDS = 600.0


def weed(
    unit: str, ports: Ports, guard: Guard, *, uid: str = "", placed: Sequence[str] = ()
) -> Settled:
    """
    Take what earlier sources of that name left out of the members that are back.

    Args:
        unit: `namespace/name`.
        ports: Members and tombstones.
        guard: Of the deletes.
        uid: Of the source that lives under that name, if any.
        placed: Where that one is wanted: a tombstone of it there is void.
    """
    key = IngressKey.parse(unit)
    stones = [stone for stone in ports.sources.tombstones() if stone.key == key]
    inventory = ports.sources.inventory() if stones else None
    waiting = []
    for stone in stones:
        member = inventory.named(stone.cluster) if inventory else None
        owner = Owner(installation=ports.owner, key=key, uid=stone.uid)
        void = stone.uid == uid and stone.cluster in placed
        unreadable = inventory is not None and stone.cluster in inventory.unreadable
        if unreadable or (not void and member and _remains(member, owner, ports, guard)):
            waiting.append(stone)
        else:
            ports.sources.drop_tombstone(stone)
    if not waiting:
        return Settled(summary="nothing is left of earlier sources")
    names = ", ".join(sorted({stone.cluster for stone in waiting}))
    waited = ports.clock.now() - max(stone.since for stone in waiting)
    pause = min(_LAST_SECONDS, max(_FIRST_SECONDS, waited / 4))
    return Settled(summary=f"leftovers in {names}", look_again_seconds=pause)


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


def of_another(unit: str, *, source_uid: str, ports: Ports) -> None:
    """
    Withdraw the wishes of a source that went without a withdrawal: its finalizers were taken off.

    Whoever has its name now is another one. Its records go, its members are emptied by tombstones;
    what carries its mark in the load balancer stays, for nobody can tell what still leads there.
    """
    report = ports.ledger.report("fanout", unit, FanoutReport)
    if report is None or report.uid in {"", source_uid}:
        return
    footprint = footprints.decode(report.footprint) or Footprint()
    for name in footprint.members:
        key = IngressKey.parse(unit)
        stone = Tombstone(key=key, uid=report.uid, cluster=name, since=ports.clock.now())
        ports.sources.put_tombstone(stone)
    for zone in footprint.zones:
        _withdraw_from(zone, report, footprint, ports)
    for text in footprint.networks:
        shared = networks.unit_of(text)
        if ports.ledger.intent(shared, report.uid, NetworkIntent) is not None:
            ports.bus.publish([Work(concern="backends", unit=shared, cause="source.gone")])
            ports.ledger.drop_intent(shared, report.uid)
    ports.ledger.drop_reports(unit)  # last: until then all of this is repeated


def _withdraw_from(zone: ZoneRef, report: FanoutReport, footprint: Footprint, ports: Ports) -> None:
    before = ports.ledger.intent(zone.unit, report.uid, ZoneIntent)
    if before is None or before.state not in {"present", "frozen"}:
        return
    leaving = ZoneIntent(
        uid=report.uid,
        generation=report.generation,
        source=before.source,
        created=before.created,
        state="deleting",
        zone=asdict(zone),
        ttl_seconds=footprint.ttl_seconds,
        drain_seconds=footprint.drain_seconds,
    )
    works = [Work(concern="dns", unit=zone.unit, cause="source.gone")]
    ports.ledger.announce(ports.bus, [intent_entry(zone.unit, leaving)], works)
