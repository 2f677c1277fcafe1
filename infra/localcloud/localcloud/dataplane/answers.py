"""
What a zone says about a name: the record sets of a Cloud DNS zone, read by the rules of DNS.

Pure but for the record sets themselves, which are looked up in the stored mapping at each question,
so that an answer is never older than the zone. `dns` puts the result on the wire.

Source: RFC 1034 §4.3.2 (algorithm), RFC 2308 (negative answers), RFC 4592 (wildcards), RFC 6604
(status of a chain); Cloud DNS ResourceRecordSet (name, type, ttl, rrdatas).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

RecordSet = Mapping[str, Any]
Chooser = Callable[[RecordSet, str], Sequence[str]]

CHAIN_LIMIT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneView:
    """
    One managed zone as it is stored.

    dns_name: With the final dot.
    rrsets: REST ResourceRecordSets by (name with the final dot, type).
    """

    dns_name: str
    rrsets: Mapping[tuple[str, str], RecordSet]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Records of one owner and type; *rdatas* in presentation form as Cloud DNS stores them."""

    name: str
    type: str
    ttl: int
    rdatas: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Answer:
    """What goes into a reply; *rcode* is DNS's name for the status."""

    rcode: str = "NOERROR"
    authoritative: bool = True
    answers: list[Row] = field(default_factory=list)
    authority: list[Row] = field(default_factory=list)
    additional: list[Row] = field(default_factory=list)


class Unserved(Exception):  # noqa: N818  the words of the field read better
    """A record set has no records to give, such as one with a routing policy nobody resolves."""


def stored(record_set: RecordSet, client: str) -> Sequence[str]:
    """
    The records of a set, whoever asks: the chooser when no routing policy is resolved.

    Args:
        record_set: As Cloud DNS stores it.
        client: The address of the asker; a chooser of routing policies answers by it.

    Raises:
        Unserved: The set has no ``rrdatas``.
    """
    rrdatas = record_set.get("rrdatas")
    if not rrdatas:
        raise Unserved(f"{record_set.get('name')} {record_set.get('type')} ({client}): no rrdatas")
    return [str(rrdata) for rrdata in rrdatas]


def resolve(
    zones: Iterable[ZoneView], name: str, kind: str, client: str, choose: Chooser = stored
) -> Answer:
    """
    The answer to one question.

    Args:
        zones: All zones; the longest that holds the name answers.
        name: With the final dot, in any case.
        kind: Record type as text; ANY gives every set of the name.
        client: The asker's address, for *choose*.
        choose: Gives the records of a set for that client.

    Returns:
        REFUSED outside any zone, else the zone's answer, with its SOA when it is negative.

    Raises:
        Unserved: From *choose*.
    """
    holding = [zone for zone in zones if _within(name.lower(), zone.dns_name.lower())]
    if not holding:
        return Answer(rcode="REFUSED", authoritative=False)
    longest = max(holding, key=lambda zone: len(zone.dns_name))
    return _Question(longest, kind, client, choose).follow(name)


class _Question:
    """One walk through one zone; names inside are lower-case."""

    def __init__(self, zone: ZoneView, kind: str, client: str, choose: Chooser) -> None:
        self.apex = zone.dns_name.lower()
        self.kind = kind
        self.client = client
        self.choose = choose
        self.answer = Answer()
        self.nodes: dict[str, dict[str, RecordSet]] = {}
        self.names = {self.apex}
        for (owner, record_type), record_set in zone.rrsets.items():
            lowered = owner.lower()
            self.nodes.setdefault(lowered, {})[record_type] = record_set
            self.names.update(_ancestors(lowered, self.apex))

    def follow(self, name: str) -> Answer:
        """Look the name up, then the targets of aliases as long as they stay in the zone."""
        for _ in range(CHAIN_LIMIT):
            if self._delegated(name.lower()):
                return self.answer
            node = self._node(name.lower())
            if node is None:
                self.answer.rcode = "NXDOMAIN"
                break
            target = self._take(name, node)
            if target is None:
                break
            if not _within(target.lower(), self.apex):
                return self.answer
            name = target
        else:
            self.answer.rcode = "SERVFAIL"
        if self.answer.rcode != "NOERROR" or not self._answered():
            self._deny()
        return self.answer

    def _answered(self) -> bool:
        rows = self.answer.answers
        return bool(rows) and self.kind in (rows[-1].type, "ANY")

    def _take(self, name: str, node: Mapping[str, RecordSet]) -> str | None:
        """Add what the node has of the type; the target to go on with when it is an alias."""
        if self.kind == "ANY":
            self.answer.answers.extend(self._row(name, record_set) for record_set in node.values())
        elif self.kind in node:
            self.answer.answers.append(self._row(name, node[self.kind]))
        elif "CNAME" in node:
            row = self._row(name, node["CNAME"])
            self.answer.answers.append(row)
            return row.rdatas[0]
        return None

    def _node(self, name: str) -> Mapping[str, RecordSet] | None:
        """
        The record sets of a name, from the wildcard of its closest encloser if it does not exist.

        A name that exists only because of names below it (an empty non-terminal) has none.
        """
        if name in self.names:
            return self.nodes.get(name, {})
        encloser = next(parent for parent in _ancestors(name, self.apex) if parent in self.names)
        return self.nodes.get(f"*.{encloser}")

    def _delegated(self, name: str) -> bool:
        """Whether the name is at or below a zone cut; then the reply is a referral."""
        cuts = [
            parent
            for parent in _ancestors(name, self.apex)
            if parent != self.apex and "NS" in self.nodes.get(parent, {})
        ]
        # The parent side of a cut answers for DS itself (RFC 4035 §3.1.4.1).
        if not cuts or (self.kind == "DS" and name == cuts[-1]):
            return False
        row = self._row(cuts[-1], self.nodes[cuts[-1]]["NS"])
        self.answer.authoritative = bool(self.answer.answers)
        self.answer.authority.append(row)
        for target in row.rdatas:
            glue = self.nodes.get(target.lower(), {})
            self.answer.additional.extend(
                self._row(target, glue[kind]) for kind in ("A", "AAAA") if kind in glue
            )
        return True

    def _deny(self) -> None:
        """The SOA for a negative answer, with the time it may be remembered."""
        soa = self.nodes.get(self.apex, {}).get("SOA")
        if soa is not None:
            row = self._row(self.apex, soa)
            minimum = int(row.rdatas[0].split()[-1])
            self.answer.authority.append(
                Row(name=row.name, type="SOA", ttl=min(row.ttl, minimum), rdatas=row.rdatas)
            )

    def _row(self, name: str, record_set: RecordSet) -> Row:
        return Row(
            name=name,
            type=str(record_set["type"]),
            # Clients of Cloud DNS may have sent the number as text.
            ttl=int(record_set.get("ttl", 0)),
            rdatas=tuple(self.choose(record_set, self.client)),
        )


def _within(name: str, zone: str) -> bool:
    return name == zone or name.endswith("." + zone) or zone == "."


def _ancestors(name: str, apex: str) -> Iterator[str]:
    """The name and its parents, up to and with the apex."""
    while name != apex and name not in ("", "."):
        yield name
        name = name.partition(".")[2]
    yield apex
