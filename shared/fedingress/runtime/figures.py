"""
What this process has done so far, for Prometheus: counted from the lines of its log.

A deployed function lives too briefly to be asked; its figures come from the lines themselves.
`fedingress serve` serves these at `/metrics`.
"""

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from fedingress.watcher.exposition import Metric

_Key = tuple[tuple[str, str], ...]
_HELP: Final = {
    "fedingress_invocations_total": "Deliveries of work, by how they ended.",
    "fedingress_refusals_total": "Calls and events that a door refused, by the reason.",
    "fedingress_rounds_total": "Runs of a concern.",
    "fedingress_changes_total": "Changes that went through.",
    "fedingress_held_total": "Changes that were held back.",
    "fedingress_calls_total": "Calls to stores, clusters and clouds.",
    "fedingress_seconds_total": "Time spent in each phase of the runs.",
}
_PHASES: Final = ("bus", "queue", "observe", "decide", "act")
_ACTIONS: Final = ("creates", "updates", "deletes")


class Figures:
    """Counters by name and labels; safe to call from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, defaultdict[_Key, float]] = {
            name: defaultdict(float) for name in _HELP
        }

    def count(self, line: Mapping[str, Any]) -> None:
        """Add what one line of the log says."""
        with self._lock:
            if "reason" in line:
                labels = {"door": line["door"], "reason": line["reason"]}
                self._add("fedingress_refusals_total", labels, 1)
            concern = line.get("concern")
            if concern is None:
                return
            labels = {"concern": concern, "outcome": line["outcome"]}
            self._add("fedingress_invocations_total", labels, 1)
            of = {"concern": concern}
            self._add("fedingress_rounds_total", of, line.get("rounds", 0))
            self._add("fedingress_held_total", of, line.get("held", 0))
            for action in _ACTIONS:
                labels = of | {"action": action.removesuffix("s")}
                self._add("fedingress_changes_total", labels, line.get(action, 0))
            for kind, calls in line.get("calls", {}).items():
                self._add("fedingress_calls_total", of | {"kind": kind}, calls)
            for phase in _PHASES:
                seconds = line.get(f"{phase}_milliseconds", 0) / 1000
                self._add("fedingress_seconds_total", of | {"phase": phase}, seconds)

    def metrics(self) -> "Sequence[Metric]":
        """Every counter, sorted by its labels."""
        # a function, which nobody asks, loads nothing for it
        from fedingress.watcher.exposition import Metric, Sample  # noqa: PLC0415

        with self._lock:
            return [
                Metric(
                    name=name,
                    type="counter",
                    help=text,
                    samples=[
                        Sample(value=value, labels=dict(key))
                        for key, value in sorted(self._counts[name].items())
                    ],
                )
                for name, text in _HELP.items()
            ]

    def _add(self, name: str, labels: Mapping[str, str], value: float) -> None:
        if value:
            self._counts[name][tuple(sorted(labels.items()))] += value


FIGURES: Final = Figures()
"""Those of this process."""
