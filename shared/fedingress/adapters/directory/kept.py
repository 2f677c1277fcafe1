"""
What a config cluster would keep of each object, in `<directory>/.fedingress/objects/`.

Called by `DirectorySources`. One JSON file per object: identity, counters, finalizers, what the
product wrote on it, and the manifest last read, so that an object outlives its file until
everything made for it is gone. Secrets are not kept.
"""

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fedingress.adapters.directory.files import STATE, Stamp, remove, stamp, write_json
from fedingress.adapters.directory.tree import ObjectKey
from fedingress.domain import names
from fedingress.domain.errors import Unavailable
from fedingress.domain.ingress import status_entry

_NAME_LIMIT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """
    One object.

    manifest: as the user wrote it.   file, where: in which file, and which document of it.
    created, deleted: RFC 3339; *deleted* is empty while it lives.
    annotations: ours, over the user's.   addresses: of `status.loadBalancer`.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    generation: int
    version: int
    created: str
    file: str
    where: str
    manifest: Mapping[str, Any]
    deleted: str = ""
    finalizers: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()

    @property
    def key(self) -> ObjectKey:
        """What it is known by."""
        return ObjectKey(self.kind, self.namespace, self.name)

    def merged(self) -> dict[str, Any]:
        """The object as an API server would show it."""
        user = self.manifest.get("metadata") or {}
        meta = {
            **user,
            "uid": self.uid,
            "generation": self.generation,
            "resourceVersion": str(self.version),
            "creationTimestamp": self.created,
        }
        if self.namespace:
            meta["namespace"] = self.namespace
        if self.finalizers:
            meta["finalizers"] = list(self.finalizers)
        if self.deleted:
            meta["deletionTimestamp"] = self.deleted
        written = user.get("annotations")
        if self.annotations and (written is None or isinstance(written, Mapping)):
            meta["annotations"] = {**(written or {}), **self.annotations}
        merged = {**self.manifest, "metadata": meta}
        if self.kind == "Ingress":
            listed = [status_entry(address) for address in self.addresses]
            merged["status"] = {"loadBalancer": {"ingress": listed} if listed else {}}
        return merged


class KeptObjects:
    """Every `Kept` of one directory; read again only where a file changed."""

    def __init__(self, directory: Path) -> None:
        self._root = directory / STATE / "objects"
        self._read: dict[str, tuple[Stamp, Kept]] = {}
        self._all: dict[ObjectKey, Kept] = {}

    def all(self) -> Mapping[ObjectKey, Kept]:
        """
        Every object kept; the very same mapping when nothing changed since the last call.

        Raises:
            Unavailable: Something kept cannot be read, or all of it vanished: an unmounted
                directory must not look like one without objects.
        """
        if self._read and not self._root.is_dir():
            raise Unavailable(f"{self._root} vanished while it was in use")
        read = {}
        try:
            for entry in _records(self._root):
                read[entry.path] = self._file(entry)
        except (OSError, ValueError, TypeError) as error:
            raise Unavailable(f"{self._root} cannot be read: {error}") from error
        if read != self._read:
            self._all = {kept.key: kept for _, kept in read.values()}
        self._read = read
        return self._all

    def _file(self, entry: os.DirEntry[str]) -> tuple[Stamp, Kept]:
        now = stamp(entry.stat())
        known = self._read.get(entry.path)
        if known is not None and known[0] == now:
            return known
        body = json.loads(Path(entry.path).read_text(encoding="utf-8"))
        known_fields = {each.name for each in dataclasses.fields(Kept)}
        body = {name: value for name, value in body.items() if name in known_fields}
        lists = {name: tuple(body.get(name) or ()) for name in ("finalizers", "addresses")}
        return now, Kept(**{**body, **lists})

    def put(self, kept: Kept) -> None:
        """Keep it, whole or not at all."""
        write_json(self._path(kept.key), dataclasses.asdict(kept))

    def remove(self, kept: Kept) -> None:
        """Forget it."""
        remove(self._path(kept.key))

    def _path(self, key: ObjectKey) -> Path:
        name = key.name
        if len(name) > _NAME_LIMIT:
            name = f"{name[:_NAME_LIMIT]}-{names.short_hash(name)}"
        return self._root / key.kind / (key.namespace or "_") / f"{name}.json"


def _records(root: Path) -> Iterator[os.DirEntry[str]]:
    """Every record below *root*, which need not exist yet; temporary files are hidden ones."""
    if not root.is_dir():
        return
    pending = [str(root)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            listed = list(entries)
        for entry in listed:
            if entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)
            elif entry.name.endswith(".json") and not entry.name.startswith("."):
                yield entry
