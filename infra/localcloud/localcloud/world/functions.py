"""
The functions of the product, as a child process of the lab.

The lab knows of them only a command and its environment. A command that ends by itself is started
again with growing pauses; a missing command is said and tried no more. Their output goes to a file.
They end with the lab, even when it is killed (Linux only).
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from localcloud.dataplane.haproxy import leash

STOP_SECONDS = 5.0

_FIRST_PAUSE_SECONDS = 0.5
_LAST_PAUSE_SECONDS = 10.0
_STEADY_SECONDS = 10.0


class Functions:
    """One child process, kept alive while it is wanted."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        """Run *command* with *environment* over this process's own; append its output to *log*."""
        self._command = tuple(command)
        self._environment = dict(environment)
        self._log = log
        self._keeper: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._starts = 0
        self._exit: int | None = None
        self._fault = ""

    async def start(self) -> None:
        """Start the process and keep it alive; twice is harmless."""
        if self._keeper is not None:
            return
        if not self._command:
            self._fault = "no command was given; the world was started without functions"
            return
        program = find_program(self._command[0])
        if program is None:
            self._fault = f"there is no command {self._command[0]!r}; the functions do not run"
            return
        self._fault = ""
        self._keeper = asyncio.create_task(self._keep(program), name="functions")

    async def stop(self) -> None:
        """End the process, politely first; twice is harmless."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None

    def signal(self, number: int) -> bool:
        """Send a signal to the process; False when none runs."""
        if self._process is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        return True

    def state(self) -> dict[str, Any]:
        """Give JSON: wanted, running, pid, starts, last exit status, and what is wrong."""
        process = self._process
        return {
            "command": list(self._command),
            "wanted": self._keeper is not None,
            "running": process is not None,
            "pid": None if process is None else process.pid,
            "starts": self._starts,
            "exit": self._exit,
            "fault": self._fault,
            "log": str(self._log),
        }

    async def _keep(self, program: str) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            began = time.monotonic()
            await self._run_once(program)
            if time.monotonic() - began > _STEADY_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            self._fault = f"ended with status {self._exit}; started again in {pause:g} s"
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LAST_PAUSE_SECONDS)

    async def _run_once(self, program: str) -> None:
        with self._log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", leash.__file__, str(os.getpid())),  # ends when we do
                *(program, *self._command[1:]),
                env={**_own_environment(), **self._environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._process, self._starts, self._fault = process, self._starts + 1, ""
        try:
            self._exit = await process.wait()
        finally:
            # a second cancellation must not leave the child behind
            await asyncio.shield(_end(process))
            self._exit, self._process = process.returncode, None


def find_program(name: str) -> str | None:
    """Give the path of a command: beside this interpreter first, then on PATH; None if missing."""
    beside = str(Path(sys.executable).parent)
    return shutil.which(name, path=beside) or shutil.which(name)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _own_environment() -> dict[str, str]:
    return dict(os.environ)  # noqa: TID251 - a child needs PATH and HOME; the lab has no settings
