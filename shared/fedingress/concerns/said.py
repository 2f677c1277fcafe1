"""
What one run of a zone told each Ingress, kept in one note.

A zone that is shared by five hundred Ingresses runs whenever any of them changes. With this note a
run reads the reports of those to whom it says something new, and not of everybody.
"""

from collections.abc import Mapping
from typing import Any, Final

from fedingress.domain.report import DnsReport
from fedingress.planning.diff import fingerprint
from fedingress.ports import Ports

_TRUSTED_SECONDS: Final = 600.0
"""How long a note is believed: an instance that was paused may have written after another's."""
_MOST: Final = 5000
"""Ingresses in one note, far below the size of a document; those beyond are read each time."""


class Said:
    """
    The note of one zone, during one run.

    name: of the note.   thorough: whether the run is asked to doubt what is kept. A note that is
    older than ten minutes is then not believed, and a new one begun.
    """

    def __init__(self, name: str, ports: Ports, *, thorough: bool) -> None:
        self._name, self._ports = name, ports
        self._note = ports.ledger.note(name)
        now = ports.clock.now()
        since = float(self._note["since"]) if self._note else now
        fresh = self._note is not None and (not thorough or now - since < _TRUSTED_SECONDS)
        self._since = since if fresh else now
        self._before: Mapping[str, Any] = self._note["said"] if self._note and fresh else {}
        self._now: dict[str, str] = {}

    def is_news(self, report: DnsReport) -> bool:
        """Whether *report* is another one than was told and kept the last time."""
        digest = fingerprint(report.encode())
        self._now[report.uid] = digest
        return self._before.get(report.uid) != digest

    def as_before(self, uid: str) -> None:
        """There is nothing to say to that source now; what it was told still holds."""
        if uid in self._before:
            self._now[uid] = self._before[uid]

    def keep(self) -> None:
        """Note what this run told; only after all of it was."""
        said = dict(sorted(self._now.items())[:_MOST])
        body = {"since": self._since, "said": said}
        if said and self._note != body:
            self._ports.ledger.put_note(self._name, body)
        elif not said and self._note is not None:
            self._ports.ledger.drop_note(self._name)
