"""Record sets of several providers as one port: each zone names its own."""

from collections.abc import Collection, Mapping, Sequence

from fedingress.domain.errors import Invalid
from fedingress.domain.policy import ZoneRef
from fedingress.domain.record import RecordSet
from fedingress.ports.guard import Guard
from fedingress.ports.record_sets import RecordSets


class ZonesByProvider:
    """The port `RecordSets` over *providers*: provider's name -> its zones."""

    def __init__(self, providers: Mapping[str, RecordSets]) -> None:
        self.call_timeout_seconds = max(each.call_timeout_seconds for each in providers.values())
        self._providers = providers

    def domain(self, zone: ZoneRef) -> str:
        """The zone's DNS name."""
        return self._of(zone).domain(zone)

    def list(self, zone: ZoneRef) -> Sequence[RecordSet]:
        """Every record set."""
        return self._of(zone).list(zone)

    def find(self, zone: ZoneRef, names: Collection[str]) -> Sequence[RecordSet]:
        """Every record set of these names."""
        return self._of(zone).find(zone, names)

    def change(
        self,
        zone: ZoneRef,
        *,
        deletions: Sequence[RecordSet],
        additions: Sequence[RecordSet],
        guard: Guard,
    ) -> str:
        """One batch."""
        port = self._of(zone)
        return port.change(zone, deletions=deletions, additions=additions, guard=guard)

    def done(self, zone: ZoneRef, change: str) -> bool:
        """Whether the change is everywhere."""
        return self._of(zone).done(zone, change)

    def _of(self, zone: ZoneRef) -> RecordSets:
        """
        The provider of *zone*.

        Raises:
            Invalid: There is none of that name.
        """
        if zone.provider not in self._providers:
            raise Invalid(f"{zone.provider} is no provider of zones; {sorted(self._providers)} are")
        return self._providers[zone.provider]
