"""
Route 53's health checks behind the port `HealthChecks`.

Called by the concern `dns`. Whose they are stands in their caller references, so that no tags are
read. What the checkers find is read from CloudWatch, hundreds at a time.

Source: Route 53 API reference: CreateHealthCheck, UpdateHealthCheck, ListHealthChecks,
DeleteHealthCheck; Developer Guide, "Monitoring health checks using CloudWatch" (namespace
AWS/Route53, metric HealthCheckStatus, us-east-1 only, one value a minute); CloudWatch API
reference, GetMetricData (at most 500 queries).
"""

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from fedingress.adapters.aws.clients import GLOBAL, Clients
from fedingress.domain.check import Check, CheckConfig
from fedingress.domain.errors import Conflict, Invalid
from fedingress.ports.guard import Guard

_MOST_QUERIES: Final = 500
_PERIOD_SECONDS: Final = 60
_BACK_SECONDS: Final = 300
"""How far back a value still says something."""
_KINDS: Final = frozenset({"HTTP", "HTTPS", "TCP", "CALCULATED"})


class Route53HealthChecks:
    """
    The port `HealthChecks` over the account that *clients* are of.

    now: the time of day in UTC.   period_seconds: of the metric.
    """

    def __init__(
        self,
        clients: Clients,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        period_seconds: int = _PERIOD_SECONDS,
    ) -> None:
        self.call_timeout_seconds = clients.call_timeout_seconds
        self._clients = clients
        self._now = now
        self._period = period_seconds

    def list(self, prefix: str) -> Sequence[Check]:
        """Every one of ours; others' kinds are passed over."""
        found = (each for each in self._all() if str(each["CallerReference"]).startswith(prefix))
        ours = (_check(each) for each in found if _served(each["HealthCheckConfig"]))
        return sorted(ours, key=lambda each: each.reference)

    def create(self, reference: str, config: CheckConfig, guard: Guard) -> Check:
        """Make one, or give the one that the same call made."""
        answer = self._ask(
            lambda api: api.create_health_check(
                CallerReference=reference, HealthCheckConfig=_encoded(config)
            ),
            guard,
        )
        return _check(answer["HealthCheck"])

    def update(self, check: Check, config: CheckConfig, guard: Guard) -> Check:
        """Change what can be changed of the version that stands."""
        try:
            found = self._ask(lambda api: api.get_health_check(HealthCheckId=check.id))
        except Invalid as error:
            raise Conflict(f"{check.label} is gone: {error}") from error
        if _check(found["HealthCheck"]) != check:
            raise Conflict(f"{check.label} was changed meanwhile")
        answer = self._ask(
            lambda api: api.update_health_check(
                HealthCheckId=check.id,
                HealthCheckVersion=found["HealthCheck"]["HealthCheckVersion"],
                **_changeable(config),
            ),
            guard,
        )
        return _check(answer["HealthCheck"])

    def delete(self, check: Check, guard: Guard) -> None:
        """Remove one; Route 53 does not look whether a record still names it."""
        try:
            self._ask(lambda api: api.delete_health_check(HealthCheckId=check.id), guard)
        except Invalid as error:
            if "NoSuchHealthCheck" not in str(error):
                raise

    def states(self, ids: Iterable[str]) -> Mapping[str, bool]:
        """The last value of each within five minutes."""
        asked = sorted(ids)
        found: dict[str, bool] = {}
        for start in range(0, len(asked), _MOST_QUERIES):
            found |= self._values(asked[start : start + _MOST_QUERIES])
        return found

    def _values(self, ids: Sequence[str]) -> dict[str, bool]:
        api = self._clients.get("cloudwatch", GLOBAL)
        until = self._now()
        asked: dict[str, Any] = {
            "MetricDataQueries": [_query(n, each, self._period) for n, each in enumerate(ids)],
            "StartTime": until - timedelta(seconds=_BACK_SECONDS),
            "EndTime": until,
            "ScanBy": "TimestampDescending",
        }
        found: dict[str, bool] = {}
        while True:
            page = self._clients.ask("CloudWatch", lambda: api.get_metric_data(**asked))
            for row in page["MetricDataResults"]:
                if row["Values"]:
                    found.setdefault(ids[int(row["Id"][1:])], row["Values"][0] >= 1)
            if not page.get("NextToken"):
                return found
            asked["NextToken"] = page["NextToken"]

    def _all(self) -> Iterator[Mapping[str, Any]]:
        asked: dict[str, str] = {}
        while True:
            page = self._ask(lambda api, asked=asked: api.list_health_checks(**asked))
            yield from page["HealthChecks"]
            if not page["IsTruncated"]:
                return
            asked = {"Marker": page["NextMarker"]}

    def _ask(self, call: Any, guard: Guard | None = None) -> Mapping[str, Any]:
        api = self._clients.get("route53")
        answer: Mapping[str, Any] = self._clients.ask(
            "Route 53 health checks", lambda: call(api), paced=True, guard=guard
        )
        return answer


def _query(number: int, check: str, period: int) -> dict[str, Any]:
    return {
        "Id": f"m{number}",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Route53",
                "MetricName": "HealthCheckStatus",
                "Dimensions": [{"Name": "HealthCheckId", "Value": check}],
            },
            "Period": period,
            "Stat": "Minimum",
        },
    }


def _served(config: Mapping[str, Any]) -> bool:
    return config["Type"] in _KINDS


def _check(found: Mapping[str, Any]) -> Check:
    config = found["HealthCheckConfig"]
    kind = str(config["Type"])
    forced = bool(config.get("Disabled")) and bool(config.get("Inverted"))
    address = config.get("IPAddress") or config.get("FullyQualifiedDomainName") or ""
    calculated = kind == "CALCULATED"
    return Check(
        id=str(found["Id"]),
        reference=str(found["CallerReference"]),
        config=CheckConfig(
            kind=kind,
            address=str(address),
            port=0 if calculated else int(config.get("Port") or 0),
            path=str(config.get("ResourcePath", "")),
            interval_seconds=int(config.get("RequestInterval", 30)),
            threshold=int(config.get("HealthThreshold" if calculated else "FailureThreshold", 3)),
            children=tuple(sorted(config.get("ChildHealthChecks") or ())),
            forced_down=forced,
        ),
    )


def _encoded(config: CheckConfig) -> dict[str, Any]:
    """What is given once and for ever, and the rest."""
    body: dict[str, Any] = {"Type": config.kind}
    if config.kind != "CALCULATED":
        body["RequestInterval"] = config.interval_seconds
    return body | _changeable(config)


def _changeable(config: CheckConfig) -> dict[str, Any]:
    body: dict[str, Any] = {"Disabled": config.forced_down, "Inverted": config.forced_down}
    if config.kind == "CALCULATED":
        children = list(config.children)
        return body | {"ChildHealthChecks": children, "HealthThreshold": config.threshold}
    body |= {"Port": config.port, "FailureThreshold": config.threshold}
    body["IPAddress" if _is_address(config.address) else "FullyQualifiedDomainName"] = (
        config.address
    )
    if config.path:
        body["ResourcePath"] = config.path
    return body


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
