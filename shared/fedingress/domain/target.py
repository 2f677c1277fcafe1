"""What one member offers to a host: the load balancer in front of it, and how well it is."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """
    One member's load balancer, as an Ingress sees it.

    cluster, region: the member and where it is, in its provider's words.
    address: DNS name (lower case, no final dot) or IP address of its load balancer.
    hosted_zone: id of the zone that an alias to it needs; empty where there can be none.
    dual_stack: whether it answers over IPv6 too.
    shared: its load balancer serves other Ingresses too, so its health is not that of this one.
    capacity: requests per second, or any unit common to all members.
    multiplier: the operator's; 0 drains.
    ready: the part of its endpoints that is ready, 0 to 1; None while nobody could look.
    balancer: whether its load balancer has a healthy target; None while that is not known.
    """

    cluster: str
    region: str
    address: str
    hosted_zone: str = ""
    dual_stack: bool = False
    shared: bool = False
    capacity: float = 1.0
    multiplier: float = 1.0
    ready: float | None = None
    balancer: bool | None = None

    def encode(self) -> dict[str, Any]:
        """As JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def decode(cls, body: Mapping[str, Any]) -> Self:
        """From JSON as `encode` wrote it; unknown fields of a newer version are left out."""
        known = {item.name for item in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in body.items() if name in known})
