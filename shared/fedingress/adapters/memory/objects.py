"""
The objects of one API server in memory: versions, uids, generations, apply, finalizers, deletion.

`MemorySources` and `MemoryMembers` keep their objects here. It refuses what a real API server
refuses. It does not model: watches, schemas beyond `validation`, lists merged by key, RBAC.

Source: Kubernetes API conventions; documentation of Server-Side Apply and of finalizers.
"""

import json
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fedingress.adapters.memory import ownership
from fedingress.adapters.memory.ownership import JsonObject, Owners
from fedingress.adapters.memory.validation import check_object, check_request
from fedingress.domain.errors import Conflict, Invalid
from fedingress.domain.ingress import Manifest
from fedingress.planning.json_values import copied

ObjectKey = tuple[str, str, str]
"""(kind, namespace, name); the namespace is empty for cluster-scoped kinds."""
OnChange = Callable[[], None]
"""Called after each change, by the thread that made it."""

_FIRST_NODE_PORT = 30086
"""Those below are left to who asks for a number, as API servers do it."""
_CHANGED = "the object has been modified; please apply your changes to the latest version"


@dataclass(slots=True)
class _Stored:
    manifest: JsonObject
    owners: Owners = field(default_factory=dict)


class ObjectStore:
    """One API server's objects. Every object handed in or out is a copy."""

    def __init__(self, name: str, *, now: Callable[[], float], on_change: OnChange) -> None:
        self.uid = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.kube-system"))
        self._name = name
        self._now = now
        self._on_change = on_change
        self._objects: dict[ObjectKey, _Stored] = {}
        self._namespaces = {"default", "kube-system"}
        self._version = 0
        self.lock = threading.RLock()
        """Held during each method; hold it to make several calls as one."""

    def add_namespace(self, name: str) -> None:
        """Objects of a namespace can only be written once it exists."""
        self._namespaces.add(name)

    def get(self, key: ObjectKey) -> JsonObject | None:
        """The object, or None."""
        with self.lock:
            found = self._objects.get(key)
            return copied(found.manifest) if found else None

    def list(
        self, kind: str, namespace: str | None = None, label: tuple[str, str] | None = None
    ) -> Sequence[JsonObject]:
        """Objects of *kind*, of one namespace or all, with the label (name, value) if given."""
        with self.lock:
            chosen = (key for key in self._objects if key[0] == kind)
            keys = sorted(key for key in chosen if namespace in (None, key[1]))
            found = (self._objects[key].manifest for key in keys)
            return [
                copied(manifest)
                for manifest in found
                if not label or label in manifest["metadata"].get("labels", {}).items()
            ]

    def apply(
        self, manifest: Manifest, *, manager: str, force: bool = False, subresource: str = ""
    ) -> JsonObject:
        """
        Server-side apply; the object as stored afterwards.

        Raises:
            Conflict: Stale resourceVersion, another uid, or another manager's field.
            Invalid: The object or its namespace is refused.
        """
        wanted: JsonObject = json.loads(json.dumps(manifest))
        check_request(wanted)
        meta = wanted["metadata"]
        key = (wanted["kind"], meta.get("namespace", ""), meta["name"])
        with self.lock:
            stored = self._objects.get(key)
            self._check_preconditions(stored, meta, subresource)
            if stored is None:
                stored = _Stored(self._newborn(wanted, key))
            claimed = ownership.fields_of(_defaulted(wanted), subresource)
            claimant = (manager, subresource)
            merged, conflicts = ownership.merge(stored.manifest, stored.owners, claimed, claimant)
            if not force:
                ownership.refuse(conflicts)
            if key[0] == "Service":
                self._give_node_ports(key, merged)
            check_object(merged)
            ownership.claim(stored.owners, stored.manifest, claimed, claimant)
            return self._store(key, stored, merged)

    def patch_metadata(
        self,
        key: ObjectKey,
        *,
        manager: str,
        expected: Mapping[str, str],
        annotations: Mapping[str, str | None],
        finalizers: Sequence[str] | None = None,
    ) -> JsonObject:
        """
        Merge annotations (None removes one) and replace the finalizers, if given.

        *expected* may hold `uid` and `resourceVersion`. The last finalizer of a deleted object
        removes the object.

        Raises:
            Conflict: The object is gone or not as *expected*.
            Invalid: A finalizer is added to an object that is being deleted.
        """
        with self.lock:
            stored = self._objects.get(key)
            if stored is None:
                raise Conflict(f"{key[0]} {key[1]}/{key[2]} is gone")
            self._check_preconditions(stored, dict(expected), "")
            merged = copied(stored.manifest)
            ownership.annotate(merged, stored.owners, annotations, (manager, ""))
            if finalizers is not None:
                _replace_finalizers(merged["metadata"], finalizers)
            check_object(merged)
            if "deletionTimestamp" in merged["metadata"] and "finalizers" not in merged["metadata"]:
                return self._remove(key, merged)
            return self._store(key, stored, merged)

    def delete(self, key: ObjectKey, *, uid: str = "") -> None:
        """
        Delete; an absent object is no error, one with finalizers only begins to go.

        Raises:
            Conflict: The object there has another uid.
        """
        with self.lock:
            stored = self._objects.get(key)
            if stored is None:
                return
            meta = stored.manifest["metadata"]
            if uid and meta["uid"] != uid:
                raise Conflict(
                    f"Precondition failed: UID in precondition: {uid}, "
                    f"UID in object meta: {meta['uid']}"
                )
            if not meta.get("finalizers"):
                self._remove(key, stored.manifest)
            elif "deletionTimestamp" not in meta:
                merged = copied(stored.manifest)
                merged["metadata"]["deletionTimestamp"] = self._time()
                merged["metadata"]["generation"] += 1
                self._store(key, stored, merged)

    def _check_preconditions(
        self, stored: _Stored | None, meta: JsonObject, subresource: str
    ) -> None:
        if stored is None:
            if subresource or meta.get("uid") or meta.get("resourceVersion"):
                raise Conflict(f"{meta.get('name')} is gone")
            if meta.get("namespace", "") not in {"", *self._namespaces}:
                raise Invalid(f'namespaces "{meta["namespace"]}" not found')
            return
        found = stored.manifest["metadata"]
        if meta.get("uid") not in (None, found["uid"]):
            raise Conflict(f"uid mismatch: {meta['uid']} was given, {found['uid']} is stored")
        if meta.get("resourceVersion") not in (None, "", found["resourceVersion"]):
            raise Conflict(_CHANGED)

    def _newborn(self, wanted: JsonObject, key: ObjectKey) -> JsonObject:
        # Uids follow from name and version, so that a failing test fails the same way twice.
        uid = uuid.uuid5(uuid.NAMESPACE_DNS, f"{self._name}/{'/'.join(key)}/{self._version + 1}")
        meta = {"name": key[2], "uid": str(uid), "creationTimestamp": self._time(), "generation": 0}
        if key[1]:
            meta["namespace"] = key[1]
        newborn = {"apiVersion": wanted["apiVersion"], "kind": wanted["kind"], "metadata": meta}
        if key[0] == "Service":
            newborn["spec"] = _service_defaults(self._version)
        return newborn

    def _give_node_ports(self, key: ObjectKey, service: JsonObject) -> None:
        """Give every port of a Service that needs one a node port; refuse one that is taken."""
        taken = {
            port.get("nodePort")
            for other, stored in self._objects.items()
            if other[0] == "Service" and other != key
            for port in stored.manifest["spec"].get("ports") or ()
        }
        spec = service.get("spec") or {}
        for index, port in enumerate(spec.get("ports") or ()):
            if number := port.get("nodePort"):
                if number in taken:
                    raise Invalid(
                        f'Service "{key[2]}" is invalid: spec.ports[{index}].nodePort: '
                        f"Invalid value: {number}: provided port is already allocated"
                    )
            elif spec.get("type") == "NodePort":
                port["nodePort"] = next(n for n in range(_FIRST_NODE_PORT, 32768) if n not in taken)
                taken.add(port["nodePort"])

    def _store(self, key: ObjectKey, stored: _Stored, merged: JsonObject) -> JsonObject:
        before, meta = stored.manifest, merged["metadata"]
        if merged != before or key not in self._objects:
            self._version += 1
            meta["resourceVersion"] = str(self._version)
            if merged.get("spec") != before.get("spec") or not meta["generation"]:
                meta["generation"] += 1
            stored.manifest = merged
            self._objects[key] = stored
            self._on_change()
        return copied(merged)

    def _remove(self, key: ObjectKey, last: JsonObject) -> JsonObject:
        del self._objects[key]
        self._version += 1
        self._on_change()
        return copied(last)

    def _time(self) -> str:
        return datetime.fromtimestamp(self._now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _replace_finalizers(meta: JsonObject, finalizers: Sequence[str]) -> None:
    if "deletionTimestamp" in meta and set(finalizers) - set(meta.get("finalizers", ())):
        raise Invalid("no new finalizers can be added if the object is being deleted")
    meta.pop("finalizers", None)
    if finalizers:
        meta["finalizers"] = list(dict.fromkeys(finalizers))


def _service_defaults(number: int) -> JsonObject:
    return {
        "type": "ClusterIP",
        "clusterIP": f"10.96.{number // 250 % 250}.{number % 250 + 1}",
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
    }


def _defaulted(manifest: JsonObject) -> JsonObject:
    """*manifest* with the defaults that a server fills in within fields that are given."""
    if manifest["kind"] == "Service":
        for port in (manifest.get("spec") or {}).get("ports") or []:
            port.setdefault("protocol", "TCP")
            port.setdefault("targetPort", port.get("port"))
    return manifest
