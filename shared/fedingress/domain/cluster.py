"""Member clusters, as their ClusterProfiles describe them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class EksCluster:
    """
    What a token for an EKS cluster is made of.

    name: of the cluster in EKS, which may differ from the member's.   region: where it is.
    role: ARN of the IAM role to take on first; empty stays with our own identity.
    """

    name: str
    region: str
    role: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """
    How to reach a member's API server.

    provider: `gke`, `eks` or `fedingress-token`.
    server: an https URL. ca_data: PEM; empty means publicly trusted.
    token_secret: where the token is (`fedingress-token` only): `namespace/name` of the Secret
        beside the profile, `projects/P/secrets/S/versions/V` of Secret Manager, or the ARN of a
        secret in Secrets Manager.
    eks: given with `eks`, and only then.
    """

    provider: str
    server: str
    ca_data: str = field(default="", repr=False)
    token_secret: str = ""
    eks: EksCluster | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberCluster:
    """
    One member. Everything but *name* and *access* may be empty when the profile does not say.

    provider: `gcp`, `aws` or `onprem`.   zones: where its nodes are.   project: the GCP project.
    healthy: the ControlPlaneHealthy condition; None when the profile has none.
    leaving: the operator asked it to leave; it is emptied.
    drained: it gets no new requests, and keeps what it holds.
    node_tags: network tags that every node of it has, in GCE.
    uid: of its kube-system namespace, the same for the same cluster under any name.
    capacity: what it can take, in a unit common to all members; None counts its endpoints.
    """

    name: str
    access: Access | None
    provider: str = ""
    region: str = ""
    zones: tuple[str, ...] = ()
    project: str = ""
    account: str = ""
    network: str = ""
    node_tags: tuple[str, ...] = ()
    uid: str = ""
    healthy: bool | None = None
    leaving: bool = False
    drained: bool = False
    capacity: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All members, by name, and what could not be decoded (those members are frozen, not gone)."""

    members: tuple[MemberCluster, ...]
    faults: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    def named(self, name: str) -> MemberCluster | None:
        """The member of that name."""
        return next((member for member in self.members if member.name == name), None)
