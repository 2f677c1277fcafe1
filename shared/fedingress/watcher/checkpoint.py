"""
What a watcher knows, in a file: after a restart only what differs from it is told.

It holds no object, only identities, digests and our own marks. A process may die at any moment:

- What is known is read first, what the bus has not accepted yet second, so that an object counts as
  known only if its work is in the same file or was accepted.
- A journal beside it names each unit before its work is published. Something may be made and told
  after the last checkpoint, and go while nobody watches: no file knows of it and no list has it, so
  the units of the journal are told again, once a list is complete.

A file that is missing, spoilt or of somebody else costs a sweep over all objects, and nothing more.
"""

import json
import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fedingress.domain.errors import FederationError
from fedingress.domain.event import decode_work
from fedingress.domain.work import Work
from fedingress.watcher.mirror import Known

_LOG: Final = logging.getLogger("fedingress")
_UNUSABLE: Final = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    FederationError,
)
_FORMAT: Final = 1
"""Of the file, and of what `relevance.relevant` looks at: counted up with either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """
    known: by kind; None when that is lost, so that everything must be told.
    pending: works that were perhaps not published, or must be repeated.
    """

    known: Mapping[str, Sequence[Known]] | None = None
    pending: Sequence[Work] = ()


class CheckpointFile:
    """
    *subject* names cluster, role and installation; another one's file is not read.

    A save is `begin`, then reading what is known and pending, then `save`; `note` may come between
    them from another thread.
    """

    def __init__(self, path: Path, subject: str) -> None:
        self.path = path
        self.journal = path.with_name(f"{path.name}.journal")
        self.subject = subject
        self._noted: list[str] = []
        self._begun = False
        self._lock = threading.Lock()

    def load(self) -> Checkpoint:
        """The last checkpoint, as far as there is one that can be used."""
        journalled: list[Work] = []
        try:
            journalled = self._journalled()
            self._noted = [_line(work) for work in journalled]  # until a checkpoint has them
            return self._decoded(json.loads(self.path.read_bytes()), journalled)
        except FileNotFoundError:
            pass  # the first start, or killed before the first checkpoint
        except _UNUSABLE as error:
            _LOG.warning("the checkpoint %s is not used: %s", self.path, str(error)[:256])
        return Checkpoint(pending=journalled)

    def begin(self) -> None:
        """From now on what is noted belongs to the time after the next checkpoint."""
        with self._lock:
            self._noted = []

    def note(self, works: Iterable[Work]) -> None:
        """
        Name the units of *works*, which are published next.

        Raises:
            OSError: The journal cannot be written.
        """
        lines = [_line(work) for work in works]
        with self._lock:
            self._noted += lines
            if not self._begun:
                _replace(self.journal, self._journal_text())
                self._begun = True
                return
            with self.journal.open("a", encoding="utf-8") as journal:
                journal.write("".join(lines))

    def _journal_text(self) -> str:
        """The whole journal: whose it is, then what was noted."""
        return "".join([json.dumps(self.subject) + "\n", *self._noted])

    def _journalled(self) -> list[Work]:
        if not self.journal.exists():
            return []
        # What follows the last line end was cut off by a kill, before it was published.
        subject, *lines = self.journal.read_text(encoding="utf-8").split("\n")[:-1]
        if json.loads(subject) != self.subject:
            return []
        return [decode_work(json.loads(line)) for line in lines]

    def _decoded(self, found: Any, journalled: Sequence[Work]) -> Checkpoint:
        if (found["format"], found["subject"]) != (_FORMAT, self.subject):
            raise ValueError(f"it is of {found['subject']}, format {found['format']}")
        return Checkpoint(
            known={
                str(kind): [_known(str(kind), each) for each in entries]
                for kind, entries in found["known"].items()
            },
            pending=[*(decode_work(each) for each in found["pending"]), *journalled],
        )

    def save(self, known: Mapping[str, Iterable[Known]], pending: Iterable[Work]) -> None:
        """
        Replace the file in one step, then forget what was noted before `begin`.

        Raises:
            OSError: It cannot be written.
        """
        whole = {
            "format": _FORMAT,
            "subject": self.subject,
            "known": {kind: [_entry(each) for each in entries] for kind, entries in known.items()},
            "pending": [_encoded(work) for work in pending],
        }
        _replace(self.path, json.dumps(whole, separators=(",", ":")))
        with self._lock:
            _replace(self.journal, self._journal_text())
            self._begun = True


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _line(work: Work) -> str:
    return json.dumps(_encoded(work)) + "\n"


def _encoded(work: Work) -> dict[str, str]:
    return {"concern": work.concern, "unit": work.unit, "cause": work.cause}


def _entry(known: Known) -> list[Any]:
    return [known.digest, known.stub["metadata"]]


def _known(kind: str, entry: Sequence[Any]) -> Known:
    digest, meta = entry
    if not isinstance(meta, Mapping) or not all(isinstance(meta[key], str) for key in _IDENTITY):
        raise ValueError("an object in it has no identity")
    return Known(version="", digest=str(digest), stub={"kind": kind, "metadata": meta})


_IDENTITY: Final = ("name", "uid")
