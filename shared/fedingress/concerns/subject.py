"""Where every concern of one Ingress begins: the source, its policy, and whether it leaves."""

from dataclasses import dataclass

from fedingress.domain import names
from fedingress.domain.footprint import Footprint, of
from fedingress.domain.ingress import IngressKey, Source
from fedingress.domain.policy import FederationPolicy
from fedingress.planning.companions import Owner
from fedingress.ports import Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """
    One source as a concern sees it.

    federated: its class is one of ours.   policy: None when *faults* says why.
    footprint: where things of ours may be; None when nothing was ever made.
    """

    source: Source
    federated: bool
    policy: FederationPolicy | None
    faults: tuple[str, ...]
    footprint: Footprint | None

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return str(self.source.key)

    @property
    def retired(self) -> bool:
        """Whether what we made must go: the source is being deleted, or changed its class."""
        return self.source.deleting or not self.federated

    def holds(self, concern: str) -> bool:
        """Whether the finalizer of *concern* is still on the source."""
        return names.FINALIZERS[concern] in self.source.finalizers

    @property
    def involved(self) -> bool:
        """Whether any finalizer of ours is on the source."""
        return any(self.holds(concern) for concern in names.FINALIZERS)


def subject(unit: str, ports: Ports) -> Subject | None:
    """
    Observe the source that *unit* (`namespace/name`) names; None when it does not exist.

    Raises:
        Unavailable, Forbidden: It cannot be read, which is not the same as gone.
    """
    source = ports.sources.get(IngressKey.parse(unit))
    if source is None:
        return None
    answer = ports.sources.policy(source)
    own = tuple(str(fault) for fault in source.faults)
    return Subject(
        source=source,
        federated=answer.federated,
        policy=answer.policy,
        faults=own + answer.faults,
        footprint=of(source),
    )


def owner_of(source: Source, ports: Ports) -> Owner:
    """What marks objects in members as this source's."""
    return Owner(installation=ports.owner, key=source.key, uid=source.uid)


def release(found: Subject, concern: str, ports: Ports) -> Source:
    """
    Take the finalizer of *concern* off the source.

    Raises:
        Conflict: The source changed; observe again.
    """
    gone = names.FINALIZERS[concern]
    rest = [name for name in found.source.finalizers if name != gone]
    return ports.sources.set_finalizers(found.source, rest)
