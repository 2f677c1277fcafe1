"""
Metrics as text that Prometheus reads.

Written by hand: the client library would be one more package in every image, for sixty lines.

Source: Prometheus, "Exposition formats", text format 0.0.4.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One value and what it is of."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One family. *help* is a sentence; a counter's name ends in `_total`."""

    name: str
    type: Literal["counter", "gauge"]
    help: str
    samples: Sequence[Sample]


def exposition(metrics: Sequence[Metric]) -> str:
    """*metrics* as one page."""
    lines = []
    for metric in metrics:
        lines.append(f"# HELP {metric.name} {_escaped(metric.help)}")
        lines.append(f"# TYPE {metric.name} {metric.type}")
        for sample in metric.samples:
            labels = ",".join(
                f'{name}="{_escaped(value, quotes=True)}"' for name, value in sample.labels.items()
            )
            named = f"{metric.name}{{{labels}}}" if labels else metric.name
            lines.append(f"{named} {sample.value:.15g}")
    return "\n".join([*lines, ""])


def _escaped(text: str, *, quotes: bool = False) -> str:
    found = text.replace("\\", r"\\").replace("\n", r"\n")
    return found.replace('"', r"\"") if quotes else found
