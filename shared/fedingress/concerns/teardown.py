"""Taking the graph of a leaving Ingress away, by its marks alone."""

from fedingress.concerns import accelerating
from fedingress.concerns.carrying import carry_out
from fedingress.concerns.former import removal
from fedingress.concerns.subject import Subject, release
from fedingress.domain.change import Plan
from fedingress.domain.footprint import Footprint
from fedingress.domain.graph import GlobalResource, Mark
from fedingress.domain.outcome import Later, Outcome, Settled
from fedingress.domain.report import BackendsReport, ZoneIntent
from fedingress.domain.work import Work
from fedingress.ports import Guard, Ports
from fedingress.ports.ledger import report_entry


def teardown(found: Subject, work: Work, ports: Ports, guard: Guard) -> Outcome:
    """
    Delete what carries the source's mark, once `dns` has left; then leave.

    The finalizer goes only after a later look that finds nothing.
    """
    if not found.holds("backends"):
        _tell(found, work, ports)
        return Settled(summary="nothing of ours is left")
    if found.holds("dns"):
        _recall(found, ports)
        return Settled(summary="waiting for dns")  # which tells us when it has left
    footprint = found.footprint
    orphan = footprint is not None and footprint.mode == "orphan" and found.source.deleting
    if not orphan:
        if footprint is not None and footprint.accelerator:
            accelerator = accelerating.find(found, ports)
            if accelerator is not None:
                ports.accelerators.retire(accelerator, guard)
                return Later(after_seconds=2.0, why="the accelerator is being deleted")
        plan = preview(found, ports)
        if plan:
            pending = carry_out(plan, ports, guard)
            why = "operations pending" if pending else "looking again"
            if pending or preview(found, ports):
                return Later(after_seconds=2.0, why=why)
    release(found, "backends", ports)
    _tell(found, work, ports)
    return Settled(summary="the graph is gone")


def preview(found: Subject, ports: Ports) -> Plan[GlobalResource]:
    """The deletes that are left."""
    footprint = found.footprint or Footprint()
    projects = {*footprint.projects, *([footprint.project] if footprint.project else [])}
    mark = Mark(owner=ports.owner, uid=found.source.uid, source=found.key)
    return removal(sorted(projects), mark, ports)


def _recall(found: Subject, ports: Ports) -> None:
    """
    Let fan-out tell again what leaves, where a zone knows the source as one that stays.

    A run of ours that began before the source was retired may have said so after fan-out spoke.
    """
    zones = found.footprint.zones if found.footprint else ()
    said = (ports.ledger.intent(zone.unit, found.source.uid, ZoneIntent) for zone in zones)
    if any(intent is not None and intent.state in {"present", "frozen"} for intent in said):
        ports.bus.publish([Work(concern="fanout", unit=found.key, cause="zones.outdated")])


def _tell(found: Subject, work: Work, ports: Ports) -> None:
    """Let fan-out go on; no group is in use any more."""
    before = ports.ledger.report("backends", found.key, BackendsReport)
    same = before is not None and before.uid == found.source.uid
    report = BackendsReport(
        uid=found.source.uid,
        generation=found.source.generation,
        address=before.address if before is not None and same else "",  # for who takes it off
        address6=before.address6 if before is not None and same else "",
        reason="Removed",
    )
    works = [
        Work(concern="fanout", unit=found.key, cause="backends.left"),
        Work(concern="status", unit=found.key, cause="backends.left"),
    ]
    ports.ledger.announce(
        ports.bus, [report_entry("backends", found.key, report)], works, always=work.thorough
    )
