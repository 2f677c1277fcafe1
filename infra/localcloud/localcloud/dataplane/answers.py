"""
What a zone says about a name: the record sets of a stored zone, read by the rules of DNS.

Pure but for the record sets themselves, which are looked up in the stored mapping at each question,
so that an answer is never older than the zone. `dns` puts the result on the wire.

A record set is Cloud DNS's; one of Route 53 is dressed as such, and its routing policy is the
chooser's to resolve.

Source: RFC 1034 §4.3.2 (algorithm), RFC 2308 (negative answers), RFC 4592 (wildcards), RFC 6604
(status of a chain); Cloud DNS ResourceRecordSet (name, type, ttl, rrdatas).
"""

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

RecordSet = Mapping[str, Any]

CHAIN_LIMIT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """
    What one client gets of a record set.

    ttl: Seconds.
    rdatas: In presentation form; none at all is an answer too.
    located: Another place could have got another answer.
    """

    ttl: int
    rdatas: tuple[str, ...]
    located: bool = False


Chooser = Callable[[RecordSet, str], Records]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """
    The names of a zone, lower case.

    nodes: Record sets by name, then by type.
    names: Those of the nodes and all between them and the apex.
    """

    nodes: Mapping[str, Mapping[str, RecordSet]]
    names: frozenset[str]


def tree_of(dns_name: str, rrsets: Mapping[tuple[str, str], RecordSet]) -> Tree:
    """Give the names of a zone; worth keeping where the record sets are never changed in place."""
    apex = dns_name.lower()
    nodes: dict[str, dict[str, RecordSet]] = {}
    names = {apex}
    for (owner, record_type), record_set in rrsets.items():
        lowered = owner.lower()
        nodes.setdefault(lowered, {})[record_type] = record_set
        if lowered not in names:
            names.update(_ancestors(lowered, apex))
    return Tree(nodes=nodes, names=frozenset(names))


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneView:
    """
    One zone as it is stored.

    dns_name: With the final dot.
    rrsets: REST ResourceRecordSets by (name with the final dot, type).
    tree: That of *rrsets*, when the caller keeps it.
    networks: CIDR networks whose clients see the zone, such as a private zone's; None is everyone.
    """

    dns_name: str
    rrsets: Mapping[tuple[str, str], RecordSet]
    tree: Tree | None = None
    networks: tuple[str, ...] | None = None

    def seen_by(self, client: str) -> bool:
        """Whether the zone answers the client at that address."""
        if self.networks is None:
            return True
        address = ipaddress.ip_address(client)
        return any(address in ipaddress.ip_network(network) for network in self.networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Records of one owner and type; *rdatas* in presentation form as Cloud DNS stores them."""

    name: str
    type: str
    ttl: int
    rdatas: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Answer:
    """What goes into a reply; *rcode* is DNS's name for the status, *located* as in `Records`."""

    rcode: str = "NOERROR"
    authoritative: bool = True
    located: bool = False
    answers: list[Row] = field(default_factory=list)
    authority: list[Row] = field(default_factory=list)
    additional: list[Row] = field(default_factory=list)


class Unserved(Exception):  # noqa: N818  the words of the field read better
    """A record set has no records to give, such as one with a routing policy nobody resolves."""


def stored(record_set: RecordSet, client: str) -> Records:
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
    # Clients of Cloud DNS may have sent the number as text.
    return Records(ttl=int(record_set.get("ttl", 0)), rdatas=tuple(str(each) for each in rrdatas))


def resolve(
    zones: Iterable[ZoneView],
    name: str,
    kind: str,
    client: str,
    choose: Chooser = stored,
    *,
    subnet: str = "",
) -> Answer:
    """
    The answer to one question.

    Args:
        zones: All zones; the longest that holds the name answers.
        name: With the final dot, in any case.
        kind: Record type as text; ANY gives every set of the name.
        client: The asker's address, for *choose*.
        choose: Gives the records of a set for that client.
        subnet: An address of the network for which the asker asks; stands for *client* in public
            zones.

    Returns:
        REFUSED outside any zone, else the zone's answer, with its SOA when it is negative.

    Raises:
        Unserved: From *choose*.
    """
    holding = [
        zone
        for zone in zones
        if _within(name.lower(), zone.dns_name.lower()) and zone.seen_by(client)
    ]
    if not holding:
        return Answer(rcode="REFUSED", authoritative=False)
    longest = max(holding, key=lambda zone: (len(zone.dns_name), zone.networks is not None))
    place = client if longest.networks is not None else subnet or client
    return _Question(longest, kind, place, choose).follow(name)


class _Question:
    """One walk through one zone; names inside are lower-case."""

    def __init__(self, zone: ZoneView, kind: str, client: str, choose: Chooser) -> None:
        self.apex = zone.dns_name.lower()
        self.kind = kind
        self.client = client
        self.choose = choose
        self.answer = Answer()
        tree = zone.tree or tree_of(zone.dns_name, zone.rrsets)
        self.nodes, self.names = tree.nodes, tree.names

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
            found = list(node.values())
        elif self.kind in node:
            found = [node[self.kind]]
        else:
            found = [node["CNAME"]] if "CNAME" in node else []
        rows = [row for row in (self._row(name, record_set) for record_set in found) if row.rdatas]
        self.answer.answers.extend(rows)
        follows = len(rows) == 1 and rows[0].type == "CNAME" and self.kind not in ("ANY", "CNAME")
        return rows[0].rdatas[0] if follows else None

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
        records = self.choose(record_set, self.client)
        self.answer.located = self.answer.located or records.located
        return Row(name=name, type=str(record_set["type"]), ttl=records.ttl, rdatas=records.rdatas)


def _within(name: str, zone: str) -> bool:
    return name == zone or name.endswith("." + zone) or zone == "."


def _ancestors(name: str, apex: str) -> Iterator[str]:
    """The name and its parents, up to and with the apex."""
    while name != apex and name not in ("", "."):
        yield name
        name = name.partition(".")[2]
    yield apex
