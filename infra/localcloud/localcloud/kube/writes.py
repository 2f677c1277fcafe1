"""
Creating and changing objects: the way every write takes, whatever its verb.

decode → merge → defaults → ownership → addresses → validation → admission → store. A write that
changes nothing keeps the resourceVersion. Deletions are in `deletes`.

Not modelled: metadata written through a status subresource is ignored for every kind; PUT creates
nothing.
"""

import random
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from localcloud.kube import apply as ssa
from localcloud.kube import errors, structural
from localcloud.kube.decode import decode, refuse_unknown, undeclared
from localcloud.kube.errors import ApiError
from localcloud.kube.fields import Manager, Managers, Owned, clone, encode, leaves
from localcloud.kube.fields import decode as decode_managers
from localcloud.kube.kinds import CUSTOM, KINDS, PLAIN, Kind
from localcloud.kube.names import immutable_causes, metadata_causes
from localcloud.kube.resources import NAMESPACES, Resource
from localcloud.kube.store import Entry, Store
from localcloud.kube.targets import Hooks, Options, Target, timestamp

# What a client cannot change in the metadata of an existing object.
_KEPT = (
    *("name", "namespace", "generateName", "uid", "creationTimestamp", "generation"),
    *("deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion"),
)
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


class Writes:
    """The writing half of a cluster."""

    def __init__(self, store: Store, hooks: Hooks) -> None:
        self._store = store
        self._hooks = hooks

    def live(self, target: Target) -> Entry:
        """
        Give the stored object.

        Raises:
            ApiError: 404.
        """
        resource = target.resource
        entry = self._store.get(resource.table, target.namespace, target.name)
        if entry is None:
            raise errors.not_found(resource.plural, resource.group, target.name)
        return entry

    def create(self, target: Target, body: dict[str, Any], options: Options) -> dict[str, Any]:
        """Store a new object and give it as stored."""
        obj = self._decoded(target, body, options)
        for name in ("uid", "resourceVersion", "managedFields", "deletionTimestamp"):
            obj["metadata"].pop(name, None)
        return self._create(target, obj, options, "Update")

    def replace(self, target: Target, body: dict[str, Any], options: Options) -> dict[str, Any]:
        """Put *body* in place of an existing object, or only its status."""
        obj = self._decoded(target, body, options)
        entry = self.live(target)
        _preconditions(target, entry.obj, obj["metadata"])
        kind = _kind(target.resource)
        if kind.needs_version and not obj["metadata"].get("resourceVersion"):
            why = "must be specified for an update"
            cause = errors.value_invalid("metadata.resourceVersion", 0, why)
            raise _invalid(target, [cause])
        return self._update(target, entry, obj, options)

    def patch(
        self,
        target: Target,
        change: Callable[[dict[str, Any]], Any],
        options: Options,
    ) -> dict[str, Any]:
        """Change an existing object by *change*, which gives a new one from the old."""
        entry = self.live(target)
        patched = change(entry.obj)
        if not isinstance(patched, dict) or not isinstance(patched.get("metadata"), dict):
            raise errors.bad_request("the patched object is no API object")
        obj = self._decoded(target, patched, options)
        _preconditions(target, entry.obj, obj["metadata"])
        return self._update(target, entry, obj, options)

    def apply(
        self, target: Target, body: dict[str, Any], options: Options
    ) -> tuple[dict[str, Any], bool]:
        """Server-side apply *body*; give the object, and whether it is new."""
        if "managedFields" in (body.get("metadata") or {}):
            raise errors.bad_request("metadata.managedFields must be nil")
        config = self._decoded(target, body, options, applied=True)
        entry = self._store.get(target.resource.table, target.namespace, target.name)
        if entry is None:
            if target.subresource:
                raise errors.not_found(target.resource.plural, target.resource.group, target.name)
            if config["metadata"].get("resourceVersion") or config["metadata"].get("uid"):
                raise errors.conflict(target.resource.plural, target.resource.group, target.name)
            return self._create(target, config, options, "Apply"), True
        _preconditions(target, entry.obj, config["metadata"])
        author = self._author(target, options, "Apply")
        applied = ssa.apply(
            target.resource.shape,
            entry.obj,
            entry.managers,
            _only_status(config) if target.subresource else _without_status(target, config),
            author,
            force=options.force,
        )
        obj = self._isolated(target, entry.obj, applied.obj)
        self._defaults(target.resource, obj, entry.obj)
        return self._finish(target, entry, obj, applied.managers, options), False

    def _decoded(
        self, target: Target, body: dict[str, Any], options: Options, *, applied: bool = False
    ) -> dict[str, Any]:
        resource = target.resource
        decoded = decode(resource, body)
        if decoded.unknown and applied:
            raise undeclared(resource, f"{target.namespace}/{target.name}", decoded.unknown)
        if decoded.unknown and options.validation == "Strict":
            raise refuse_unknown(resource, decoded.unknown)
        if decoded.unknown and options.validation == "Warn":
            options.warnings += [f'unknown field "{path}"' for path in decoded.unknown]
        obj = decoded.obj
        obj["apiVersion"] = resource.api_version
        obj["kind"] = resource.kind
        metadata = obj.setdefault("metadata", {})
        if target.namespace:
            metadata["namespace"] = target.namespace
        if target.name:
            metadata["name"] = target.name
        return obj

    def _create(
        self, target: Target, obj: dict[str, Any], options: Options, operation: str
    ) -> dict[str, Any]:
        resource, kind, metadata = target.resource, _kind(target.resource), obj["metadata"]
        if not metadata.get("name") and metadata.get("generateName"):
            suffix = "".join(random.choices(_SUFFIX_LETTERS, k=5))  # noqa: S311 - a name
            metadata["name"] = metadata["generateName"] + suffix
        self._namespace_open(target, metadata.get("name", ""))
        name = metadata.get("name", "")
        if self._store.get(resource.table, target.namespace, name) is not None:
            raise errors.already_exists(resource.plural, resource.group, name)
        if resource.has_status and not kind.keeps_status:
            obj.pop("status", None)
        config = obj
        obj = clone(obj)
        metadata = obj["metadata"]
        metadata.update(uid=str(uuid.uuid4()), creationTimestamp=timestamp())
        if resource.has_generation:
            metadata["generation"] = 1
        self._defaults(resource, obj, None)
        author = self._author(target, options, operation)
        owned = frozenset(leaves(resource.shape, config if operation == "Apply" else obj))
        managers = {
            author.manager: Owned(paths=owned, api_version=author.api_version, time=author.time)
        }
        first = kind.first_status()
        if first is not None and "status" not in obj:
            obj["status"] = first
        self._admit(target, obj, None, options, "CREATE")
        metadata["managedFields"] = encode(managers)
        if options.dry_run:
            return obj
        return self._store.put(resource.table, obj, managers).obj

    def _update(
        self, target: Target, entry: Entry, obj: dict[str, Any], options: Options
    ) -> dict[str, Any]:
        shape, resource = target.resource.shape, target.resource
        old = entry.obj
        managers = entry.managers
        given = obj["metadata"].get("managedFields")
        if given is not None and given != old["metadata"].get("managedFields"):
            managers = decode_managers(given)
        obj = self._isolated(target, old, clone(obj))
        self._defaults(resource, obj, old)
        author = self._author(target, options, "Update")
        managers = ssa.updated(leaves(shape, old), leaves(shape, obj), managers, author)
        return self._finish(target, entry, obj, managers, options)

    def _finish(
        self,
        target: Target,
        entry: Entry,
        obj: dict[str, Any],
        managers: Managers,
        options: Options,
    ) -> dict[str, Any]:
        resource, old = target.resource, entry.obj
        self._admit(target, obj, old, options, "UPDATE")
        obj["metadata"].pop("managedFields", None)
        terminating = bool(old["metadata"].get("deletionTimestamp"))
        gone = terminating and self._hooks.finished(target, obj)
        if _same(obj, old) and _same_paths(managers, entry.managers) and not gone:
            return old
        if resource.has_generation and _spec(obj) != _spec(old):
            obj["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        obj["metadata"]["managedFields"] = encode(managers)
        if options.dry_run:
            return obj
        if gone:
            return self._store.drop(resource.table, obj, managers).obj
        return self._store.put(resource.table, obj, managers).obj

    def _isolated(
        self, target: Target, old: Mapping[str, Any], obj: dict[str, Any]
    ) -> dict[str, Any]:
        """Keep what this endpoint does not write: spec or status, and the system's metadata."""
        if target.subresource == "status":
            status = obj.get("status")
            obj = clone({key: value for key, value in old.items() if key != "status"})
            if status is not None:
                obj["status"] = status
        elif target.resource.has_status:
            obj.pop("status", None)
            if "status" in old:
                obj["status"] = old["status"]
        if target.resource.table == NAMESPACES:
            obj["spec"] = _namespace_spec(target, old, obj)
        metadata = obj["metadata"]
        for name in _KEPT:
            if name in old["metadata"]:
                metadata[name] = old["metadata"][name]
            else:
                metadata.pop(name, None)
        return obj

    def _defaults(
        self, resource: Resource, obj: dict[str, Any], old: Mapping[str, Any] | None
    ) -> None:
        if resource.definition is not None:
            structural.defaults(resource, obj)
        else:
            _kind(resource).defaults(obj, old)

    def _admit(
        self,
        target: Target,
        obj: dict[str, Any],
        old: Mapping[str, Any] | None,
        options: Options,
        operation: str,
    ) -> None:
        resource = target.resource
        if allocate := self._hooks.allocate.get(resource.kind):
            allocate(obj, old)
        causes = list(metadata_causes(resource.kind, obj["metadata"]))
        if old is not None:
            causes += immutable_causes(obj, old)
        if resource.definition is not None:
            causes += structural.causes(resource, obj, old)
        elif not target.subresource:
            causes += _kind(resource).causes(obj, old)
            if check := self._hooks.check.get(resource.kind):
                causes += check(obj, old)
        if causes:
            raise _invalid(target, causes, obj["metadata"].get("name") or "")
        self._hooks.admit(target, operation, obj, old, options)

    def _namespace_open(self, target: Target, name: str) -> None:
        resource, namespace = target.resource, target.namespace
        if not resource.namespaced:
            return
        entry = self._store.get(NAMESPACES, "", namespace)
        if entry is None:
            raise errors.not_found("namespaces", "", namespace)
        if entry.obj["metadata"].get("deletionTimestamp"):
            cause = errors.Cause(
                field="metadata.namespace",
                reason="NamespaceTerminating",
                message=f"namespace {namespace} is being terminated",
            )
            why = (
                f"unable to create new content in namespace {namespace} because it is being "
                "terminated"
            )
            raise errors.forbidden(resource.plural, resource.group, name, why, [cause])

    def _author(self, target: Target, options: Options, operation: str) -> ssa.Author:
        manager = Manager(name=options.manager, operation=operation, subresource=target.subresource)
        api_version = target.resource.api_version
        return ssa.Author(manager=manager, api_version=api_version, time=timestamp())


def _kind(resource: Resource) -> Kind:
    if resource.definition is not None:
        return CUSTOM
    return KINDS.get(resource.kind, PLAIN)


def _preconditions(target: Target, old: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    resource, live = target.resource, old["metadata"]
    version, uid = metadata.get("resourceVersion"), metadata.get("uid")
    if uid and uid != live["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {live['uid']}"
        raise errors.conflict(resource.plural, resource.group, target.name, why)
    if version and version != live["resourceVersion"]:
        raise errors.conflict(resource.plural, resource.group, target.name)


def _invalid(target: Target, causes: Iterable[errors.Cause], name: str = "") -> ApiError:
    resource = target.resource
    return errors.invalid(resource.kind, resource.group, name or target.name, causes)


def _namespace_spec(
    target: Target, old: Mapping[str, Any], obj: Mapping[str, Any]
) -> dict[str, Any]:
    """Let only the finalize subresource change what a namespace waits for."""
    changed = obj if target.subresource == "finalize" else old
    return dict(changed.get("spec") or {})


def _only_status(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: config[key] for key in ("apiVersion", "kind", "status") if key in config}


def _without_status(target: Target, config: dict[str, Any]) -> dict[str, Any]:
    if not target.resource.has_status:
        return config
    return {key: value for key, value in config.items() if key != "status"}


def _spec(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the generation counts: all but metadata and status."""
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}


def _same(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    before = {k: v for k, v in old["metadata"].items() if k != "managedFields"}
    after = {k: v for k, v in new["metadata"].items() if k != "managedFields"}
    return before == after and all(
        new.get(key) == old.get(key) for key in new.keys() | old.keys() if key != "metadata"
    )


def _same_paths(new: Managers, old: Managers) -> bool:
    return {m: o.paths for m, o in new.items()} == {m: o.paths for m, o in old.items()}
