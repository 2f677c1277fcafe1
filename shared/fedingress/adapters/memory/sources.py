"""
Sources in memory: the strict twin of the Kubernetes adapter, for tests of concerns.

Users `put` and `delete` manifests, policies, classes and ClusterProfiles as they would in a config
cluster. It refuses stale writes, and counts what would be sent.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fedingress.adapters import x509
from fedingress.adapters.memory.clusters import FaultHook, no_fault
from fedingress.adapters.memory.objects import ObjectStore
from fedingress.adapters.memory.validation import API_VERSIONS
from fedingress.domain.certificate import KeyPair
from fedingress.domain.cluster import Inventory, MemberCluster
from fedingress.domain.errors import Unavailable
from fedingress.domain.ingress import IngressKey, Manifest, Source, status_entry
from fedingress.domain.names import FINALIZERS
from fedingress.domain.publisher import CONFIG_MAP_NAME, Publishers
from fedingress.domain.publisher import decode as decode_publishers
from fedingress.planning.decode import answer
from fedingress.planning.decode import member as decode_member
from fedingress.planning.decode import source as decode_source
from fedingress.ports.sources import Notice, PolicyAnswer, StatusWrite, Tombstone

MANAGER = "fedingress-status"


def _unchanged() -> None:
    """Tell nobody of a change."""


class MemorySources:
    """
    The port `Sources` over objects in memory.

    down: nothing answers.   members: those that have no ClusterProfile here.
    calls: (verb, where) of every mutating call sent, Events excluded.
    notices: (source, notice) of every Event recorded.
    """

    def __init__(
        self,
        *,
        members: Sequence[MemberCluster] = (),
        fault: FaultHook = no_fault,
        now: Callable[[], float] = time.time,
        on_change: Callable[[], None] = _unchanged,
    ) -> None:
        self.down = False
        self.members = tuple(members)
        self.fault = fault
        self.calls: list[tuple[str, str]] = []
        self.notices: list[tuple[IngressKey, Notice]] = []
        self.objects = ObjectStore("config", now=now, on_change=on_change)
        self._tombstones: dict[tuple[str, str], Tombstone] = {}
        self._noticed: set[tuple[str, str, str]] = set()

    def put(self, manifest: Manifest) -> dict[str, Any]:
        """Apply *manifest* as a user; its namespace is made when it is missing."""
        self.objects.add_namespace(manifest["metadata"].get("namespace", ""))
        return self.objects.apply(manifest, manager="kubectl", force=True)

    def put_status(self, manifest: Manifest) -> dict[str, Any]:
        """Write the status of *manifest*, as a cluster manager does on a ClusterProfile."""
        return self.objects.apply(manifest, manager="operator", force=True, subresource="status")

    def delete(self, key: IngressKey) -> None:
        """Delete the Ingress as a user; while it has finalizers it only begins to go."""
        self.remove("Ingress", key.name, key.namespace)

    def remove(self, kind: str, name: str, namespace: str = "") -> None:
        """Delete any object as a user."""
        self.objects.delete((kind, namespace, name))

    def stored(self, key: IngressKey) -> dict[str, Any] | None:
        """The Ingress as a user sees it."""
        return self.objects.get(("Ingress", key.namespace, key.name))

    def get(self, key: IngressKey) -> Source | None:
        """The Ingress, decoded as far as it goes."""
        self._reach()
        manifest = self.stored(key)
        return decode_source(manifest) if manifest else None

    def list(self) -> Sequence[Source]:
        """Every Ingress of a federated class, or that carries a finalizer of ours."""
        self._reach()
        found = [decode_source(manifest) for manifest in self.objects.list("Ingress")]
        ours = set(FINALIZERS.values())
        return [
            source
            for source in found
            if ours.intersection(source.finalizers) or self.policy(source).federated
        ]

    def policy(self, source: Source) -> PolicyAnswer:
        """The class and policy that *source* is under."""
        self._reach()
        policies = {
            manifest["metadata"]["name"]: manifest
            for manifest in self.objects.list("FederationPolicy")
        }
        found = answer(source.manifest, self.objects.list("IngressClass"), policies)
        return PolicyAnswer(federated=found.federated, policy=found.policy, faults=found.faults)

    def inventory(self) -> Inventory:
        """The members given and those of the ClusterProfiles here."""
        self._reach()
        members, faults, unreadable = list(self.members), [], []
        for manifest in self.objects.list("ClusterProfile"):
            decoded = decode_member(manifest)
            if isinstance(decoded, MemberCluster):
                members.append(decoded)
            else:
                faults += [str(fault) for fault in decoded]
                unreadable.append(manifest["metadata"]["name"])
        return Inventory(
            members=tuple(sorted(members, key=lambda member: member.name)),
            faults=tuple(faults),
            unreadable=tuple(unreadable),
        )

    def publishers(self) -> Publishers:
        """The keys in the ConfigMap."""
        self._reach()
        found = [
            manifest.get("data")
            for manifest in self.objects.list("ConfigMap")
            if manifest["metadata"]["name"] == CONFIG_MAP_NAME
        ]
        return decode_publishers(found[0] if found else None)

    def identity(self) -> str:
        """The uid of the config cluster's kube-system."""
        self._reach()
        return self.objects.uid

    def refresh(self) -> None:
        """Forget what was read before: nothing is kept."""

    def key_pair(self, namespace: str, secret: str) -> KeyPair | None:
        """The certificate and key of a Secret."""
        self._reach()
        found = self.objects.get(("Secret", namespace, secret))
        return x509.from_secret(f"Secret {namespace}/{secret}", found) if found else None

    def set_finalizers(
        self,
        source: Source,
        finalizers: Sequence[str],
        annotations: Mapping[str, str | None] | None = None,
    ) -> Source:
        """Replace the finalizers, guarded by the resourceVersion."""

        def effect() -> dict[str, Any]:
            return self.objects.patch_metadata(
                ("Ingress", source.key.namespace, source.key.name),
                manager="fedingress",
                expected={"uid": source.uid, "resourceVersion": source.resource_version},
                annotations=annotations or {},
                finalizers=finalizers,
            )

        return decode_source(self._write("finalizers", f"Ingress {source.key}", effect))

    def write_status(self, source: Source, write: StatusWrite) -> None:
        """Write what differs from what is stored."""
        self._reach()
        stored = self.stored(source.key) or {"metadata": {}}
        held = stored["metadata"].get("annotations") or {}
        changed = {key: value for key, value in write.annotations.items() if held.get(key) != value}
        where, key = f"Ingress {source.key}", ("Ingress", source.key.namespace, source.key.name)
        if changed:
            expected = {"uid": source.uid}
            self._write(
                "annotate",
                where,
                lambda: self.objects.patch_metadata(
                    key, manager=MANAGER, expected=expected, annotations=changed
                ),
            )
        entries = [status_entry(address) for address in write.addresses]
        balancer = (stored.get("status") or {}).get("loadBalancer") or {}
        if entries != (balancer.get("ingress") or []):
            manifest = {
                "apiVersion": API_VERSIONS["Ingress"],
                "kind": "Ingress",
                "metadata": {"namespace": key[1], "name": key[2], "uid": source.uid},
                "status": {"loadBalancer": {"ingress": entries}},
            }
            self._write(
                "status",
                where,
                lambda: self.objects.apply(
                    manifest, manager=MANAGER, force=True, subresource="status"
                ),
            )

    def notify(self, source: Source, notice: Notice) -> None:
        """Record an Event once."""
        self._reach()
        cause = (source.uid, notice.reason, notice.message)
        if cause not in self._noticed:
            self._noticed.add(cause)
            self.notices.append((source.key, notice))

    def tombstones(self) -> Sequence[Tombstone]:
        """All tombstones, sorted by uid and cluster."""
        self._reach()
        return [self._tombstones[key] for key in sorted(self._tombstones)]

    def put_tombstone(self, tombstone: Tombstone) -> None:
        """Keep it; the first one of a source and cluster stays."""
        place = (tombstone.uid, tombstone.cluster)
        where = f"Tombstone {tombstone.key} {tombstone.cluster}"
        self._write("create", where, lambda: self._tombstones.setdefault(place, tombstone))

    def drop_tombstone(self, tombstone: Tombstone) -> None:
        """Forget it."""
        place = (tombstone.uid, tombstone.cluster)
        where = f"Tombstone {tombstone.key} {tombstone.cluster}"
        self._write("delete", where, lambda: self._tombstones.pop(place, None))

    def _write(self, verb: str, where: str, effect: Callable[[], Any]) -> Any:
        self.fault("before", verb, where)
        self._reach()
        self.calls.append((verb, where))
        result = effect()
        self.fault("after", verb, where)
        return result

    def _reach(self) -> None:
        if self.down:
            raise Unavailable("there is no route to the API server of the config cluster")
