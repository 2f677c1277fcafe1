"""
The config cluster: the port `Sources` in production.

Ingresses are read afresh each time. Classes, policies and profiles change seldom and are asked for
by every unit, so they are kept for two seconds; `refresh` forgets them. Events and tombstones have
a room each, `notices` and `tombstones`.

Source: Kubernetes documentation, Server-Side Apply and Finalizers; API conventions.
"""

import base64
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from fedingress.adapters import x509
from fedingress.adapters.kube import publishers, tombstones
from fedingress.adapters.kube.connection import Connection
from fedingress.adapters.kube.errors import MissingError, NamespaceGoingError
from fedingress.adapters.kube.notices import event
from fedingress.adapters.kube.resources import (
    CLUSTER_PROFILE,
    CONFIG_MAP,
    EVENT,
    FEDERATION_POLICY,
    INGRESS,
    INGRESS_CLASS,
    NAMESPACE,
    SECRET,
    Resource,
)
from fedingress.domain.certificate import KeyPair
from fedingress.domain.cluster import Inventory, MemberCluster
from fedingress.domain.errors import Conflict, Forbidden, Unavailable
from fedingress.domain.ingress import IngressKey, Manifest, Source, status_entry
from fedingress.domain.names import FIELD_MANAGER, FINALIZERS
from fedingress.domain.publisher import Publishers
from fedingress.planning.decode import answer
from fedingress.planning.decode import member as decode_member
from fedingress.planning.decode import source as decode_source
from fedingress.ports.sources import Notice, PolicyAnswer, StatusWrite, Tombstone

INVENTORY_NAMESPACE: Final = "fedingress-inventory"
STATUS_MANAGER: Final = "fedingress-status"


class KubeSources:
    """Safe to call from many threads."""

    def __init__(
        self,
        connection: Connection,
        *,
        inventory_namespace: str = INVENTORY_NAMESPACE,
        cache_seconds: float = 2.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.connection = connection
        self.inventory_namespace = inventory_namespace
        self._cache_seconds = cache_seconds
        self._monotonic = monotonic
        self._cache: dict[Resource, tuple[float, Sequence[dict[str, Any]]]] = {}
        self._identity = ""
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Forget the classes, policies and profiles that were read before."""
        with self._lock:
            self._cache.clear()

    def get(self, key: IngressKey) -> Source | None:
        """The Ingress, decoded as far as it goes."""
        manifest = self.connection.get(INGRESS, key.namespace, key.name)
        return decode_source(manifest) if manifest else None

    def list(self) -> Sequence[Source]:
        """Every Ingress of a federated class, or that carries a finalizer of ours."""
        found = [decode_source(item) for item in self.connection.list(INGRESS).items]
        ours = set(FINALIZERS.values())
        return [
            source
            for source in found
            if ours.intersection(source.finalizers) or self.policy(source).federated
        ]

    def policy(self, source: Source) -> PolicyAnswer:
        """The class and policy that *source* is under."""
        policies = {item["metadata"]["name"]: item for item in self._kept(FEDERATION_POLICY)}
        found = answer(source.manifest, self._kept(INGRESS_CLASS), policies)
        return PolicyAnswer(federated=found.federated, policy=found.policy, faults=found.faults)

    def inventory(self) -> Inventory:
        """Every ClusterProfile of the inventory namespace; those that do not decode are frozen."""
        members, faults, unreadable = [], [], []
        for manifest in self._kept(CLUSTER_PROFILE, self.inventory_namespace):
            decoded = decode_member(manifest)
            if isinstance(decoded, MemberCluster):
                members.append(decoded)
            else:
                faults += [str(fault) for fault in decoded]
                unreadable.append(str(manifest["metadata"]["name"]))
        return Inventory(
            members=tuple(sorted(members, key=lambda member: member.name)),
            faults=tuple(faults),
            unreadable=tuple(unreadable),
        )

    def publishers(self) -> Publishers:
        """The keys in the ConfigMap of the inventory namespace, read afresh."""
        return publishers.read(self.connection, self.inventory_namespace)

    def identity(self) -> str:
        """The uid of the config cluster's kube-system; known for good once read."""
        if not self._identity:
            found = self.connection.get(NAMESPACE, "", "kube-system")
            if found is None:
                raise Unavailable(f"{self.connection.name} has no namespace kube-system")
            self._identity = str(found["metadata"]["uid"])
        return self._identity

    def read_token(self, secret: str) -> str:
        """
        The `token` in the Secret *secret* (`namespace/name`), for `KubeMemberClusters`.

        Raises:
            Forbidden: There is no such Secret, or no token in it.
        """
        namespace, _, name = secret.partition("/")
        found = self.connection.get(SECRET, namespace, name) or {}
        try:
            token = base64.b64decode((found.get("data") or {})["token"], validate=True).decode()
        except (KeyError, ValueError) as error:
            raise Forbidden(
                f"Secret {secret} holds no token for its member; join the member again"
            ) from error
        return token

    def key_pair(self, namespace: str, secret: str) -> KeyPair | None:
        """The certificate and key of a Secret, read afresh each time."""
        found = self.connection.get(SECRET, namespace, secret)
        return x509.from_secret(f"Secret {namespace}/{secret}", found) if found else None

    def set_finalizers(
        self,
        source: Source,
        finalizers: Sequence[str],
        annotations: Mapping[str, str | None] | None = None,
    ) -> Source:
        """Replace the finalizers by a merge patch that only fits this uid and resourceVersion."""
        meta: dict[str, Any] = {
            "uid": source.uid,
            "resourceVersion": source.resource_version,
            "finalizers": list(finalizers),
        }
        if annotations:
            meta["annotations"] = dict(annotations)
        path = INGRESS.path(source.key.namespace, source.key.name)
        return decode_source(self.connection.merge(path, {"metadata": meta}, manager=FIELD_MANAGER))

    def write_status(self, source: Source, write: StatusWrite) -> None:
        """
        Write what differs from the Ingress as it stands now.

        Annotations go by merge patch: unlike an apply, it can never bring a deleted Ingress back.

        Raises:
            Conflict: The Ingress is gone, or another one has its name.
        """
        stored = self.connection.get(INGRESS, source.key.namespace, source.key.name)
        if stored is None or stored["metadata"].get("uid") != source.uid:
            raise Conflict(f"Ingress {source.key} is gone")
        held = stored["metadata"].get("annotations") or {}
        changed = {key: value for key, value in write.annotations.items() if held.get(key) != value}
        if changed:
            patch = {"metadata": {"uid": source.uid, "annotations": changed}}
            path = INGRESS.path(source.key.namespace, source.key.name)
            self.connection.merge(path, patch, manager=STATUS_MANAGER)
        wanted = [status_entry(address) for address in write.addresses]
        balancer = (stored.get("status") or {}).get("loadBalancer") or {}
        if wanted != (balancer.get("ingress") or []):
            self._write_addresses(source, wanted)

    def notify(self, source: Source, notice: Notice) -> None:
        """Record an Event, once for the same notice on the same source."""
        manifest = event(source, notice)
        try:
            self.connection.create(
                EVENT.path(source.key.namespace), manifest, manager=FIELD_MANAGER
            )
        except MissingError as error:
            # The Ingress, its namespace and with them the reader of the Event are gone.
            if error.kind != "namespaces":
                raise
        except (NamespaceGoingError, Conflict):
            return

    def tombstones(self) -> Sequence[Tombstone]:
        """All tombstones, sorted by name."""
        found = self.connection.list(
            CONFIG_MAP, self.inventory_namespace, labels=f"{tombstones.LABEL}=true"
        )
        return tombstones.decode(found.items)

    def put_tombstone(self, tombstone: Tombstone) -> None:
        """Keep it; the first one of a source and cluster stays."""
        path = CONFIG_MAP.path(self.inventory_namespace)
        manifest = tombstones.encode(tombstone, self.inventory_namespace)
        try:
            self.connection.create(path, manifest, manager=FIELD_MANAGER)
        except MissingError as error:
            raise Unavailable(
                f"the namespace {self.inventory_namespace} does not exist; create it"
            ) from error
        except Conflict:
            return

    def drop_tombstone(self, tombstone: Tombstone) -> None:
        """Forget it."""
        name = tombstones.name(tombstone)
        self.connection.delete(CONFIG_MAP.path(self.inventory_namespace, name))

    def _write_addresses(self, source: Source, wanted: Sequence[Mapping[str, str]]) -> None:
        # The list is sent even when it is empty: an apply that leaves it out would only remove
        # addresses that the same manager wrote.
        manifest: Manifest = {
            "apiVersion": INGRESS.api_version,
            "kind": INGRESS.kind,
            "metadata": {
                "namespace": source.key.namespace,
                "name": source.key.name,
                "uid": source.uid,
            },
            "status": {"loadBalancer": {"ingress": wanted}},
        }
        path = INGRESS.path(source.key.namespace, source.key.name, "status")
        self.connection.apply(path, manifest, manager=STATUS_MANAGER, force=True)

    def _kept(self, resource: Resource, namespace: str = "") -> Sequence[dict[str, Any]]:
        with self._lock:
            kept = self._cache.get(resource)
        now = self._monotonic()
        if kept and now < kept[0]:
            return kept[1]
        items = self.connection.list(resource, namespace).items
        with self._lock:
            self._cache[resource] = (now + self._cache_seconds, items)
        return items
