"""
Accelerators with their listeners and endpoint groups, and where a connection goes.

Values are never changed in place; `Accelerators` holds the latest of each. A change is IN_PROGRESS
for a while, then DEPLOYED; traffic follows at once.

Source: Global Accelerator Developer Guide, "How AWS Global Accelerator works", "Adjusting traffic
flow with traffic dials", "Failover for unhealthy endpoints".
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

NEAREST = 3
"""Groups that are tried, dials ignored, when no endpoint of the chosen one is healthy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The endpoints of a region: ARN of a load balancer -> weight. dial: percentage, 0 to 100."""

    arn: str
    region: str
    dial: float = 100.0
    weights: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """ports: rows (first, last).   groups: by ARN."""

    arn: str
    ports: tuple[tuple[int, int], ...]
    protocol: str = "TCP"
    affinity: str = "NONE"
    groups: Mapping[str, Group] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator:
    """
    One accelerator.

    token: idempotency token it was made with.   addresses: its static IPv4 addresses.
    created, changed: seconds since 1970.   listeners: by ARN.
    """

    arn: str
    name: str
    token: str
    addresses: tuple[str, ...]
    created: float
    changed: float
    enabled: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)
    listeners: Mapping[str, Listener] = field(default_factory=dict)

    @property
    def dns_name(self) -> str:
        """Its own name."""
        return f"a{self.arn.rpartition('/')[2].replace('-', '')[:16]}.awsglobalaccelerator.com"


def route(
    groups: Sequence[Group],
    near: Callable[[str], float],
    healthy: Callable[[str], bool],
    chance: Callable[[], float] = random.random,
) -> str:
    """
    Give the ARN of the endpoint that a connection goes to; empty when there is none.

    Args:
        groups: Of the listener.
        near: Region -> how far it is from the client.
        healthy: Whether a load balancer answers.
        chance: Gives a number from 0 to below 1.
    """
    ordered = sorted((each for each in groups if each.weights), key=lambda each: near(each.region))
    if not ordered:
        return ""
    chosen = next((each for each in ordered if chance() * 100 < each.dial), ordered[0])
    others = [each for each in ordered if each is not chosen]
    for group in (chosen, *others[:NEAREST]):
        rows = [(arn, weight) for arn, weight in group.weights.items() if weight and healthy(arn)]
        if rows:
            return _drawn(rows, chance)
    closest = sorted(ordered[0].weights)
    return closest[int(chance() * len(closest))]


def _drawn(rows: Sequence[tuple[str, int]], chance: Callable[[], float]) -> str:
    left = chance() * sum(weight for _, weight in rows)
    for arn, weight in rows:
        left -= weight
        if left < 0:
            return arn
    return rows[-1][0]
