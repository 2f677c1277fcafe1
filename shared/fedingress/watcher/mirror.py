"""
What a watcher has told so far of one resource, so that it tells each change once.

`ListWatch` feeds it; it calls `on_change`. Deletions that happened while nobody watched show when a
new list lacks an object, or has another uid under its name.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from fedingress.adapters.kube.connection import Page
from fedingress.domain.ingress import Manifest
from fedingress.watcher.relevance import stub

ADDED: Final = "ADDED"
MODIFIED: Final = "MODIFIED"
DELETED: Final = "DELETED"
KEPT: Final = "KEPT"
SYNCED: Final = "SYNCED"

OnChange = Callable[[str, str, Manifest | None], None]
"""Called with the kind, ADDED, MODIFIED or DELETED, and the object (of a deleted one its `stub`);
with KEPT for an object that is as a checkpoint has it; after each list with SYNCED and None. What
it raises is logged, and the change is told again after a new list."""

_Key = tuple[str, str]


class UndeliveredError(Exception):
    """`on_change` has raised; its error is the cause of this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """
    What is kept of an object: little, for there may be many.

    version: empty when a checkpoint told of it and it was not seen since.
    """

    version: str
    digest: str
    stub: Manifest

    @property
    def uid(self) -> str:
        """By which another object of the same name is told apart."""
        return str(self.stub["metadata"].get("uid"))


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
        self._known: dict[_Key, Known] = {}

    def __len__(self) -> int:
        return len(self._known)

    def replace(self, pages: Iterable[Page]) -> str:
        """
        Exactly these are there: tell what is new or changed, then what is gone, then SYNCED.

        Returns:
            The version of the list.

        Raises:
            UndeliveredError: From `on_change`; as all methods here.
        """
        listed: set[_Key] = set()
        version = ""
        for page in pages:
            if page.first:
                listed.clear()
            for manifest in page.items:
                listed.add(_key(manifest))
                self.see(manifest)
            version = page.resource_version
        for key in [key for key in self._known if key not in listed]:
            self._drop(key)
        self._tell(SYNCED, None)
        return version

    def see(self, manifest: Manifest) -> None:
        """The object is there, in this form."""
        key, meta = _key(manifest), manifest["metadata"]
        uid, version = str(meta.get("uid")), str(meta.get("resourceVersion"))
        known = self._known.get(key)
        if known is not None and known.uid != uid:
            self._drop(key)
            known = None
        if known is not None and known.version == version:
            self.repeated += 1
            return
        digest = self._digest(manifest)
        if known is None or known.digest != digest:
            self._tell(MODIFIED if known else ADDED, manifest)
        elif known.version:
            self.irrelevant += 1
        else:
            self._tell(KEPT, manifest)
        self._known[key] = Known(version=version, digest=digest, stub=stub(manifest))

    def forget(self, manifest: Manifest) -> None:
        """The object is gone; told once, and only if it was known."""
        self._drop(_key(manifest))

    def known(self) -> list[Known]:
        """Everything that is known to be there, for a checkpoint; from any thread."""
        return list(self._known.values())

    def restore(self, known: Iterable[Known]) -> None:
        """Begin with what a checkpoint has, before anything was seen."""
        for each in known:
            self._known[_key(each.stub)] = replace(each, version="")

    def _drop(self, key: _Key) -> None:
        # What was known, and not the last form: labels of ours may have been taken off with it.
        if key in self._known:
            self._tell(DELETED, self._known[key].stub)
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
