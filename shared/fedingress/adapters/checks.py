"""Health checks of several providers and accounts as one port: each zone says where its own are."""

from collections.abc import Callable, Mapping

from fedingress.domain.errors import Invalid
from fedingress.domain.policy import ZoneRef
from fedingress.ports.health_checks import HealthChecks


class ChecksByProvider:
    """
    The port `ZoneHealthChecks` over *providers*: provider's name -> gives those beside a zone.

    call_timeout_seconds: the longest of theirs.
    """

    def __init__(
        self,
        providers: Mapping[str, Callable[[ZoneRef], HealthChecks]],
        *,
        call_timeout_seconds: float = 10.0,
    ) -> None:
        self.call_timeout_seconds = call_timeout_seconds
        self._providers = providers

    def of(self, zone: ZoneRef) -> HealthChecks:
        """
        Those beside *zone*.

        Raises:
            Invalid: There is no provider of that name.
        """
        if zone.provider not in self._providers:
            raise Invalid(f"{zone.provider} is no provider of zones; {sorted(self._providers)} are")
        return self._providers[zone.provider](zone)
