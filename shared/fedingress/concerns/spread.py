"""The living half of fan-out: place, claim hosts, write the members, report."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from fedingress.concerns import bury, claim, ingress_uid, networks, node_ports, patience, rows
from fedingress.concerns.node_ports import Known, Reach
from fedingress.concerns.subject import Subject, owner_of
from fedingress.concerns.visit import Tour, Visit
from fedingress.domain import names
from fedingress.domain.change import Plan
from fedingress.domain.cluster import Inventory, MemberCluster
from fedingress.domain.errors import FederationError, Invalid
from fedingress.domain.footprint import Footprint
from fedingress.domain.ingress import Source
from fedingress.domain.member import MemberObject
from fedingress.domain.outcome import Outcome, Refused, Settled
from fedingress.domain.placement import Placement, PlacementRule
from fedingress.domain.policy import FederationPolicy
from fedingress.domain.report import BackendsReport, FanoutReport, ZoneIntent
from fedingress.domain.work import Work
from fedingress.planning import copies, fanout, firewall, groups, health_checks, placement
from fedingress.planning.companions import neg_name
from fedingress.planning.diff import fingerprint
from fedingress.planning.fanout import MemberView, MemberWish
from fedingress.ports import Guard, Ports
from fedingress.ports.ledger import Entry, intent_entry, report_entry

_POLL_SECONDS = (1.0, 60.0)
_SICK_SECONDS = (10.0, 60.0)
_ROUNDS = 5
"""Of visits; each but the first takes node ports that members refused out of the choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """All that one pass knows before it visits members."""

    subject: Subject
    policy: FederationPolicy
    inventory: Inventory
    placement: Placement
    previous: FanoutReport | None
    in_use: frozenset[str] | None
    led: frozenset[str] | None = None
    former: frozenset[str] = frozenset()

    def members(self) -> list[MemberCluster]:
        """Whom to visit: the placed, and whoever may still hold something of ours."""
        footprint = self.subject.footprint
        known = {*self.placement.placed, *(footprint.members if footprint else ())}
        if self.previous is not None:
            known |= set(self.previous.clusters) - set(self.placement.ineligible)
        return [member for member in self.inventory.members if member.name in known]

    def detached(self, report: FanoutReport) -> bool:
        """Whether every group that is in use, as far as known, is of a placed member."""
        ingress, uid = self.subject.source.ingress, self.subject.source.uid
        placed = self.placement.placed
        return self.in_use is not None and self.in_use <= {
            neg_name(uid, backend, member)
            for member in placed
            for backend in (ingress.backends if ingress else ())
        } | {groups.row_use(row) for row in report.negs if row["cluster"] in placed}


def spread(found: Subject, work: Work, ports: Ports, guard: Guard) -> Outcome:
    """
    Place *found* and bring every member in line.

    Faults of the user are reported and leave what stands; a sick member is looked at again later
    and keeps its endpoints.
    """
    try:
        stage = _stage(found, ports)
    except Invalid as error:
        return _refuse(found, work, ports, error.reasons)
    bury.of_another(found.key, source_uid=found.source.uid, ports=ports)
    stage = replace(stage, subject=_remember(stage, ports))
    source = stage.subject.source
    lost = claim.contest(source, ports)
    visits = _visits(stage, lost, ports, guard)
    source = _forget(stage, visits, ports)
    report = _report(stage, source, visits, lost)
    _announce(stage, report, work, ports)
    return _outcome(report, visits, ports)


def preview(found: Subject, ports: Ports) -> tuple[Plan[MemberObject], FanoutReport | None]:
    """The changes of all members together, and the report as it would be; nothing is written."""
    try:
        stage = _stage(found, ports)
    except Invalid as error:
        return Plan(held=error.reasons), None
    lost = claim.losses(found.source, ports)
    visits = _visits(stage, lost, ports, None)
    report = _report(stage, found.source, visits, lost)
    return rows.joined(visits), rows.expecting(report, found.source, stage.inventory, visits)


def _report(
    stage: Stage,
    source: Source,
    visits: Mapping[str, Visit | FederationError],
    lost: Mapping[str, str],
) -> FanoutReport:
    footprint = stage.subject.footprint or Footprint()
    report = rows.report(
        source,
        stage.placement,
        stage.inventory,
        visits,
        stage.previous,
        known=footprint.members,
    )
    read = asdict(replace(stage.policy, placement=PlacementRule(), overrides=(), labels={}))
    if source.ingress:  # annotations raise no generation
        read["front"] = asdict(source.ingress.front)
    read["adopt"] = source.annotations.get(names.ADOPT, "")
    if stage.policy.topology == "aws":
        read["ignored"] = copies.ignored(source.annotations)
    return replace(
        rows.with_hosts(report, source, lost),
        policy=fingerprint(read),
        footprint=footprint.encode(),
    )


def _stage(found: Subject, ports: Ports) -> Stage:
    """
    Observe and place.

    Raises:
        Invalid: The Ingress, its policy or its annotations are at fault.
    """
    if found.faults or found.policy is None or found.source.ingress is None:
        raise Invalid(found.faults or ("the policy of its class cannot be read",))
    if not found.source.ingress.backends:
        raise Invalid("spec: no rule and no default backend names a Service")
    _same_topology(found, found.policy)
    inventory = ports.sources.inventory()
    wish = placement.narrowing(found.source.annotations)
    built = ports.ledger.report("backends", found.key, BackendsReport)
    previous = ports.ledger.report("fanout", found.key, FanoutReport)
    if previous is not None and previous.uid != found.source.uid:
        previous = None
    if built is not None and built.uid != found.source.uid:
        built = None
    return Stage(
        subject=found,
        policy=found.policy,
        inventory=inventory,
        placement=placement.decide(found.policy, wish, inventory),
        previous=previous,
        in_use=frozenset(built.negs) if built and built.observed else None,
        led=frozenset(built.serving) if built and built.observed else None,
        former=frozenset(built.former) if built else frozenset(),
    )


def _same_topology(found: Subject, policy: FederationPolicy) -> None:
    """
    What stands was built for one topology; another one would leave clients without either.

    Raises:
        Invalid: The policy names another one now.
    """
    before = found.footprint.topology if found.footprint else ""
    if found.footprint and found.footprint.members and before not in {"", policy.topology}:
        raise Invalid(
            f"the policy's topology is {policy.topology} now, but this Ingress stands in {before}, "
            "which stays; submit it to a class of the new topology under another name and, when "
            "that serves, delete this one"
        )


def _remember(stage: Stage, ports: Ports) -> Subject:
    """Put finalizers and footprint on the source, before anything is made anywhere."""
    found = stage.subject
    before = found.footprint or Footprint()
    now = rows.footprint(found.source, stage.policy, stage.placement, stage.inventory)
    footprint = before.grown(now)
    left = stage.former - {stage.policy.project}
    footprint = replace(
        footprint, projects=tuple(name for name in footprint.projects if name not in left)
    )
    wanted = [names.FINALIZERS["backends"], names.FINALIZERS["fanout"]]
    if footprint.zones:
        wanted.insert(0, names.FINALIZERS["dns"])
    missing = [name for name in wanted if name not in found.source.finalizers]
    if not missing and footprint == found.footprint:
        return found
    source = ports.sources.set_finalizers(
        found.source,
        [*found.source.finalizers, *missing],
        {names.FOOTPRINT: footprint.encode()},
    )
    return Subject(
        source=source,
        federated=found.federated,
        policy=found.policy,
        faults=found.faults,
        footprint=footprint,
    )


def _forget(stage: Stage, visits: Mapping[str, Visit | FederationError], ports: Ports) -> Source:
    """Take members off the footprint that are not placed and were found empty."""
    source, footprint = stage.subject.source, stage.subject.footprint or Footprint()
    emptied = {
        name
        for name, visit in visits.items()
        if name not in stage.placement.placed and isinstance(visit, Visit) and visit.empty
    }
    left = tuple(name for name in footprint.members if name not in emptied)
    if left == footprint.members:
        return source
    smaller = replace(footprint, members=left)
    return ports.sources.set_finalizers(
        source, source.finalizers, {names.FOOTPRINT: smaller.encode()}
    )


def _visits(
    stage: Stage, lost: Mapping[str, str], ports: Ports, guard: Guard | None
) -> Mapping[str, Visit | FederationError]:
    """Visit all; again with other node ports, where a member has given one to somebody else."""
    reach = _reach(stage, ports)
    for _ in range(_ROUNDS):
        visits = _tour(stage, lost, ports, reach).go(stage.members(), ports, guard)
        if reach is None or not reach.learn(visits):
            break
    return visits


def _reach(stage: Stage, ports: Ports) -> Reach | None:
    """The node ports, where nodes are reached."""
    ingress, backends = stage.subject.source.ingress, stage.policy.backends
    if stage.policy.topology == "aws" or not backends.grouped or ingress is None:
        return None
    return node_ports.look(
        [each for each in stage.members() if each.name in stage.placement.placed],
        owner_of(stage.subject.source, ports),
        ingress.backends,
        Known(in_use=stage.in_use, previous=stage.previous),
        ports,
        own=backends.own_node_ports,
    )


def _tour(stage: Stage, lost: Mapping[str, str], ports: Ports, reach: Reach | None = None) -> Tour:
    owner = owner_of(stage.subject.source, ports)
    identity = ports.sources.identity()
    placed = [each for each in stage.members() if each.name in stage.placement.placed]
    sharing = stage.policy.topology != "aws" and stage.policy.backends.shared_ingress_uid
    shared = ingress_uid.look(placed, ports) if sharing else {}

    def wishing(member: MemberCluster, seen: MemberView) -> MemberWish:
        if member.name not in stage.placement.placed:
            return MemberWish()
        wish = fanout.desired(
            stage.subject.source,
            stage.policy,
            member,
            seen,
            owner,
            config_identity=identity,
            lost=lost,
            node_ports=reach.of(member.name) if reach else None,
        )
        return ingress_uid.added(wish, shared.get(member.name))

    return Tour(
        owner=owner,
        wishing=wishing,
        negs_in_use=stage.in_use,
        led=stage.led,
        endpoints=stage.policy.topology == "aws",
        probes=stage.policy.topology != "aws"
        and health_checks.asks_probes(stage.policy.backends.health_check),
    )


def _announce(stage: Stage, report: FanoutReport, work: Work, ports: Ports) -> None:
    found = stage.subject
    key = found.key
    used = rows.networks(stage.policy, stage.placement, stage.inventory)
    for intent in networks.wishes(found, used, ports, detached=stage.detached(report)):
        unit = firewall.unit(intent.project, intent.network)
        works = [Work(concern="backends", unit=unit, cause=_cause(work))]
        entry = intent_entry(unit, intent)
        ports.ledger.announce(ports.bus, [entry], works, always=work.thorough)
    works = [
        Work(concern="backends", unit=key, cause=_cause(work)),
        Work(concern="status", unit=key, cause=_cause(work)),
    ]
    said = report_entry("fanout", key, report)  # last: when it stands, the intents do
    ports.ledger.announce(ports.bus, [said], works, always=work.thorough)


def _cause(work: Work) -> str:
    return work.cause if work.thorough else "fanout.settled"


def _refuse(found: Subject, work: Work, ports: Ports, reasons: Sequence[str]) -> Outcome:
    """Report the user's faults; what stands in the members and before them stays."""
    before = ports.ledger.report("fanout", found.key, FanoutReport)
    same = before is not None and before.uid == found.source.uid
    kept = before if before is not None and same else FanoutReport(uid="", generation=0)
    report = FanoutReport(
        uid=found.source.uid,
        generation=found.source.generation,
        clusters=kept.clusters,
        faults=tuple(reasons),
        fault_reason="Invalid",
        lost_hosts=kept.lost_hosts,
        hosts=kept.hosts,
        negs=kept.negs,
        addresses=kept.addresses,
        ready=kept.ready,
        probes=kept.probes,
        drained=kept.drained,
        preferred=kept.preferred,
        policy=kept.policy,
        footprint=kept.footprint,
    )
    works = [Work(concern="status", unit=found.key, cause=_cause(work))]
    entries = [*_freeze(found, ports), report_entry("fanout", found.key, report)]
    ports.ledger.announce(ports.bus, entries, works, always=work.thorough)
    return Refused(reasons=tuple(reasons))


def _freeze(found: Subject, ports: Ports) -> list[Entry]:
    """What shared units have to know of a source that cannot say what it wants: it stays."""
    footprint = found.footprint or Footprint()
    entries = networks.kept(found, ports)
    for zone in footprint.zones if found.holds("dns") else ():
        if ports.ledger.intent(zone.unit, found.source.uid, ZoneIntent) is None:
            frozen = ZoneIntent(
                uid=found.source.uid,
                generation=found.source.generation,
                source=found.key,
                created=found.source.created,
                state="frozen",
                zone=asdict(zone),
            )
            entries.append(intent_entry(zone.unit, frozen))
    return entries


def _outcome(
    report: FanoutReport, visits: Mapping[str, Visit | FederationError], ports: Ports
) -> Outcome:
    """
    Settled in any case: news of the source or of a member are looked at without delay.

    What nobody may tell (a member that is back, an object deleted by hand) is looked for, ever more
    seldom.
    """
    wait = f"{report.uid}/members"
    waiting = sorted(name for name, row in report.clusters.items() if row["reason"] == "Waiting")
    unwell = {"unreachable", "failed", "removing", "conflict"}
    sick = sorted(name for name, row in report.clusters.items() if row["state"] in unwell)
    held = [text for visit in _seen(visits) for text in visit.plan.held]
    if not waiting and not sick and not held:
        patience.over(wait, ports)
        changed = sum(len(visit.plan.changes) for visit in _seen(visits))
        return Settled(summary=f"{len(visits)} members visited, {changed} changes")
    first, last = _POLL_SECONDS if waiting else _SICK_SECONDS
    pause = patience.pause(wait, ports, first=first, last=last)
    why = "; ".join(held)[:256]
    if sick:
        why = f"not settled in {', '.join(sick)}"
    if waiting:
        why = f"endpoint groups of {', '.join(waiting)}"
    return Settled(summary=why, look_again_seconds=pause, held=len(held))


def _seen(visits: Mapping[str, Visit | FederationError]) -> list[Visit]:
    return [visit for visit in visits.values() if isinstance(visit, Visit)]
