"""What runs while the functions run: several child processes, started and ended as one."""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcloud.homes import Process
from localcloud.world.functions import Functions


class Fleet:
    """The processes of a home, each kept alive, each with a log of its own in *folder*."""

    def __init__(
        self, processes: Mapping[str, Process], environment: Mapping[str, str], folder: Path
    ) -> None:
        """*environment*: of all; what a process names itself goes before."""
        self._children = {
            name: Functions(
                each.command, {**environment, **each.environment}, folder / f"{name}.log"
            )
            for name, each in processes.items()
        }

    async def start(self) -> None:
        """Start all; twice is harmless."""
        await asyncio.gather(*(child.start() for child in self._children.values()))

    async def stop(self) -> None:
        """End all, politely first; twice is harmless."""
        await asyncio.gather(*(child.stop() for child in self._children.values()))

    def kill(self, name: str) -> None:
        """
        Take the power from one process; it is started again.

        Raises:
            LookupError: None of that name runs.
        """
        child = self._children.get(name)
        if child is None or not child.signal(signal.SIGKILL):
            raise LookupError(f"no process {name!r} runs; there are: {', '.join(self._children)}")

    def state(self) -> dict[str, Any]:
        """
        Give JSON: the state of the one process, or of them all.

        With several, `running` says whether all do, and `processes` has each by its name.
        """
        states = {name: child.state() for name, child in self._children.items()}
        if len(states) == 1:
            return next(iter(states.values()))
        faults = [f"{name}: {state['fault']}" for name, state in states.items() if state["fault"]]
        return {
            "wanted": any(state["wanted"] for state in states.values()),
            "running": bool(states) and all(state["running"] for state in states.values()),
            "fault": "; ".join(faults),
            "processes": states,
        }
