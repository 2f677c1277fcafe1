"""
What users wrote below a directory: every object of ours, and what could not be read.

Called by `DirectorySources` on each look. Only files whose stamp changed are read again. A file or
folder that cannot be read is named as such, so that nobody takes what it held for deleted.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from fedingress.adapters.directory.documents import SIZE_LIMIT, Document, Loaded, load
from fedingress.adapters.directory.files import Stamp, stamp
from fedingress.domain.errors import Unavailable
from fedingress.domain.ingress import Fault
from fedingress.domain.publisher import CONFIG_MAP_NAME
from fedingress.planning.decode.words import DNS_1123_LABEL, DNS_1123_SUBDOMAIN, quoted

DEFAULT_NAMESPACE: Final = "default"
_SUFFIXES: Final = (".yaml", ".yml", ".json")
_SERVED: Final = {
    "Ingress": "networking.k8s.io/v1",
    "IngressClass": "networking.k8s.io/v1",
    "FederationPolicy": "fedingress.dev/v1alpha1",
    "ClusterProfile": "multicluster.x-k8s.io/v1alpha1",
    "Secret": "v1",
    "ConfigMap": "v1",
}
_CLUSTER_SCOPED: Final = frozenset({"IngressClass", "FederationPolicy"})
_FORMER_GROUPS: Final = frozenset({"extensions"})


class ObjectKey(NamedTuple):
    """What an object is known by; *namespace* is empty for those that have none."""

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One object and the file, relative to the directory, in which it stands."""

    document: Document
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """
    One look at the directory.

    objects: each that stands exactly once.
    file_faults: by file or folder, why some of it could not be read.
    duplicates: objects that stand more than once, with the fault that names the places.
    """

    objects: Mapping[ObjectKey, Found]
    file_faults: Mapping[str, tuple[Fault, ...]] = field(default_factory=dict)
    duplicates: Mapping[ObjectKey, Fault] = field(default_factory=dict)

    def doubts(self, key: ObjectKey, file: str) -> tuple[Fault, ...]:
        """Why *key*, last seen in *file*, may still be meant to exist although it is not seen."""
        if key in self.duplicates:
            return (self.duplicates[key],)
        folders = [file, *(str(parent) for parent in Path(file).parents)]
        return tuple(fault for folder in folders for fault in self.file_faults.get(folder, ()))

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Everything that could not be read, or stands more than once."""
        listed = [fault for faults in self.file_faults.values() for fault in faults]
        return tuple(sorted({*listed, *self.duplicates.values()}))


class Tree:
    """The files below *root*, hidden ones left out, read again only where they changed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read: dict[str, tuple[Stamp, Loaded]] = {}
        self._broken: dict[str, tuple[Fault, ...]] = {}
        self._view: View | None = None

    def look(self) -> View:
        """
        The directory as it is now; the very same view when no file changed since the last look.

        Raises:
            Unavailable: The directory itself cannot be listed.
        """
        broken: dict[str, tuple[Fault, ...]] = {}
        read = dict(self._files(broken))
        if self._view is None or broken != self._broken or not self._same(read):
            self._view = _view(read, broken)
        self._read, self._broken = read, broken
        return self._view

    def _same(self, read: Mapping[str, tuple[Stamp, Loaded]]) -> bool:
        return read.keys() == self._read.keys() and all(
            self._read[name][1] is loaded for name, (_, loaded) in read.items()
        )

    def _files(
        self, broken: dict[str, tuple[Fault, ...]]
    ) -> Iterator[tuple[str, tuple[Stamp, Loaded]]]:
        pending = [""]
        while pending:
            folder = pending.pop()
            try:
                with os.scandir(self._root / folder) as listed:
                    entries = sorted(listed, key=lambda entry: entry.name)
            except OSError as error:
                if not folder:
                    raise Unavailable(f"{self._root} cannot be listed: {error.strerror}") from error
                broken[folder] = (_unreadable(folder, error.strerror or "unknown"),)
                continue
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append(name)
                elif entry.name.endswith(_SUFFIXES):
                    try:
                        yield name, self._file(entry, name)
                    except (OSError, UnicodeDecodeError) as error:
                        reason = getattr(error, "strerror", None) or "is not UTF-8"
                        broken[name] = (_unreadable(name, reason),)

    def _file(self, entry: os.DirEntry[str], name: str) -> tuple[Stamp, Loaded]:
        found = entry.stat()
        now = stamp(found)
        known = self._read.get(name)
        if known is not None and known[0] == now:
            return known
        if found.st_size > SIZE_LIMIT:
            return now, load(" " * (SIZE_LIMIT + 1), name)
        return now, load(Path(entry.path).read_bytes().decode("utf-8"), name)


def _unreadable(name: str, reason: str) -> Fault:
    return Fault(where=name, field="", reason=f"cannot be read: {reason}; what it held stays")


def _view(
    read: Mapping[str, tuple[Stamp, Loaded]], broken: Mapping[str, tuple[Fault, ...]]
) -> View:
    faults = dict(broken)
    places: dict[ObjectKey, list[Found]] = {}
    for file, (_, loaded) in sorted(read.items()):
        listed = list(loaded.faults)
        for document in loaded.documents:
            key = _key(document, listed)
            if key is not None:
                places.setdefault(key, []).append(Found(document=document, file=file))
        if listed:
            faults[file] = tuple(listed)
    return View(
        objects={key: found[0] for key, found in places.items() if len(found) == 1},
        file_faults=faults,
        duplicates={
            key: _duplicate(key, [each.document.where for each in found])
            for key, found in places.items()
            if len(found) > 1
        },
    )


def _is_registry(manifest: Mapping[str, Any]) -> bool:
    """Whether this ConfigMap holds the keys of publishers; all others are somebody else's."""
    return bool(manifest["metadata"]["name"] == CONFIG_MAP_NAME)


def _duplicate(key: ObjectKey, places: list[str]) -> Fault:
    return Fault(
        where=f"{key.kind} {'/'.join(filter(None, key[1:]))}",
        field="",
        reason=f"stands more than once, in {' and '.join(places)}; none of them is taken",
    )


def _key(document: Document, faults: list[Fault]) -> ObjectKey | None:
    """What the document is known by; None when it is not ours, or has a fault."""
    manifest = document.manifest
    kind, version = manifest["kind"], manifest["apiVersion"]
    if kind not in _SERVED or (kind == "ConfigMap" and not _is_registry(manifest)):
        return None
    served = _SERVED[kind]
    if version != served:
        group = version.partition("/")[0]
        if group == served.partition("/")[0] or group in _FORMER_GROUPS:
            reason = f"{quoted(version)} is not served for {kind}; write {served}"
            faults.append(Fault(where=document.where, field="apiVersion", reason=reason))
        return None
    meta = manifest["metadata"]
    namespace = "" if kind in _CLUSTER_SCOPED else meta.get("namespace") or DEFAULT_NAMESPACE
    checks = [("name", meta["name"], DNS_1123_SUBDOMAIN, "DNS-1123 subdomain")]
    if namespace:
        checks.append(("namespace", namespace, DNS_1123_LABEL, "DNS-1123 label"))
    wrong = [
        Fault(
            where=document.where,
            field=f"metadata.{name}",
            reason=f"{quoted(value)} is not a {noun}",
        )
        for name, value, pattern, noun in checks
        if not isinstance(value, str) or not pattern.fullmatch(value)
    ]
    faults += wrong
    return None if wrong else ObjectKey(kind, namespace, meta["name"])
