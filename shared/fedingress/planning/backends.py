"""The GCE graph of one Ingress, as data, and the plan that brings it about."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from fedingress.domain import names
from fedingress.domain.change import Change, Create, Delete, Plan, Update
from fedingress.domain.front import Front
from fedingress.domain.graph import GlobalResource, Kind, Mark, port_name
from fedingress.domain.ingress import Ingress, ServiceBackend
from fedingress.domain.policy import INSTANCE_GROUP, BackendPolicy
from fedingress.planning import (
    addresses,
    adoption,
    armor,
    balancing,
    capacity,
    frontends,
    groups,
    health_checks,
    options,
    protocols,
)
from fedingress.planning.addresses import families
from fedingress.planning.adoption import ours
from fedingress.planning.balancing import ModeChange, Service
from fedingress.planning.certificates import Problem
from fedingress.planning.diff import differing
from fedingress.planning.frontends import Plot
from fedingress.planning.groups import Group, use_of
from fedingress.planning.health_checks import Question
from fedingress.planning.stranding import HELD, stranded, would_empty

_OTHERS: Final = frozenset({Kind.FIREWALL, Kind.SECURITY_POLICY, Kind.INSTANCE_GROUP})
KINDS: Final = tuple(kind for kind in Kind if kind not in _OTHERS)
"""The kinds of which a graph has resources of its own."""


def prefix(uid: str) -> str:
    """Every name of one Ingress's graph begins so; ownership is the mark all the same."""
    return f"fedingress-{names.short_hash(uid)}-"


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphWish:
    """
    Everything that the graph of one Ingress follows from.

    ingress: limited to the hosts it may use, and with a backend at least.
    groups: the NEGs or instance groups to attach.   frozen: what members use that cannot be read
        now, as `groups.use_of` says it; a backend that is observed to use it stays as it is.
    unknown: whether there are members that cannot be read, and whose groups nobody remembers; then
        backends whose groups nobody else has stay as well.
    serving: members that are known to serve, where that was asked.
    bound: members whose instance groups others hold in another balancing mode, and who, likewise.
    drained: members that shall get no new requests.
    preferred: members that are filled before the others.
    steps, rising: how members come up to their capacity, and which may go one step up now.
    front: how clients reach it.
    consents: words by which somebody lets us take over what stands under our names.
    """

    project: str
    mark: Mark
    ingress: Ingress
    policy: BackendPolicy
    groups: tuple[Group, ...]
    frozen: frozenset[str] = frozenset()
    drained: frozenset[str] = frozenset()
    preferred: frozenset[str] = frozenset()
    steps: tuple[float, ...] = ()
    rising: frozenset[str] = frozenset()
    front: Front = Front()
    unknown: bool = False
    serving: frozenset[str] = frozenset()
    bound: Mapping[str, str] = field(default_factory=dict)
    consents: frozenset[str] = frozenset()

    def resource(self, kind: Kind, name: str, spec: Mapping[str, Any]) -> GlobalResource:
        """A resource of this graph; *name* is the last part of its name."""
        whole = prefix(self.mark.uid) + name
        return GlobalResource(
            kind=kind, project=self.project, name=whole, spec=spec, mark=self.mark
        )

    def service_path(self, backend: ServiceBackend) -> str:
        """The path of the backend service of one Service port."""
        return self.resource(Kind.BACKEND_SERVICE, f"bs-{self.short(backend)}", {}).path

    def twin_path(self, backend: ServiceBackend) -> str:
        """The path of the backend service that it had, or would have, in the other mode."""
        mode = "neg" if self.policy.grouped else INSTANCE_GROUP
        other = replace(self, policy=replace(self.policy, mode=mode))
        return other.service_path(backend)

    def short(self, backend: ServiceBackend) -> str:
        """Names backend service and health check; another mode is another backend service."""
        mode = (INSTANCE_GROUP,) if self.policy.grouped else ()
        return names.short_hash(backend.service, backend.port, *mode)

    def own(self, backend: ServiceBackend) -> list[Group]:
        """The groups of one backend service; nodes are reached by one port, that of most."""
        found = [group for group in self.groups if group.backend == backend]
        number = _most(group.node_port for group in found)
        return [group for group in found if group.node_port == number]

    def plot(self, observed: Sequence[GlobalResource]) -> Plot:
        """The front half of this graph."""
        return Plot(front=self.front, make=self.resource, ingress=self.ingress, observed=observed)


def desired(wish: GraphWish, observed: Sequence[GlobalResource]) -> tuple[GlobalResource, ...]:
    """The whole graph, in order of creation."""
    have = {item.path: item for item in observed}
    make = wish.resource
    made: list[GlobalResource] = []
    services: dict[ServiceBackend, str] = {}
    change = changing(wish, observed)
    for backend in wish.ingress.backends:
        before = have.get(wish.service_path(backend))
        protocol = _protocol(wish, backend, before)
        check = _health_check(wish, backend, protocol, observed)
        spec = _backend_service(wish, backend, check.path, before, change)
        spec["protocol"] = protocol
        service = make(Kind.BACKEND_SERVICE, f"bs-{wish.short(backend)}", spec)
        service = armor.armed(service, before, wish.policy.options.security_policy, observed)
        services[backend] = service.path
        made += [check, service]
    made += frontends.desired(wish.plot(observed), services)
    return tuple(sorted(made, key=lambda item: (item.kind.stage, item.label)))


def adopted(wish: GraphWish) -> tuple[tuple[Kind, str], ...]:
    """What others keep and this graph refers to by name."""
    found = [(Kind.SSL_CERTIFICATE, name) for name in wish.front.pre_shared]
    found += [(Kind.ADDRESS, each.adopted) for each in families(wish.front) if each.adopted]
    if name := wish.policy.options.security_policy:
        found.append((Kind.SECURITY_POLICY, name))
    return tuple(found)


def earlier(wish: GraphWish, observed: Sequence[GlobalResource]) -> tuple[GlobalResource, ...]:
    """Forwarding rules of this graph at addresses that it shall not have any more."""
    return addresses.earlier(observed, wish.mark, wish.plot(observed).literals())


def problems(wish: GraphWish, observed: Sequence[GlobalResource]) -> tuple[Problem, ...]:
    """What of the wish cannot be fulfilled although the graph stands: (reason, sentence)."""
    return (
        *groups.undrained(wish.groups, wish.drained),
        *protocols.disagreements(wish.policy.options.protocol, wish.groups),
        *_disagreements(wish, observed),
        *armor.problem(wish.project, wish.policy.options.security_policy, observed),
        *adoption.problems(desired(wish, observed), observed, wish.mark, wish.consents),
        *frontends.problems(wish.plot(observed)),
        *balancing.told(changing(wish, observed), balancing.measure(wish.policy)["balancingMode"]),
    )


def changing(wish: GraphWish, observed: Sequence[GlobalResource]) -> ModeChange:
    """Where a change of the balancing mode of instance groups stands."""
    if not wish.policy.grouped:
        return ModeChange()
    have = {item.path: item.spec for item in observed}
    services = [
        Service(own=wish.own(each), observed=_entries(have.get(wish.service_path(each), {})))
        for each in wish.ingress.backends
    ]
    wanted = balancing.measure(wish.policy)["balancingMode"]
    return balancing.change(services, wanted, wish.serving, wish.bound)


def _entries(spec: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return spec.get("backends") or ()


def _most(numbers: Iterable[int]) -> int:
    """The number that stands most often, then the least; 0 for none."""
    found = Counter(numbers)
    return min(found, key=lambda number: (-found[number], number), default=0)


def _disagreements(wish: GraphWish, observed: Sequence[GlobalResource]) -> Iterator[Problem]:
    """The Service ports whose members do not probe alike."""
    have = {item.path: item for item in observed}
    for backend in wish.ingress.backends:
        protocol = _protocol(wish, backend, have.get(wish.service_path(backend)))
        question = _question(wish, backend, protocol, observed)
        if found := health_checks.disagreement(question, backend):
            yield found


def _protocol(wish: GraphWish, backend: ServiceBackend, before: GlobalResource | None) -> str:
    own = wish.own(backend)
    observed = str(before.spec.get("protocol", "")) if before else ""
    return protocols.decide(wish.policy.options.protocol, own, observed)


def _health_check(
    wish: GraphWish, backend: ServiceBackend, protocol: str, observed: Sequence[GlobalResource]
) -> GlobalResource:
    question = _question(wish, backend, protocol, observed)
    spec = health_checks.decide(question, silent=bool(wish.frozen))
    return wish.resource(Kind.HEALTH_CHECK, _check_name(wish, backend, protocol), spec)


def _question(
    wish: GraphWish, backend: ServiceBackend, protocol: str, observed: Sequence[GlobalResource]
) -> Question:
    path = wish.resource(Kind.HEALTH_CHECK, _check_name(wish, backend, protocol), {}).path
    standing = next((item.spec for item in observed if item.path == path), {})
    own = tuple(wish.own(backend))
    return Question(
        policy=wish.policy.health_check,
        own=own,
        protocol=protocol,
        standing=standing,
        grouped=wish.policy.grouped,
        node_port=_most(group.node_port for group in own),
    )


def _check_name(wish: GraphWish, backend: ServiceBackend, protocol: str) -> str:
    """Another protocol is another check, so that service and check change in the same call."""
    short = wish.short(backend)
    return f"hc-{short}" + ("" if protocol == protocols.DEFAULT else f"-{protocol.lower()}")


def _backend_service(
    wish: GraphWish,
    backend: ServiceBackend,
    check: str,
    before: GlobalResource | None,
    change: ModeChange,
) -> dict[str, Any]:
    own, spec = wish.own(backend), before.spec if before else {}
    observed, port = _entries(spec), str(spec.get("portName", ""))
    known_paths = {group.neg.path for group in wish.groups}
    frozen = [
        dict(kept)
        for kept in observed
        if use_of(kept, port) in wish.frozen
        or (wish.unknown and kept.get("group") not in known_paths)
    ]
    taken = capacity.Capacity(
        own=own,
        observed=observed,
        steps=wish.steps,
        drained=groups.drained(own, wish.drained, frozen),
        rising=wish.rising,
    )
    known = capacity.by_group(observed)
    entries = {str(kept["group"]): kept for kept in frozen}
    for group in own:
        if group.cluster == change.detached:
            entries.pop(group.neg.path, None)
            continue
        entries[group.neg.path] = {
            "group": group.neg.path,
            **change.kept.get(group.cluster, balancing.measure(wish.policy)),
            "capacityScaler": taken.scaler(group.cluster),
            **capacity.preference(
                preferred=group.cluster in wish.preferred, before=known.get(group.neg.path)
            ),
        }
    return {
        "loadBalancingScheme": "EXTERNAL_MANAGED",
        "timeoutSec": wish.policy.timeout_seconds,
        "connectionDraining": {"drainingTimeoutSec": wish.policy.draining_seconds},
        "healthChecks": [check],
        "backends": [entries[group] for group in sorted(entries)],
        **({"portName": port_name(number)} if (number := _most(g.node_port for g in own)) else {}),
        **options.fields(wish.policy.options),
    }


def attached(observed: Sequence[GlobalResource]) -> frozenset[str]:
    """What all observed backend services use in members, as `groups.use_of` says it."""
    services = (item.spec for item in observed if item.kind is Kind.BACKEND_SERVICE)
    return frozenset(use for spec in services for use in groups.uses_of(spec))


def standing(observed: Sequence[GlobalResource]) -> frozenset[str]:
    """Paths of all groups that some observed backend service refers to: those stand."""
    return frozenset(
        str(entry["group"])
        for item in observed
        if item.kind is Kind.BACKEND_SERVICE
        for entry in item.spec.get("backends") or ()
    )


def plan(
    wanted: Sequence[GlobalResource],
    observed: Sequence[GlobalResource],
    mark: Mark,
    *,
    stay: Sequence[GlobalResource] = (),
    security_policy: str = "",
    consents: Collection[str] = (),
) -> Plan[GlobalResource]:
    """
    The changes from *observed* to *wanted*: by stage upwards, then deletes downwards.

    A resource under our name without our mark is held, and touched only with *consents*; nothing
    new is led to a backend service that is not ours. A backend service that has
    backends never loses the last one here, nor do all of them together; only the deletion of the
    Ingress takes them away.
    Forwarding rules that *stay* keep their addresses and everything that they lead to, backend
    services their health checks. While a backend service lacks the *security_policy* that all of
    them shall have, nothing is changed that leads requests to it.
    """
    have = {(item.kind, item.name): item for item in observed}
    names_wanted = {(item.kind, item.name) for item in wanted}
    changes: list[Change[GlobalResource]] = []
    held: list[str] = []
    for item in wanted:
        found = have.get((item.kind, item.name))
        if found is None:
            changes.append(Create(desired=item, why="is missing"))
        elif not ours(found, mark):
            if change := adoption.adopted(found, item, consents):
                changes.append(change)
            else:
                held.append(adoption.refusal(found, item))
        elif fields := _fields(found, item):
            if would_empty(found, item):
                held.append(f"{item.label} would lose its last backend; it keeps what it has")
                continue
            why = "differs in " + ", ".join(fields)
            changes.append(Update(observed=found, desired=item, fields=fields, why=why))
    bare = armor.bare(wanted, observed, security_policy)
    if bare or _leads_to_others(wanted, observed, mark):
        return _unled(changes, held, bare)
    kept = addresses.behind(stay, observed)
    if stranded(wanted, [item for item in observed if ours(item, mark)], kept):
        return Plan(held=(*held, HELD))
    surplus = [
        item
        for item in observed
        if (item.kind, item.name) not in names_wanted and ours(item, mark) and item.path not in kept
    ]
    surplus.sort(key=lambda item: (-item.kind.stage, item.label))
    changes += [Delete(observed=item, why="nothing needs it any more") for item in surplus]
    return Plan(changes=tuple(changes), held=tuple(held))


def _fields(found: GlobalResource, item: GlobalResource) -> tuple[str, ...]:
    """What differs; of the mark, only what it says besides whose the resource is."""
    fields = differing(found.spec, item.spec)
    known = found.mark.security_policy if found.mark else ""
    meant = item.mark.security_policy if item.mark else ""
    return fields if known == meant else (*fields, "description")


def _leads_to_others(
    wanted: Sequence[GlobalResource], observed: Sequence[GlobalResource], mark: Mark
) -> bool:
    pairs = adoption.foreign(wanted, observed, mark)
    return any(found.kind is Kind.BACKEND_SERVICE for found, _ in pairs)


def _unled(
    changes: Sequence[Change[GlobalResource]], held: Sequence[str], bare: Sequence[str]
) -> Plan[GlobalResource]:
    """The part of a plan that leads no request to backend services that are *bare*."""
    early = [
        change
        for change in changes
        if not isinstance(change, Delete) and change.desired.kind.stage < Kind.URL_MAP.stage
    ]
    if early or not changes:
        return Plan(changes=tuple(early), held=tuple(held))
    sentences = (f"{label} gets no requests before it has its security policy" for label in bare)
    return Plan(held=(*held, *sentences))


def stages(plan_: Plan[GlobalResource]) -> list[list[Change[GlobalResource]]]:
    """The plan's changes in groups that may be carried out side by side."""
    groups: list[list[Change[GlobalResource]]] = []
    last: tuple[bool, int] | None = None
    for change in plan_.changes:
        gone = isinstance(change, Delete)
        item = change.observed if isinstance(change, Delete) else change.desired
        here = (gone, item.kind.stage)
        if here != last:
            groups.append([])
            last = here
        groups[-1].append(change)
    return groups
