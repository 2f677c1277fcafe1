"""The global load balancer's control plane."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from fedingress.domain.graph import GlobalResource, GroupRef, Kind, NegRef
from fedingress.ports.guard import Guard

HTTPS_PROXY_FIELDS: Final = ("sslPolicy", "certificateMap", "sslCertificates", "urlMap")
"""A certificate map comes before the certificates that it replaces go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A change that the cloud has accepted and still works on."""

    project: str
    name: str
    label: str
    zone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupHealth:
    """Endpoints of one NEG, or nodes of one instance group, within one backend service."""

    neg: GroupRef
    endpoints: int
    healthy: int


class LoadBalancers(Protocol):
    """
    GCE's global resources, and the instance groups that they lead to.

    Every method may raise `Unavailable`, `Forbidden` (403, with what to grant or which quota to
    raise) or `Invalid` (400, the cloud's words).

    Safe to call from many threads. Each call ends within `call_timeout_seconds`.
    """

    call_timeout_seconds: float

    def observe(self, project: str, kinds: Sequence[Kind], prefix: str) -> Sequence[GlobalResource]:
        """
        All resources of *kinds* whose name begins with *prefix*, ours or not, canonical.

        Instance groups are those of all zones; nothing but their named ports is told of them.
        """
        ...

    def create(self, desired: GlobalResource, guard: Guard) -> Operation | None:
        """
        Insert with a request id derived from the resource's mark, name and spec.

        A backend service cannot be born with a `securityPolicy`.

        Raises:
            Conflict: The name is taken.
        """
        ...

    def update(
        self, observed: GlobalResource, desired: GlobalResource, guard: Guard
    ) -> Operation | None:
        """
        Make *observed* as *desired*, guarded by its fingerprint where the kind has one.

        A target HTTPS proxy is written field by field: one call changes the first that differs, in
        the order of `HTTPS_PROXY_FIELDS`; observe and plan again for the next.

        The `securityPolicy` of a backend service has a call of its own as well, which comes after
        all other fields.

        Fields that the spec of *desired* does not name are left as they are. Of an instance group
        only the named ports can be written, all of them at once; it is neither made nor deleted.

        Raises:
            Conflict: The fingerprint is stale.
            Unsupported: The kind cannot be updated in that field.
        """
        ...

    def delete(self, observed: GlobalResource, guard: Guard) -> Operation | None:
        """Delete after re-reading its mark and id; gone already is no error (None)."""
        ...

    def wait(
        self, operations: Sequence[Operation], *, seconds: float
    ) -> tuple[Sequence[Operation], Sequence[str]]:
        """
        Wait for all, in parallel, at most *seconds*.

        Returns:
            The operations still pending, and one sentence per operation that ended in an error.
        """
        ...

    def groups(self, project: str, prefix: str) -> Sequence[NegRef]:
        """The NEGs of *project*, in any zone, whose name begins with *prefix*; sorted."""
        ...

    def health(self, service: GlobalResource, negs: Sequence[GroupRef]) -> Sequence[GroupHealth]:
        """
        The health of each group's endpoints as the load balancer's probes see it.

        A group that the load balancer does not know is left out: unknown stays unknown.
        """
        ...
