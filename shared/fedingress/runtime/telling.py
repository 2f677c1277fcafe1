"""
The one JSON line that each invocation, and each refusal, leaves in the log; and its figures.

Texts of others are cut and their control characters escaped, so that no reply of a cloud or value
of a user can forge a line. On Google Cloud the line has the fields by which Cloud Logging knows
severity and trace; on AWS it carries its own metrics (Embedded Metric Format), so that no call to
CloudWatch is made; where Prometheus asks, `FIGURES` has counted the lines.

Source: Cloud Logging, "Structured logging"; Amazon CloudWatch, "Embedded metric format".
"""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fedingress.adapters.trace import span_id, trace_id
from fedingress.domain.errors import FederationError, Invalid, Untrusted
from fedingress.runtime.event import Oversized
from fedingress.runtime.figures import FIGURES

LOG: Final = logging.getLogger("fedingress")
TEXT: Final = 256
NAMESPACE: Final = "Fedingress"
_SEVERITY: Final = {
    logging.DEBUG: "DEBUG",
    logging.INFO: "INFO",
    logging.WARNING: "WARNING",
    logging.ERROR: "ERROR",
}
_MILLISECONDS: Final = tuple(
    f"{phase}milliseconds" for phase in ("", "bus_", "queue_", "observe_", "decide_", "act_")
)
_COUNTS: Final = ("rounds", "creates", "updates", "deletes", "held")


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """
    How an instance tells its lines.

    project: of Google Cloud, for the trace's name; empty elsewhere.
    emf: whether lines carry metrics for CloudWatch.
    otel: whether runs are spans of OpenTelemetry.
    """

    project: str = ""
    emf: bool = False
    otel: bool = False


QUIET: Final = Voice()


def tell(
    line: Mapping[str, Any],
    level: int,
    *,
    voice: Voice = QUIET,
    traceparent: str = "",
    log: logging.Logger = LOG,
) -> None:
    """Count *line*, and log it at *level* as safe JSON with what the cloud at hand understands."""
    FIGURES.count(line)
    if not log.isEnabledFor(level):
        return
    told = {name: text(v) if isinstance(v, str) else v for name, v in line.items()}
    told["severity"] = _SEVERITY[level]
    if traceparent:
        told["trace"] = trace_id(traceparent)
    if traceparent and voice.project:
        told["logging.googleapis.com/trace"] = (
            f"projects/{voice.project}/traces/{trace_id(traceparent)}"
        )
        told["logging.googleapis.com/spanId"] = span_id(traceparent)
    if voice.emf:
        told |= _embedded(told)
    log.log(level, "%s", json.dumps(told))


def refusal(door: str, error: FederationError) -> dict[str, Any]:
    """The line of what went no further than *door*; a `reason` where it was refused for one."""
    line: dict[str, Any] = {"door": door, "outcome": "refused-event", "why": str(error)}
    match error:
        case Untrusted(reason=reason):
            line["reason"] = reason
        case Oversized():
            line["reason"] = "oversized"
        case Invalid():
            line["reason"] = "malformed"
        case _:
            line["outcome"] = "unavailable"
    return line


def text(value: str) -> str:
    """At most 256 characters, none of them a control character."""
    short = value if len(value) <= TEXT else f"{value[: TEXT - 3]}..."
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in short)[:TEXT]


def _embedded(line: Mapping[str, Any]) -> dict[str, Any]:
    """The line's metrics, as CloudWatch extracts them from it."""
    by = ["door", "reason"] if "reason" in line else ["concern", "outcome"]
    counted = "refusals" if "reason" in line else "invocations"
    if not all(name in line for name in by):
        return {}
    directives = [_directive([by], [counted], "Count")]
    durations = [name for name in _MILLISECONDS if name in line]
    counts = [name for name in _COUNTS if name in line]
    if "concern" in line and durations:
        directives.append(_directive([["concern"]], durations, "Milliseconds"))
        directives.append(_directive([["concern"]], counts, "Count"))
    return {
        counted: 1,
        "_aws": {"Timestamp": round(time.time() * 1000), "CloudWatchMetrics": directives},
    }


def _directive(dimensions: list[list[str]], names: list[str], unit: str) -> dict[str, Any]:
    return {
        "Namespace": NAMESPACE,
        "Dimensions": dimensions,
        "Metrics": [{"Name": name, "Unit": unit} for name in names],
    }
