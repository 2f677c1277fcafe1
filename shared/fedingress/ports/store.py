"""
The state store: JSON documents with a version each, compare-and-swap writes, and one index.

Memory, SQLite and the clouds' document stores implement it; one contract suite runs on all. Losing
its content loses timing only, never truth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A document's address. *family* is a short word (`work`, `intent`, `report` ...)."""

    family: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One stored document. *version* is opaque and changes with each write."""

    key: Key
    body: Body
    version: str
    due_at: float | None = None


ABSENT: Final = ""
"""The expected version of a document that must not exist yet."""


WORK: Final = "work"
"""The family of the work queue's documents, one for each unit that was ever asked for."""


class Store(Protocol):
    """Strongly consistent documents. Every method may raise `Unavailable`."""

    def get(self, key: Key) -> Document | None:
        """The document as last written, or None."""
        ...

    def put(
        self, key: Key, body: Body, *, expected: str | None, due_at: float | None = None
    ) -> Document:
        """
        Write the whole document, atomically.

        Args:
            key: Where.
            body: JSON values only; at most 400 KB when encoded.
            expected: The version that must be there now, `ABSENT` for none, None for any.
            due_at: Unix seconds for the index of `due`; None leaves the index.

        Raises:
            Conflict: Another version is there.
        """
        ...

    def delete(self, key: Key, *, expected: str | None = None) -> None:
        """Remove the document; an absent one is no error unless a version was expected."""
        ...

    def list(self, family: str, prefix: str = "") -> Sequence[Document]:
        """All documents of *family* whose name begins with *prefix*, ordered by name."""
        ...

    def due(self, family: str, *, before: float, limit: int) -> Sequence[Document]:
        """Documents of *family* with `due_at <= before`, the longest due first, at most *limit*."""
        ...
