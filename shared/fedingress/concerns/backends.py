"""Backends: the global load balancer's graph of one Ingress, and the firewall of one network."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from fedingress.concerns import (
    accelerating,
    firewall,
    foreseeing,
    probing,
    regional,
    stepwise,
    teardown,
)
from fedingress.concerns.carrying import OperationFailed
from fedingress.concerns.former import Former
from fedingress.concerns.graph import Build
from fedingress.concerns.moving import Move
from fedingress.concerns.ramp import Ramp
from fedingress.concerns.readdress import Readdress
from fedingress.concerns.subject import Subject, subject
from fedingress.domain.certificate import SecretRead
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
from fedingress.domain.front import Front
from fedingress.domain.graph import GlobalResource, Mark
from fedingress.domain.ingress import Ingress, ServiceBackend
from fedingress.domain.outcome import Later, Outcome, Refused, Settled
from fedingress.domain.policy import FederationPolicy, ZoneRef
from fedingress.domain.report import (
    AttachedReport,
    BackendsReport,
    FanoutReport,
    ZoneIntent,
)
from fedingress.domain.work import Work
from fedingress.planning import adoption, dns
from fedingress.planning import backends as planning
from fedingress.planning.backends import GraphWish
from fedingress.planning.companions import neg_name
from fedingress.planning.diff import fingerprint
from fedingress.planning.groups import Group, of_row, row_use
from fedingress.ports import Guard, Ports
from fedingress.ports.ledger import intent_entry, report_entry

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
    task = _Task(found=found, policy=found.policy, fanned=report, work=work)
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


def wish(found: Subject, policy: FederationPolicy, report: FanoutReport, ports: Ports) -> GraphWish:
    """What the graph follows from: the Ingress, the policy, and the members' endpoint groups."""
    source = found.source
    if source.ingress is None:
        raise Invalid(str(fault) for fault in source.faults)
    ingress = source.ingress.limited_to(report.hosts)
    by_port = {(each.service, each.port): each for each in ingress.backends}
    groups = tuple(
        Group(
            cluster=row["cluster"],
            backend=by_port[row["service"], row["port"]],
            neg=of_row(row, policy.project)[0],
            node_port=of_row(row, policy.project)[1],
            protocol=row.get("protocol", ""),
            probe=probing.probe_of(report, row["cluster"], by_port[row["service"], row["port"]]),
        )
        for row in report.negs
        if (row["service"], row["port"]) in by_port
        and bool(row.get("node_port")) == policy.backends.grouped
    )
    return GraphWish(
        project=policy.project,
        mark=Mark(owner=ports.owner, uid=source.uid, source=found.key),
        ingress=ingress,
        policy=policy.backends,
        groups=groups,
        frozen=_frozen(source.uid, ingress.backends, report),
        unknown=policy.backends.grouped and bool(report.silent - {g.cluster for g in groups}),
        drained=frozenset(report.drained),
        preferred=frozenset(report.preferred),
        steps=policy.rollout.steps,
        consents=adoption.consents(source.annotations),
        front=_front(source.key.namespace, ingress, policy, ports),
    )


def _front(namespace: str, ingress: Ingress, policy: FederationPolicy, ports: Ports) -> Front:
    secrets = _secrets(namespace, ingress, ports)
    now = ports.clock.now() if secrets else 0.0
    return Front(secrets=secrets, wish=ingress.front, tls=policy.tls, ipv6=policy.ipv6, now=now)


def _secrets(namespace: str, ingress: Ingress, ports: Ports) -> tuple[SecretRead, ...]:
    """
    The Secrets of `spec.tls`, read from the config cluster.

    Their keys go from here to the cloud, by the call that creates the certificate, and nowhere
    else.
    """
    found = []
    for entry in ingress.tls:
        pair, fault = None, ("", "")
        try:
            pair = ports.sources.key_pair(namespace, entry.secret)
        except Invalid as error:
            fault = ("CertificateInvalid", str(error))
        except Forbidden as error:
            fault = ("SecretForbidden", str(error))
        if pair is None and not fault[0]:
            fault = ("SecretMissing", f"Secret {namespace}/{entry.secret} does not exist")
        found.append(SecretRead(secret=entry.secret, pair=pair, fault=fault, hosts=entry.hosts))
    return tuple(found)


def _frozen(uid: str, wanted: Sequence[ServiceBackend], report: FanoutReport) -> frozenset[str]:
    """What members use that cannot be read now."""
    silent = report.silent
    nodes = {row_use(row) for row in report.negs if row["cluster"] in silent}
    return frozenset(neg_name(uid, each, cluster) for cluster in silent for each in wanted) | nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """One accepted Ingress, with everything that its graph follows from."""

    found: Subject
    policy: FederationPolicy
    fanned: FanoutReport
    work: Work

    @property
    def cause(self) -> str:
        return self.work.cause if self.work.thorough else "backends.settled"


def _build(task: _Task, ports: Ports, guard: Guard) -> Outcome:
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
        _announce(task, before, ports)
        return Settled(summary="nothing changed")
    try:
        report, outcome = build.bring_about(source, task.fanned, print_, guard)
    except (Forbidden, InUse, Invalid, Unsupported, OperationFailed) as error:
        why = str(error)[:512]
        _announce(task, build.refused(source, task.fanned, error, before), ports)
        if isinstance(error, Unavailable):  # it may pass by itself
            raise
        if isinstance(error, Forbidden):
            return Later(after_seconds=_FORBIDDEN_SECONDS, why=why)
        return Refused(reasons=(why,))
    except (Conflict, Unavailable) as error:
        _doubt(task, before, ports)
        if build.changing and not isinstance(error, Conflict | NotReady):
            _announce(task, build.unseen(source, error, before), ports)
        raise
    _announce(task, report, ports)
    if former.projects and isinstance(outcome, Settled):
        move = Move(found=task.found, hosts=hosts, former=former, report=report)
        return move.go(outcome, ports, guard)
    return outcome


def _doubt(task: _Task, before: BackendsReport | None, ports: Ports) -> None:
    """
    Forget that the graph is in place: a look has found that it is not, and could not mend it.

    Whoever comes again is not told why the first one looked, and would pass by.
    """
    if before is not None and before.fingerprint:
        doubted = report_entry("backends", task.found.key, replace(before, fingerprint=""))
        ports.ledger.announce(ports.bus, [doubted], [])


def _ramp(found: Subject, policy: FederationPolicy, ports: Ports) -> Ramp:
    before = ports.ledger.report("backends", found.key, BackendsReport)
    same = before if before is not None and before.uid == found.source.uid else None
    return Ramp(uid=found.source.uid, rollout=policy.rollout, before=same, ports=ports)


def _managed(fanned: FanoutReport, policy: FederationPolicy) -> tuple[str, ...]:
    """The hosts that are in managed zones."""
    return tuple(host for host in fanned.hosts if dns.zones_for(host, policy.dns.zones))


def _say_unbuilt(task: _Task, why: str, former: Former, ports: Ports) -> None:
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
    _announce(task, report, ports)


def _former(task: _Task, ports: Ports) -> Former:
    footprint = task.found.footprint or Footprint()
    return Former(
        mark=Mark(owner=ports.owner, uid=task.found.source.uid, source=task.found.key),
        projects=tuple(name for name in footprint.projects if name != task.policy.project),
        ports=ports,
    )


def _announce(task: _Task, report: BackendsReport, ports: Ports) -> None:
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


def _intent(task: _Task, zone: ZoneRef, report: BackendsReport, ports: Ports) -> ZoneIntent:
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
