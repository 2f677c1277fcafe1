"""
Data points by region, namespace, name and dimensions.

`Metrics.record` takes them in as time goes by; nothing is ever rounded to minutes, so that a lab
in a hurry can ask for shorter periods than the real service keeps.

Source: CloudWatch API reference, MetricStat (periods, statistics).
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

KEPT_POINTS = 1800

Statistic = Callable[[Sequence[float]], float]

STATISTICS: Mapping[str, Statistic] = {
    "Average": lambda values: sum(values) / len(values),
    "Maximum": max,
    "Minimum": min,
    "SampleCount": len,
    "Sum": sum,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What data points belong to."""

    region: str
    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


class Metrics:
    """The latest data points of every metric."""

    def __init__(self) -> None:
        self._points: dict[Metric, deque[tuple[float, float]]] = {}

    def record(self, metric: Metric, at: float, value: float) -> None:
        """Take one data point in; *at* in seconds since 1970, never before the last one."""
        self._points.setdefault(metric, deque(maxlen=KEPT_POINTS)).append((at, value))

    def read(
        self, metric: Metric, start: float, end: float, period: int, statistic: Statistic
    ) -> list[tuple[float, float]]:
        """
        Give (beginning, value) of each period that has data, oldest first.

        Args:
            metric: Of exactly these dimensions.
            start: Included.
            end: Excluded.
            period: Seconds; periods begin at multiples of it.
            statistic: Of a period's values.
        """
        periods: dict[int, list[float]] = {}
        for at, value in self._points.get(metric, ()):
            if start <= at < end:
                periods.setdefault(int(at // period) * period, []).append(value)
        return [(float(begin), float(statistic(each))) for begin, each in periods.items()]
