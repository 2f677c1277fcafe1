"""
The bytes of a watch as events.

Lines come in pieces of any size, so they are cut here and not by a reader of lines with a limit.

Source: Kubernetes API concepts, "Efficient detection of changes".
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from fedingress.adapters.kube.errors import ExpiredError, excerpt
from fedingress.domain.errors import Unavailable

BOOKMARK: Final = "BOOKMARK"
_ERROR: Final = "ERROR"
_GONE: Final = 410
_PIECE_BYTES: Final = 1 << 16


class Answer(Protocol):
    """The open HTTP answer of a watch."""

    def read1(self, amt: int) -> bytes:
        """What has arrived, at most *amt* bytes; empty at the end."""
        ...


class ErrorEventError(Unavailable):
    """The server ended the watch with an ERROR event other than 410."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line: *type* ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    manifest: dict[str, Any]

    @property
    def resource_version(self) -> str:
        """Where a later watch may resume."""
        return str(self.manifest["metadata"]["resourceVersion"])


def events(answer: Answer) -> Iterator[Event]:
    """
    Every event until the server ends the watch.

    Raises:
        ExpiredError: An ERROR event with code 410.
        ErrorEventError: Another ERROR event.
        Unavailable: A line that is no event.
    """
    pending: list[bytes] = []
    while piece := answer.read1(_PIECE_BYTES):
        *lines, rest = piece.split(b"\n")
        for line in lines:
            whole = b"".join([*pending, line]).strip()
            pending.clear()
            if whole:
                yield _event(whole)
        pending.append(rest)


def _event(line: bytes) -> Event:
    try:
        told = json.loads(line)
        kind, manifest = str(told["type"]), dict(told["object"])
        if kind == _ERROR:
            raise _error(manifest)
        found = Event(type=kind, manifest=manifest)
        _ = found.resource_version
    except (ValueError, KeyError, TypeError) as error:
        shown = excerpt(line[:200].decode("utf-8", "replace"))
        raise Unavailable(f"a watch sent a line that is no event: {shown}") from error
    return found


def _error(status: dict[str, Any]) -> Unavailable:
    said = excerpt(str(status.get("message") or "no message"))
    if status.get("code") == _GONE:
        return ExpiredError(f"the watch is too old: {said}", after_seconds=0.0)
    return ErrorEventError(f"the watch ended with an error: {said}")
