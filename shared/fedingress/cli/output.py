"""What people and machines read: tables, JSON, and progress that stays quiet in a pipe."""

import json
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table


class Format(StrEnum):
    """Values of `--output`."""

    table = "table"
    json = "json"


Output = Annotated[Format, typer.Option("--output", "-o", help="table, or json for machines.")]


def console() -> Console:
    """For people; as wide as the terminal, and wide in a pipe so that no cell is cut."""
    return Console(width=None if sys.stdout.isatty() else 200, highlight=False, soft_wrap=False)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print one table; cells are text, never markup."""
    shown = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        shown.add_column(column.upper(), overflow="fold")
    for row in rows:
        shown.add_row(*(_plain(cell) for cell in row))
    console().print(shown)


def _plain(cell: str) -> str:
    """Without control characters, and without what rich would take for markup."""
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in cell)
    return text.replace("[", "\\[")


def emit(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, indent=2, sort_keys=True, default=list))


def wait_for(
    done: Callable[[], tuple[bool, str]],
    *,
    seconds: float,
    pause: Callable[[float], None],
    now: Callable[[], float],
) -> bool:
    """
    Ask *done* again and again; on a terminal show what it says, in a pipe say nothing.

    Returns:
        Whether it was done within *seconds*.
    """
    end = now() + seconds
    with Console(stderr=True).status("waiting", spinner="dots") as shown:
        while True:
            finished, text = done()
            if finished or now() > end:
                return finished
            shown.update(_plain(text))
            pause(0.2)
