"""Taking the graph of a leaving Ingress away, by its marks alone."""

from dataclasses import replace

from fedingress.concerns import accelerating
from fedingress.concerns.carrying import carry_out, told
from fedingress.concerns.former import removal
from fedingress.concerns.named_ports import NamedPorts
from fedingress.concerns.subject import Subject, release
from fedingress.domain.change import Plan
from fedingress.domain.errors import FederationError, Forbidden, Invalid, NotReady, Unavailable
from fedingress.domain.footprint import Footprint
from fedingress.domain.graph import GlobalResource, Mark
from fedingress.domain.outcome import Later, Outcome, Settled
from fedingress.domain.report import BackendsReport, ZoneIntent
from fedingress.domain.work import Work
from fedingress.ports import Guard, Ports
from fedingress.ports.ledger import report_entry

_HELD_SECONDS = 60.0
_ADVICE = "the deletion goes on once that is done"


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
        try:
            plan = preview(found, ports)
            pending = carry_out(plan, ports, guard)
        except (Forbidden, Invalid, Unavailable) as error:
            _tell_what_holds(found, error, ports)
            if isinstance(error, Unavailable):
                raise
            return Later(after_seconds=_HELD_SECONDS, why=str(error)[:200])
        if plan:
            why = "operations pending" if pending else "looking again"
            if pending or preview(found, ports):
                return Later(after_seconds=2.0, why=why)
    release(found, "backends", ports)
    _tell(found, work, ports)
    return Settled(summary="the graph is gone")


def preview(found: Subject, ports: Ports) -> Plan[GlobalResource]:
    """What is left to do: deletes first, then the names that we have given to ports of nodes."""
    footprint = found.footprint or Footprint()
    projects = {*footprint.projects, *([footprint.project] if footprint.project else [])}
    mark = Mark(owner=ports.owner, uid=found.source.uid, source=found.key)
    plan = removal(sorted(projects), mark, ports)
    if plan.changes:
        return plan
    named = NamedPorts(found.source.uid, ports)
    named.observe()
    return Plan(changes=named.removals(), held=plan.held)


def _recall(found: Subject, ports: Ports) -> None:
    """
    Let fan-out tell again what leaves, where a zone knows the source as one that stays.

    A run of ours that began before the source was retired may have said so after fan-out spoke.
    """
    zones = found.footprint.zones if found.footprint else ()
    said = (ports.ledger.intent(zone.unit, found.source.uid, ZoneIntent) for zone in zones)
    if any(intent is not None and intent.state in {"present", "frozen"} for intent in said):
        ports.bus.publish([Work(concern="fanout", unit=found.key, cause="zones.outdated")])


def _tell_what_holds(found: Subject, error: FederationError, ports: Ports) -> None:
    """Let the condition say why the graph is still there, and what somebody can do."""
    if isinstance(error, NotReady):
        return
    before = ports.ledger.report("backends", found.key, BackendsReport)
    if before is None or before.uid != found.source.uid:
        before = BackendsReport(uid=found.source.uid, generation=found.source.generation)
    held = replace(
        before,
        programmed=False,
        observed=False,
        reason=type(error).__name__,
        message=told(error) if isinstance(error, Unavailable) else f"{told(error)}; {_ADVICE}",
        fingerprint="",
    )
    works = [Work(concern="status", unit=found.key, cause="backends.held")]
    ports.ledger.announce(ports.bus, [report_entry("backends", found.key, held)], works)


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
