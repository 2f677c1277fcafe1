"""
One SQLite file and the connections to it, for `SqliteStore`: opening, pooling, damage.

The file may vanish or be damaged at any time. A missing file is an empty store, and a damaged one
is put aside and replaced by an empty one, because losing the store loses timing only.

Source: sqlite.org/wal.html, sqlite.org/howtocorrupt.html (unlinked files, stale -wal and -shm).
"""

import contextlib
import fcntl
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from fedingress.domain.errors import Unavailable

T = TypeVar("T")
_LOG: Final = logging.getLogger("fedingress")
_BUSY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Connection:
    """*inode* tells whether the path still leads to the file that was opened."""

    sql: sqlite3.Connection
    inode: tuple[int, int] | None


class SqliteFile:
    """
    The file *path* with the tables of *schema*; safe for many threads and several processes.

    Each operation has a connection to itself, taken from a pool, so threads that end leave none
    behind. *busy_seconds*: how long an operation waits for another process.
    """

    def __init__(self, path: Path, schema: Sequence[str], *, busy_seconds: float) -> None:
        self.path = path
        self.busy_seconds = busy_seconds
        self._schema = schema
        self._lock = threading.Lock()
        self._idle: list[_Connection] = []

    def run(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """
        The result of *operation*; after damage it runs once more, on an empty file.

        Raises:
            Unavailable: Busy for too long, or the disk refuses (full, read-only, no rights).
        """
        try:
            try:
                return self._run(operation)
            except sqlite3.Error as error:
                if not _is_damage(error):
                    raise
                self._put_aside(error)
            return self._run(operation)
        except (sqlite3.Error, OSError) as error:
            raise self._unavailable(error) from error

    def transaction(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """The result of *change*, committed; rolled back if it raises."""

        def committed(sql: sqlite3.Connection) -> T:
            with _immediate(sql):
                return change(sql)

        return self.run(committed)

    def close(self) -> None:
        """Close the idle connections; later operations open new ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.sql.close()

    def _run(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._take_idle() or self._open()
        try:
            result = operation(connection.sql)
        except sqlite3.Error:
            connection.sql.close()
            raise
        except BaseException:
            self._give_back(connection)
            raise
        self._give_back(connection)
        return result

    def _take_idle(self) -> _Connection | None:
        inode = _inode(self.path)
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if inode is not None and connection.inode == inode:
                return connection
            connection.sql.close()  # the path leads to another file now: this one is lost

    def _give_back(self, connection: _Connection) -> None:
        with self._lock:
            self._idle.append(connection)

    def _open(self) -> _Connection:
        with self._exclusively():
            if _inode(self.path) is None:
                self.path.unlink(missing_ok=True)
                self._drop_companions()
            sql = self._connect()
            try:
                self._prepare(sql)
            except BaseException:
                sql.close()
                raise
            return _Connection(sql=sql, inode=_inode(self.path))

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self.path,
            timeout=self.busy_seconds,
            isolation_level=None,  # transactions are begun by hand
            check_same_thread=False,  # the pool gives it to one thread at a time
        )

    def _prepare(self, sql: sqlite3.Connection) -> None:
        sql.execute("PRAGMA journal_mode = WAL").fetchone()
        # A power cut may undo the last transactions, never half of one: that loses timing only.
        sql.execute("PRAGMA synchronous = NORMAL")
        if sql.execute("PRAGMA user_version").fetchone() == (0,):
            with _immediate(sql):
                for statement in self._schema:
                    sql.execute(statement)
                sql.execute("PRAGMA user_version = 1")

    @contextlib.contextmanager
    def _exclusively(self) -> Iterator[None]:
        """One thread of one process at a time opens, creates or replaces the file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with Path(f"{self.path}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _put_aside(self, damage: sqlite3.Error) -> None:
        """Move a damaged file away, unless another thread or process did so already."""
        self.close()
        with self._exclusively():
            if not self._is_damaged():
                return
            aside = Path(f"{self.path}.damaged-{time.time_ns()}")
            self.path.rename(aside)
            self._drop_companions()
        _LOG.warning("state file %s is damaged (%s), kept as %s", self.path, damage, aside)

    def _is_damaged(self) -> bool:
        if _inode(self.path) is None:
            return False
        with contextlib.closing(self._connect()) as sql:
            try:
                (verdict,) = sql.execute("PRAGMA quick_check(1)").fetchone()
            except sqlite3.DatabaseError as error:
                if _is_damage(error):
                    return True
                raise
        return str(verdict) != "ok"

    def _drop_companions(self) -> None:
        """A write-ahead log or index whose file is gone would be believed by its successor."""
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    def _unavailable(self, error: sqlite3.Error | OSError) -> Unavailable:
        busy = getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY
        return Unavailable(f"state file {self.path}: {error}", after_seconds=1.0 if busy else 5.0)


@contextlib.contextmanager
def _immediate(sql: sqlite3.Connection) -> Iterator[None]:
    """A write transaction that waits for its turn at the start, never in the middle."""
    sql.execute("BEGIN IMMEDIATE")
    try:
        yield
        sql.execute("COMMIT")
    except BaseException:
        if sql.in_transaction:
            sql.execute("ROLLBACK")
        raise


def _is_damage(error: sqlite3.Error) -> bool:
    # A file that is emptied while it is read is a sound database without tables.
    # A short read is a log or an index that belongs to another file; a bad disk errs otherwise.
    code: int = getattr(error, "sqlite_errorcode", 0)
    return (
        code & 0xFF in _DAMAGED
        or code == sqlite3.SQLITE_IOERR_SHORT_READ
        or str(error).startswith("no such table")
    )


def _inode(path: Path) -> tuple[int, int] | None:
    """Which file *path* leads to; None when there is none, or one that was emptied in place."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return (found.st_dev, found.st_ino) if found.st_size else None
