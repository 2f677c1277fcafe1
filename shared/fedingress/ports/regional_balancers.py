"""What a cloud says of the regional load balancers that members' own controllers made."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from fedingress.domain.balancer import Balancer


class RegionalBalancers(Protocol):
    """Read only. May raise `Unavailable` or `Forbidden`."""

    call_timeout_seconds: float

    def find(self, region: str, names: Iterable[str]) -> Mapping[str, Balancer]:
        """
        Load balancers of *region* by DNS name (lower case, no final dot, `dualstack.` taken off).

        One that the account does not have is left out, unless its name tells that it is one of
        this region: then its hosted zone is known, and nothing else. Their health is asked in the
        same visit.
        """
        ...
