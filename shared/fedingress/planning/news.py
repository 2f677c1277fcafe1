"""
What is worth an Event besides a condition that turns: one for each new cause and each new wait.

Called by `planning.status`. What was told before is read from the source itself, so that neither a
lost store nor the number of passes tells anything twice.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fedingress.domain import names
from fedingress.domain.condition import ClusterRow, Condition
from fedingress.domain.ingress import Source

LONGEST: Final = 1024
"""Characters of a condition's message."""
_WAITS: Final = frozenset({"Drained", "Draining", "Rising", "Waiting"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """
    One thing that is wrong, or waited for.

    cluster: the member that it is about; empty for none.   warning: whether somebody should act.
    """

    reason: str
    sentence: str
    cluster: str = ""
    warning: bool = True


def observed_table(source: Source) -> dict[str, Mapping[str, Any]]:
    """The table that stands on *source*; what cannot be read counts as nothing."""
    try:
        table = json.loads(source.annotations.get(names.TABLE, "{}"))
    except (ValueError, TypeError, RecursionError):
        return {}
    rows = table.items() if isinstance(table, dict) else ()
    return {name: row for name, row in rows if isinstance(row, dict)}


def more(
    wrong: Iterable[Cause],
    rows: Iterable[ClusterRow],
    before: Condition | None,
    table: Mapping[str, Mapping[str, Any]],
) -> tuple[Cause, ...]:
    """
    The causes that the condition `Degraded` does not tell by turning, and the waits of members.

    Args:
        wrong: All that is wrong now.
        rows: The members as they stand now.
        before: `Degraded` as it stands on the source if it stays as it is; None when it turns, for
            then its own Event names everything.
        table: The members as they stand on the source.
    """
    causes = [cause for cause in wrong if before is not None and _is_new(cause, before, table)]
    waits = [
        Cause(
            reason=row.reason,
            sentence=f"{row.cluster}: {row.message}",
            cluster=row.cluster,
            warning=False,
        )
        for row in rows
        if row.reason in _WAITS and table.get(row.cluster, {}).get("reason") != row.reason
    ]
    return (*causes, *waits)


def _is_new(cause: Cause, before: Condition, table: Mapping[str, Mapping[str, Any]]) -> bool:
    if cause.cluster:
        return table.get(cause.cluster, {}).get("reason") != cause.reason
    # A message that was cut may have said it.
    return len(before.message) < LONGEST and cause.sentence not in before.message
