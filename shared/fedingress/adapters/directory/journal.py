"""
Events and tombstones of a directory of sources, in `<directory>/.fedingress/`.

Called by `DirectorySources`, which holds the lock while it writes.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from fedingress.adapters.directory.files import STATE, remove, write_json
from fedingress.domain import names
from fedingress.domain.errors import Unavailable
from fedingress.domain.ingress import IngressKey
from fedingress.ports.sources import Notice, Tombstone

EVENTS_LIMIT: Final = 100
"""How many events of one source are kept; the oldest go first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """One event. *time* is RFC 3339, of its first occurrence."""

    type: str
    reason: str
    message: str
    time: str


def _read(path: Path) -> Any:
    """The JSON in *path*; None when it does not exist."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Unavailable(f"{path} cannot be read: {error}") from error


class Events:
    """Events by the uid of their source."""

    def __init__(self, directory: Path) -> None:
        self._root = directory / STATE / "events"

    def of(self, uid: str) -> Sequence[RecordedEvent]:
        """Those of one source, oldest first."""
        return [RecordedEvent(**row) for row in _read(self._path(uid)) or ()]

    def add(self, uid: str, notice: Notice, time: str) -> None:
        """Record it, unless the same is recorded."""
        found = list(self.of(uid))
        event = RecordedEvent(
            type=notice.type, reason=notice.reason, message=notice.message, time=time
        )
        if any(_cause(event) == _cause(each) for each in found):
            return
        write_json(self._path(uid), [asdict(each) for each in [*found, event][-EVENTS_LIMIT:]])

    def drop(self, uid: str) -> None:
        """Forget those of a source that is gone."""
        remove(self._path(uid))

    def _path(self, uid: str) -> Path:
        return self._root / f"{names.short_hash(uid, length=32)}.json"


def _cause(event: RecordedEvent) -> tuple[str, str, str]:
    return event.type, event.reason, event.message


class Tombstones:
    """One file per source uid and cluster."""

    def __init__(self, directory: Path) -> None:
        self._root = directory / STATE / "tombstones"

    def all(self) -> Sequence[Tombstone]:
        """All, by uid and cluster."""
        try:
            paths = sorted(self._root.glob("*.json"))
        except OSError as error:
            raise Unavailable(f"{self._root} cannot be listed: {error.strerror}") from error
        rows = [row for path in paths if not path.name.startswith(".") and (row := _read(path))]
        found = [Tombstone(**{**row, "key": IngressKey.parse(row["key"])}) for row in rows]
        return sorted(found, key=lambda each: (each.uid, each.cluster))

    def put(self, tombstone: Tombstone) -> None:
        """Keep it; the first one of a source and cluster stays."""
        path = self._path(tombstone)
        if not path.exists():
            write_json(path, {**asdict(tombstone), "key": str(tombstone.key)})

    def drop(self, tombstone: Tombstone) -> None:
        """Forget it."""
        remove(self._path(tombstone))

    def _path(self, tombstone: Tombstone) -> Path:
        name = names.short_hash(tombstone.uid, tombstone.cluster, length=32)
        return self._root / f"{name}.json"
