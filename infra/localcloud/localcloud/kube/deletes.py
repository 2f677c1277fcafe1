"""
Deleting: preconditions, finalizers, dependents, and namespaces that take their content along.

The garbage collector and the namespace controller run at once, within the deleting request, where
a real cluster lets them follow seconds later; what waits for a finalizer waits here too.

Not modelled: grace periods (there is no kubelet), and the collection of objects that are created
with owners that never existed.

Source: Kubernetes documentation, "Garbage Collection", "Finalizers", "Namespaces".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.kube import errors
from localcloud.kube.resources import DEFINITIONS, NAMESPACES, Registry, TableKey
from localcloud.kube.store import Change, Entry, Store
from localcloud.kube.targets import Target, timestamp

_KEPT_NAMESPACES = frozenset({"default", "kube-system", "kube-public"})
_FOREGROUND = "foregroundDeletion"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOptions:
    """Body and query of a DELETE, as far as it is modelled."""

    uid: str = ""
    resource_version: str = ""
    propagation: str = "Background"
    dry_run: bool = False


def finished(target: Target, obj: Mapping[str, Any]) -> bool:
    """Say whether a terminating object may go now: nothing holds it any more."""
    if obj["metadata"].get("finalizers"):
        return False
    if target.resource.table == NAMESPACES:
        return not (obj.get("spec") or {}).get("finalizers")
    return True


class Deletes:
    """The deleting half of a cluster."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry
        store.listen(self._follow)

    def delete(self, target: Target, entry: Entry, options: DeleteOptions) -> dict[str, Any]:
        """
        Delete an object, or let it wait for its finalizers.

        Returns:
            Its last state: with a deletionTimestamp and finalizers when it still waits.

        Raises:
            ApiError: 403 for namespaces that a cluster needs, 409 for a precondition that fails.
        """
        self._check(target, entry.obj, options)
        if options.dry_run:
            return entry.obj
        table, uid = target.resource.table, entry.obj["metadata"]["uid"]
        if options.propagation == "Orphan":
            self._orphan(uid)
        obj = self._marked(target, entry, options)
        if not finished(target, obj):
            if not entry.obj["metadata"].get("deletionTimestamp"):
                obj = self._store.put(table, obj, entry.managers).obj
            self._begin(target, obj)
            left = self._store.get(table, target.namespace, target.name)
            return left.obj if left is not None else obj
        if table == DEFINITIONS:
            self._empty_definition(obj)
        return self._store.drop(table, obj, entry.managers).obj

    def _check(self, target: Target, obj: Mapping[str, Any], options: DeleteOptions) -> None:
        resource, metadata = target.resource, obj["metadata"]
        pairs = (
            ("UID", options.uid, metadata["uid"]),
            ("ResourceVersion", options.resource_version, metadata["resourceVersion"]),
        )
        for what, wanted, live in pairs:
            if wanted and wanted != live:
                why = (
                    f"Precondition failed: {what} in precondition: {wanted}, "
                    f"{what} in object meta: {live}"
                )
                raise errors.conflict(resource.plural, resource.group, target.name, why)
        if resource.table == NAMESPACES and target.name in _KEPT_NAMESPACES:
            why = "this namespace may not be deleted"
            raise errors.forbidden("namespaces", "", target.name, why)

    def _marked(self, target: Target, entry: Entry, options: DeleteOptions) -> dict[str, Any]:
        """Give the object as terminating, held by what must happen first."""
        obj = dict(entry.obj)
        metadata = dict(obj["metadata"])
        metadata.setdefault("deletionTimestamp", timestamp())
        metadata.setdefault("deletionGracePeriodSeconds", 0)
        finalizers = list(metadata.get("finalizers") or ())
        if options.propagation == "Foreground" and self._store.owned_by(metadata["uid"]):
            finalizers = [*(f for f in finalizers if f != _FOREGROUND), _FOREGROUND]
        if finalizers:
            metadata["finalizers"] = finalizers
        obj["metadata"] = metadata
        if target.resource.table == NAMESPACES:
            obj["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
        return obj

    def _begin(self, target: Target, obj: Mapping[str, Any]) -> None:
        """Start what a waiting object waits for."""
        if target.resource.table == NAMESPACES:
            for table, (_, name) in self._content(target.name):
                self._sweep(table, target.name, name)
            self._end_namespace(target.name)
        if _FOREGROUND in (obj["metadata"].get("finalizers") or ()):
            self._collect(obj["metadata"]["uid"], propagation="Foreground")
            self._end_foreground(target.resource.table, target.namespace, target.name)

    def _follow(self, change: Change) -> None:
        """After a deletion, collect dependents and let go who waited for it; a store listener."""
        if change.type != "DELETED":
            return
        metadata = change.entry.obj["metadata"]
        self._collect(metadata["uid"], propagation="Background")
        for owner in metadata.get("ownerReferences") or ():
            for table in self._store.tables():
                waiting = self._store.get(table, metadata.get("namespace", ""), owner["name"])
                if waiting is not None and waiting.obj["metadata"]["uid"] == owner["uid"]:
                    self._end_foreground(table, metadata.get("namespace", ""), owner["name"])
        if metadata.get("namespace"):
            self._end_namespace(metadata["namespace"])

    def _collect(self, uid: str, *, propagation: str) -> None:
        for table, (namespace, name) in self._store.owned_by(uid):
            entry = self._store.get(table, namespace, name)
            if entry is None:
                continue
            owners = [o["uid"] for o in entry.obj["metadata"].get("ownerReferences") or ()]
            others = [o for o in owners if o != uid and self._store.has_uid(o)]
            if others:
                self._disown(table, entry, uid)
            else:
                self._sweep(table, namespace, name, propagation)

    def _orphan(self, uid: str) -> None:
        for table, (namespace, name) in self._store.owned_by(uid):
            entry = self._store.get(table, namespace, name)
            if entry is not None:
                self._disown(table, entry, uid)

    def _disown(self, table: TableKey, entry: Entry, uid: str) -> None:
        metadata = dict(entry.obj["metadata"])
        left = [o for o in metadata["ownerReferences"] if o["uid"] != uid]
        if left:
            metadata["ownerReferences"] = left
        else:
            del metadata["ownerReferences"]
        self._store.put(table, {**entry.obj, "metadata": metadata}, entry.managers)

    def _sweep(
        self, table: TableKey, namespace: str, name: str, propagation: str = "Background"
    ) -> None:
        resource = self._registry.in_table(table)
        entry = self._store.get(table, namespace, name)
        if resource is None or entry is None:
            return
        target = Target(resource=resource, namespace=namespace, name=name)
        self.delete(target, entry, DeleteOptions(propagation=propagation))

    def _end_foreground(self, table: TableKey, namespace: str, name: str) -> None:
        entry = self._store.get(table, namespace, name)
        resource = self._registry.in_table(table)
        if entry is None or resource is None:
            return
        metadata = dict(entry.obj["metadata"])
        if _FOREGROUND not in (metadata.get("finalizers") or ()):
            return
        if self._store.owned_by(metadata["uid"]):
            return
        metadata["finalizers"] = [f for f in metadata["finalizers"] if f != _FOREGROUND]
        self._settle(resource.table, {**entry.obj, "metadata": metadata}, entry)

    def _end_namespace(self, name: str) -> None:
        entry = self._store.get(NAMESPACES, "", name)
        if entry is None or not entry.obj["metadata"].get("deletionTimestamp"):
            return
        if self._store.holds(name):
            return
        spec = {k: v for k, v in (entry.obj.get("spec") or {}).items() if k != "finalizers"}
        self._settle(NAMESPACES, {**entry.obj, "spec": spec}, entry)

    def _settle(self, table: TableKey, obj: dict[str, Any], entry: Entry) -> None:
        if obj["metadata"].get("finalizers"):
            self._store.put(table, obj, entry.managers)
        else:
            self._store.drop(table, obj, entry.managers)

    def _content(self, namespace: str) -> list[tuple[TableKey, tuple[str, str]]]:
        return [
            (table, key)
            for table in self._store.tables()
            for key, _ in self._store.list(table, namespace)
        ]

    def _empty_definition(self, obj: Mapping[str, Any]) -> None:
        table = (obj["spec"]["group"], obj["spec"]["names"]["plural"])
        for (namespace, name), _ in self._store.list(table):
            self._sweep(table, namespace, name)
