"""
What an invocation asked of the world, and how long that took: calls by kind, changes, phases.

The queue and the ports of one run are handed to it behind proxies that count and time; nothing
that is counted knows of it. Calls run side by side, so a phase is the time during which at least
one of its calls was under way:

    queue    taking, renewing and freeing the lease
    observe  reads of sources, members, clouds and the ledger
    act      writes, and publishing
    decide   the rest of the run: reading answers, planning
"""

import copy
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any, Final, TypeVar

from fedingress.ports import Ports
from fedingress.ports.ledger import Ledger
from fedingress.runtime.queue import WorkQueue

T = TypeVar("T")
_WRITES: Final = frozenset(
    {
        "publish",
        "put",
        "delete",
        "set_finalizers",
        "write_status",
        "notify",
        "put_tombstone",
        "drop_tombstone",
        "wait",
    }
)
"""Those that take no guard; whatever takes one is a write too."""
_NO_CHANGE: Final = frozenset({"publish", "put", "notify", "wait"})
_BARE: Final = frozenset({"owner", "clock", "parallel"})


class Meter:
    """
    The figures of one invocation; safe to call from many threads. *now* gives seconds.

    calls: by kind, such as `clusters.read`.   changes: `create`, `update` and `delete` that went
    through, on whatever our own ledger is not.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.calls: Counter[str] = Counter()
        self.changes: Counter[str] = Counter()
        self._now = now
        self._lock = threading.Lock()
        self._active: Counter[str] = Counter()
        self._since: dict[str, float] = {}
        self._seconds: dict[str, float] = defaultdict(float)

    def seconds(self, phase: str) -> float:
        """How long *phase* has lasted; `decide` is what is left of the runs."""
        with self._lock:
            if phase == "decide":
                return max(0.0, self._seconds["run"] - self._seconds["outside"])
            return self._seconds[phase]

    @contextmanager
    def phase(self, *names: str) -> Iterator[None]:
        """Time spent within counts for each of *names*, once, however many are within."""
        self._enter(names)
        try:
            yield
        finally:
            self._leave(names)

    def ports(self, ports: Ports) -> Ports:
        """*ports*, counted."""
        counted: dict[str, Any] = {
            each.name: self.wrap(getattr(ports, each.name), each.name)
            for each in fields(ports)
            if each.name not in _BARE and not isinstance(getattr(ports, each.name), Ledger)
        }
        return replace(
            ports, **counted, ledger=Ledger(self.wrap(ports.ledger.store, "store", ledger=True))
        )

    def queue(self, queue: WorkQueue) -> WorkQueue:
        """*queue*, with the calls of its store counted."""
        counted = copy.copy(queue)
        counted.store = self.wrap(queue.store, "queue", ledger=True, phased=False)
        return counted

    def wrap(self, port: T, name: str, *, ledger: bool = False, phased: bool = True) -> T:
        """
        *port*, with its calls counted under *name*.

        Args:
            port: Its attributes are those of the port itself.
            name: `NAME.read` and `NAME.write` are counted.
            ledger: It is our own memory: what is written there changes nothing outside.
            phased: Whether its calls are a phase of the run.
        """
        return _Metered(self, port, name, ledger=ledger, phased=phased)  # type: ignore[return-value]

    def called(self, kind: str, changes: Counter[str] | None) -> None:
        """Count one call, and what it has changed."""
        with self._lock:
            self.calls[kind] += 1
            if changes:
                self.changes.update(changes)

    def _enter(self, names: tuple[str, ...]) -> None:
        with self._lock:
            for name in names:
                if not self._active[name]:
                    self._since[name] = self._now()
                self._active[name] += 1

    def _leave(self, names: tuple[str, ...]) -> None:
        with self._lock:
            for name in names:
                self._active[name] -= 1
                if not self._active[name]:
                    self._seconds[name] += self._now() - self._since[name]


class _Metered:
    """Looks like *port*, also to `isinstance`; its methods are counted."""

    def __init__(
        self, meter: Meter, port: object, name: str, *, ledger: bool, phased: bool
    ) -> None:
        self._meter = meter
        self._port = port
        self._name = name
        self._ledger = ledger
        self._phased = phased

    @property
    def __class__(self) -> type:
        return type(self._port)

    @__class__.setter
    def __class__(self, _kind: type) -> None:
        raise TypeError("a counted port keeps its type")

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return self._counted(name, found) if callable(found) else found

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            writes = name in _WRITES or "guard" in kwargs or any(map(_is_guard, args))
            kind = f"{self._name}.{'write' if writes else 'read'}"
            phases = ("outside", "act" if writes else "observe") if self._phased else ()
            changes = None
            with self._meter.phase(*phases):
                try:
                    answer = call(*args, **kwargs)
                    if writes and not self._ledger and name not in _NO_CHANGE:
                        changes = _changes(name, kwargs)
                finally:
                    self._meter.called(kind, changes)
            return answer

        return counted


def _is_guard(value: object) -> bool:
    return hasattr(value, "remaining_seconds") and hasattr(value, "check")


def _changes(name: str, kwargs: dict[str, Any]) -> Counter[str]:
    """What a write that went through has changed."""
    if name == "change":  # a batch of records; one that is replaced is deleted and added
        deleted = {_place(each) for each in kwargs.get("deletions", ())}
        added = {_place(each) for each in kwargs.get("additions", ())}
        return Counter(
            create=len(added - deleted), update=len(added & deleted), delete=len(deleted - added)
        )
    if name in ("delete", "drop_tombstone"):
        return Counter(delete=1)
    creates = name in ("create", "put_tombstone")
    creates = creates or (name == "apply" and kwargs.get("observed") is None)
    return Counter(create=1) if creates else Counter(update=1)


def _place(record: object) -> tuple[object, ...]:
    names = ("name", "type", "set_identifier")
    return tuple(getattr(record, name, None) for name in names)
