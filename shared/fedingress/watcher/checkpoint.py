"""
What a watcher knows, in a file: after a restart only what differs from it is told.

It holds no object, only identities, digests and our own marks. It is written so that a process may
die at any moment: what is known first, what the bus has not accepted yet second. A file that is
missing, spoilt or of somebody else costs a sweep over all objects, and nothing more.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fedingress.domain.errors import FederationError
from fedingress.domain.event import decode_work
from fedingress.domain.work import Work
from fedingress.watcher.mirror import Known

_LOG: Final = logging.getLogger("fedingress")
_FORMAT: Final = 1
"""Of the file, and of what `relevance.relevant` looks at: counted up with either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """known: by kind.   pending: works that were asked for and perhaps not published."""

    known: Mapping[str, Sequence[Known]]
    pending: Sequence[Work]


class CheckpointFile:
    """*subject* names cluster, role and installation; another one's file is not read."""

    def __init__(self, path: Path, subject: str) -> None:
        self.path = path
        self.subject = subject

    def load(self) -> Checkpoint | None:
        """The last checkpoint, or None when there is none that can be used."""
        try:
            return self._decoded(json.loads(self.path.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, FederationError) as error:
            _LOG.warning("the checkpoint %s is not used: %s", self.path, str(error)[:256])
            return None

    def _decoded(self, found: Any) -> Checkpoint:
        if (found["format"], found["subject"]) != (_FORMAT, self.subject):
            raise ValueError(f"it is of {found['subject']}, format {found['format']}")
        return Checkpoint(
            known={
                str(kind): [_known(str(kind), each) for each in entries]
                for kind, entries in found["known"].items()
            },
            pending=[decode_work(each) for each in found["pending"]],
        )

    def save(self, known: Mapping[str, Iterable[Known]], pending: Iterable[Work]) -> None:
        """
        Replace the file in one step.

        Raises:
            OSError: It cannot be written.
        """
        whole = {
            "format": _FORMAT,
            "subject": self.subject,
            "known": {kind: [_entry(each) for each in entries] for kind, entries in known.items()},
            "pending": [
                {"concern": work.concern, "unit": work.unit, "cause": work.cause}
                for work in pending
            ],
        }
        draft = self.path.with_name(f"{self.path.name}.new")
        draft.write_text(json.dumps(whole, separators=(",", ":")), encoding="utf-8")
        draft.replace(self.path)


def _entry(known: Known) -> list[Any]:
    return [known.digest, known.stub["metadata"]]


def _known(kind: str, entry: Sequence[Any]) -> Known:
    digest, meta = entry
    if not isinstance(meta, Mapping) or not all(isinstance(meta[key], str) for key in _IDENTITY):
        raise ValueError("an object in it has no identity")
    return Known(version="", digest=str(digest), stub={"kind": kind, "metadata": meta})


_IDENTITY: Final = ("name", "uid")
