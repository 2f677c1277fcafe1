"""The guard before each outside write: does the lease outlive the call?"""

from typing import Protocol


class Guard(Protocol):
    """Handed to every port method that writes to a cloud or a cluster."""

    def check(self, call_timeout_seconds: float) -> None:
        """
        Return if the lease outlives a call of *call_timeout_seconds* plus the clock skew.

        Raises:
            LeaseLost: It does not, so the write must not be sent.
        """
        ...

    def remaining_seconds(self) -> float:
        """The budget left for waiting within this invocation; may be negative."""
        ...


class Unguarded:
    """For calls outside the queue: a user's own command, which holds no lease."""

    def __init__(self, budget_seconds: float = 60.0) -> None:
        self.budget_seconds = budget_seconds

    def check(self, call_timeout_seconds: float) -> None:
        """Always passes."""

    def remaining_seconds(self) -> float:
        """The fixed budget."""
        return self.budget_seconds
