"""
HAProxy kept equal to a program that is compiled anew whenever something changed.

`DataPlane` does so for Google's virtual addresses, Amazon's load balancers for theirs; each runs a
HAProxy of its own.

Every change is a seamless reload. HAProxy's runtime API could add endpoints without one, but such
servers cannot be followed by others (``track``), which is how tiers share the checks of a pool. A
reload starts the count of the current second's requests afresh, so a tier at capacity may take up
to twice its rate in that second.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path

from localcloud.dataplane.haproxy import runtime
from localcloud.dataplane.haproxy.process import Haproxy
from localcloud.dataplane.haproxy.program import Program

HEALTH_CACHE_SECONDS = 0.3
DEBOUNCE_SECONDS = 0.05

log = logging.getLogger(__name__)


class Follower:
    """
    HAProxy kept equal to what *compiled* gives.

    Args:
        run_dir: A directory of our own for programs and HAProxy's log; made if absent.
        compiled: Called in the loop whenever something changed.
    """

    def __init__(self, *, run_dir: Path, compiled: Callable[[], Program]) -> None:
        self._run_dir = run_dir
        self._compiled = compiled
        self._haproxy: Haproxy | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._progress = asyncio.Condition()
        self._wanted = 0
        self._done = 0
        self._program: Program | None = None
        self._failure: Exception | None = None
        self._health: tuple[float, dict[tuple[str, str], bool]] = (0.0, {})
        self.reloads = 0

    @property
    def problems(self) -> tuple[str, ...]:
        """What of the objects is not served as written, and why, for people."""
        return self._program.problems if self._program else ()

    async def start(self) -> None:
        """
        Start HAProxy and serve the snapshot of this moment.

        Raises:
            ProgramRefused: HAProxy cannot run it.
            FileNotFoundError: No HAProxy is installed.
        """
        self._run_dir.mkdir(parents=True, exist_ok=True)
        self._haproxy = Haproxy(self._run_dir)
        self._task = asyncio.create_task(self._follow(self._haproxy))
        self.changed()
        try:
            await self.settled(timeout_seconds=30.0)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop following, end HAProxy and its workers."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        haproxy, self._haproxy = self._haproxy, None
        if haproxy is not None:
            await asyncio.to_thread(haproxy.close)

    def changed(self) -> None:
        """Say that the snapshot may differ; bursts become one change of program."""
        self._wanted += 1
        self._wake.set()

    async def settled(self, timeout_seconds: float = 10.0) -> None:
        """
        Return when everything `changed` told of so far is served.

        Raises:
            ProgramRefused: HAProxy refused it, in HAProxy's words; the program before goes on.
            TimeoutError: Not in time.
        """
        wanted = self._wanted
        async with asyncio.timeout(timeout_seconds), self._progress:
            await self._progress.wait_for(lambda: self._done >= wanted)
        if self._failure is not None:
            raise self._failure

    def up(self) -> dict[tuple[str, str], bool]:
        """Whether each (backend, server) is up, at most 0.3 s old; empty before the start."""
        return {} if self._haproxy is None else self._observed(self._haproxy)

    def _observed(self, haproxy: Haproxy) -> dict[tuple[str, str], bool]:
        taken, up = self._health
        if time.monotonic() - taken > HEALTH_CACHE_SECONDS:
            try:
                up = runtime.healthy_servers(haproxy.admin)
            except OSError as error:
                log.warning("haproxy does not tell health: %s", error)
            self._health = (time.monotonic(), up)
        return up

    async def _follow(self, haproxy: Haproxy) -> None:
        while True:
            await self._wake.wait()
            if self._program is not None:
                await asyncio.sleep(DEBOUNCE_SECONDS)
            self._wake.clear()
            covered = self._wanted
            try:
                await self._apply(haproxy)
                self._failure = None
            except Exception as failure:  # told by `settled`; the next change may mend it
                log.exception("the data plane keeps its last program")
                self._failure = failure
            async with self._progress:
                self._done = covered
                self._progress.notify_all()

    async def _apply(self, haproxy: Haproxy) -> None:
        program = self._compiled()
        if program == self._program:
            return
        if self._program is None or _runs_differently(program, self._program):
            # Shielded: a cancelled close must not end HAProxy while a thread is reloading it.
            await asyncio.shield(asyncio.to_thread(haproxy.run, program))
            self.reloads += 1
        self._program = program
        self._health = (0.0, {})


def _runs_differently(one: Program, other: Program) -> bool:
    return (one.text, one.files, one.drain_seconds, one.drains) != (
        other.text,
        other.files,
        other.drain_seconds,
        other.drains,
    )
