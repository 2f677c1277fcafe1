"""
Marks: the TXT beside each thing of ours in a hosted zone, which says whose it is.

A thing is a host or a node (a pool or a tree) that hosts lead to. Without our mark a record is
foreign.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fedingress.domain import names
from fedingress.domain.record import RecordSet

MARK_PREFIX = "_fedingress-"
POOL_PREFIX = "_p-"
TREE_PREFIX = "_t-"


def mark_name(name: str, domain: str) -> str:
    """The name of the TXT that marks the host or node *name*."""
    return f"{MARK_PREFIX}{names.short_hash(name)}.{domain}"


def is_node(name: str) -> bool:
    """Whether *name* is that of a pool or a tree; no host of a user begins like that."""
    return name.startswith((POOL_PREFIX, TREE_PREFIX))


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMark:
    """What our TXT says: the installation, the source (a node has none), and the host meant."""

    owner: str
    host: str
    uid: str = ""
    source: str = ""
    orphan: bool = False

    def encode(self) -> str:
        """The TXT's value."""
        words = {"heritage": "fedingress", "owner": self.owner}
        if self.uid:
            words |= {"uid": self.uid, "source": self.source}
        words |= {"host": self.host}
        if self.orphan:
            words["orphan"] = "true"
        return ",".join(f"{key}={value}" for key, value in words.items())

    @classmethod
    def decode(cls, value: str) -> "HostMark | None":
        """The mark in a TXT value; None when it is no mark of this system."""
        words = dict(part.partition("=")[::2] for part in value.split(","))
        if words.get("heritage") != "fedingress" or not words.get("host"):
            return None
        return cls(
            owner=words.get("owner", ""),
            uid=words.get("uid", ""),
            source=words.get("source", ""),
            host=words["host"],
            orphan="orphan" in words,
        )

    def record(self, domain: str, ttl_seconds: int) -> RecordSet:
        """The TXT in the zone *domain*."""
        return RecordSet(
            name=mark_name(self.host, domain),
            type="TXT",
            ttl_seconds=ttl_seconds,
            values=(self.encode(),),
        )


def mark_of(item: RecordSet, domain: str) -> HostMark | None:
    """The mark in *item*, if it stands where the host it speaks of would put it."""
    if item.type != "TXT" or not item.name.startswith(MARK_PREFIX):
        return None
    marks = (HostMark.decode(value) for value in item.values)
    return next(
        (mark for mark in marks if mark and item.name == mark_name(mark.host, domain)), None
    )


def marks_in(observed: Iterable[RecordSet], domain: str) -> Mapping[str, HostMark]:
    """Every mark that stands where it belongs, by the host or node that it speaks of."""
    return {mark.host: mark for item in observed if (mark := mark_of(item, domain))}
