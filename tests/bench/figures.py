"""Figures: what every measurement gives, and how people and machines read them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """
    One measured value.

    base: what it is measured against, for ratios.   target: not to be exceeded on an idle core.
    """

    name: str
    value: float
    unit: str
    base: str = ""
    target: float | None = None

    def encode(self) -> dict[str, Any]:
        """As JSON; base and target only where there are some."""
        found: dict[str, Any] = {"name": self.name, "value": self.value, "unit": self.unit}
        if self.base:
            found["base"] = self.base
        if self.target is not None:
            found["target"] = self.target
        return found


def lines(figures: Iterable[Figure]) -> str:
    """One JSON object a line."""
    return "".join(f"{json.dumps(figure.encode())}\n" for figure in figures)


def write(path: Path, figures: Iterable[Figure]) -> None:
    """Everything as one JSON list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([figure.encode() for figure in figures], indent=2)
    path.write_text(f"{text}\n", encoding="utf-8")


def table(figures: Sequence[Figure]) -> str:
    """For people: name, value, unit, and the target or base beside it."""
    width = max((len(figure.name) for figure in figures), default=0)
    rows = []
    for figure in figures:
        beside = f"at most {figure.target:g}" if figure.target is not None else ""
        beside = ", ".join(filter(None, [beside, figure.base and f"base: {figure.base}"]))
        value = f"{figure.value:10.6g} {figure.unit:14}"
        rows.append(f"{figure.name:{width}}  {value}{beside}".rstrip() + "\n")
    return "".join(rows)
