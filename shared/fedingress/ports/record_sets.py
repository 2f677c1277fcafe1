"""Hosted zones and their record sets."""

from collections.abc import Collection, Sequence
from typing import Protocol

from fedingress.domain.policy import ZoneRef
from fedingress.domain.record import RecordSet
from fedingress.ports.guard import Guard


class RecordSets(Protocol):
    """One provider's hosted zones. Every method may raise `Unavailable` or `Forbidden`."""

    call_timeout_seconds: float

    def domain(self, zone: ZoneRef) -> str:
        """
        The zone's DNS name without the final dot, as the provider has it.

        Raises:
            Invalid: There is no such zone, or it may not be written.
        """
        ...

    def list(self, zone: ZoneRef) -> Sequence[RecordSet]:
        """Every record set of the zone, ours or not, by name, type and set identifier."""
        ...

    def find(self, zone: ZoneRef, names: Collection[str]) -> Sequence[RecordSet]:
        """
        Every record set of these names, ours or not; likewise ordered.

        For few names it reads far less than `list` does.
        """
        ...

    def change(
        self,
        zone: ZoneRef,
        *,
        deletions: Sequence[RecordSet],
        additions: Sequence[RecordSet],
        guard: Guard,
    ) -> str:
        """
        One atomic batch, deletions first, both in the order given; they must match what stands.

        A record that leads to another one of the zone is deleted before it and added after it.

        Returns:
            By what `done` knows it; empty when every server has it already.

        Raises:
            Conflict: A deletion does not match, or an addition exists.
            Invalid: The provider refuses a record; the reasons are its words.
        """
        ...

    def done(self, zone: ZoneRef, change: str) -> bool:
        """Whether every server of the provider answers by the accepted *change*."""
        ...
