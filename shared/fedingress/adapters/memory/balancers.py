"""Regional load balancers in memory: the twin of ELBv2's side of `RegionalBalancers`."""

from collections.abc import Iterable, Mapping

from fedingress.domain.balancer import Balancer
from fedingress.domain.errors import Forbidden


class MemoryBalancers:
    """
    The port `RegionalBalancers`.

    found: DNS name -> the load balancer; tests and other twins write it.
    elsewhere: DNS name -> the load balancer as its name tells; of other accounts.
    refuses: regions in which every call is forbidden.
    """

    def __init__(self) -> None:
        self.call_timeout_seconds = 10.0
        self.found: dict[str, Balancer] = {}
        self.elsewhere: dict[str, Balancer] = {}
        self.refuses: set[str] = set()

    def find(self, region: str, names: Iterable[str]) -> Mapping[str, Balancer]:
        """Those of the region, others' as far as their name tells."""
        if region in self.refuses:
            raise Forbidden(f"not authorized to describe the load balancers of {region}")
        asked = {name: self.found.get(name) or self.elsewhere.get(name) for name in names}
        return {name: each for name, each in asked.items() if each and each.region == region}
