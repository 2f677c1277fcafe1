"""The member clusters' API servers."""

from collections.abc import Sequence
from typing import Protocol

from fedingress.domain.cluster import MemberCluster
from fedingress.domain.ingress import Manifest
from fedingress.domain.member import MemberObject
from fedingress.ports.guard import Guard


class MemberClusters(Protocol):
    """
    Reads and server-side applies in members, one call one cluster; safe to call from many threads.

    Every method may raise `Unavailable` (down, slow, 5xx, 429) or `Forbidden` (401, 403; the text
    names the member and what to grant). Each call ends within `call_timeout_seconds`.
    """

    call_timeout_seconds: float

    def list(self, cluster: MemberCluster, kind: str, namespace: str) -> Sequence[MemberObject]:
        """
        Every object of *kind* in *namespace*, in all where that is empty.

        A namespace that does not exist is empty.
        """
        ...

    def get(
        self, cluster: MemberCluster, kind: str, namespace: str, name: str
    ) -> MemberObject | None:
        """One object, or None."""
        ...

    def list_owned(self, cluster: MemberCluster, kind: str, uid: str) -> Sequence[MemberObject]:
        """Objects of *kind* in any namespace whose label `fedingress.dev/owner-uid` is *uid*."""
        ...

    def apply(
        self,
        cluster: MemberCluster,
        manifest: Manifest,
        *,
        observed: MemberObject | None,
        guard: Guard,
    ) -> MemberObject:
        """
        Server-side apply as field manager `fedingress`.

        With *observed* (ours): with force and its resourceVersion. Without: no force, so a foreign
        object that appeared meanwhile is a conflict.

        Raises:
            Conflict: It changed since it was observed, or another manager owns a field.
            Invalid: The member's API server refuses it; the reasons are its words.
        """
        ...

    def delete(self, cluster: MemberCluster, observed: MemberObject, *, guard: Guard) -> None:
        """
        Delete, with *observed*'s uid as precondition; gone already is no error.

        Raises:
            Conflict: Another object has the name now.
        """
        ...

    def identity(self, cluster: MemberCluster) -> str:
        """The uid of its kube-system namespace; remembered per instance."""
        ...
