"""
The store in memory: strict twin of the real ones, for tests and the embedded home without a disk.

Bodies are kept as JSON text, so no caller shares an object with another.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from fedingress.adapters.stores import documents
from fedingress.ports.store import ABSENT, Body, Document, Key


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    text: str
    version: str
    due_at: float | None


class MemoryStore:
    """Documents of one process; safe to call from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[Key, _Row] = {}
        self._last_version = 0

    def get(self, key: Key) -> Document | None:
        """The document as last written, or None."""
        documents.check_key(key)
        with self._lock:
            row = self._rows.get(key)
        return _document(key, row) if row else None

    def put(
        self, key: Key, body: Body, *, expected: str | None, due_at: float | None = None
    ) -> Document:
        """Write the whole document, atomically; raises `Conflict` or `Invalid`."""
        text = documents.encode(key, body)
        with self._lock:
            self._check(key, expected)
            self._last_version = documents.next_version(
                last=self._last_version, unix_seconds=time.time()
            )
            row = _Row(text=text, version=str(self._last_version), due_at=due_at)
            self._rows[key] = row
        return _document(key, row)

    def delete(self, key: Key, *, expected: str | None = None) -> None:
        """Remove the document; an absent one is no error unless a version was expected."""
        documents.check_key(key)
        with self._lock:
            self._check(key, expected)
            self._rows.pop(key, None)

    def list(self, family: str, prefix: str = "") -> Sequence[Document]:
        """All documents of *family* whose name begins with *prefix*, ordered by name."""
        with self._lock:
            found = [
                (key, row)
                for key, row in self._rows.items()
                if key.family == family and key.name.startswith(prefix)
            ]
        found.sort(key=lambda item: item[0].name)
        return tuple(_document(key, row) for key, row in found)

    def due(self, family: str, *, before: float, limit: int) -> Sequence[Document]:
        """Documents of *family* with `due_at <= before`, the longest due first."""
        with self._lock:
            found = [
                (row.due_at, key.name, key, row)
                for key, row in self._rows.items()
                if key.family == family and row.due_at is not None and row.due_at <= before
            ]
        found.sort(key=lambda item: item[:2])
        return tuple(_document(key, row) for _, _, key, row in found[: max(limit, 0)])

    def _check(self, key: Key, expected: str | None) -> None:
        row = self._rows.get(key)
        documents.check_version(key, stored=row.version if row else ABSENT, expected=expected)


def _document(key: Key, row: _Row) -> Document:
    return Document(
        key=key, body=documents.decode(row.text), version=row.version, due_at=row.due_at
    )
