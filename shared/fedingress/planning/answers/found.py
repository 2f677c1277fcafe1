"""
The record sets that were found in a zone, and how units differ from them.

Called by `zone`. Records stand at a unit's own name and, its mark, at another one; answers are A,
AAAA and CNAME, whatever else stands at a name is nobody's business here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from fedingress.domain.change import Change, Create, Delete, Update
from fedingress.domain.record import RecordSet
from fedingress.planning.answers.marks import mark_name, marks_in
from fedingress.planning.answers.units import Unit

ANSWER_TYPES: Final = ("A", "AAAA", "CNAME")
_FIELDS: Final = (
    "ttl_seconds",
    "values",
    "policy",
    "weight",
    "region",
    "location",
    "failover",
    "alias",
    "health_check",
)


class Found:
    """Record sets by identity and by name, and the marks among them."""

    def __init__(self, domain: str, records: Sequence[RecordSet]) -> None:
        self.domain = domain
        self.by_identity = {item.identity: item for item in records}
        self.marks = marks_in(records, domain)
        self._at: dict[str, list[RecordSet]] = {}
        for item in records:
            self._at.setdefault(item.name, []).append(item)

    def answers(self, name: str) -> list[RecordSet]:
        """What is answered at *name*."""
        return [item for item in self._at.get(name, ()) if item.type in ANSWER_TYPES]

    def mark(self, name: str) -> RecordSet:
        """The TXT that marks the unit *name*, which has one."""
        return self.by_identity[mark_name(name, self.domain), "TXT", ""]

    def going(self, name: str, why: str) -> list[Change[RecordSet]]:
        """A marked unit goes: its answers and its mark."""
        return [Delete(observed=item, why=why) for item in (*self.answers(name), self.mark(name))]

    def changes(self, unit: Unit) -> list[Change[RecordSet]]:
        """What makes the unit stand as it should; other answers at its name go."""
        found: list[Change[RecordSet]] = []
        for item in unit.records:
            have = self.by_identity.get(item.identity)
            if have is None:
                found.append(Create(desired=item, why="is missing"))
            elif have != item:
                fields = tuple(n for n in _FIELDS if getattr(have, n) != getattr(item, n))
                why = "differs in " + ", ".join(fields)
                found.append(Update(observed=have, desired=item, fields=fields, why=why))
        kept = {item.identity for item in unit.records}
        kinds = {item.type for item in unit.records}
        for item in self.answers(unit.name):
            if item.identity not in kept:
                why = "is no entry any more" if item.type in kinds else "the address family is gone"
                found.append(Delete(observed=item, why=why))
        return found

    def differs(self, unit: Unit) -> bool:
        """Whether an answer stands for the unit, and another one than is wanted."""
        have = self.answers(unit.name)
        return bool(have) and set(map(_answer, have)) != set(map(_answer, unit.records[1:]))

    def idle(
        self, names: Collection[str], planned: Iterable[Change[RecordSet]]
    ) -> Mapping[str, list[Change[RecordSet]]]:
        """
        Those of the nodes *names* that nothing leads to, once *planned* is carried out.

        Returns:
            Name -> the changes that take it away; a tree before what it alone leads to.
        """
        after = dict(self.by_identity)
        for change in planned:
            if not isinstance(change, Create):
                after.pop(change.observed.identity, None)
            if not isinstance(change, Delete):
                after[change.desired.identity] = change.desired
        found: dict[str, list[Change[RecordSet]]] = {}
        left = {*names}
        while going := sorted(left - {item.leads_to for item in after.values()}):
            for name in going:
                for item in (*self.answers(name), self.mark(name)):
                    del after[item.identity]
                found[name] = self.going(name, "nothing leads there")
            left -= {*going}
        return found


def _answer(item: RecordSet) -> tuple[object, ...]:
    return (item.type, item.values, item.policy, item.alias)
