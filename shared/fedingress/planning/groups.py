"""The endpoint groups behind a backend service: which can be attached, and as what."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fedingress.domain.graph import GroupRef, InstanceGroupRef, NegRef, port_name
from fedingress.domain.ingress import ServiceBackend
from fedingress.domain.probe import Probe

Problem = tuple[str, str]
"""A reason and a sentence."""
_INSTANCES = "instanceGroups"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """
    One NEG or instance group and the Service port it serves, in *cluster*.

    neg: where it stands.   node_port: of an instance group; 0 for a NEG.
    protocol: what the member's Service says that its pods speak; empty when it cannot be read.
    probe: the readiness probe of its pods; None when none of them was ever read.
    """

    cluster: str
    backend: ServiceBackend
    neg: GroupRef
    protocol: str = ""
    probe: Probe | None = None
    node_port: int = 0

    @property
    def use(self) -> str:
        """As `use_of` calls a backend that refers to this group."""
        return use_of({"group": self.neg.path}, port_name(self.node_port))


def use_of(entry: Mapping[str, Any], port: str = "") -> str:
    """
    What a backend of a backend service uses in a member: the name of its NEG, or `ZONE/GROUP/PORT`.

    An instance group serves every Service of its cluster, so only a port of it is somebody's.

    Args:
        entry: The backend.
        port: The `portName` of the backend service.
    """
    words = str(entry.get("group", "")).split("/")
    return "/".join((words[3], words[5], port)) if _INSTANCES in words else words[-1]


def uses_of(spec: Mapping[str, Any]) -> frozenset[str]:
    """What all backends of a backend service use."""
    port = str(spec.get("portName", ""))
    return frozenset(use_of(entry, port) for entry in spec.get("backends") or ())


def ports_of(uses: Iterable[str]) -> frozenset[int]:
    """The node ports among *uses*."""
    words = (use.rpartition("/port") for use in uses)
    return frozenset(int(number) for _, slash, number in words if slash and number.isdecimal())


def of_row(row: Mapping[str, str], project: str) -> tuple[GroupRef, int]:
    """
    The group of a row of fan-out's report, and its node port; 0 for a NEG.

    A profile may leave its project out; then the member is in *project*, the policy's.
    """
    place = {"project": row["project"] or project, "zone": row["zone"], "name": row["name"]}
    if number := row.get("node_port"):
        return InstanceGroupRef(**place), int(number)
    return NegRef(**place), 0


def row_use(row: Mapping[str, str]) -> str:
    """As `use_of` calls a backend that refers to the group of a row of fan-out's report."""
    number = row.get("node_port")
    return "/".join((row["zone"], row["name"], f"port{number}")) if number else row["name"]


def missing(groups: Iterable[Group], standing: Collection[str]) -> dict[str, Problem]:
    """
    Why members' groups cannot be attached, by member.

    GCE refuses a backend service as a whole for one group that it does not find, so such groups
    must be left out or they would harm the others.

    Args:
        groups: As the members report them.
        standing: Paths of the groups that stand in the load balancer's project.
    """
    groups = tuple(groups)
    found = {group.cluster for group in groups if group.neg.path in standing}
    lost: dict[str, list[GroupRef]] = {}
    for group in groups:
        if group.neg.path not in standing:
            lost.setdefault(group.cluster, []).append(group.neg)
    return {cluster: _why(negs, known=cluster in found) for cluster, negs in sorted(lost.items())}


def _why(refs: Iterable[GroupRef], *, known: bool) -> Problem:
    negs = sorted(refs, key=lambda ref: ref.path)
    kind = "instance group" if isinstance(negs[0], InstanceGroupRef) else "endpoint group"
    project, zones = negs[0].project, ", ".join(sorted({neg.zone for neg in negs}))
    if known:
        names = ", ".join(sorted({neg.name for neg in negs}))
        return "GroupMissing", f"project {project} has no {kind} {names} in {zones}"
    text = (
        f"project {project}, where the load balancer stands, has none of its {kind}s in "
        f"{zones}; set fedingress.dev/project of its ClusterProfile to the project of the cluster"
    )
    return "ProjectMismatch", text


def drained(
    groups: Iterable[Group], wanted: Collection[str], frozen: Iterable[Mapping[str, Any]]
) -> frozenset[str]:
    """
    The members whose groups in one backend service get a capacity of 0.

    Nobody is drained where nobody would be left: the load balancer would answer 503, and GCE
    refuses a capacity of 0 for a lone backend.

    Args:
        groups: All of the backend service.
        wanted: Members that shall get no new requests.
        frozen: Backends that stay as they are observed; those of *groups* do not, if drained.
    """
    groups = tuple(groups)
    known = {group.neg.path for group in groups}
    others = (entry for entry in frozen if entry.get("group") not in known)
    left = any(group.cluster not in wanted for group in groups)
    left = left or any(entry.get("capacityScaler", 1) != 0 for entry in others)
    return frozenset(wanted) if left else frozenset()


def undrained(groups: Iterable[Group], wanted: Collection[str]) -> tuple[Problem, ...]:
    """Say which Service ports keep their members although all of them shall be drained."""
    by_port: dict[ServiceBackend, set[str]] = {}
    for group in groups:
        by_port.setdefault(group.backend, set()).add(group.cluster)
    alone = {port: members for port, members in by_port.items() if members <= set(wanted)}
    return tuple(
        ("DrainRefused", f"{port.service}:{port.port} keeps its last members, {', '.join(names)}")
        for port, names in sorted((port, sorted(members)) for port, members in alone.items())
    )


def capacities(
    services: Iterable[Mapping[str, Any]], cluster_of: Mapping[str, str]
) -> dict[str, float]:
    """
    The least capacityScaler of each member's groups in observed backend services.

    Args:
        services: The specs.
        cluster_of: The member behind the path of a group.
    """
    found: dict[str, float] = {}
    for spec in services:
        for entry in spec.get("backends") or ():
            cluster = cluster_of.get(str(entry.get("group", "")))
            if cluster is not None:
                scaler = float(entry.get("capacityScaler", 1))
                found[cluster] = min(scaler, found.get(cluster, 1.0))
    return {cluster: found[cluster] for cluster in sorted(found)}
