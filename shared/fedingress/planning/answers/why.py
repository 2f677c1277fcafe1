"""
Why a client gets its answer: the chain from a host to load balancers, as the provider follows it.

Called by `fedingress why`. Only what stands in the zone and what the provider says of its health
checks counts, not what is planned. Of a policy of Cloud DNS all choices are told: which of them is
near, and healthy, Cloud DNS alone knows.

Source: Route 53 Developer Guide, "How Amazon Route 53 chooses records when health checking is
configured" (a dead branch is left where its alias is evaluated; with nobody healthy everybody
counts as healthy).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fedingress.domain.record import RecordSet
from fedingress.planning.answers import policies, regions
from fedingress.planning.answers.marks import is_node

_ADDRESSES: Final = ("A", "AAAA")
_KINDS: Final = (*_ADDRESSES, "CNAME")
_FAILOVER: Final = ("PRIMARY", "SECONDARY")
_EVERYWHERE: Final = "country:*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """
    Who asks, as far as it is known.

    region: of AWS, the nearest one.   country: two letters.   continent: likewise.
    state: of the United States, two letters.
    """

    region: str = ""
    country: str = ""
    continent: str = ""
    state: str = ""

    @property
    def locations(self) -> tuple[str, ...]:
        """What a location record may say to mean this client, the narrowest first."""
        found = (
            f"subdivision:US/{self.state}" if self.state else "",
            f"country:{self.country}" if self.country else "",
            f"continent:{self.continent}" if self.continent else "",
            _EVERYWHERE,
        )
        return tuple(filter(None, found))


def names(records: Iterable[RecordSet], host: str) -> frozenset[str]:
    """The names to find next: all that is known to lie on the way from *host*."""
    wildcard = f"*.{host.partition('.')[2]}"
    return frozenset({host, wildcard, *(_within(item) for item in records)} - {""})


def why(
    records: Sequence[RecordSet], host: str, client: Client, states: Mapping[str, bool]
) -> tuple[str, ...]:
    """
    Tell the chosen chain, a line each, indented by depth.

    Args:
        records: Of the zone, at least those on the way (see `names`).
        host: Lower case, no final dot.
        client: Where it is.
        states: Id of a health check -> what its checkers say; left out where nobody knows.
    """
    chain = _Chain(records, client, states)
    exact = [item for item in records if item.name == host]
    name = host if exact else f"*.{host.partition('.')[2]}"
    lines: list[str] = []
    for kind in _KINDS:
        if chain.group(name, kind):
            lines.append(f"{host} {kind}" + ("" if exact else f", by {name}"))
            lines += chain.follow(name, kind, 1)
    return tuple(lines) or (f"{host} has no answer in the zone",)


class _Chain:
    def __init__(
        self, records: Iterable[RecordSet], client: Client, states: Mapping[str, bool]
    ) -> None:
        self.client = client
        self.states = states
        self._groups: dict[tuple[str, str], list[RecordSet]] = {}
        for item in sorted(records, key=lambda each: each.identity):
            self._groups.setdefault((item.name, item.type), []).append(item)

    def group(self, name: str, kind: str) -> Sequence[RecordSet]:
        return self._groups.get((name, kind), ())

    def follow(self, name: str, kind: str, depth: int) -> Iterator[str]:
        """The lines below a name."""
        group = self.group(name, kind)
        if any(item.weight is not None for item in group):
            yield from self._pool(group, depth)
            return
        chosen, reason = self._choice(group)
        if chosen is None:
            yield _line(depth, f"nothing: {reason}")
            return
        where = ": ".join(filter(None, (chosen.set_identifier, reason)))
        where = f"{where}; " if where else ""
        yield _line(depth, f"{where}{_answer(chosen)}{self._said(chosen)}")
        if chosen.policy:
            yield from (_line(depth + 1, text) for text in policies.told(chosen.policy))
        if below := _within(chosen):
            for each in (kind,) if chosen.alias else _ADDRESSES:
                if chosen.alias or self.group(below, each):
                    yield from self.follow(below, each, depth + 1)

    def _pool(self, group: Sequence[RecordSet], depth: int) -> Iterator[str]:
        live = [item for item in group if self._healthy(item)]
        among = live or group
        serving = [item for item in among if item.weight] or among
        whole = sum(item.weight or 1 for item in serving)
        for item in sorted(group, key=lambda each: (-(each.weight or 0), each.set_identifier)):
            part = (item.weight or 1) / whole if item in serving else 0.0
            text = f"{item.set_identifier}: {part:.1%} (weight {item.weight}), {_answer(item)}"
            yield _line(depth, text + self._said(item))
        if not live:
            yield _line(depth, "nobody is healthy, so everybody counts as healthy")

    def _choice(self, group: Sequence[RecordSet]) -> tuple[RecordSet | None, str]:
        """The record set that is chosen, and why that one; empty for the only one there is."""
        first = group[0]
        ordered, matter = [*group], ""
        if first.region:
            order = (self.client.region, *regions.nearest(self.client.region, _regions(group)))
            ordered = sorted(group, key=lambda item: order.index(item.region))
            matter = f"nearest to {self.client.region or 'nowhere known'}"
        elif first.failover:
            ordered = sorted(group, key=lambda item: _FAILOVER.index(item.failover))
            matter = "first in order"
        elif first.location:
            means = self.client.locations
            ordered = [item for item in group if item.location in means]
            ordered.sort(key=lambda item: means.index(item.location))
            matter = "the narrowest place of the client"
        if not ordered:
            return None, "no place is the client's"
        live = next((item for item in ordered if self._healthy(item)), None)
        if live is ordered[0]:
            return live, matter
        if live is None:
            alone = "not healthy, but there is no other"
            return ordered[0], f"{matter}, and no other is healthy either" if matter else alone
        return live, f"{ordered[0].set_identifier} is {matter} but not healthy"

    def _healthy(self, item: RecordSet) -> bool:
        if item.health_check and not self.states.get(item.health_check, True):
            return False
        if item.alias and item.alias.evaluate and not item.alias.hosted_zone:
            return any(self._healthy(each) for each in self.group(item.alias.name, item.type))
        return True

    def _said(self, item: RecordSet) -> str:
        """What is known of the record set's own health."""
        if item.health_check and item.policy:
            return f", each address by check {item.health_check.rpartition('/')[2]}"
        if item.health_check:
            state = self.states.get(item.health_check)
            said = "healthy" if state else "not known yet" if state is None else "failing"
            return f", check {item.health_check} {said}"
        if item.alias and item.alias.hosted_zone and item.alias.evaluate:
            return ", as healthy as its targets"
        return ""


def _within(item: RecordSet) -> str:
    """The name in this zone that the record set leads to; empty where it leaves the zone."""
    if item.alias:
        return "" if item.alias.hosted_zone else item.alias.name
    return item.leads_to if is_node(item.leads_to) else ""


def _regions(group: Iterable[RecordSet]) -> set[str]:
    return {item.region for item in group}


def _answer(item: RecordSet) -> str:
    return f"alias of {item.alias.name}" if item.alias else ", ".join(item.values) or "a policy"


def _line(depth: int, text: str) -> str:
    return "  " * depth + text
