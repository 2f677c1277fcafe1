"""The demo's tables: who answered whom, and what a failure cost."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from infra.demo.traffic import Reply, served_by


def show_answers(out: Console, replies: Sequence[Reply]) -> None:
    """Per region, host and path: which cluster answered how often."""
    rows: Counter[tuple[str, str, str, str]] = Counter()
    for reply in replies:
        asked = f"{reply.target.host or '(the address)'}{reply.target.path}"
        answered = reply.cluster or f"status {reply.status}"
        rows[reply.region, asked, answered, "failed" if reply.failed else ""] += 1
    table = Table(box=None, pad_edge=False)
    for column in ("FROM", "ASKED FOR", "ANSWERED BY", "REQUESTS", ""):
        table.add_column(column, justify="right" if column == "REQUESTS" else "left")
    for (region, asked, answered, failed), count in sorted(rows.items()):
        table.add_row(region, asked, answered, str(count), failed)
    out.print(table)
    out.print(f"{len(replies)} requests, {sum(reply.failed for reply in replies)} failed")


def show_shift(out: Console, replies: Sequence[Reply], killed_at: float, seconds: float) -> None:
    """Half-second slices after the kill, and the figures of the shift."""
    table = Table(box=None, pad_edge=False)
    clusters = sorted(served_by(replies))
    for column in ("SECONDS AFTER", *clusters, "failed"):
        table.add_column(column, justify="right")
    slices: dict[int, Counter[str]] = {}
    for reply in replies:
        counted = slices.setdefault(int((reply.at - killed_at) * 2), Counter())
        counted["failed" if reply.failed else reply.cluster] += 1
    for number, counted in sorted(slices.items()):
        cells = [str(counted[name] or "") for name in (*clusters, "failed")]
        table.add_row(f"{number / 2:.1f}", *cells)
    out.print(table)
    failed = sum(reply.failed for reply in replies)
    out.print(
        f"health checks alone moved the traffic within {seconds:.2f} s; "
        f"{failed} of {len(replies)} requests failed"
    )
