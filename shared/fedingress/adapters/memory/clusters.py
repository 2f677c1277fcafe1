"""
Member clusters in memory: the strict twin of the Kubernetes adapter, for tests of concerns.

Users' objects are `put`, pods are `run_pods`; a GKE cluster's NEG controller acts at once (or when
`play` is called, if `paused`). Clusters can be down, slow or refusing; a `fault` hook sees each
write before and after it happens, so that a test can crash there or lose the reply.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fedingress.adapters.memory.instance_groups import GroupController, OnNodes, OnNodesGone
from fedingress.adapters.memory.negs import NegController, OnNeg, OnNegGone
from fedingress.adapters.memory.objects import ObjectStore
from fedingress.adapters.memory.validation import API_VERSIONS
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.errors import Forbidden, Unavailable
from fedingress.domain.ingress import Manifest
from fedingress.domain.member import MemberObject
from fedingress.domain.names import FIELD_MANAGER, OWNER_UID
from fedingress.ports.guard import Guard

FaultHook = Callable[[str, str, str], None]
"""Called with `before` or `after`, the verb, and where; raising stops the call there."""

UNKNOWN_HOST = "there is no route to the API server of"


def no_fault(moment: str, verb: str, where: str) -> None:
    """Let every call pass."""


def no_neg(cluster: str, zone: str, name: str, endpoints: int) -> None:
    """Tell nobody of a NEG."""


def no_neg_gone(cluster: str, zone: str, name: str) -> None:
    """Tell nobody of a NEG that is gone."""


def no_nodes(cluster: str, zone: str, name: str, nodes: int, healthy: Mapping[int, int]) -> None:
    """Tell nobody of an instance group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Who is told of the groups that controllers make, and of those that are gone."""

    on_neg: OnNeg = no_neg
    on_neg_gone: OnNegGone = no_neg_gone
    on_nodes: OnNodes = no_nodes
    on_nodes_gone: OnNodesGone = no_neg_gone


class MemoryCluster:
    """
    One member cluster, as its own users and controllers see it.

    down: nothing answers.   refuses: every call is forbidden.
    slow: writes happen, but no call is answered in time.
    paused: its controllers sleep until `play`.
    """

    def __init__(self, member: MemberCluster, *, now: Callable[[], float], told: Told) -> None:
        self.name = member.name
        self.down = self.slow = self.refuses = self.paused = False
        self.objects = ObjectStore(member.name, now=now, on_change=self._changed)
        self.objects.uid = member.uid or self.objects.uid
        zones = member.zones if member.provider == "gcp" else ()
        self._negs = NegController(member.name, zones, told.on_neg, told.on_neg_gone)
        self.nodes = GroupController(member.name, zones, told.on_nodes, told.on_nodes_gone)
        self._pods: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
        self._playing = False

    def add_namespace(self, name: str) -> None:
        """Create a namespace."""
        self.objects.add_namespace(name)

    def put(self, manifest: Manifest, *, manager: str = "kubectl") -> Manifest:
        """Apply an object as a user of the cluster would, winning every conflict."""
        return self.objects.apply(manifest, manager=manager, force=True)

    def get(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        """The object as stored, or None."""
        return self.objects.get((kind, namespace, name))

    def list(self, kind: str) -> Sequence[dict[str, Any]]:
        """Every object of *kind*."""
        return self.objects.list(kind)

    def remove(self, kind: str, namespace: str, name: str) -> None:
        """Delete an object as a user of the cluster would."""
        self.objects.delete((kind, namespace, name))

    def status(self, namespace: str, name: str, ip: str) -> None:
        """Write an Ingress's address as an ingress controller would."""
        addresses = {"loadBalancer": {"ingress": [{"ip": ip}]}}
        manifest = {
            "apiVersion": API_VERSIONS["Ingress"],
            "kind": "Ingress",
            "metadata": {"namespace": namespace, "name": name},
            "status": addresses,
        }
        self.objects.apply(manifest, manager="ingress-controller", subresource="status", force=True)

    def run_pods(self, namespace: str, labels: dict[str, str], *, per_zone: int = 1) -> None:
        """Have so many ready pods with these labels in each zone."""
        self._pods[namespace, tuple(sorted(labels.items()))] = per_zone
        self._changed()

    def play(self) -> None:
        """Let the controllers act once, even when paused."""
        with self.objects.lock:
            if self._playing:
                return
            self._playing = True
            try:
                self._negs.sync(self.objects, self._pods)
                self.nodes.sync(self.objects, self._pods)
            finally:
                self._playing = False

    def _changed(self) -> None:
        if not self.paused and self._negs.zones:
            self.play()


class MemoryMembers:
    """
    The port `MemberClusters` over `MemoryCluster`s; `members["gke-us"]` is the cluster itself.

    calls: (verb, where) of every mutating call that reached a cluster, in order.
    """

    def __init__(
        self,
        members: Iterable[MemberCluster],
        *,
        fault: FaultHook = no_fault,
        on_neg: OnNeg = no_neg,
        on_neg_gone: OnNegGone = no_neg_gone,
        on_nodes: OnNodes = no_nodes,
        on_nodes_gone: OnNodesGone = no_neg_gone,
        now: Callable[[], float] = time.time,
    ) -> None:
        told = Told(
            on_neg=on_neg,
            on_neg_gone=on_neg_gone,
            on_nodes=on_nodes,
            on_nodes_gone=on_nodes_gone,
        )
        self.call_timeout_seconds = 10.0
        self.calls: list[tuple[str, str]] = []
        self.fault = fault
        self._clusters = {
            member.name: MemoryCluster(member, now=now, told=told) for member in members
        }
        self._uids: dict[str, str] = {}
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> MemoryCluster:
        return self._clusters[name]

    def list(self, cluster: MemberCluster, kind: str, namespace: str) -> Sequence[MemberObject]:
        """Every object of *kind* in *namespace*, or in all."""
        return self._read(cluster, kind, namespace or None, None)

    def get(
        self, cluster: MemberCluster, kind: str, namespace: str, name: str
    ) -> MemberObject | None:
        """One object, or None."""
        listed = self._read(cluster, kind, namespace, None)
        return next((item for item in listed if item.ref.name == name), None)

    def list_owned(self, cluster: MemberCluster, kind: str, uid: str) -> Sequence[MemberObject]:
        """Objects of *kind* whose owner label is *uid*."""
        return self._read(cluster, kind, None, (OWNER_UID, uid))

    def apply(
        self,
        cluster: MemberCluster,
        manifest: Manifest,
        *,
        observed: MemberObject | None,
        guard: Guard,
    ) -> MemberObject:
        """Server-side apply, guarded as the port says."""
        meta = dict(manifest["metadata"])
        if observed:
            meta |= {"uid": observed.uid, "resourceVersion": observed.resource_version}
        wanted = {**manifest, "metadata": meta}
        where = MemberObject(cluster=cluster.name, manifest=manifest).label

        def effect(found: MemoryCluster) -> Manifest:
            return found.objects.apply(wanted, manager=FIELD_MANAGER, force=observed is not None)

        return MemberObject(
            cluster=cluster.name, manifest=self._write(cluster, "apply", where, guard, effect)
        )

    def delete(self, cluster: MemberCluster, observed: MemberObject, *, guard: Guard) -> None:
        """Delete that very object."""
        ref = observed.ref

        def effect(found: MemoryCluster) -> Manifest:
            found.objects.delete((ref.kind, ref.namespace, ref.name), uid=observed.uid)
            return {}

        self._write(cluster, "delete", observed.label, guard, effect)

    def identity(self, cluster: MemberCluster) -> str:
        """The uid of its kube-system namespace; known for good once read."""
        if cluster.name not in self._uids:
            self._uids[cluster.name] = self._reach(cluster).objects.uid
        return self._uids[cluster.name]

    def _read(
        self,
        cluster: MemberCluster,
        kind: str,
        namespace: str | None,
        label: tuple[str, str] | None,
    ) -> Sequence[MemberObject]:
        found = self._reach(cluster)
        _answer_in_time(found)
        manifests = found.objects.list(kind, namespace, label)
        return [MemberObject(cluster=cluster.name, manifest=manifest) for manifest in manifests]

    def _write(
        self,
        cluster: MemberCluster,
        verb: str,
        where: str,
        guard: Guard,
        effect: Callable[[MemoryCluster], Manifest],
    ) -> Manifest:
        guard.check(self.call_timeout_seconds)
        self.fault("before", verb, where)
        found = self._reach(cluster)
        with self._lock:
            self.calls.append((verb, where))
        result = effect(found)
        self.fault("after", verb, where)
        _answer_in_time(found)
        return result

    def _reach(self, cluster: MemberCluster) -> MemoryCluster:
        found = self._clusters.get(cluster.name)
        if found is None or found.down:
            raise Unavailable(f"{UNKNOWN_HOST} {cluster.name}")
        if found.refuses:
            raise Forbidden(
                f"{cluster.name} refuses our credentials; grant get, list, watch, create, patch "
                "and delete on ingresses.networking.k8s.io and services"
            )
        return found


def _answer_in_time(cluster: MemoryCluster) -> None:
    if cluster.slow:
        raise Unavailable(f"{cluster.name} did not answer in time")
