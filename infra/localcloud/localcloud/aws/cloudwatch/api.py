"""
CloudWatch's operation GetMetricData, for one region at a time.

Not served: metric math and search expressions, percentiles, alarms, putting data, every other
operation. Periods below a minute are taken for every metric, which the real service does for
high-resolution ones only.

Source: CloudWatch API reference, GetMetricData (at most 500 queries in a call; newest first unless
asked otherwise).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.aws.cloudwatch.metrics import STATISTICS, Metric, Metrics
from localcloud.aws.wire.errors import AwsError

MOST_QUERIES = 500

_SHORT_PERIODS = (1, 5, 10, 30)
_MINUTE = 60


class CloudWatch:
    """The service; answers by operation, region and values."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics

    def answer(self, operation: str, region: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """
        Carry out one operation in a region.

        Raises:
            AwsError: Refused, or the local cloud does not serve it.
        """
        if operation != "GetMetricData":
            raise AwsError("NotImplemented", f"The local cloud serves no {operation}", 501)
        queries, faults = values["MetricDataQueries"], list(_faults(values))
        if faults:
            raise AwsError("ValidationError", "; ".join(faults))
        oldest_first = values.get("ScanBy") == "TimestampAscending"
        results = []
        for query in queries:
            if query.get("ReturnData", True):
                points = self._points(region, query["MetricStat"], values)
                results.append(_result(query, points if oldest_first else points[::-1]))
        return {"MetricDataResults": results, "Messages": []}

    def _points(
        self, region: str, stat: Mapping[str, Any], values: Mapping[str, Any]
    ) -> list[tuple[float, float]]:
        asked = stat["Metric"]
        pairs = ((each["Name"], each["Value"]) for each in asked.get("Dimensions") or ())
        metric = Metric(
            region=region,
            namespace=asked["Namespace"],
            name=asked["MetricName"],
            dimensions=frozenset(pairs),
        )
        return self.metrics.read(
            metric,
            float(values["StartTime"]),
            float(values["EndTime"]),
            int(stat["Period"]),
            STATISTICS[stat["Stat"]],
        )


def _result(query: Mapping[str, Any], points: list[tuple[float, float]]) -> dict[str, Any]:
    return {
        "Id": query["Id"],
        "Label": query.get("Label") or query["MetricStat"]["Metric"]["MetricName"],
        "Timestamps": [at for at, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": "Complete",
    }


def _faults(values: Mapping[str, Any]) -> Iterator[str]:
    queries = values["MetricDataQueries"]
    if len(queries) > MOST_QUERIES:
        yield f"The collection MetricDataQueries must not have a size greater than {MOST_QUERIES}."
    if float(values["StartTime"]) >= float(values["EndTime"]):
        yield "The parameter StartTime must be less than the parameter EndTime."
    names = [query["Id"] for query in queries]
    if len(set(names)) < len(names):
        yield "The values for parameter id in MetricDataQueries must be unique."
    for query in queries:
        stat = query.get("MetricStat")
        if stat is None:
            yield f"{query['Id']}: the local cloud takes no expressions, only MetricStat."
            continue
        period = int(stat["Period"])
        if period not in _SHORT_PERIODS and (period < _MINUTE or period % _MINUTE):
            yield f"{query['Id']}: Period must be 1, 5, 10, 30 or a multiple of 60."
        if stat["Stat"] not in STATISTICS:
            yield f"{query['Id']}: Stat is one of {', '.join(STATISTICS)}."
