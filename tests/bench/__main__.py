"""Measure everything; print a table and JSON lines, and write `build/bench.json`."""

import sys
import time
from pathlib import Path

from tests.bench import doors, events, graph, homes, members, unchanged, zones
from tests.bench.figures import Figure, lines, table, write

REPORT = Path(__file__).parents[2] / "build" / "bench.json"
PARTS = (
    members.measure,
    doors.measure,
    unchanged.measure,
    graph.measure,
    zones.measure,
    events.measure,
    homes.measure,
)


def main() -> None:
    """One part after the other, so that none disturbs another."""
    figures: list[Figure] = []
    for part in PARTS:
        began = time.perf_counter()
        figures += part()
        name = part.__module__.rpartition(".")[2]
        print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    print(table(figures))
    print(lines(figures), end="")
    write(REPORT, figures)


if __name__ == "__main__":
    main()
