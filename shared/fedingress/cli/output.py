"""What people and machines read: tables, JSON, and progress that stays quiet in a pipe."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text


class Format(StrEnum):
    """Values of `--output`."""

    table = "table"
    json = "json"


Output = Annotated[Format, typer.Option("--output", "-o", help="table, or json for machines.")]


def say(text: str) -> None:
    """Print one line for people; it is never cut, and holds no control characters."""
    print(_plain(text))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print one table: folded to the width of a terminal; in a pipe one line a row, uncut."""
    cells = [[column.upper() for column in columns]]
    cells += [[_plain(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _folded(cells)
        return
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        )
        print("  ".join(padded).rstrip())


def _folded(cells: Sequence[Sequence[str]]) -> None:
    """Words keep together where they can: a list breaks after its commas."""
    shown = Table(box=None, pad_edge=False)
    for column in cells[0]:
        shown.add_column(column, overflow="fold")
    for row in cells[1:]:
        shown.add_row(*(Text(cell.replace(",", ", ").replace(",  ", ", ")) for cell in row))
    Console(highlight=False).print(shown)


def _plain(text: str) -> str:
    """Without control characters, which a terminal would obey."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


@contextmanager
def working(text: str) -> Iterator[None]:
    """On a terminal show that *text* is going on; in a pipe say nothing."""
    with Console(stderr=True).status(Text(text), spinner="dots"):
        yield


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
            shown.update(Text(_plain(text)))
            pause(0.2)
