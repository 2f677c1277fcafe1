"""Time as a port, so that tests can own it."""

from typing import Protocol


class Clock(Protocol):
    """Wall time for what is stored, and waiting."""

    def now(self) -> float:
        """Unix seconds, with fractions."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; a virtual clock moves on instead."""
        ...
