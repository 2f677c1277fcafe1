"""A Global Accelerator: static addresses whose traffic goes to the nearest region that serves."""

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointGroup:
    """
    The load balancers of one region.

    dial: the percentage of the region's own traffic that it takes, 0 to 100; the rest goes on to
        the next region.
    weights: rows (ARN of a load balancer, weight of 0 to 255), ordered.
    arn: empty before it is made.
    """

    region: str
    dial: int
    weights: tuple[tuple[str, int], ...]
    arn: str = ""

    @property
    def label(self) -> str:
        return f"endpoint group {self.region}"

    def as_json(self) -> dict[str, Any]:
        """Its fields."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator:
    """
    One accelerator with its listener.

    name: up to 64 letters, digits and dashes.   ports: of the listener; empty before it is made.
    groups: one a region, by region.   listener: its ARN.
    enabled: whether it takes traffic.   deployed: whether the last change is everywhere.
    addresses, addresses6: the static ones, of IPv4 and IPv6.
    """

    name: str
    arn: str = ""
    listener: str = ""
    ports: tuple[int, ...] = ()
    groups: tuple[EndpointGroup, ...] = ()
    enabled: bool = True
    deployed: bool = False
    addresses: tuple[str, ...] = ()
    addresses6: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"accelerator {self.name}"

    def as_json(self) -> dict[str, Any]:
        """Its fields, groups included."""
        return dataclasses.asdict(self)
