"""
ELBv2 and CloudWatch behind the port `RegionalBalancers`.

Called by the concern `backends`. A visit to a region costs three calls however many load balancers
are asked for (one more for each 400 of them): the balancers, their target groups, and the healthy
targets of all groups at once from CloudWatch, where DescribeTargetHealth would be a call for each.

Source: ELBv2 API reference: DescribeLoadBalancers, DescribeTargetGroups (pages of 400); Elastic
Load Balancing User Guides, "CloudWatch metrics": HealthyHostCount and UnHealthyHostCount by
LoadBalancer and TargetGroup.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from fedingress.adapters.aws.clients import Clients
from fedingress.adapters.aws.hosted_zones import hosted_zone, region_of
from fedingress.domain.balancer import Balancer
from fedingress.domain.errors import Forbidden

_MOST_QUERIES: Final = 500
_BACK_SECONDS: Final = 300
_NAMESPACES: Final = {"app": "AWS/ApplicationELB", "net": "AWS/NetworkELB"}
"""By the first word of a load balancer's path in its ARN."""
_COUNTS: Final = ("HealthyHostCount", "UnHealthyHostCount")

_Group = tuple[str, str]
"""ARN of a load balancer, and of one of its target groups."""


class ElbBalancers:
    """
    The port `RegionalBalancers`.

    now: the time of day in UTC.   period_seconds: of CloudWatch's metrics.
    """

    def __init__(
        self,
        clients: Clients,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        period_seconds: int = 60,
    ) -> None:
        self.call_timeout_seconds = clients.call_timeout_seconds
        self._clients = clients
        self._now = now
        self._period = period_seconds

    def find(self, region: str, names: Iterable[str]) -> Mapping[str, Balancer]:
        """Those of the account with all there is to say; others as far as their name tells."""
        wanted = set(names)
        if not wanted:
            return {}
        try:
            found = {
                name: row
                for row in self._pages("describe_load_balancers", "LoadBalancers", region)
                if (name := _bare(row)) in wanted
            }
            health = self._health(region, [str(row["LoadBalancerArn"]) for row in found.values()])
        except Forbidden:
            return _by_name(wanted, region)
        return _by_name(wanted - found.keys(), region) | {
            name: Balancer(
                name=name,
                region=region,
                arn=str(row["LoadBalancerArn"]),
                hosted_zone=str(row["CanonicalHostedZoneId"]),
                dual_stack=str(row.get("IpAddressType", "")).startswith("dualstack"),
                state=str((row.get("State") or {}).get("Code", "")),
                healthy=health.get(str(row["LoadBalancerArn"])),
            )
            for name, row in found.items()
        }

    def _health(self, region: str, arns: Sequence[str]) -> Mapping[str, bool]:
        """
        Whether every group with targets has a healthy one, by the balancer's ARN.

        One without data is left out; one whose groups have no targets at all has no healthy one.
        """
        asked = set(arns)
        groups: list[_Group] = [
            (arn, str(row["TargetGroupArn"]))
            for row in self._pages("describe_target_groups", "TargetGroups", region)
            for arn in row.get("LoadBalancerArns") or ()
            if arn in asked
        ]
        counts = self._counts(region, groups)
        found: dict[str, bool] = {}
        for arn in asked:
            own = [counts.get(group) for group in groups if group[0] == arn]
            told = [each for each in own if each is not None]
            busy = [healthy for healthy, unhealthy in told if healthy + unhealthy]
            if told:
                found[arn] = bool(busy) and all(busy)
        return found

    def _counts(self, region: str, groups: Sequence[_Group]) -> Mapping[_Group, tuple[int, int]]:
        """Healthy and unhealthy targets of each group, of which there is data."""
        queries = [(group, name) for group in groups for name in _COUNTS]
        found: dict[tuple[_Group, str], int] = {}
        for start in range(0, len(queries), _MOST_QUERIES):
            part = queries[start : start + _MOST_QUERIES]
            for number, value in self._values(region, part):
                found.setdefault(part[number], value)
        healthy, unhealthy = _COUNTS
        return {
            group: (found[group, healthy], found.get((group, unhealthy), 0))
            for group in groups
            if (group, healthy) in found
        }

    def _values(
        self, region: str, queries: Sequence[tuple[_Group, str]]
    ) -> Iterator[tuple[int, int]]:
        api = self._clients.get("cloudwatch", region)
        until = self._now()
        asked: dict[str, Any] = {
            "MetricDataQueries": [
                _query(number, group, name, self._period)
                for number, (group, name) in enumerate(queries)
            ],
            "StartTime": until - timedelta(seconds=_BACK_SECONDS),
            "EndTime": until,
            "ScanBy": "TimestampDescending",
        }
        while True:
            page = self._clients.ask(
                f"CloudWatch of {region}", lambda: api.get_metric_data(**asked)
            )
            for row in page["MetricDataResults"]:
                if row["Values"]:
                    yield int(row["Id"][1:]), int(row["Values"][0])
            if not page.get("NextToken"):
                return
            asked["NextToken"] = page["NextToken"]

    def _pages(self, operation: str, field: str, region: str) -> Iterator[Mapping[str, Any]]:
        api = self._clients.get("elbv2", region)
        asked: dict[str, Any] = {"PageSize": 400}
        while True:
            page = self._clients.ask(
                f"load balancers of {region}",
                lambda asked=asked: getattr(api, operation)(**asked),  # type: ignore[misc]
            )
            yield from page[field]
            if not page.get("NextMarker"):
                return
            asked = {"PageSize": 400, "Marker": page["NextMarker"]}


def _by_name(wanted: Iterable[str], region: str) -> dict[str, Balancer]:
    """Load balancers that ELBv2 does not tell us of (another account's), by their names alone."""
    return {
        name: Balancer(name=name, region=region, hosted_zone=zone)
        for name in sorted(wanted)
        if region_of(name) == region and (zone := hosted_zone(name))
    }


def _bare(row: Mapping[str, Any]) -> str:
    return str(row["DNSName"]).lower().removesuffix(".").removeprefix("dualstack.")


def _query(number: int, group: _Group, name: str, period: int) -> dict[str, Any]:
    balancer, _, path = group[0].partition(":loadbalancer/")
    path = path or balancer
    dimensions = {"LoadBalancer": path, "TargetGroup": group[1].rpartition(":")[2]}
    return {
        "Id": f"m{number}",
        "MetricStat": {
            "Metric": {
                "Namespace": _NAMESPACES.get(path.partition("/")[0], _NAMESPACES["app"]),
                "MetricName": name,
                "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            },
            "Period": period,
            "Stat": "Minimum",
        },
    }
