"""
The ledger: typed reports and intents over the `Store`.

Concerns read it to learn what others did. `announce` keeps what a concern says and publishes the
work that follows from it, so that neither a crash in between nor a repetition loses or doubles
anything: what is kept is marked as announced only after the bus has taken the work, and what
already stands there costs one read and nothing else.

A body that is too large for a document is kept packed: what is said of thousands of endpoints
repeats itself, so a tenth of its size is left.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from fedingress.domain.errors import Conflict
from fedingress.domain.report import Report
from fedingress.domain.work import Work
from fedingress.ports.bus import Bus
from fedingress.ports.store import ABSENT, Document, Key, Store

R = TypeVar("R", bound=Report)
_ATTEMPTS: Final = 5
_MOST_BYTES: Final = 300_000
"""Of a body that is kept as it is; a store takes 400 KB."""
_PACKED: Final = "zlib+base85"
"""No name of a member, which some notes are keyed by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A report or intent and where it is kept."""

    key: Key
    body: Report


def report_entry(concern: str, source: str, report: Report) -> Entry:
    """The report of *concern* on *source* (`namespace/name`)."""
    return Entry(key=_report_key(concern, source), body=report)


def intent_entry(unit: str, intent: Report) -> Entry:
    """The intent of one source for the shared *unit*."""
    return Entry(key=_intent_key(unit, intent.uid), body=intent)


class Ledger:
    """Reports by (concern, source), intents by (unit, source uid), and notes."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def report(self, concern: str, source: str, kind: type[R]) -> R | None:
        """The last report of *concern* on *source* (`namespace/name`)."""
        found = self.store.get(_report_key(concern, source))
        return kind.decode(_said(found)) if found else None

    def drop_reports(self, source: str) -> None:
        """Forget every report on *source*, which is gone."""
        for document in self.store.list("report", f"{source}/"):
            self.store.delete(document.key)

    def intents(self, unit: str, kind: type[R]) -> Mapping[str, R]:
        """Every intent for the shared *unit*, by the uid of its source."""
        prefix = f"{_digest(unit)}/"
        return {
            document.key.name.removeprefix(prefix): kind.decode(_said(document))
            for document in self.store.list("intent", prefix)
        }

    def intent(self, unit: str, uid: str, kind: type[R]) -> R | None:
        """One intent."""
        found = self.store.get(_intent_key(unit, uid))
        return kind.decode(_said(found)) if found else None

    def drop_intent(self, unit: str, uid: str) -> None:
        """Forget an intent whose wish was fulfilled or withdrawn."""
        self.store.delete(_intent_key(unit, uid))

    def amend_intent(self, unit: str, before: Report, after: Report | None) -> bool:
        """
        Put *after* (or nothing) in the place of *before*, unless that was replaced meanwhile.

        Returns:
            Whether it was done; else its owner has said something newer, which stands.
        """
        key = _intent_key(unit, before.uid)
        found = self.store.get(key)
        if found is None or _said(found) != normal(before.encode()):
            return False
        try:
            if after is None:
                self.store.delete(key, expected=found.version)
            else:
                body = {"said": packed(normal(after.encode())), "announced": True}
                self.store.put(key, body, expected=found.version)
        except Conflict:
            return False
        return True

    def announce(
        self, bus: Bus, entries: Sequence[Entry], works: Iterable[Work], *, always: bool = False
    ) -> bool:
        """
        Keep *entries*; publish *works* if any of them is news, or *always*.

        Returns:
            Whether the works were published.
        """
        news = [document for entry in entries if (document := self._keep(entry))]
        if not news and not always:
            return False
        bus.publish(works)
        for document in news:
            self._mark_announced(document)
        return True

    def note(self, name: str) -> Mapping[str, Any] | None:
        """A small fact kept between runs (when a wait began, what was last seen)."""
        found = self.store.get(Key(family="note", name=name))
        return unpacked(found.body) if found else None

    def notes(self, prefix: str) -> Mapping[str, Mapping[str, Any]]:
        """Every note whose name begins with *prefix*, by name."""
        found = self.store.list("note", prefix)
        return {document.key.name: unpacked(document.body) for document in found}

    def put_note(self, name: str, body: Mapping[str, Any]) -> None:
        """Keep a note, over whatever stood there."""
        self.store.put(Key(family="note", name=name), packed(normal(body)), expected=None)

    def drop_note(self, name: str) -> None:
        """Forget a note."""
        self.store.delete(Key(family="note", name=name))

    def drop_notes(self, prefix: str) -> None:
        """Forget every note whose name begins with *prefix*."""
        for document in self.store.list("note", prefix):
            self.store.delete(document.key)

    def _keep(self, entry: Entry) -> Document | None:
        """The document to announce; None when it was said, and announced, before."""
        said = normal(entry.body.encode())
        for _ in range(_ATTEMPTS):
            found = self.store.get(entry.key)
            if found is not None and _said(found) == said:
                return None if found.body["announced"] else found
            expected = found.version if found else ABSENT
            try:
                body = {"said": packed(said), "announced": False}
                return self.store.put(entry.key, body, expected=expected)
            except Conflict:
                continue
        raise Conflict(f"{entry.key.family} {entry.key.name} keeps changing")

    def _mark_announced(self, document: Document) -> None:
        try:
            body = {**document.body, "announced": True}
            self.store.put(document.key, body, expected=document.version)
        except Conflict:
            return  # it says something newer by now, which is announced on its own


def normal(value: Any) -> Any:
    """Tuples as lists and mappings as dicts, as JSON stores them."""
    if isinstance(value, Mapping):
        return {key: normal(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [normal(item) for item in value]
    return value


def packed(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """*body*, compressed where it is too large for a document; `unpacked` gives it back."""
    text = json.dumps(body, separators=(",", ":"))
    if len(text) <= _MOST_BYTES:
        return body
    return {_PACKED: base64.b85encode(zlib.compress(text.encode())).decode()}


def unpacked(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What `packed` was given."""
    if body.keys() != {_PACKED}:
        return body
    found: Mapping[str, Any] = json.loads(zlib.decompress(base64.b85decode(body[_PACKED])))
    return found


def _said(document: Document) -> Any:
    return unpacked(document.body["said"])


def _report_key(concern: str, source: str) -> Key:
    return Key(family="report", name=f"{source}/{concern}")


def _intent_key(unit: str, uid: str) -> Key:
    return Key(family="intent", name=f"{_digest(unit)}/{uid}")


def _digest(unit: str) -> str:
    """Units hold slashes and colons; documents are listed by this prefix instead."""
    return hashlib.sha256(unit.encode()).hexdigest()[:24]
