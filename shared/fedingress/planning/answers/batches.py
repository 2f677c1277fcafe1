"""
A decision as atomic batches.

In a batch an alias is deleted before what it leads to, and created after it. Over several batches:
nodes first, then the hosts that lead to them, then what nothing leads to any more. A unit is never
split. Where the provider refuses a batch, `bisected` finds the unit it means, so that one bad host
keeps nobody else waiting.

Source: Route 53 Developer Guide, "Quotas" (1000 elements and 32,000 characters of values a batch);
Cloud DNS, "Quotas and limits" (1000 additions, 1000 deletions and 100,000 bytes of data a change).
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fedingress.domain.change import Create, Delete, Plan
from fedingress.domain.record import RecordSet
from fedingress.planning.answers.decision import ZoneDecision
from fedingress.planning.answers.marks import POOL_PREFIX, is_node

MOST_ELEMENTS: Final = 1000
MOST_CHARACTERS: Final = 32_000
_SPARE_CHARACTERS: Final = 4  # quotes and escapes around a value


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """
    The changes of one unit.

    leads_to: names that it is an alias of, nodes among them, before or after.
    sweeps: it is a node that goes; only after everything that led there was carried out.
    """

    unit: str
    plan: Plan[RecordSet]
    leads_to: frozenset[str]
    sweeps: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One atomic change: its parts in order, all of which sweep or none."""

    parts: tuple[Part, ...]
    sweeps: bool = False

    @property
    def deletions(self) -> tuple[RecordSet, ...]:
        """What goes, outermost aliases first; each exactly as it was observed."""
        return tuple(
            change.observed
            for part in (self.parts if self.sweeps else reversed(self.parts))
            for change in part.plan
            if not isinstance(change, Create)
        )

    @property
    def additions(self) -> tuple[RecordSet, ...]:
        """What comes, targets of aliases first."""
        return tuple(
            change.desired
            for part in self.parts
            for change in part.plan
            if not isinstance(change, Delete)
        )


def parts(decision: ZoneDecision) -> tuple[Part, ...]:
    """The parts in the order of their carrying out: nodes, hosts, then nodes that go."""
    found = {name: _part(name, plan) for name, plan in decision.parts.items()}
    coming = {name: part for name, part in found.items() if not part.sweeps}
    going = [part for part in found.values() if part.sweeps]
    ordered = _targets_first(coming)
    last = _targets_first({part.unit: part for part in going})
    return (*ordered, *reversed(last))


def batches(parts: Sequence[Part]) -> Iterator[Batch]:
    """Pack *parts*, in their order, into as few batches as the quotas allow."""
    packed: list[Part] = []
    elements = characters = 0
    for part in parts:
        more, longer = _size(part)
        full = elements + more > MOST_ELEMENTS or characters + longer > MOST_CHARACTERS
        if packed and (full or packed[0].sweeps != part.sweeps):
            yield _batch(packed)
            packed, elements, characters = [], 0, 0
        packed.append(part)
        elements, characters = elements + more, characters + longer
    if packed:
        yield _batch(packed)


def bisected(batch: Batch) -> Generator[Batch, bool, tuple[str, ...]]:
    """
    Find the units that the provider refuses.

    Yields:
        Smaller batches of a refused one, in order; send back whether each was accepted.

    Returns:
        Names of the units that were refused by themselves.
    """
    if len(batch.parts) == 1:
        return (batch.parts[0].unit,)
    refused: tuple[str, ...] = ()
    middle = len(batch.parts) // 2
    for half in (batch.parts[:middle], batch.parts[middle:]):
        smaller = _batch(half)
        if not (yield smaller):
            refused += yield from bisected(smaller)
    return refused


def _batch(found: Sequence[Part]) -> Batch:
    return Batch(parts=tuple(found), sweeps=found[0].sweeps)


def _part(name: str, plan: Plan[RecordSet]) -> Part:
    items = [change.desired for change in plan if not isinstance(change, Delete)]
    items += [change.observed for change in plan if not isinstance(change, Create)]
    return Part(
        unit=name,
        plan=plan,
        leads_to=frozenset(item.leads_to for item in items if item.leads_to),
        sweeps=is_node(name) and all(isinstance(change, Delete) for change in plan),
    )


def _targets_first(found: Mapping[str, Part]) -> list[Part]:
    """Pools, trees from the lowest up, hosts; by name where it does not matter."""
    depth: dict[str, int] = {}

    def deep(name: str) -> int:
        if name not in depth:
            below = [deep(each) for each in found[name].leads_to if each in found]
            floor = 0 if name.startswith(POOL_PREFIX) else 1
            depth[name] = max([floor, *(each + 1 for each in below)])
        return depth[name]

    return sorted(
        found.values(), key=lambda part: (not is_node(part.unit), deep(part.unit), part.unit)
    )


def _size(part: Part) -> tuple[int, int]:
    """Elements (an alias counts as one) and characters of values."""
    items = [change.desired for change in part.plan if not isinstance(change, Delete)]
    items += [change.observed for change in part.plan if not isinstance(change, Create)]
    elements = sum(max(1, len(item.values)) for item in items)
    values = (value for item in items for value in item.values)
    characters = sum(len(value) + _SPARE_CHARACTERS for value in values)
    return elements, characters + sum(len(item.policy) for item in items)
