"""
One world per state folder: who runs it, how to find it, how to start and end it.

The folder's lock is held by the running process; the kernel drops it with the process, so a crash
needs no cleaning up. ``world.json`` is written when everything answers, and says where.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

START_SECONDS = 30.0
STOP_SECONDS = 15.0

_POLL_SECONDS = 0.05
_LOG_LINES = 15


class SessionError(RuntimeError):
    """The world could not be started or ended; the text says why."""


class Session:
    """A state folder, whether a world runs in it or not."""

    def __init__(self, folder: Path) -> None:
        """Speak of *folder*; nothing is made yet."""
        self.folder = folder.absolute()
        self.log = self.folder / "localcloud.log"
        self._document = self.folder / "world.json"
        self._lock: int | None = None

    def hold(self) -> bool:
        """
        Take the folder for this process until it ends; False when another process has it.

        Raises:
            SessionError: The folder cannot be made.
        """
        self._make_folder()
        self._lock = _try_lock(self.folder / "lock")
        if self._lock is not None:
            self._document.unlink(missing_ok=True)
        return self._lock is not None

    def release(self) -> None:
        """Give the folder back; what was told in it is true no more."""
        if self._lock is not None:
            self._document.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def tell(self, document: dict[str, Any]) -> None:
        """Say that the world answers, and where; *document* has ``control`` and ``environment``."""
        text = json.dumps({"pid": os.getpid(), **document}, indent=2)
        beside = self._document.with_suffix(".tmp")
        beside.write_text(text + "\n", encoding="utf-8")
        beside.replace(self._document)

    def running(self) -> dict[str, Any] | None:
        """Give what the running world told; None when none runs, or it is not ready yet."""
        if not self.busy():
            return None
        with contextlib.suppress(OSError, ValueError):
            document: dict[str, Any] = json.loads(self._document.read_text(encoding="utf-8"))
            return document
        return None

    def busy(self) -> bool:
        """Say whether a process holds the folder."""
        path = self.folder / "lock"
        if not path.exists():
            return False
        lock = _try_lock(path)
        if lock is None:
            return True
        os.close(lock)
        return False

    def start_detached(
        self, arguments: Sequence[str], patience_seconds: float = START_SECONDS
    ) -> dict[str, Any]:
        """
        Start ``localcloud up`` with *arguments* in a session of its own, and wait until it answers.

        Raises:
            SessionError: It ended, or took more than *patience_seconds*; with the end of its log.
        """
        self._make_folder()
        with self.log.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - this very program
                [sys.executable, "-m", "localcloud.cli", "up", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            return self._await_answer(process, patience_seconds)
        except BaseException:
            if process.poll() is None:
                process.terminate()
            raise

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.log.touch()
        except OSError as error:
            reason = error.strerror or str(error)
            raise SessionError(
                f"{self.folder} cannot hold a world's files: {reason}; name another with --state"
            ) from error

    def _await_answer(
        self, process: "subprocess.Popen[bytes]", patience_seconds: float
    ) -> dict[str, Any]:
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            document = self.running()  # perhaps another one was faster: then that one answers
            if document is not None:
                return document
            if process.poll() is not None and not self.busy():
                raise SessionError(f"the local cloud did not start:\n{self._end_of_log()}")
            time.sleep(_POLL_SECONDS)
        raise SessionError(f"no answer within {patience_seconds:g} s:\n{self._end_of_log()}")

    def stop(self) -> bool:
        """
        End the world that runs in the folder; False when none did.

        Raises:
            SessionError: It runs, but does not say under which process id.
        """
        deadline = time.monotonic() + START_SECONDS
        while self.busy():
            document = self.running()
            if document is not None:
                self._end(int(document["pid"]))
                return True
            if time.monotonic() > deadline:
                raise SessionError(f"a process holds {self.folder}, but is no running world")
            time.sleep(_POLL_SECONDS)
        return False

    def _end(self, pid: int) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            while self.busy():
                if time.monotonic() > deadline:
                    _kill_hard(pid)
                    return
                time.sleep(_POLL_SECONDS)

    def _end_of_log(self) -> str:
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            return str(error)
        return "\n".join(text.splitlines()[-_LOG_LINES:])


def _kill_hard(pid: int) -> None:
    """Kill a world that does not end; its children too, when it has a session of its own."""
    if os.getsid(pid) == pid:
        os.killpg(pid, signal.SIGKILL)
    else:
        os.kill(pid, signal.SIGKILL)


def _try_lock(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
