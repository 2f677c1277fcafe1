"""
The data plane of a world's virtual addresses: follows the load balancing objects, tells health.

The world starts one beside its clouds, calls `changed` whenever an object or endpoint changed, and
hands `health` to the clouds, so that getHealth says what HAProxy's checks really found.

Every change is a seamless reload. HAProxy's runtime API could add endpoints without one, but such
servers cannot be followed by others (``track``), which is how tiers share the checks of a pool. A
reload starts the count of the current second's requests afresh, so a tier at capacity may take up
to twice its rate in that second.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from localcloud.dataplane.haproxy import runtime
from localcloud.dataplane.haproxy.process import Haproxy
from localcloud.dataplane.haproxy.program import Program, compile_program
from localcloud.dataplane.haproxy.regions import ClientRegion
from localcloud.dataplane.haproxy.snapshot import Snapshot, path_of

HEALTH_CACHE_SECONDS = 0.3
DEBOUNCE_SECONDS = 0.05

log = logging.getLogger(__name__)


class DataPlane:
    """
    HAProxy kept equal to what *snapshot* gives.

    Args:
        regions: Where clients are; a client of no region counts as one of the first.
        run_dir: A directory of our own for programs and HAProxy's log; made if absent.
        snapshot: Called in the loop whenever something changed.
        check_interval_factor: Shortens check intervals and timeouts for labs in a hurry, down to
            0.1 s; 1.0 is as the health checks say.
    """

    def __init__(
        self,
        *,
        regions: Sequence[ClientRegion],
        run_dir: Path,
        snapshot: Callable[[], Snapshot],
        check_interval_factor: float = 1.0,
    ) -> None:
        if not regions:
            raise ValueError("a data plane needs one client region at least")
        self._regions = tuple(regions)
        self._run_dir = run_dir
        self._snapshot = snapshot
        self._factor = check_interval_factor
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

    def health(self, backend_service: str, group: str) -> dict[tuple[str, int], str]:
        """
        HEALTHY or UNHEALTHY by (10.x address, port) of a group's endpoints in a backend service.

        At most 0.3 s old. Empty when the pair is not served: like Google, only services that a
        forwarding rule leads to are checked.
        """
        program, haproxy = self._program, self._haproxy
        if program is None or haproxy is None:
            return {}
        pool = program.pools.get((path_of(backend_service), path_of(group)))
        up = self._observed(haproxy)
        found = {}
        for name, server in program.servers:
            if name == pool:
                ip, _, port = server.rpartition(":")
                healthy = up.get((name, server), False)
                found[ip, int(port)] = "HEALTHY" if healthy else "UNHEALTHY"
        return found

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
        program = compile_program(self._snapshot(), self._regions, self._factor)
        if program == self._program:
            return
        if self._program is None or _runs_differently(program, self._program):
            # Shielded: a cancelled close must not end HAProxy while a thread is reloading it.
            await asyncio.shield(asyncio.to_thread(haproxy.run, program))
            self.reloads += 1
        self._program = program
        self._health = (0.0, {})


def _runs_differently(one: Program, other: Program) -> bool:
    return (one.text, one.files) != (other.text, other.files)
