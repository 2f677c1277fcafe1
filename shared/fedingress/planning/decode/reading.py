"""
Reading a manifest piece by piece while collecting every fault of it.

Called by the decoders beside it. A `Cell` is one value with its JSON path; asking it for text, a
number or its items either gives that, or notes a fault and gives something harmless to go on with,
so that one pass finds all faults. Texts of users are never repeated unescaped or at length.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from re import Pattern
from typing import Any

from fedingress.domain.ingress import Fault, Manifest
from fedingress.planning.decode.words import SHOWN, quoted, unknown_word


def named(manifest: Manifest, kind: str) -> str:
    """`Kind namespace/name` of *manifest* for a fault, escaped where it is hostile."""
    meta = manifest.get("metadata")
    meta = meta if isinstance(meta, Mapping) else {}
    parts = [
        text if text.isprintable() and len(text) <= SHOWN else quoted(text)
        for text in (str(meta.get("namespace") or ""), str(meta.get("name") or "?"))
        if text
    ]
    return f"{kind} {'/'.join(parts)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """
    One value of a manifest.

    value: None when it is absent; null counts as absent, as in Kubernetes.
    at: its JSON path.   where: the object, for faults.
    """

    value: Any
    at: str
    where: str
    faults: list[Fault] = field(repr=False)

    def fault(self, reason: str) -> None:
        """Note that this value is wrong."""
        self.faults.append(Fault(where=self.where, field=self.at, reason=reason))

    @property
    def given(self) -> bool:
        """Whether the field is there."""
        return self.value is not None

    def _inner(self, value: Any, at: str) -> "Cell":
        return Cell(value=value, at=at, where=self.where, faults=self.faults)

    def mapping(self) -> Mapping[str, Any]:
        """The object here; empty when absent or, with a fault, when it is none."""
        if self.value is None:
            return {}
        if not isinstance(self.value, Mapping):
            self.fault(f"{quoted(self.value)} is not an object")
            return {}
        return self.value

    def child(self, name: str) -> "Cell":
        """The field *name*; absent where this is no object (say so once with `fields`)."""
        held = self.value if isinstance(self.value, Mapping) else {}
        return self._inner(held.get(name), f"{self.at}.{name}" if self.at else name)

    def fields(self, *known: str, unserved: Mapping[str, str] | None = None) -> None:
        """
        Note a fault for every field that is none of *known*.

        unserved: fields that exist but not in this version: name -> reason.
        """
        for name, value in self.mapping().items():
            if name in known:
                continue
            shown = name if name.isidentifier() and len(name) <= SHOWN else quoted(name)
            cell = self._inner(value, f"{self.at}.{shown}" if self.at else shown)
            cell.fault((unserved or {}).get(name) or unknown_word("field", name, known))

    def items(self, *, least: int = 0, most: int = 1000) -> Iterator["Cell"]:
        """The items of the list here, each with its path."""
        if self.value is None:
            listed: list[Any] = []
        elif isinstance(self.value, list | tuple):
            listed = list(self.value)
        else:
            self.fault(f"{quoted(self.value)} is not a list")
            return
        if len(listed) < least:
            self.fault(f"needs at least {least} item{'s' if least > 1 else ''}")
        if len(listed) > most:
            self.fault(f"has {len(listed)} items; at most {most} are allowed")
        for index, item in enumerate(listed[:most]):
            cell = self._inner(item, f"{self.at}[{index}]")
            if item is None:
                cell.fault("is null")
            else:
                yield cell

    def text(self, default: str = "", *, like: Pattern[str] | None = None, noun: str = "") -> str:
        """The text here; *noun* says what *like* describes."""
        if self.value is None:
            return default
        if not isinstance(self.value, str):
            self.fault(f"{quoted(self.value)} is not text; write it in quotes")
            return default
        if like is not None and not like.fullmatch(self.value):
            self.fault(f"{quoted(self.value)} is not {noun}")
            return default
        return self.value

    def required(self, *, like: Pattern[str] | None = None, noun: str = "text") -> str:
        """The text here, which must be there and not be empty."""
        if self.value is None or self.value == "":
            self.fault(f"is required: {noun}")
            return ""
        return self.text(like=like, noun=noun)

    def choice(self, known: Collection[str], default: str = "", *, noun: str) -> str:
        """One of *known*."""
        found = self.text(default)
        if isinstance(self.value, str) and found not in known:
            self.fault(unknown_word(noun, found, known))
            return default
        return found

    def integer(self, default: int, low: int, high: int) -> int:
        """A whole number from *low* to *high*."""
        if self.value is None:
            return default
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            self.fault(f"{quoted(self.value)} is not a whole number")
            return default
        if not low <= self.value <= high:
            self.fault(f"{quoted(self.value)} is out of range: {low} to {high}")
            return default
        return self.value

    def boolean(self, *, default: bool) -> bool:
        """True or false."""
        if self.value is None:
            return default
        if not isinstance(self.value, bool):
            self.fault(f"{quoted(self.value)} is neither true nor false")
            return default
        return self.value

    def number(self, high: float) -> float | None:
        """A number above 0 and at most *high*; None when absent."""
        if self.value is None:
            return None
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            self.fault(f"{quoted(self.value)} is not a number")
            return None
        if not (0 < self.value <= high and math.isfinite(self.value)):
            self.fault(f"{quoted(self.value)} is out of range: above 0 and at most {high:g}")
            return None
        return float(self.value)

    def texts(self) -> dict[str, str]:
        """The object of texts here, such as labels and annotations."""
        found = {}
        for name, value in self.mapping().items():
            if isinstance(name, str) and isinstance(value, str):
                found[name] = value
            else:
                self._inner(value, f"{self.at}[{quoted(name)}]").fault(
                    f"{quoted(value)} is not text; write it in quotes"
                )
        return found


def kind(whole: Cell, api_version: str, name: str) -> None:
    """Note it when *whole* is another kind (items of a list may say none) or has unknown fields."""
    whole.fields("apiVersion", "kind", "metadata", "spec", "status")
    for field_name, wanted in (("apiVersion", api_version), ("kind", name)):
        cell = whole.child(field_name)
        if cell.given and cell.value != wanted:
            cell.fault(f"{quoted(cell.value)} is not {wanted}")
