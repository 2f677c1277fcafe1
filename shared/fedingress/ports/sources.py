"""What users wrote: Ingresses, policies and members, from a config cluster or a directory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from fedingress.domain.certificate import KeyPair
from fedingress.domain.cluster import Inventory
from fedingress.domain.ingress import IngressKey, Source
from fedingress.domain.policy import FederationPolicy
from fedingress.domain.publisher import Publishers


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyAnswer:
    """
    federated: whether the class is one of ours; an Ingress of another class is not our business.
    policy: None when *faults* says why.
    """

    federated: bool
    policy: FederationPolicy | None = None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusWrite:
    """
    What `status` writes on a source, and only what it owns.

    addresses: `status.loadBalancer.ingress[]`, each as `ip` or, where it is a name, `hostname`.
    annotations: ours only; a None value removes.
    """

    addresses: tuple[str, ...]
    annotations: Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A Kubernetes Event on a source. *type* is Normal or Warning, *reason* CamelCase."""

    type: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """What a member that could not be reached may still hold of a deleted Ingress."""

    key: IngressKey
    uid: str
    cluster: str
    since: float


class Sources(Protocol):
    """
    Reads are of the present. Every method may raise `Unavailable` or `Forbidden`; a failed read is
    never "nothing there".
    """

    def get(self, key: IngressKey) -> Source | None:
        """The Ingress, decoded as far as it goes; None when it does not exist."""
        ...

    def list(self) -> Sequence[Source]:
        """Every Ingress of a federated class, or that carries a finalizer of ours."""
        ...

    def policy(self, source: Source) -> PolicyAnswer:
        """The class and policy that *source* is under."""
        ...

    def inventory(self) -> Inventory:
        """All members."""
        ...

    def key_pair(self, namespace: str, secret: str) -> KeyPair | None:
        """
        The certificate and key of a Secret; None when there is no such Secret.

        Raises:
            Invalid: The Secret holds no usable pair; every reason, and nothing of the key.
        """
        ...

    def publishers(self) -> Publishers:
        """The public keys of the clusters whose events are taken; asked by the door of fan-out."""
        ...

    def identity(self) -> str:
        """The uid of the config cluster's kube-system; empty for a directory."""
        ...

    def set_finalizers(
        self,
        source: Source,
        finalizers: Sequence[str],
        annotations: Mapping[str, str | None] | None = None,
    ) -> Source:
        """
        Replace the finalizers, and set these annotations (None removes one) in the same write.

        Guarded by the resourceVersion of *source*. Returns the source as written. Removing the last
        finalizer of a deleted source removes it.

        Raises:
            Conflict: The object changed, or is gone.
        """
        ...

    def write_status(self, source: Source, write: StatusWrite) -> None:
        """Write what differs (callers compare first); others' fields stay."""
        ...

    def notify(self, source: Source, notice: Notice) -> None:
        """Record an Event; the same notice twice on one source is recorded once."""
        ...

    def tombstones(self) -> Sequence[Tombstone]:
        """All tombstones."""
        ...

    def put_tombstone(self, tombstone: Tombstone) -> None:
        """Keep it; one per source uid and cluster."""
        ...

    def drop_tombstone(self, tombstone: Tombstone) -> None:
        """Forget it; an absent one is no error."""
        ...
