"""
The node port of each Service port, one and the same in all members of an Ingress.

Called by fan-out, in mode instance-group. The load balancer knows a port of instance groups by one
name, so members that listen elsewhere would answer nothing. Ports are candidates of a hash: who
forgot everything comes to the same ones.

    what members hold              | requests go there | chosen
    -------------------------------|-------------------|------------------------------------------
    nothing                        |                   | the first candidate that nobody refuses
    a port                         | no                | that of most members that nobody refuses
    a port                         | yes               | that one; who refuses it is left out
    Services of users, equal ports |                   | theirs
    Services of users, others      | to one of them    | that one; the others are left out
    Services of users, others      | no                | none

Source: Kubernetes, "Service", node ports from 30000 to 32767 unless an API server says otherwise;
kubernetes/ingress-gce and k8s-multicluster-ingress for what is said of ports that differ.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from fedingress.domain import names
from fedingress.domain.ingress import IngressKey, Manifest, ServiceBackend
from fedingress.planning.companions import find_port

FIRST: Final = 30000
LAST: Final = 32767
TAKEN: Final = "provided port is already allocated"
"""What an API server says of a node port that another Service has."""
_CANDIDATES: Final = 32

Problem = tuple[str, str]
"""A reason and a sentence."""
Held = Mapping[str, int]
"""Member -> node port of a Service there, 0 for one that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPorts:
    """
    Through which node port each Service port is reached in one member.

    numbers: what its companions shall have, or its users' Services have.
    problems: Service ports that cannot be reached there, and why.
    own: whether these are ports of users' Services, so that there are no companions.
    """

    numbers: Mapping[ServiceBackend, int] = field(default_factory=dict)
    problems: Mapping[ServiceBackend, Problem] = field(default_factory=dict)
    own: bool = False

    def of(self, backend: ServiceBackend) -> int:
        """The node port that the companion of a Service port shall have; 0 for no companion."""
        return 0 if self.own else self.numbers[backend]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    All that the node port of one Service port follows from.

    held: of every member that could be read; without those that have no such Service.
    serving: node ports that requests are sent to, of whatever Service port.
    refused: members that said that a port is taken: member -> those ports.
    known: whether *serving* is; if not, every port that is held may serve.
    """

    uid: str
    backend: ServiceBackend
    held: Held
    serving: Collection[int] = ()
    refused: Mapping[str, Collection[int]] = field(default_factory=dict)
    known: bool = True


def candidates(uid: str, backend: ServiceBackend) -> Iterator[int]:
    """The ports that one Service port of an Ingress may get, in order; without an end repeated."""
    seen: set[int] = set()
    for number in range(_CANDIDATES):
        digest = names.short_hash(uid, backend.service, backend.port, str(number))
        port = FIRST + int(digest, 16) % (LAST - FIRST + 1)
        if port not in seen:
            seen.add(port)
            yield port


def choose(question: Question) -> int:
    """The port that all members shall have, see the table; 0 where every candidate is refused."""
    ranked = _ranked(question.held)
    listed = list(candidates(question.uid, question.backend))
    serving = set(question.serving) if question.known else {*ranked}
    for port in (*ranked, *listed):
        if port in serving:
            return port
    refused = {port for taken in question.refused.values() for port in taken}
    return next((port for port in (*ranked, *listed) if port not in refused), 0)


def _ranked(held: Held) -> list[int]:
    """The ports that stand, those of most members first."""
    found = Counter(port for port in held.values() if port)
    return sorted(found, key=lambda port: (-found[port], port))


def refusal(question: Question, port: int, cluster: str) -> Problem | None:
    """Why *cluster* cannot be reached through *port*, which all members shall have."""
    backend = question.backend
    what = f"{backend.service}:{backend.port}"
    if not port:
        text = f"every node port that {what} may get is taken in some cluster"
        return "NodePortTaken", text
    if port not in question.refused.get(cluster, ()):
        return None
    text = (
        f"node port {port}, on which the other clusters serve {what}, is taken in {cluster}; free "
        f"it there: it comes in by itself then"
    )
    return "NodePortTaken", text


def own(question: Question, key: IngressKey, cluster: str) -> int | Problem:
    """The node port of the users' Service in *cluster*, or why it cannot be reached by it."""
    held, what = question.held, f"'{key.namespace}/{question.backend.service}' Service"
    mine = held.get(cluster, 0)
    if not mine:
        port = f"port {question.backend.port}"
        return "NodePortMissing", f"{port} of the {what} has no node port in '{cluster}'"
    numbers = {port for port in held.values() if port}
    agreed = numbers & set(question.serving)
    if len(numbers) == 1 or agreed == {mine}:
        return mine
    other = min((each, port) for each, port in held.items() if port and port != mine)
    text = (
        f"some instances of the {what} (e.g. in '{other[0]}') are on NodePort {other[1]}, but "
        f"'{cluster}' is on {mine}. All clusters must use same NodePort"
    )
    return "NodePortMismatch", text


def of(service: Manifest, backend: ServiceBackend) -> int:
    """The node port by which *service* serves *backend*; 0 for none."""
    number = (find_port(service, backend) or {}).get("nodePort")
    return number if isinstance(number, int) else 0


def first_of(service: Manifest) -> int:
    """The node port of a companion, which has one port; 0 for none."""
    ports = service.get("spec", {}).get("ports")
    number = ports[0].get("nodePort") if ports else None
    return number if isinstance(number, int) else 0
