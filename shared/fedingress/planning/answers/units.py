"""
A unit: what goes together in a batch, and what it leads to.

A host with its mark and its answers; a pool with its mark and its group; a tree with its mark and
its choices.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fedingress.domain import names
from fedingress.domain.record import RecordSet
from fedingress.planning.answers.marks import mark_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """
    One unit as it should stand.

    name: of the host or node, without the final dot.
    records: the mark first, then answers by type and set identifier; without answers while they are
        not known.
    leads_to: names of the nodes that it is an alias of.
    uid: of the source; empty for a node.
    ready: whether it may be published although it never was.
    fault: why it cannot be published as it is wanted.
    adopts: whether the user wants foreign answers at its name to be replaced.
    shown: in a few words, where it leads.
    """

    name: str
    records: tuple[RecordSet, ...]
    leads_to: frozenset[str] = frozenset()
    uid: str = ""
    ready: bool = True
    fault: str = ""
    adopts: bool = False
    shown: str = ""

    @property
    def print(self) -> str:
        """A digest of all that is decided by; equal as long as nothing is to be decided anew."""
        return names.short_hash(
            *(str(_basis(item)) for item in self.records),
            str((self.ready, self.adopts)),
            self.fault,
            length=12,
        )


def to_look_at(units: Mapping[str, Unit], touched: Iterable[str]) -> frozenset[str]:
    """The units to find before a decision on *touched*: those, and every node that they need."""
    found: set[str] = set()
    left = [*touched]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += units[name].leads_to if name in units else ()
    return frozenset(found)


def names_of(units: Iterable[str], domain: str) -> frozenset[str]:
    """The names that the records of *units* stand at."""
    return frozenset(each for unit in units for each in (unit, mark_name(unit, domain)))


def _basis(item: RecordSet) -> Any:
    return (item.as_json(), item.policy)
