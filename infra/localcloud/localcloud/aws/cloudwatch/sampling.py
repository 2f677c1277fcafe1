"""
What the local cloud's own parts say of themselves, as the metrics of their services.

Source: Route 53 Developer Guide, "Viewing metrics for health checks" (namespace AWS/Route53, in
us-east-1 only); Elastic Load Balancing User Guides, "CloudWatch metrics" (AWS/ApplicationELB,
AWS/NetworkELB).
"""

import asyncio
from collections.abc import Callable

from localcloud.aws.cloudwatch.metrics import Metric, Metrics
from localcloud.aws.elb.balancers import Balancers, LoadBalancer, TargetGroup
from localcloud.aws.route53.health import Health
from localcloud.aws.route53.health_checks import PROBING, HealthChecks

SECONDS = 1.0
ROUTE53_REGION = "us-east-1"


class Sampling:
    """Records once a second until `close`."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        checks: HealthChecks,
        health: Health,
        balancers: Balancers,
        clock: Callable[[], float],
    ) -> None:
        self._metrics = metrics
        self._checks = checks
        self._health = health
        self._balancers = balancers
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def sample(self) -> None:
        """Record everything once."""
        for check in self._checks.checks.values():
            own = frozenset({("HealthCheckId", check.id)})
            status = float(self._health.healthy(check.id))
            self._record(ROUTE53_REGION, "AWS/Route53", "HealthCheckStatus", own, status)
            if check.config["Type"] in PROBING:
                share = self._health.percentage(check.id)
                name = "HealthCheckPercentageHealthy"
                self._record(ROUTE53_REGION, "AWS/Route53", name, own, share)
        for balancer in self._balancers.all.values():
            for group in balancer.groups.values():
                self._hosts(balancer, group)

    async def _run(self) -> None:
        while True:
            self.sample()
            await asyncio.sleep(SECONDS)

    def _hosts(self, balancer: LoadBalancer, group: TargetGroup) -> None:
        states = self._balancers.states(balancer, group)
        own = frozenset(
            {
                ("LoadBalancer", balancer.arn.partition(":loadbalancer/")[2]),
                ("TargetGroup", group.arn.rpartition(":")[2]),
            }
        )
        healthy = sum(states.values())
        for name, count in (
            ("HealthyHostCount", healthy),
            ("UnHealthyHostCount", len(states) - healthy),
        ):
            space = "AWS/NetworkELB" if balancer.kind == "network" else "AWS/ApplicationELB"
            self._record(balancer.region, space, name, own, float(count))

    def _record(
        self, region: str, namespace: str, name: str, own: frozenset[tuple[str, str]], value: float
    ) -> None:
        metric = Metric(region=region, namespace=namespace, name=name, dimensions=own)
        self._metrics.record(metric, self._clock(), value)
