"""
What one run of a zone told each Ingress, kept in one note or, with thousands of them, in several.

A zone that is shared by five hundred Ingresses runs whenever any of them changes. With this note a
run reads the reports of those to whom it says something new, and not of everybody.
"""

from collections.abc import Mapping
from typing import Any, Final
from zlib import crc32

from fedingress.domain.report import DnsReport
from fedingress.planning.diff import fingerprint
from fedingress.ports import Ports

_TRUSTED_SECONDS: Final = 600.0
"""How long a note is believed: an instance that was paused may have written after another's."""
_PER_NOTE: Final = 2500
"""Ingresses of some 80 bytes each, on average: far below the size of a document."""

Shares = Mapping[str, Mapping[str, Any]]
"""Of members by cluster; see `DnsReport.members`."""


class Said:
    """
    The notes of one zone, during one run; they are read at once.

    name: of the first note; the others' begin with it.
    thorough: whether the run is asked to doubt what is kept. What is older than ten minutes is then
        not believed, and begun anew.
    """

    def __init__(self, name: str, ports: Ports, *, thorough: bool) -> None:
        self._name, self._ports = name, ports
        self._notes = ports.ledger.notes(name)
        now = ports.clock.now()
        first = self._notes.get(name)
        since = float(first["since"]) if first else now
        fresh = first is not None and (not thorough or now - since < _TRUSTED_SECONDS)
        self._since = since if fresh else now
        told = self._notes.values() if fresh else ()
        self._before: Mapping[str, str] = {k: v for note in told for k, v in note["said"].items()}
        self._now: dict[str, str] = {}

    def is_news(self, report: DnsReport, shares: Shares) -> bool:
        """Whether *report*, which is to tell *shares*, is another one than was told last."""
        digest = fingerprint(report.encode())
        self._now[report.uid] = f"{digest} {_digest(report.generation, shares)}"
        return self._before.get(report.uid, "").partition(" ")[0] != digest

    def has_shares(self, uid: str, generation: int, shares: Shares) -> bool:
        """Whether that source was to be told the same *shares* the last time."""
        before = self._before.get(uid, "").partition(" ")[2]
        return bool(shares) and before == _digest(generation, shares)

    def as_before(self, uid: str) -> None:
        """There is nothing to say to that source now; what it was told still holds."""
        if uid in self._before:
            self._now[uid] = self._before[uid]

    def keep(self) -> None:
        """Note what this run told; only after all of it was."""
        bodies: dict[str, dict[str, Any]] = {}
        number = -(-len(self._now) // _PER_NOTE)
        for uid, digest in sorted(self._now.items()):
            part = crc32(uid.encode()) % number
            name = f"{self._name}/{part}" if part else self._name
            bodies.setdefault(name, {"said": {}})["said"][uid] = digest
        if bodies:
            bodies.setdefault(self._name, {"said": {}})["since"] = self._since
        for name, body in bodies.items():
            if self._notes.get(name) != body:
                self._ports.ledger.put_note(name, body)
        for name in self._notes.keys() - bodies.keys():
            self._ports.ledger.drop_note(name)


def _digest(generation: int, shares: Shares) -> str:
    return fingerprint([generation, shares])
