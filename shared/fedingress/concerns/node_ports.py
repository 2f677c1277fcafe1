"""The node ports of one Ingress during one pass of fan-out: look at all members, then choose."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fedingress.concerns.visit import Visit
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.errors import FederationError
from fedingress.domain.ingress import ServiceBackend
from fedingress.domain.member import SERVICE
from fedingress.domain.policy import INSTANCE_GROUP
from fedingress.domain.report import FanoutReport
from fedingress.planning import groups, node_ports
from fedingress.planning.companions import Owner, companion_name
from fedingress.planning.node_ports import MemberPorts, Question
from fedingress.ports import Ports

Found = dict[ServiceBackend, dict[str, int]]
"""Node ports by Service port and member."""


@dataclass(slots=True, kw_only=True)
class Reach:
    """
    How nodes of the members are reached.

    own: whether by the ports of users' Services.
    found: what members have.   unread: members that could not be asked, and why.
    serving, known: ports that requests go to, and whether that is known.
    refused: ports that members said are taken.
    """

    owner: Owner
    backends: tuple[ServiceBackend, ...]
    own: bool
    found: Found
    unread: Mapping[str, str]
    serving: frozenset[int]
    known: bool
    refused: dict[ServiceBackend, dict[str, set[int]]] = field(default_factory=dict)

    def of(self, cluster: str) -> MemberPorts:
        """Through which ports *cluster* is reached."""
        numbers: dict[ServiceBackend, int] = {}
        problems: dict[ServiceBackend, groups.Problem] = {}
        for backend in self.backends:
            answer = self._own(backend, cluster) if self.own else self._chosen(backend, cluster)
            if isinstance(answer, int):
                numbers[backend] = answer
            else:
                problems[backend] = answer
        return MemberPorts(numbers=numbers, problems=problems, own=self.own)

    def learn(self, visits: Mapping[str, Visit | FederationError]) -> bool:
        """Take note of ports that members refused in *visits*; whether there was any."""
        names = {companion_name(self.owner.uid, b, INSTANCE_GROUP): b for b in self.backends}
        news = False
        for cluster, visit in visits.items():
            item = visit.refused if isinstance(visit, Visit) else None
            backend = names.get(item.ref.name) if item else None
            if item and backend:
                taken = self.refused.setdefault(backend, {}).setdefault(cluster, set())
                taken.add(node_ports.first_of(item.manifest))
                news = True
        return news

    def _chosen(self, backend: ServiceBackend, cluster: str) -> int | groups.Problem:
        question = self._question(backend)
        port = node_ports.choose(question)
        return node_ports.refusal(question, port, cluster) or port

    def _own(self, backend: ServiceBackend, cluster: str) -> int | groups.Problem:
        if cluster in self.unread:
            return "NodePortUnread", f"its Services cannot be read: {self.unread[cluster]}"
        return node_ports.own(self._question(backend), self.owner.key, cluster)

    def _question(self, backend: ServiceBackend) -> Question:
        return Question(
            uid=self.owner.uid,
            backend=backend,
            held=self.found.get(backend, {}),
            serving=self.serving,
            refused=self.refused.get(backend, {}),
            known=self.known,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What earlier passes left: what requests use in members, if known, and the last report."""

    in_use: frozenset[str] | None
    previous: FanoutReport | None


def look(
    members: Iterable[MemberCluster],
    owner: Owner,
    backends: tuple[ServiceBackend, ...],
    known: Known,
    ports: Ports,
    *,
    own: bool,
) -> Reach:
    """Ask every member for the Services in the source's namespace."""
    by_name = {member.name: member for member in members}
    answers = ports.parallel.each(
        by_name,
        lambda name: ports.clusters.list(by_name[name], SERVICE, owner.key.namespace),
    )
    rows = known.previous.negs if known.previous else ()
    found = _remembered(rows, backends)
    unread = {}
    for cluster, listed in answers.items():
        if isinstance(listed, FederationError):
            unread[cluster] = str(listed)[:256]
            continue
        services = {item.ref.name: item.manifest for item in listed}
        for backend in backends:
            name = backend.service if own else companion_name(owner.uid, backend, INSTANCE_GROUP)
            service = services.get(name, {})
            number = node_ports.of(service, backend) if own else node_ports.first_of(service)
            found.setdefault(backend, {})[cluster] = number
    last = frozenset(int(row["node_port"]) for row in rows if row.get("node_port"))
    return Reach(
        owner=owner,
        backends=backends,
        own=own,
        found=found,
        unread=unread,
        serving=last if known.in_use is None else groups.ports_of(known.in_use),
        known=known.in_use is not None or known.previous is not None,
    )


def _remembered(rows: Iterable[Mapping[str, str]], backends: Iterable[ServiceBackend]) -> Found:
    """What members had when they last could be asked."""
    by_port = {(each.service, each.port): each for each in backends}
    found: Found = {}
    for row in rows:
        backend = by_port.get((row["service"], row["port"]))
        if backend and row.get("node_port"):
            found.setdefault(backend, {})[row["cluster"]] = int(row["node_port"])
    return found
