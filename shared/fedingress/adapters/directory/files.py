"""
Small files that several processes read and write: whole or not at all.

Called by what is kept beside a directory of sources.
"""

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from fedingress.domain.errors import Unavailable

STATE: Final = ".fedingress"


class Stamp(NamedTuple):
    """What changes when a file does: a replaced one has another inode."""

    inode: int
    size: int
    modified_ns: int
    changed_ns: int


def stamp(found: os.stat_result) -> Stamp:
    """The stamp within *found*."""
    return Stamp(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def write_json(path: Path, body: Any) -> None:
    """
    Put *body* into *path* so that a reader, even after a crash, sees the old or the new one.

    Raises:
        Unavailable: The disk is full, or the place may not be written.
    """
    text = json.dumps(body, indent=1, sort_keys=True) + "\n"
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise Unavailable(f"{path} cannot be written: {error.strerror}") from error


def remove(path: Path) -> None:
    """
    Remove *path*; an absent one is no error.

    Raises:
        Unavailable: It may not be removed.
    """
    try:
        path.unlink(missing_ok=True)
        if path.parent.exists():
            _sync_directory(path.parent)
    except OSError as error:
        raise Unavailable(f"{path} cannot be removed: {error.strerror}") from error


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@dataclass(slots=True)
class Lock:
    """
    One writer at a time, over threads and processes; a thread may take it again while it holds it.

    The lock of a process that ends is free.
    """

    path: Path
    _threads: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _depth: int = field(default=0, repr=False)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it, after waiting for it."""
        with self._threads:
            if self._depth:
                yield
                return
            handle = self._open()
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                self._depth = 1
                yield
            finally:
                self._depth = 0
                os.close(handle)

    def _open(self) -> int:
        try:
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(f"{self.path} cannot be opened: {error.strerror}") from error
