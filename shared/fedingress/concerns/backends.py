"""Backends: the global load balancer's graph of one Ingress, and the firewall of one network."""

from dataclasses import replace
from typing import Any

from fedingress.concerns import (
    accelerating,
    firewall,
    foreseeing,
    regional,
    stepwise,
    teardown,
)
from fedingress.concerns.carrying import OperationFailed
from fedingress.concerns.former import Former
from fedingress.concerns.graph import Build
from fedingress.concerns.graph_reports import Task, announce, doubt
from fedingress.concerns.graph_wish import wish
from fedingress.concerns.moving import Move
from fedingress.concerns.ramp import Ramp
from fedingress.concerns.readdress import Readdress
from fedingress.concerns.subject import Subject, subject
from fedingress.domain.change import Plan
from fedingress.domain.errors import (
    Conflict,
    Forbidden,
    InUse,
    Invalid,
    NotReady,
    Unavailable,
    Unsupported,
)
from fedingress.domain.footprint import Footprint
from fedingress.domain.graph import GlobalResource, Mark
from fedingress.domain.outcome import Later, Outcome, Refused, Settled
from fedingress.domain.policy import FederationPolicy
from fedingress.domain.report import (
    BackendsReport,
    FanoutReport,
)
from fedingress.domain.work import Work
from fedingress.planning import backends as planning
from fedingress.planning import dns
from fedingress.planning.diff import fingerprint
from fedingress.ports import Guard, Ports

_FORBIDDEN_SECONDS = 60.0


def reconcile(work: Work, ports: Ports, guard: Guard) -> Outcome:
    """
    Bring the graph of `work.unit` in line with what fan-out reported.

    Looks at GCE only when something it follows from changed, or when asked to be thorough.

    Raises:
        Unavailable, Conflict: Observe again later.
    """
    if work.unit.startswith("firewall:"):
        return firewall.reconcile(work, ports, guard)
    found = subject(work.unit, ports)
    if found is None or (not found.federated and not found.involved):
        return Settled(summary="no such federated Ingress")
    if found.retired:
        return teardown.teardown(found, work, ports, guard)
    report = _current(found, ports.ledger.report("fanout", found.key, FanoutReport))
    if report is None:
        ports.bus.publish([Work(concern="fanout", unit=found.key, cause="report.missing")])
        return Settled(summary="fan-out has to look first")
    if found.policy is None:
        return Settled(summary="no policy; what stands stays")
    task = Task(found=found, policy=found.policy, fanned=report, work=work)
    if task.policy.topology == "aws":
        look = regional.Look(found=task.found, policy=task.policy, fanned=task.fanned)
        outcome: Outcome = regional.reconcile(look, work, ports, guard)
    else:
        outcome = _build(task, ports, guard)
    return outcome


def _current(found: Subject, report: FanoutReport | None) -> FanoutReport | None:
    """
    *report* if fan-out has seen the source as it is now, and noted where the graph will stand.

    An older report would route paths to endpoint groups that do not exist yet.
    """
    source, footprint = found.source, found.footprint
    if report is None or (report.uid, report.generation) != (source.uid, source.generation):
        return None
    noted = footprint is not None and (
        found.policy is None
        or found.policy.topology == "aws"
        or found.policy.project in footprint.projects
    )
    return report if noted or report.faults else None


def _nothing_to_build(found: Subject, report: FanoutReport) -> str:
    """Why there is no graph to build; empty when there is one."""
    ingress = found.source.ingress
    if report.faults or ingress is None:
        return "not accepted"
    return "" if ingress.limited_to(report.hosts).backends else "every host is another Ingress's"


def preview(
    unit: str, ports: Ports, expected: FanoutReport | None = None
) -> tuple[Plan[Any], BackendsReport | None]:
    """
    What `reconcile` would change in GCE; nothing is written.

    Args:
        unit: `namespace/name`.
        ports: Read only.
        expected: The report that fan-out is about to make, instead of the kept one.
    """
    found = subject(unit, ports)
    if found is None or (not found.federated and not found.involved):
        return Plan(), None
    if found.retired:
        graph, accelerator = teardown.preview(found, ports), accelerating.removal(found, ports)
        return replace(graph, changes=(*accelerator.changes, *graph.changes)), None
    report = expected or ports.ledger.report("fanout", found.key, FanoutReport)
    why = "fan-out has to look first"
    if report is None or found.policy is None or (why := _nothing_to_build(found, report)):
        return Plan(held=(why,)), None
    if found.policy.topology == "aws":
        look = regional.Look(found=found, policy=found.policy, fanned=report)
        return foreseeing.preview(look, ports)
    return _graph_preview(found, found.policy, report, ports, coming=expected)


def _graph_preview(
    found: Subject,
    policy: FederationPolicy,
    report: FanoutReport,
    ports: Ports,
    *,
    coming: FanoutReport | None,
) -> tuple[Plan[GlobalResource], BackendsReport | None]:
    readdress = Readdress(found=found, hosts=_managed(report, policy), ports=ports)
    ramp = _ramp(found, policy, ports)
    build = Build(wish(found, policy, report, ports), ports, readdress=readdress, ramp=ramp)
    observed = build.observe()
    build.leave_out(observed, coming=_coming(coming, found.key, ports))
    build.rise(observed, noting=False)
    if why := build.awaited(observed):
        return Plan(held=(why,)), build.report(found.source, report, observed, message=why)
    plan = stepwise.told(build.plan(observed), build.wish, observed)
    return plan, build.report(found.source, report, observed, message="")


def _coming(expected: FanoutReport | None, key: str, ports: Ports) -> frozenset[str]:
    """Names of groups that no member reports yet, so that they cannot be found yet either."""
    kept = ports.ledger.report("fanout", key, FanoutReport)
    known, wanted = (
        frozenset(row["name"] for row in each.negs) if each else frozenset()
        for each in (kept, expected)
    )
    return wanted - known


def _build(task: Task, ports: Ports, guard: Guard) -> Outcome:
    source = task.found.source
    former = _former(task, ports)
    if why := _nothing_to_build(task.found, task.fanned):
        _say_unbuilt(task, why, former, ports)
        return Settled(summary=f"{why}; what stands stays")
    hosts = _managed(task.fanned, task.policy)
    build = Build(
        wish(task.found, task.policy, task.fanned, ports),
        ports,
        former=former,
        readdress=Readdress(found=task.found, hosts=hosts, ports=ports),
        ramp=_ramp(task.found, task.policy, ports),
        coming=task.fanned.waiting,
        silent=task.fanned.silent,
    )
    before = ports.ledger.report("backends", task.found.key, BackendsReport)
    if before is not None and before.uid != source.uid:
        before = None
    print_ = fingerprint([source.generation, build.basis()])
    same = before is not None and before.fingerprint == print_ and before.well
    same = same and before is not None and not before.problems
    if before is not None and same and not task.work.thorough and not former.projects:
        announce(task, before, ports)
        return Settled(summary="nothing changed")
    try:
        report, outcome = build.bring_about(source, task.fanned, print_, guard)
    except (Forbidden, InUse, Invalid, Unsupported, OperationFailed) as error:
        why = str(error)[:512]
        announce(task, build.refused(source, task.fanned, error, before), ports)
        if isinstance(error, Unavailable):  # it may pass by itself
            raise
        if isinstance(error, Forbidden):
            return Later(after_seconds=_FORBIDDEN_SECONDS, why=why)
        return Refused(reasons=(why,))
    except (Conflict, Unavailable) as error:
        doubt(task, before, ports)
        if build.changing and not isinstance(error, Conflict | NotReady):
            announce(task, build.unseen(source, error, before), ports)
        raise
    announce(task, report, ports)
    if former.projects and isinstance(outcome, Settled):
        move = Move(found=task.found, hosts=hosts, former=former, report=report)
        return move.go(outcome, ports, guard)
    return outcome


def _ramp(found: Subject, policy: FederationPolicy, ports: Ports) -> Ramp:
    before = ports.ledger.report("backends", found.key, BackendsReport)
    same = before if before is not None and before.uid == found.source.uid else None
    return Ramp(uid=found.source.uid, rollout=policy.rollout, before=same, ports=ports)


def _managed(fanned: FanoutReport, policy: FederationPolicy) -> tuple[str, ...]:
    """The hosts that are in managed zones."""
    return tuple(host for host in fanned.hosts if dns.zones_for(host, policy.dns.zones))


def _say_unbuilt(task: Task, why: str, former: Former, ports: Ports) -> None:
    """Report a graph that was never built: only then members may let go of its companions."""
    source = task.found.source
    before = ports.ledger.report("backends", task.found.key, BackendsReport)
    if before is not None and before.uid == source.uid:
        return
    observed = ports.load_balancers.observe(
        task.policy.project, planning.KINDS, planning.prefix(source.uid)
    )
    report = BackendsReport(
        uid=source.uid,
        generation=source.generation,
        reason="Pending",
        message=why,
        negs=tuple(sorted(planning.attached(observed) | former.attached())),
        former=former.empty(),
    )
    announce(task, report, ports)


def _former(task: Task, ports: Ports) -> Former:
    footprint = task.found.footprint or Footprint()
    return Former(
        mark=Mark(owner=ports.owner, uid=task.found.source.uid, source=task.found.key),
        projects=tuple(name for name in footprint.projects if name != task.policy.project),
        ports=ports,
    )
