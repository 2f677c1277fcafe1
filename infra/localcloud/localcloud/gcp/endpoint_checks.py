"""
Health checks of external endpoints at work: what routing policies name is looked at while it does.

Each of a check's three source regions has one prober; an endpoint is healthy while most of them
(two) hold it so. What nobody has looked at yet is healthy.

Differs from Google: intervals are shorter by a factor; regions begin one after the other within an
interval. IPv6 endpoints are not looked at, and healthy.

Source: compute v1 ``HealthCheck`` (thresholds, interval, ``sourceRegions``); Cloud DNS, "Health
checks" (endpoints are looked at from the three source regions).
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.gcp.routing import check_path, endpoints
from localcloud.gcp.zones import Zone

log = logging.getLogger(__name__)

Pair = tuple[str, str]  # path of the health check, endpoint
Probe = Callable[[str, str, Mapping[str, Any]], Coroutine[Any, Any, bool]]

_MAJORITY = 0.5


@dataclass(slots=True, kw_only=True)
class View:
    """
    What one region holds of one endpoint.

    Attributes:
        healthy: Until it was found otherwise often enough in a row.
        streak: How many of the last results say otherwise.
    """

    healthy: bool = True
    streak: int = 0

    def record(self, *, good: bool, check: Mapping[str, Any]) -> None:
        """Take one result in."""
        self.streak = 0 if good == self.healthy else self.streak + 1
        word = "unhealthyThreshold" if self.healthy else "healthyThreshold"
        if self.streak >= int(check.get(word) or 2):
            self.healthy, self.streak = good, 0


@dataclass(slots=True, kw_only=True)
class Watched:
    """A pair that some policy names: its looks, and what each region holds of it."""

    task: asyncio.Task[None]
    views: dict[str, View] = field(default_factory=dict)


class EndpointChecks:
    """The probers of one cloud."""

    def __init__(
        self,
        zones: Callable[[], Iterable[Zone]],
        compute: Mapping[str, Mapping[str, Any]],
        probe: Probe,
        *,
        interval_factor: float = 1.0,
    ) -> None:
        """
        Look at what zones name, once `follow` was called.

        Args:
            zones: Every managed zone.
            compute: Objects by path, health checks among them.
            probe: Looks once: from a region, at an endpoint, by a health check.
            interval_factor: Shortens intervals.
        """
        self._zones = zones
        self._compute = compute
        self._probe = probe
        self._factor = interval_factor
        self._watched: dict[Pair, Watched] = {}
        self._closed = False

    def healthy(self, check: str, endpoint: str) -> bool:
        """Say whether most regions hold an endpoint healthy."""
        watched = self._watched.get((check, endpoint))
        views = [view.healthy for view in watched.views.values()] if watched else []
        return not views or sum(views) / len(views) > _MAJORITY

    def follow(self, _path: str = "") -> None:
        """Hear of a change, in the loop: begin with what is new, end what is gone."""
        wanted = set() if self._closed else self._wanted()
        for pair in self._watched.keys() - wanted:
            self._watched.pop(pair).task.cancel()
        for pair in sorted(wanted - self._watched.keys()):
            self._watched[pair] = Watched(task=asyncio.create_task(self._watch(pair)))

    async def close(self) -> None:
        """Stop looking; what changes later is nobody's business."""
        self._closed = True
        tasks = [each.task for each in self._watched.values()]
        self._watched.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _wanted(self) -> set[Pair]:
        policies = [
            policy
            for zone in self._zones()
            for record_set in zone.rrsets.values()
            if (policy := record_set.get("routingPolicy"))
        ]
        return {
            (path, endpoint)
            for policy in policies
            if (path := check_path(policy)) in self._compute
            for endpoint in endpoints(policy)
            if ":" not in endpoint
        }

    async def _watch(self, pair: Pair) -> None:
        async with asyncio.TaskGroup() as looks:
            while True:
                check = self._compute.get(pair[0], {})
                regions = check.get("sourceRegions") or ()
                seconds = float(check.get("checkIntervalSec") or 30) * self._factor
                for region in regions:
                    looks.create_task(self._look(pair, region, check))
                    await asyncio.sleep(seconds / len(regions))
                if not regions:
                    await asyncio.sleep(seconds)

    async def _look(self, pair: Pair, region: str, check: Mapping[str, Any]) -> None:
        try:
            good = await self._probe(region, pair[1], check)
        except Exception:  # a prober outlives every odd endpoint
            log.exception("the prober in %s failed at %s", region, pair[1])
            return
        if (watched := self._watched.get(pair)) is not None:
            watched.views.setdefault(region, View()).record(good=good, check=check)
