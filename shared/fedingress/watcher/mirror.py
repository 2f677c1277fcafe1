"""
What a watcher has told so far of one resource, so that it tells each change once.

`ListWatch` feeds it; it calls `on_change`. Deletions that happened while nobody watched show when a
new list lacks an object, or has another uid under its name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from fedingress.domain.ingress import Manifest

ADDED: Final = "ADDED"
MODIFIED: Final = "MODIFIED"
DELETED: Final = "DELETED"
SYNCED: Final = "SYNCED"

OnChange = Callable[[str, str, Manifest | None], None]
"""Called with the kind, ADDED, MODIFIED or DELETED, and the object; after each list with SYNCED and
None. What it raises is logged, and the change is told again after a new list."""

_Key = tuple[str, str]


class UndeliveredError(Exception):
    """`on_change` has raised; its error is the cause of this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    uid: str
    version: str
    digest: str
    manifest: Manifest


class Mirror:
    """
    The objects of *kind* that are known to be there.

    repeated: events of a version that was told.   irrelevant: changes of nothing that matters.
    """

    def __init__(self, kind: str, on_change: OnChange, digest: Callable[[Manifest], str]) -> None:
        self.repeated = 0
        self.irrelevant = 0
        self._kind = kind
        self._on_change = on_change
        self._digest = digest
        self._known: dict[_Key, _Known] = {}

    def replace(self, manifests: Sequence[Manifest]) -> None:
        """
        Exactly these are there: tell what is gone, new or changed, then SYNCED.

        Raises:
            UndeliveredError: From `on_change`; as all methods here.
        """
        found = {_key(manifest): manifest for manifest in manifests}
        for key, known in list(self._known.items()):
            if key not in found:
                self._drop(key, known.manifest)
        for manifest in found.values():
            self.see(manifest)
        self._tell(SYNCED, None)

    def see(self, manifest: Manifest) -> None:
        """The object is there, in this form."""
        key, meta = _key(manifest), manifest["metadata"]
        uid, version = str(meta.get("uid")), str(meta.get("resourceVersion"))
        known = self._known.get(key)
        if known is not None and known.uid != uid:
            self._drop(key, known.manifest)
            known = None
        if known is not None and known.version == version:
            self.repeated += 1
            return
        digest = self._digest(manifest)
        if known is not None and known.digest == digest:
            self.irrelevant += 1
        else:
            self._tell(MODIFIED if known else ADDED, manifest)
        self._known[key] = _Known(uid=uid, version=version, digest=digest, manifest=manifest)

    def forget(self, manifest: Manifest) -> None:
        """The object is gone; told once, and only if it was known."""
        self._drop(_key(manifest), manifest)

    def _drop(self, key: _Key, manifest: Manifest) -> None:
        if key in self._known:
            self._tell(DELETED, manifest)
            del self._known[key]

    def _tell(self, change: str, manifest: Manifest | None) -> None:
        # `_known` is written after this: what was not delivered is new again at the next list.
        try:
            self._on_change(self._kind, change, manifest)
        except Exception as error:
            raise UndeliveredError from error


def _key(manifest: Manifest) -> _Key:
    meta = manifest["metadata"]
    return (str(meta.get("namespace") or ""), str(meta["name"]))
