"""
Member clusters through their API servers: the port `MemberClusters` in production.

Built once per process by the wiring; each member gets one connection, kept as long as its access
stays the same.

Source: Kubernetes documentation, Server-Side Apply; API conventions on preconditions.
"""

import threading
from collections.abc import Sequence
from typing import Final

from fedingress.adapters.kube import connect
from fedingress.adapters.kube.connection import Connection, Timeouts
from fedingress.adapters.kube.credentials import MemberCredentials, TokenReader
from fedingress.adapters.kube.errors import MissingError
from fedingress.adapters.kube.resources import BY_KIND, NAMESPACE
from fedingress.domain.cluster import Access, MemberCluster
from fedingress.domain.errors import Conflict, Invalid, Unavailable, Unsupported
from fedingress.domain.ingress import Manifest
from fedingress.domain.member import MemberObject
from fedingress.domain.names import FIELD_MANAGER, OWNER_UID
from fedingress.ports.guard import Guard

_SYSTEM: Final = "kube-system"


class KubeMemberClusters:
    """Safe to call from many threads, for many members at once."""

    def __init__(
        self,
        credentials: MemberCredentials | TokenReader,
        *,
        concern: str,
        timeouts: Timeouts | None = None,
    ) -> None:
        """*credentials*, or what gives the token in a Secret `namespace/name`; *concern*: us."""
        if not isinstance(credentials, MemberCredentials):
            credentials = MemberCredentials(credentials)
        self._credentials = credentials
        self._concern = concern
        self._timeouts = timeouts or Timeouts()
        self.call_timeout_seconds = self._timeouts.call_seconds
        self._connections: dict[str, tuple[Access | None, Connection]] = {}
        self._uids: dict[tuple[str, Access | None], str] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Drop every connection."""
        with self._lock:
            for _, connection in self._connections.values():
                connection.close()
            self._connections.clear()

    def list(self, cluster: MemberCluster, kind: str, namespace: str) -> Sequence[MemberObject]:
        """Every object of *kind* in *namespace*, or in all; an absent namespace is empty."""
        found = self.connection(cluster).list(BY_KIND[kind], namespace)
        return [MemberObject(cluster=cluster.name, manifest=item) for item in found.items]

    def get(
        self, cluster: MemberCluster, kind: str, namespace: str, name: str
    ) -> MemberObject | None:
        """One object, or None."""
        found = self.connection(cluster).get(BY_KIND[kind], namespace, name)
        return None if found is None else MemberObject(cluster=cluster.name, manifest=found)

    def list_owned(self, cluster: MemberCluster, kind: str, uid: str) -> Sequence[MemberObject]:
        """Objects of *kind* in any namespace whose owner label is *uid*."""
        found = self.connection(cluster).list(BY_KIND[kind], labels=f"{OWNER_UID}={uid}")
        return [MemberObject(cluster=cluster.name, manifest=item) for item in found.items]

    def apply(
        self,
        cluster: MemberCluster,
        manifest: Manifest,
        *,
        observed: MemberObject | None,
        guard: Guard,
    ) -> MemberObject:
        """Server-side apply, forced only over *observed*, at its resourceVersion."""
        wanted = MemberObject(cluster=cluster.name, manifest=manifest)
        ref, meta = wanted.ref, dict(manifest["metadata"])
        if observed:
            meta |= {"uid": observed.uid, "resourceVersion": observed.resource_version}
        try:
            stored = self.connection(cluster).apply(
                BY_KIND[ref.kind].path(ref.namespace, ref.name),
                {**manifest, "metadata": meta},
                manager=FIELD_MANAGER,
                force=observed is not None,
                before=lambda: guard.check(self.call_timeout_seconds),
            )
        except MissingError as error:
            if observed and error.kind != "namespaces":
                raise Conflict(f"{wanted.label} is gone") from error
            raise Invalid(str(error)) from error
        return MemberObject(cluster=cluster.name, manifest=stored)

    def delete(self, cluster: MemberCluster, observed: MemberObject, *, guard: Guard) -> None:
        """Delete that very object; gone already is no error."""
        ref = observed.ref
        self.connection(cluster).delete(
            BY_KIND[ref.kind].path(ref.namespace, ref.name),
            uid=observed.uid,
            before=lambda: guard.check(self.call_timeout_seconds),
        )

    def identity(self, cluster: MemberCluster) -> str:
        """The uid of its kube-system namespace; known for good once read."""
        place = (cluster.name, cluster.access)
        if place not in self._uids:
            found = self.connection(cluster).get(NAMESPACE, "", _SYSTEM)
            if found is None:
                raise Unavailable(f"{cluster.name} has no namespace {_SYSTEM}")
            self._uids[place] = str(found["metadata"]["uid"])
        return self._uids[place]

    def connection(self, cluster: MemberCluster) -> Connection:
        """
        The connection to *cluster*, made when first needed; the watcher uses it too.

        Raises:
            Unavailable: The profile does not say how to reach it, or says it wrongly: other members
                go on, and this one comes back when its profile is mended.
        """
        with self._lock:
            access, kept = self._connections.get(cluster.name, (None, None))
            if kept is not None and access == cluster.access:
                return kept
            try:
                made = self._connect(cluster)
            except Invalid as error:
                raise Unavailable(str(error), after_seconds=60.0) from error
            except Unsupported as error:
                raise Unavailable(f"{cluster.name}: {error}", after_seconds=60.0) from error
            if kept is not None:
                kept.close()
            self._connections[cluster.name] = (cluster.access, made)
            return made

    def _connect(self, cluster: MemberCluster) -> Connection:
        access = cluster.access
        if access is None:
            raise Unsupported("its profile says nothing of how to reach it")
        return connect.to_server(
            access.server,
            name=cluster.name,
            ca_data=access.ca_data,
            credentials=self._credentials.of(access),
            concern=self._concern,
            timeouts=self._timeouts,
        )
