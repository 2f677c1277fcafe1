"""The endpoint groups behind a backend service: which can be attached, and as what."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fedingress.domain.graph import NegRef
from fedingress.domain.ingress import ServiceBackend
from fedingress.domain.probe import Probe

Problem = tuple[str, str]
"""A reason and a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """
    One NEG and the Service port it serves, in *cluster*.

    protocol: what the member's Service says that its pods speak; empty when it cannot be read.
    probe: the readiness probe of its pods; None when none of them was ever read.
    """

    cluster: str
    backend: ServiceBackend
    neg: NegRef
    protocol: str = ""
    probe: Probe | None = None


def neg_of(entry: Mapping[str, Any]) -> str:
    """The name of the NEG that a backend of a backend service refers to."""
    return str(entry.get("group", "")).rpartition("/")[2]


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
    lost: dict[str, list[NegRef]] = {}
    for group in groups:
        if group.neg.path not in standing:
            lost.setdefault(group.cluster, []).append(group.neg)
    return {cluster: _why(negs, known=cluster in found) for cluster, negs in sorted(lost.items())}


def _why(negs: Iterable[NegRef], *, known: bool) -> Problem:
    negs = sorted(negs)
    project, zones = negs[0].project, ", ".join(sorted({neg.zone for neg in negs}))
    if known:
        names = ", ".join(sorted({neg.name for neg in negs}))
        return "GroupMissing", f"project {project} has no endpoint group {names} in {zones}"
    text = (
        f"project {project}, where the load balancer stands, has none of its endpoint groups in "
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
        frozen: Backends that stay as they are observed.
    """
    left = any(group.cluster not in wanted for group in groups)
    left = left or any(entry.get("capacityScaler", 1) != 0 for entry in frozen)
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
        cluster_of: The member behind the name of a NEG.
    """
    found: dict[str, float] = {}
    for spec in services:
        for entry in spec.get("backends") or ():
            cluster = cluster_of.get(neg_of(entry))
            if cluster is not None:
                scaler = float(entry.get("capacityScaler", 1))
                found[cluster] = min(scaler, found.get(cluster, 1.0))
    return {cluster: found[cluster] for cluster in sorted(found)}
