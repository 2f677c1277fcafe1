"""
The ledger: typed reports and intents over the `Store`.

Concerns read it to learn what others did, and write it before they publish. Writing what already
stands there costs one read and no write.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from fedingress.domain.errors import Conflict
from fedingress.domain.report import Report
from fedingress.ports.store import ABSENT, Key, Store

R = TypeVar("R", bound=Report)
_ATTEMPTS: Final = 5


def _normal(value: Any) -> Any:
    """Tuples as lists, as JSON stores them."""
    if isinstance(value, Mapping):
        return {key: _normal(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_normal(item) for item in value]
    return value


class Ledger:
    """Reports by (concern, source), intents by (unit, source uid), and marks of completeness."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def report(self, concern: str, source: str, kind: type[R]) -> R | None:
        """The last report of *concern* on *source* (`namespace/name`)."""
        found = self.store.get(Key(family="report", name=f"{source}/{concern}"))
        return kind.decode(found.body) if found else None

    def put_report(self, concern: str, source: str, report: Report) -> bool:
        """Keep *report*; True when it says something new."""
        return self._put(Key(family="report", name=f"{source}/{concern}"), report.encode())

    def drop_reports(self, source: str) -> None:
        """Forget every report on *source*, which is gone."""
        for document in self.store.list("report", f"{source}/"):
            self.store.delete(document.key)

    def intents(self, unit: str, kind: type[R]) -> Mapping[str, R]:
        """Every intent for the shared *unit*, by the uid of its source."""
        prefix = f"{_digest(unit)}/"
        found = self.store.list("intent", prefix)
        return {
            document.key.name.removeprefix(prefix): kind.decode(document.body) for document in found
        }

    def intent(self, unit: str, uid: str, kind: type[R]) -> R | None:
        """One intent."""
        found = self.store.get(Key(family="intent", name=f"{_digest(unit)}/{uid}"))
        return kind.decode(found.body) if found else None

    def put_intent(self, unit: str, uid: str, intent: Report) -> bool:
        """Keep *intent*; True when it says something new."""
        return self._put(Key(family="intent", name=f"{_digest(unit)}/{uid}"), intent.encode())

    def drop_intent(self, unit: str, uid: str) -> None:
        """Forget an intent whose wish was fulfilled or withdrawn."""
        self.store.delete(Key(family="intent", name=f"{_digest(unit)}/{uid}"))

    def note(self, name: str) -> Mapping[str, Any] | None:
        """A small fact kept between runs (when a wait began, what was last seen)."""
        found = self.store.get(Key(family="note", name=name))
        return found.body if found else None

    def put_note(self, name: str, body: Mapping[str, Any]) -> bool:
        """Keep a note; True when it says something new."""
        return self._put(Key(family="note", name=name), body)

    def drop_note(self, name: str) -> None:
        """Forget a note."""
        self.store.delete(Key(family="note", name=name))

    def _put(self, key: Key, body: Mapping[str, Any]) -> bool:
        normal = _normal(body)
        for _ in range(_ATTEMPTS):
            found = self.store.get(key)
            if found is not None and dict(found.body) == normal:
                return False
            try:
                self.store.put(key, normal, expected=found.version if found else ABSENT)
            except Conflict:
                continue
            return True
        raise Conflict(f"{key.family} {key.name} keeps changing")


def _digest(unit: str) -> str:
    """Units hold slashes and colons; documents are listed by this prefix instead."""
    return hashlib.sha256(unit.encode()).hexdigest()[:24]
