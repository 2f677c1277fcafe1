"""
The store in one SQLite file: the embedded home's, shared by the threads of several processes.

A write is one `BEGIN IMMEDIATE` transaction in WAL mode, a read one statement.
"""

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from fedingress.adapters.stores import documents
from fedingress.adapters.stores.sqlite_file import SqliteFile
from fedingress.ports.store import ABSENT, Body, Document, Key

_SCHEMA: Final = (
    """CREATE TABLE document (
        family TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, due_at REAL,
        body TEXT NOT NULL, PRIMARY KEY (family, name)) WITHOUT ROWID""",
    """CREATE INDEX document_due ON document (family, due_at, name) WHERE due_at IS NOT NULL""",
    "CREATE TABLE counter (last INTEGER NOT NULL)",
    "INSERT INTO counter VALUES (0)",
)
_SELECT: Final = "SELECT family, name, version, due_at, body FROM document WHERE family = ? "
_HIGHEST: Final = "\U0010ffff"
"""Above every printable character, hence above every name that begins with a prefix."""


class SqliteStore:
    """
    Documents in the file *path*; safe for many threads and several processes.

    A process that forks makes its store after the fork: SQLite's connections do not survive one.
    """

    def __init__(self, path: Path | str, *, busy_seconds: float = 5.0) -> None:
        self._file = SqliteFile(Path(path), _SCHEMA, busy_seconds=busy_seconds)

    def get(self, key: Key) -> Document | None:
        """The document as last written, or None."""
        documents.check_key(key)
        found = self._select("AND name = ?", key.family, key.name)
        return found[0] if found else None

    def put(
        self, key: Key, body: Body, *, expected: str | None, due_at: float | None = None
    ) -> Document:
        """Write the whole document, atomically; raises `Conflict` or `Invalid`."""
        text = documents.encode(key, body)

        def write(sql: sqlite3.Connection) -> int:
            _check(sql, key, expected)
            (last,) = sql.execute("SELECT last FROM counter").fetchone()
            version = documents.next_version(last=last, unix_seconds=time.time())
            sql.execute("UPDATE counter SET last = ?", (version,))
            sql.execute(
                "INSERT OR REPLACE INTO document (family, name, version, due_at, body)"
                " VALUES (?, ?, ?, ?, ?)",
                (key.family, key.name, version, due_at, text),
            )
            return version

        version = self._file.transaction(write)
        return Document(key=key, body=documents.decode(text), version=str(version), due_at=due_at)

    def delete(self, key: Key, *, expected: str | None = None) -> None:
        """Remove the document; an absent one is no error unless a version was expected."""
        documents.check_key(key)

        def write(sql: sqlite3.Connection) -> None:
            _check(sql, key, expected)
            sql.execute(
                "DELETE FROM document WHERE family = ? AND name = ?", (key.family, key.name)
            )

        self._file.transaction(write)

    def list(self, family: str, prefix: str = "") -> Sequence[Document]:
        """All documents of *family* whose name begins with *prefix*, ordered by name."""
        return self._select(
            "AND name >= ? AND name < ? ORDER BY name", family, prefix, prefix + _HIGHEST
        )

    def due(self, family: str, *, before: float, limit: int) -> Sequence[Document]:
        """Documents of *family* with `due_at <= before`, the longest due first."""
        return self._select(
            "AND due_at <= ? ORDER BY due_at, name LIMIT ?", family, before, max(limit, 0)
        )

    def close(self) -> None:
        """Close the idle connections; later operations open new ones."""
        self._file.close()

    def _select(self, condition: str, *values: Any) -> tuple[Document, ...]:
        rows = self._file.run(lambda sql: sql.execute(_SELECT + condition, values).fetchall())
        return tuple(
            Document(
                key=Key(family=family, name=name),
                body=documents.decode(body),
                version=str(version),
                due_at=due_at,
            )
            for family, name, version, due_at, body in rows
        )


def _check(sql: sqlite3.Connection, key: Key, expected: str | None) -> None:
    row = sql.execute(
        "SELECT version FROM document WHERE family = ? AND name = ?", (key.family, key.name)
    ).fetchone()
    documents.check_version(key, stored=str(row[0]) if row else ABSENT, expected=expected)
