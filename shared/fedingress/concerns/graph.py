"""Building the graph: observe it, plan it, have the plan carried out, tell how it stands."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fedingress.concerns import others, patience
from fedingress.concerns.carrying import carry_out, told
from fedingress.concerns.former import Former
from fedingress.concerns.health import Health, until_healthy
from fedingress.concerns.named_ports import NamedPorts
from fedingress.concerns.ramp import Ramp
from fedingress.concerns.readdress import Readdress
from fedingress.concerns.warmup import WarmUp
from fedingress.domain.change import Plan
from fedingress.domain.errors import FederationError
from fedingress.domain.graph import GlobalResource, Kind
from fedingress.domain.ingress import Source
from fedingress.domain.outcome import Later, Outcome, Settled
from fedingress.domain.report import BackendsReport, FanoutReport
from fedingress.planning import backends, balancing, groups, mode_changes, named_ports, warming
from fedingress.planning.addresses import UNKNOWN_ADDRESS, families
from fedingress.planning.backends import GraphWish
from fedingress.ports import Guard, Ports

_PENDING_SECONDS = 2.0
_ROUNDS = 6
"""
Of planning: the reserved address is known in the second, a proxy is written field by field, and
backend services get their security policy before they are led to.
"""


class Build:
    """
    The graph of one Ingress, during one invocation.

    changing: a plan is being carried out; what fails then is a change, not a look.
    coming: placed members whose groups are not known yet.   silent: those that cannot be asked.
    """

    def __init__(
        self,
        wish: GraphWish,
        ports: Ports,
        *,
        former: Former | None = None,
        readdress: Readdress,
        ramp: Ramp,
        coming: frozenset[str] = frozenset(),
        silent: frozenset[str] = frozenset(),
    ) -> None:
        self.wish = wish
        self.readdress = readdress
        self.ramp = ramp
        self.coming = coming
        self.silent = silent
        self.stuck: frozenset[str] = frozenset()
        self.health = Health(groups=wish.groups, ports=ports)
        self._taking_over: Mapping[str, frozenset[str]] = {}
        self.ports = ports
        self.former = former or Former(mark=wish.mark, projects=(), ports=ports)
        self.missing: Mapping[str, groups.Problem] = {}
        self.changing = False
        self.named = NamedPorts(
            wish.mark.uid,
            ports,
            project=wish.project if wish.policy.grouped else "",
            chosen=not wish.policy.own_node_ports,
        )
        self.warm_up = WarmUp(
            wish.mark.uid, ports, self._healthy, limit_seconds=wish.policy.warm_up_seconds
        )

    def basis(self) -> Any:
        """All inputs as JSON; while they are the same there is no need to look at GCE."""
        graph = backends.desired(self.wish, ())
        return [[item.path, item.spec] for item in graph] + [
            sorted(self.wish.frozen),
            sorted(self.wish.drained),
            sorted(self.wish.consents),
            sorted({(group.neg.name, group.protocol) for group in self.wish.groups}),
            sorted({(group.neg.name, repr(group.probe)) for group in self.wish.groups}),
            [repr(self.wish.front.wish), repr(self.wish.front.tls)],
            self.wish.policy.options.security_policy,
            self.wish.mark.encode(),
        ]

    def leave_out(
        self, observed: Sequence[GlobalResource], *, coming: frozenset[str] = frozenset()
    ) -> None:
        """
        Take groups that do not stand in the load balancer's project out of the wish.

        What is attached stands; GCE is asked only about the others. *coming*: names of groups that
        are taken to stand, in a preview.
        """
        stand = backends.standing(observed)
        stand |= {group.neg.path for group in self.wish.groups if group.neg.name in coming}
        stand |= {item.path for item in self.named.observe()}
        self.wish, taken = others.left_out(self.wish, observed, self.ports)
        self.missing = taken
        if all(group.neg.path in stand for group in self.wish.groups):
            return
        project, begin = self.wish.project, backends.prefix(self.wish.mark.uid)
        if not self.wish.policy.grouped:
            stand |= {neg.path for neg in self.ports.load_balancers.groups(project, begin)}
        self.missing = {**taken, **groups.missing(self.wish.groups, stand)}
        kept = tuple(group for group in self.wish.groups if group.neg.path in stand)
        self.wish = replace(self.wish, groups=kept)

    def rise(self, observed: Sequence[GlobalResource], *, noting: bool = True) -> None:
        """Let members that are on their way up take the step that is due; *noting* when."""
        if self.wish.steps:
            taken, drained = self._capacities(observed), self.wish.drained
            ready = self.ramp.ready(taken, drained)
            if noting:
                self.ramp.note(taken, drained, ready)
            self.wish = replace(self.wish, rising=ready)

    def _capacities(self, observed: Sequence[GlobalResource]) -> dict[str, float]:
        specs = [item.spec for item in observed if item.kind is Kind.BACKEND_SERVICE]
        return groups.capacities(
            specs, {group.neg.path: group.cluster for group in self.wish.groups}
        )

    def observe(self) -> Sequence[GlobalResource]:
        """Everything under our names, and what others keep for us."""
        see, project = self.ports.load_balancers.observe, self.wish.project
        found = list(see(project, backends.KINDS, backends.prefix(self.wish.mark.uid)))
        for kind, name in backends.adopted(self.wish):
            found += [item for item in see(project, (kind,), name) if item.name == name]
        return list({item.path: item for item in found}.values())

    def plan(
        self, observed: Sequence[GlobalResource], *, warm: bool = False
    ) -> Plan[GlobalResource]:
        """The changes, given what is observed; *warm*: no route leads where nobody answers yet."""
        if backends.changing(self.wish, observed).kept:
            self.wish = replace(
                self.wish,
                serving=self.health.serving(observed),
                bound=others.bound(self.wish, self.ports),
            )
        wanted = backends.desired(self.wish, observed)
        self._taking_over = mode_changes.newcomers(self.wish, wanted, observed, self.coming)
        if warm:
            cold = self.warm_up.look(wanted, observed)
            self.stuck = self._stuck(observed)
            wanted = warming.eased(wanted, observed, cold | self.stuck)
        rules = backends.earlier(self.wish, observed)
        stay = () if rules and self.readdress.over(self._literals(observed)) else rules
        stay = (*stay, *warming.still_needed(wanted, observed))
        armor = self.wish.policy.options.security_policy
        named = self.named.additions(named_ports.wanted(self.wish.groups))
        plan = backends.plan(
            wanted,
            observed,
            self.wish.mark,
            stay=stay,
            security_policy=armor,
            consents=self.wish.consents,
        )
        changes = (*named, *plan.changes) if plan.changes or named else self.named.removals()
        return Plan(changes=changes, held=plan.held)

    def _cold(self) -> str:
        """What routes wait for, in a sentence that stays the same meanwhile."""
        waits = self.warm_up.awaited
        ports = [
            f"{each.service}:{each.port}"
            for each in self.wish.ingress.backends
            if self.wish.service_path(each) in waits
        ]
        if not ports:
            return ""
        limit = self.wish.policy.warm_up_seconds
        return f"routes wait until {', '.join(sorted(ports))} can answer, for {limit} s at most"

    def _literals(self, observed: Sequence[GlobalResource]) -> tuple[str, ...]:
        return self.wish.plot(observed).literals()

    def awaited(self, observed: Sequence[GlobalResource]) -> str:
        """What a graph without a single endpoint group waits for; empty when it is built."""
        if self.wish.groups or backends.attached(observed):
            return ""
        taken = [text for why, text in self.missing.values() if why == balancing.TAKEN]
        return "; ".join(sorted(set(taken))) or "no member has endpoints yet"

    def bring_about(
        self, source: Source, fanned: FanoutReport, print_: str, guard: Guard
    ) -> tuple[BackendsReport, Outcome]:
        """Observe, plan, act; again once the address is known."""
        observed = self.observe()
        self.leave_out(observed)
        if why := self.awaited(observed):
            report = self.report(source, fanned, observed, message=why)
            return report, self._untaken(why, source.uid)
        self.rise(observed)
        plan = self.plan(observed, warm=True)
        for _ in range(_ROUNDS):
            if not plan:
                break
            self.changing = True
            self.named.note()
            pending = carry_out(plan, self.ports, guard)
            self.changing = False
            self.wish = replace(self.wish, rising=frozenset())  # one step at a time
            observed = self.observe()
            self.named.observe()
            if pending:
                why = f"operations pending: {', '.join(sorted(item.label for item in pending))}"
                report = self.report(source, fanned, observed, message=why)
                return report, Later(after_seconds=_PENDING_SECONDS, why=why[:200])
            plan = self.plan(observed, warm=True)
        self.named.note()
        message = "; ".join(plan.held) or self._cold()
        if plan:
            message = "the graph changed while it was built"
        rest = self.ramp.rest(self._capacities(observed), self.wish.drained)
        print_ = print_ if rest is None else ""
        report = self.report(source, fanned, observed, message=message, print_=print_)
        outcome = self._waiting(report, observed, self._awaited(report, plan, source.uid))
        if rest is not None and isinstance(outcome, Settled):
            self.rise(observed)
            rest = min(rest, outcome.look_again_seconds or rest)
            outcome = replace(outcome, look_again_seconds=rest)
        return report, outcome

    def _untaken(self, why: str, uid: str) -> Settled:
        """Nothing is built; what others have let go of, nobody tells, so it is looked for."""
        if all(reason != balancing.TAKEN for reason, _ in self.missing.values()):
            return Settled(summary=why)
        pause = patience.pause(f"{uid}/front", self.ports, first=5.0, last=300.0)
        return Settled(summary=why, look_again_seconds=pause)

    def _waiting(
        self, report: BackendsReport, observed: Sequence[GlobalResource], outcome: Outcome
    ) -> Outcome:
        """*outcome*, but with a look when an earlier address may be let go."""
        if not backends.earlier(self.wish, observed):
            self.readdress.done()
            return outcome
        if not report.programmed or not isinstance(outcome, Settled):
            return outcome
        rest = self.readdress.begin(self._literals(observed))
        look = min(rest, outcome.look_again_seconds or rest)
        return replace(outcome, look_again_seconds=look)

    def _awaited(self, report: BackendsReport, plan: Plan[GlobalResource], uid: str) -> Outcome:
        if plan:
            return Later(after_seconds=_PENDING_SECONDS, why="the graph changed meanwhile")
        if plan.held:
            pause = patience.pause(f"{uid}/graph", self.ports, first=30.0, last=300.0)
            held = len(plan.held)
            return Settled(summary=report.message, look_again_seconds=pause, held=held)
        patience.over(f"{uid}/graph", self.ports)
        if self.warm_up.awaited:
            return Settled(summary=report.message, look_again_seconds=self.warm_up.pause)
        if report.problems:  # a Secret may come or change without anybody telling
            pause = patience.pause(f"{uid}/front", self.ports, first=5.0, last=300.0)
            return Settled(summary=report.problems[0][1], look_again_seconds=pause)
        patience.over(f"{uid}/front", self.ports)
        if report.programmed:
            return until_healthy(report, uid, self.ports)
        return Settled(summary="what is not there yet has no address")

    def refused(
        self,
        source: Source,
        fanned: FanoutReport,
        error: FederationError,
        before: BackendsReport | None,
    ) -> BackendsReport:
        """
        The report after the cloud said no with *error*: as observed, or else as *before*.

        What cannot be observed is not known to be free: fan-out keeps every companion.
        """
        try:
            found = self.report(source, fanned, self.observe(), message=told(error))
            return replace(found, reason=type(error).__name__)
        except FederationError:
            return self.unseen(source, error, before)

    def unseen(
        self, source: Source, error: FederationError, before: BackendsReport | None
    ) -> BackendsReport:
        """The same without another look, for a cloud that wants to be asked less."""
        return replace(
            before or BackendsReport(uid=source.uid, generation=0, observed=False),
            generation=source.generation,
            programmed=False,
            reason=type(error).__name__,
            message=told(error),
            fingerprint="",
        )

    def report(
        self,
        source: Source,
        fanned: FanoutReport,
        observed: Sequence[GlobalResource],
        *,
        message: str,
        print_: str = "",
    ) -> BackendsReport:
        """How the graph stands, as observed; *print_* is kept only if it is all in place."""
        wanted = {(item.kind, item.name) for item in backends.desired(self.wish, observed)}
        have = {(item.kind, item.name): item for item in observed}
        rules = backends.earlier(self.wish, observed)
        served = self._served(observed, rules)
        problems = (
            *backends.problems(self.wish, observed),
            *self.named.conflicts(),
            *mode_changes.problem(self.wish, observed, self.stuck, self.silent),
        )
        if self.stuck and not message:
            message = problems[-1][1]
        if not any(kind is Kind.FORWARDING_RULE for kind, _ in wanted):
            message = message or "; ".join(text for _, text in problems)
        complete = wanted <= set(have) and not message
        elsewhere = self.former.attached()
        return BackendsReport(
            uid=source.uid,
            generation=source.generation,
            address=served[0],
            address6=served[1],
            programmed=complete,
            reason="Programmed" if complete else "Pending",
            message=message,
            clusters=self._rows(observed, fanned),
            negs=tuple(sorted(backends.attached(observed) | elsewhere)),
            former=self.former.empty(),
            problems=(*self._missed(), *problems),
            fingerprint=print_ if complete and not rules else "",
        )

    def _served(
        self, observed: Sequence[GlobalResource], rules: Sequence[GlobalResource]
    ) -> tuple[str, str]:
        """
        The addresses to publish, of IPv4 and IPv6.

        While the wanted one of IPv4 is not known, an earlier one that serves stands for it.
        """
        plot = self.wish.plot(observed)
        known = [plot.literal(each) for each in families(self.wish.front)]
        found = ["" if literal == UNKNOWN_ADDRESS else literal for literal in known]
        before = [str(rule.spec.get("IPAddress")) for rule in rules]
        first = found[0] or next((text for text in before if ":" not in text), "")
        return first, found[1] if len(found) > 1 else ""

    def _rows(
        self, observed: Sequence[GlobalResource], fanned: FanoutReport
    ) -> dict[str, dict[str, Any]]:
        """Endpoints and healthy ones per member, over all backend services."""
        project = self.wish.project
        cluster_of = {groups.of_row(row, project)[0].path: row["cluster"] for row in fanned.negs}
        rows: dict[str, dict[str, Any]] = {}
        for found in self.health.rows(observed):
            cluster = cluster_of.get(found.neg.path)
            if cluster is None:
                continue
            row = rows.setdefault(cluster, {"endpoints": 0, "healthy": 0, "attached": True})
            row["endpoints"] += found.endpoints
            row["healthy"] += found.healthy
        specs = [item.spec for item in observed if item.kind is Kind.BACKEND_SERVICE]
        for cluster, scaler in groups.capacities(specs, cluster_of).items():
            row = rows.setdefault(cluster, {"endpoints": 0, "healthy": 0, "attached": True})
            row["capacity"] = scaler
        for cluster, (reason, message) in self.missing.items():
            row = rows.setdefault(cluster, {"endpoints": 0, "healthy": 0, "attached": False})
            row |= {"reason": reason, "message": message}
        return {name: rows[name] for name in sorted(rows)}

    def _missed(self) -> list[groups.Problem]:
        return [(why, f"{name}: {text}") for name, (why, text) in self.missing.items()]

    def _healthy(
        self, paths: Collection[str], observed: Sequence[GlobalResource]
    ) -> Collection[str]:
        """Who of *paths* can answer; who takes over from another mode, once all members can."""
        found = self.health.members([item for item in observed if item.path in paths])
        awaited = {path: self._taking_over[path] for path in found if path in self._taking_over}
        alone = {path for path in found if found[path] and path not in awaited}
        return alone | mode_changes.ready(awaited, found)

    def _stuck(self, observed: Sequence[GlobalResource]) -> frozenset[str]:
        """Who cannot take over at all yet, however long that was waited for."""
        paths = self._taking_over.keys()
        found = self.health.members([item for item in observed if item.path in paths])
        frozen = mode_changes.frozen(self.wish, observed)
        return frozenset(path for path in paths if path in frozen or not found.get(path))
