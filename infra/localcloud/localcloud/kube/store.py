"""
What a cluster remembers: its objects, their history, and who wants to hear of changes.

One counter gives the resourceVersion of every change, as etcd's revision does. The last *history*
changes are kept, so that a watch can resume; older ones are compacted away. Stored objects are
never changed in place: whoever writes puts a new one.
"""

import json
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from localcloud.kube.fields import Managers
from localcloud.kube.resources import TableKey

Key = tuple[str, str]  # (namespace or "", name)

ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"

_log = logging.getLogger(__name__)

_FIRST_VERSION = 1000
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One stored object, its JSON, and its ownership in decoded form."""

    obj: dict[str, Any]
    raw: bytes
    managers: Managers


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """
    One change of one object.

    Attributes:
        version: The resourceVersion that the change made.
        table: Where the object is stored.
        type: ``ADDED``, ``MODIFIED`` or ``DELETED``.
        entry: The object after the change; of a deletion, its last state.
        before: The object before the change; None for a new one.
    """

    version: int
    table: TableKey
    type: str
    entry: Entry
    before: Entry | None


Listener = Callable[[Change], None]


class Store:
    """The objects and the history of one cluster."""

    def __init__(self, history: int) -> None:
        self.version = _FIRST_VERSION
        self.floor = _FIRST_VERSION  # a watch may resume at this version or later
        self._tables: dict[TableKey, dict[Key, Entry]] = defaultdict(dict)
        self._log: deque[Change] = deque(maxlen=history)
        self._uids: set[str] = set()
        self._owned: dict[str, set[tuple[TableKey, Key]]] = defaultdict(set)
        self._indexes: dict[TableKey, list[Listener]] = defaultdict(list)
        self._pending: deque[Change] = deque()
        self._announcing = False
        self._listeners: dict[TableKey | None, dict[Listener, None]] = defaultdict(dict)

    def get(self, table: TableKey, namespace: str, name: str) -> Entry | None:
        """Give one object, or None."""
        return self._tables[table].get((namespace, name))

    def list(self, table: TableKey, namespace: str = "") -> "list[tuple[Key, Entry]]":
        """Give the objects of *table* (in *namespace* only, when given), sorted by key."""
        found = self._tables[table].items()
        if namespace:
            return sorted((item for item in found if item[0][0] == namespace), key=_by_key)
        return sorted(found, key=_by_key)

    def holds(self, namespace: str) -> bool:
        """Say whether any object is in *namespace*."""
        return any(key[0] == namespace for table in self._tables.values() for key in table)

    def tables(self) -> "tuple[TableKey, ...]":
        """Give all tables that ever held an object."""
        return tuple(self._tables)

    def owned_by(self, uid: str) -> "tuple[tuple[TableKey, Key], ...]":
        """Give the places of the objects that name *uid* in their ownerReferences."""
        return tuple(sorted(self._owned.get(uid, ())))

    def has_uid(self, uid: str) -> bool:
        """Say whether an object with this uid is stored."""
        return uid in self._uids

    def put(self, table: TableKey, obj: dict[str, Any], managers: Managers) -> Entry:
        """Store *obj* in a new version, which is written into its metadata."""
        key = _key(obj)
        before = self._tables[table].get(key)
        entry = self._next(obj, managers)
        self._tables[table][key] = entry
        self._uids.add(obj["metadata"]["uid"])
        self._index(table, key, before, entry)
        kind = ADDED if before is None else MODIFIED
        self._announce(
            Change(version=self.version, table=table, type=kind, entry=entry, before=before)
        )
        return entry

    def drop(self, table: TableKey, obj: dict[str, Any], managers: Managers) -> Entry:
        """Remove an object; *obj* is its last state, and gets the version of its deletion."""
        key = _key(obj)
        before = self._tables[table].pop(key)
        entry = self._next(obj, managers)
        self._uids.discard(obj["metadata"]["uid"])
        self._index(table, key, before, None)
        self._announce(
            Change(version=self.version, table=table, type=DELETED, entry=entry, before=before)
        )
        return entry

    def since(self, version: int, table: TableKey) -> Iterator[Change]:
        """Give the remembered changes of *table* after *version*."""
        return (
            change for change in self._log if change.version > version and change.table == table
        )

    def compact(self) -> None:
        """Forget the history: every older version is too old from now on."""
        self._log.clear()
        self.floor = self.version

    def index(self, listener: Listener, table: TableKey) -> None:
        """Call *listener* within each change of *table*, before anybody else; it may not write."""
        self._indexes[table].append(listener)

    def listen(self, listener: Listener, table: TableKey | None = None) -> None:
        """
        Call *listener* after each change (of *table* only, when given).

        All hear of the changes in the same order, also when listeners write themselves.
        """
        self._listeners[table][listener] = None

    def unlisten(self, listener: Listener, table: TableKey | None = None) -> None:
        """Do not call *listener* any more."""
        self._listeners[table].pop(listener, None)

    def _next(self, obj: dict[str, Any], managers: Managers) -> Entry:
        self.version += 1
        metadata = {**obj["metadata"], "resourceVersion": str(self.version)}
        obj = {**obj, "metadata": metadata}
        return Entry(obj=obj, raw=encoded(obj), managers=managers)

    def _index(self, table: TableKey, key: Key, before: Entry | None, after: Entry | None) -> None:
        for uid in _owners(before) - _owners(after):
            self._owned[uid].discard((table, key))
            if not self._owned[uid]:
                del self._owned[uid]
        for uid in _owners(after) - _owners(before):
            self._owned[uid].add((table, key))

    def _announce(self, change: Change) -> None:
        if self._log.maxlen is not None and len(self._log) == self._log.maxlen:
            self.floor = self._log[0].version if self._log else change.version
        self._log.append(change)
        for listener in self._indexes[change.table]:
            listener(change)
        self._pending.append(change)
        if self._announcing:
            return  # a listener wrote: all hear of the first change before they hear of this one
        self._announcing = True
        try:
            while self._pending:
                self._tell(self._pending.popleft())
        finally:
            self._announcing = False

    def _tell(self, change: Change) -> None:
        for listener in (*self._listeners[change.table], *self._listeners[None]):
            try:
                listener(change)
            except Exception:  # noqa: BLE001 - the write stands, whatever a listener does
                _log.exception("a listener failed on %s", change.entry.obj["metadata"]["name"])


def encoded(obj: Any) -> bytes:
    """Give the JSON of *obj*, without blanks."""
    return _ENCODER.encode(obj).encode()


def _key(obj: dict[str, Any]) -> Key:
    return (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def _by_key(item: tuple[Key, Entry]) -> Key:
    return item[0]


def _owners(entry: Entry | None) -> set[str]:
    if entry is None:
        return set()
    return {owner["uid"] for owner in entry.obj["metadata"].get("ownerReferences") or ()}
