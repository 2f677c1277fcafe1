"""
Bringing what is kept in step with the files.

Called by `DirectorySources` under its lock, at the start of whatever it does.
"""

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fedingress.adapters.directory.kept import Kept, KeptObjects
from fedingress.adapters.directory.tree import Found, ObjectKey, Tree, View
from fedingress.domain import names
from fedingress.domain.ingress import Fault, Manifest
from fedingress.ports.clock import Clock

_SERVER_FIELDS: Final = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "generation",
        "managedFields",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
"""What an API server sets; in a file they are left over from `kubectl get -o yaml`."""
_WRITTEN_BY_STATUS: Final = frozenset({names.CONDITIONS, names.TABLE})


def rfc3339(seconds: float) -> str:
    """Unix seconds as Kubernetes writes time."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Synced:
    """The objects of one directory, as of the last `look`."""

    def __init__(self, path: Path, clock: Clock, *, settle_seconds: float) -> None:
        self._clock = clock
        self._settle_seconds = settle_seconds
        self._tree = Tree(path)
        self._objects = KeptObjects(path)
        self._view = View(objects={})
        self._kept: Mapping[ObjectKey, Kept] = {}
        self._secrets: dict[ObjectKey, Found] = {}

    def look(self) -> Mapping[ObjectKey, Kept]:
        """
        Every object but Secrets, after taking over what users changed.

        Raises:
            Unavailable: The directory or what is kept cannot be read or written.
        """
        view, kept = self._tree.look(), self._objects.all()
        if view is not self._view or kept is not self._kept:
            vanished = _vanished(view, kept)
            if vanished:
                self._clock.sleep(self._settle_seconds)
                view = self._tree.look()
                vanished = [each for each in _vanished(view, kept) if each in vanished]
            self._take(view, kept)
            for each in vanished:
                self._delete(each)
            self._keep_secrets(view)
            self._view, self._kept = view, self._objects.all()
        return self._kept

    def of(self, kind: str) -> Sequence[Kept]:
        """Those of one kind, sorted."""
        return [kept for key, kept in sorted(self._kept.items()) if key.kind == kind]

    def secret(self, key: ObjectKey) -> Manifest | None:
        """A Secret as written."""
        found = self._secrets.get(key)
        return found.document.manifest if found else None

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Files that cannot be read, documents that are no objects, objects that stand twice."""
        return self._view.faults

    def doubts(self, kept: Kept) -> tuple[Fault, ...]:
        """Why *kept* is shown as last known rather than as written now."""
        return () if kept.key in self._view.objects else self._view.doubts(kept.key, kept.file)

    def put(self, kept: Kept) -> None:
        """Keep a changed object."""
        self._objects.put(kept)
        self._kept = self._objects.all()

    def remove(self, kept: Kept) -> None:
        """Forget an object; the next look may find a new one of its name."""
        self._objects.remove(kept)

    def _take(self, view: View, kept: Mapping[ObjectKey, Kept]) -> None:
        for key, found in view.objects.items():
            if key.kind == "Secret":
                continue
            before = kept.get(key)
            if before is None:
                self._objects.put(self._new(key, found))
            elif not before.deleted:
                after = _updated(before, found)
                if after is not before:
                    self._objects.put(after)

    def _new(self, key: ObjectKey, found: Found) -> Kept:
        return Kept(
            kind=key.kind,
            namespace=key.namespace,
            name=key.name,
            uid=str(uuid.uuid4()),
            generation=1,
            version=1,
            created=rfc3339(self._clock.now()),
            file=found.file,
            where=found.document.where,
            manifest=_written(found.document.manifest),
        )

    def _delete(self, kept: Kept) -> None:
        if not kept.finalizers:
            self._objects.remove(kept)
            return
        self._objects.put(
            dataclasses.replace(
                kept,
                deleted=rfc3339(self._clock.now()),
                generation=kept.generation + 1,
                version=kept.version + 1,
            )
        )

    def _keep_secrets(self, view: View) -> None:
        """In memory only; those in doubt stay."""
        stay = {
            key: found
            for key, found in self._secrets.items()
            if key not in view.objects and view.doubts(key, found.file)
        }
        seen = {key: found for key, found in view.objects.items() if key.kind == "Secret"}
        self._secrets = {**stay, **seen}


def _vanished(view: View, kept: Mapping[ObjectKey, Kept]) -> list[Kept]:
    return [
        each
        for key, each in kept.items()
        if key not in view.objects and not each.deleted and not view.doubts(key, each.file)
    ]


def _updated(before: Kept, found: Found) -> Kept:
    """*before* with what the user changed; itself when that is nothing."""
    manifest = _written(found.document.manifest)
    placed = dataclasses.replace(before, file=found.file, where=found.document.where)
    if manifest == before.manifest:
        return before if placed == before else placed
    return dataclasses.replace(
        placed,
        manifest=manifest,
        version=before.version + 1,
        generation=before.generation + (manifest.get("spec") != before.manifest.get("spec")),
    )


def _written(manifest: Manifest) -> dict[str, Any]:
    """What is the user's of a manifest."""
    meta = {
        name: value for name, value in manifest["metadata"].items() if name not in _SERVER_FIELDS
    }
    if isinstance(meta.get("annotations"), Mapping):
        meta["annotations"] = {
            key: value
            for key, value in meta["annotations"].items()
            if key not in _WRITTEN_BY_STATUS
        }
    written = {**manifest, "metadata": meta}
    if manifest["kind"] == "Ingress":
        written.pop("status", None)
    return written
