"""
From the JSON of a FederationPolicy to the domain's, with defaults.

Called through `planning.decode.classes` for the policy of an Ingress, and by the command line. The
CRD in `infra/kubernetes/crds` refuses the same; a test holds the two together.

Source: compute v1 HealthCheck and BackendService (ranges), dns v1 ManagedZone and
ResourceRecordSet.
"""

from typing import Final

from fedingress.domain.ingress import Fault, Manifest
from fedingress.domain.policy import (
    BackendPolicy,
    DeletionPolicy,
    FederationPolicy,
    Override,
    RolloutPolicy,
    TlsPolicy,
)
from fedingress.planning.decode.amazon import aws
from fedingress.planning.decode.backends import backends
from fedingress.planning.decode.patches import patch
from fedingress.planning.decode.placements import clusters, placement
from fedingress.planning.decode.reading import Cell, kind, named
from fedingress.planning.decode.requirements import selector
from fedingress.planning.decode.rollouts import rollout
from fedingress.planning.decode.tls import tls
from fedingress.planning.decode.words import (
    DNS_1123_SUBDOMAIN,
    PROJECT,
)
from fedingress.planning.decode.zones import dns

TOPOLOGIES: Final = ("gcp", "aws", "via-gcp", "via-aws")
SERVED: Final = ("gcp", "aws")
DELETIONS: Final = ("cascade", "orphan")

_SECONDS: Final = 2**31 - 1
_DAY: Final = 86400
_WEEK: Final = 7 * _DAY
_MOST_OVERRIDES: Final = 50


def policy(manifest: Manifest, where: str = "") -> FederationPolicy | tuple[Fault, ...]:
    """
    Decode a FederationPolicy (fedingress.dev/v1alpha1).

    Args:
        manifest: The object as JSON; nothing of it is trusted.
        where: What to call it in faults; `FederationPolicy name` when empty.

    Returns:
        The policy with every default filled in, or every fault; unknown fields are faults.
    """
    faults: list[Fault] = []
    whole = Cell(
        value=manifest, at="", where=where or named(manifest, "FederationPolicy"), faults=faults
    )
    kind(whole, "fedingress.dev/v1alpha1", "FederationPolicy")
    meta = whole.child("metadata")
    spec = whole.child("spec")
    if not spec.given:
        spec.fault("is required")
    spec.fields(
        *("topology", "project", "placement", "overrides", "backends", "dns", "tls"),
        *("addresses", "rollout", "deletion", "aws"),
    )
    regional = spec.child("topology").value == "aws"
    project = _project(spec.child("project"), needed=not regional)
    decoded = FederationPolicy(
        name=meta.child("name").required(like=DNS_1123_SUBDOMAIN, noun="a DNS-1123 subdomain"),
        topology=_served(spec.child("topology"), TOPOLOGIES, "topology", SERVED),
        project=project,
        placement=placement(spec.child("placement")),
        overrides=tuple(
            _override(cell) for cell in spec.child("overrides").items(most=_MOST_OVERRIDES)
        ),
        backends=backends(spec.child("backends")),
        dns=dns(spec.child("dns"), project=project, regional=regional),
        tls=tls(spec.child("tls")),
        aws=aws(spec.child("aws")),
        ipv6=_ipv6(spec.child("addresses")),
        rollout=rollout(spec.child("rollout")),
        deletion=_deletion(spec.child("deletion")),
        labels=meta.child("labels").texts(),
    )
    _fit(decoded, spec)
    return tuple(faults) or decoded


def _served(
    cell: Cell, known: tuple[str, ...], noun: str, served: tuple[str, ...], default: str = ""
) -> str:
    """One of *known*, of which this version has those in *served*: two different sentences."""
    if not cell.given and not default:
        cell.fault(f"is required: one of {', '.join(known)}")
    found = cell.choice(known, default, noun=noun)
    if found and found not in served:
        verb = "is" if len(served) == 1 else "are"
        has = f"{' and '.join(served)} {verb}"
        cell.fault(f"{noun} {found} is known, but not served by this version; {has}")
    return found


def _project(cell: Cell, *, needed: bool) -> str:
    noun = "the id of a GCP project"
    return cell.required(like=PROJECT, noun=noun) if needed else cell.text(like=PROJECT, noun=noun)


def _fit(decoded: FederationPolicy, spec: Cell) -> None:
    """
    Note what stands there for another topology.

    A server fills in defaults, so in topology `aws` only what differs from them was meant.
    """
    if decoded.topology != "aws":
        if spec.child("aws").given:
            spec.child("aws").fault("is for topology aws")
        return
    for name, differs in (
        ("backends", decoded.backends != BackendPolicy()),
        ("tls", decoded.tls != TlsPolicy()),
        ("addresses", decoded.ipv6),
        ("rollout", decoded.rollout != RolloutPolicy()),
    ):
        if differs:
            spec.child(name).fault(
                "is for topology gcp; members' load balancers are described in spec.aws"
            )


def _ipv6(cell: Cell) -> bool:
    cell.fields("ipv6")
    return cell.child("ipv6").boolean(default=False)


def _override(cell: Cell) -> Override:
    cell.fields("clusters", "clusterSelector", "patch")
    if cell.child("clusters").given == cell.child("clusterSelector").given:
        cell.fault("exactly one of clusters and clusterSelector must be given")
    return Override(
        patch=patch(cell.child("patch")),
        clusters=clusters(cell.child("clusters")),
        selector=selector(cell.child("clusterSelector")),
    )


def _deletion(cell: Cell) -> DeletionPolicy:
    cell.fields("mode", "graceSeconds", "drainSeconds")
    default = DeletionPolicy()
    return DeletionPolicy(
        mode=cell.child("mode").choice(DELETIONS, default.mode, noun="mode"),
        grace_seconds=cell.child("graceSeconds").integer(default.grace_seconds, 0, _WEEK),
        drain_seconds=cell.child("drainSeconds").integer(default.drain_seconds, 0, _DAY),
    )
