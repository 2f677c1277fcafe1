"""
Where the functions of a world run: one room for each home.

`embedded` is one process with a bus and a file of its own. `gcp` is Google Cloud's home: Pub/Sub,
Firestore, and a process of functions-framework for each function. `aws` is Amazon's: the product's
template, deployed with SAM onto ministack. The world starts what a home
needs, then its processes; stopping the functions leaves bus and store as they are, as in the cloud.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

HOMES = ("embedded", "gcp", "aws")


class HomeError(RuntimeError):
    """A home cannot be brought up; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One program that is kept running: what it is called with, and its variables."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


class Home(Protocol):
    """What a world needs of a home."""

    @property
    def notes(self) -> Sequence[str]:
        """What a user should know: what is missing, and what stands in for it."""
        ...

    async def start(self) -> None:
        """Bring up bus and store, and prepare the processes."""
        ...

    async def close(self) -> None:
        """End them."""
        ...

    async def ready(self) -> None:
        """Return once the processes, which have been started, answer."""
        ...

    def environment(self) -> Mapping[str, str]:
        """The variables of people and functions that lead to bus and store."""
        ...

    def processes(self) -> Mapping[str, Process]:
        """What runs while the functions run, by name."""
        ...


class Embedded:
    """One command that does everything; it needs nothing."""

    notes = ()

    def __init__(self, command: Sequence[str]) -> None:
        """*command*: of the process; empty for none."""
        self._command = command

    async def start(self) -> None:
        """Nothing is to be started."""

    async def close(self) -> None:
        """Nothing is to be ended."""

    async def ready(self) -> None:
        """What happens before it watches, it lists."""

    def environment(self) -> Mapping[str, str]:
        """None: its bus is in the process, its store a file of the world."""
        return {}

    def processes(self) -> Mapping[str, Process]:
        """The one command."""
        return {"functions": Process(command=self._command)}
