"""
The checkers of all regions at work: every health check is looked at for as long as it lives.

Each region has one checker, where Amazon has several. The looks of the regions at an endpoint are
spread over the request interval.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from localcloud.aws.route53.health import Health, regions_of
from localcloud.aws.route53.health_checks import PROBING, REGIONS, HealthCheck, HealthChecks
from localcloud.aws.route53.probes import Prober

log = logging.getLogger(__name__)


class Checkers:
    """
    The checkers.

    Attributes:
        health: What they found.
    """

    def __init__(
        self,
        checks: HealthChecks,
        *,
        clock: Callable[[], float],
        sources: Mapping[str, str],
        resolve: Callable[[str], Sequence[str]],
        interval_factor: float = 1.0,
    ) -> None:
        """
        Look at the endpoints of *checks*.

        Args:
            checks: The health checks; followed as they change.
            clock: Seconds since 1970, for what is told.
            sources: Region to its checker's address, for each of `REGIONS`.
            resolve: Gives the IPv4 addresses of a name.
            interval_factor: Shortens request intervals and time limits.
        """
        self.health = Health(checks)
        self._checks = checks
        self._clock = clock
        self._factor = interval_factor
        self._probers = {
            region: Prober(sources[region], resolve, interval_factor) for region in REGIONS
        }
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._looks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin with the health checks that are there."""
        self._checks.changed = self._follow
        self._follow()

    async def close(self) -> None:
        """Stop looking."""
        self._checks.changed = lambda: None
        ending = [*self._tasks.values(), *self._looks]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        self._tasks.clear()

    def _follow(self) -> None:
        living = {
            check.id for check in self._checks.checks.values() if check.config["Type"] in PROBING
        }
        for gone in self._tasks.keys() - living:
            self._tasks.pop(gone).cancel()
        self.health.forget(frozenset(self.health.known() - self._checks.checks.keys()))
        for check_id in living - self._tasks.keys():
            self._tasks[check_id] = asyncio.create_task(self._watch(self._checks.checks[check_id]))

    async def _watch(self, check: HealthCheck) -> None:
        while True:
            regions = regions_of(check)
            seconds = float(check.config["RequestInterval"]) * self._factor
            for region in regions:
                if not check.config["Disabled"]:
                    look = asyncio.create_task(self._look(check, region))
                    self._looks.add(look)
                    look.add_done_callback(self._looks.discard)
                await asyncio.sleep(seconds / len(regions))

    async def _look(self, check: HealthCheck, region: str) -> None:
        prober = self._probers[region]
        try:
            good, sentence = await prober.probe(check.id, check.config)
        except Exception:  # a checker outlives every odd endpoint
            log.exception("the checker of %s failed at %s", region, check.id)
            return
        seen = (prober.source, sentence, self._clock())
        if check.id in self._checks.checks:
            self.health.record(check, region, good=good, seen=seen)
