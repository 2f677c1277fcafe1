"""
The addresses of a graph: reserved for it, or adopted by name; and those that it had before.

Called by `planning.frontends` and `planning.backends`. The address of a forwarding rule cannot be
changed. Another one means another rule beside the earlier one, which goes once resolvers have
forgotten it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fedingress.domain import names
from fedingress.domain.front import Front
from fedingress.domain.graph import GlobalResource, Kind, Mark

UNKNOWN_ADDRESS: Final = "(known after apply)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """
    IPv4 or IPv6 at one graph.

    version: as GCE says it.   reserved: the last part of our own address's name.
    rules: how the names of its forwarding rules begin.   adopted: the name of another's address.
    """

    version: str
    reserved: str
    rules: str
    adopted: str = ""

    def rule(self, scheme: str) -> str:
        """The last part of the name of its forwarding rule for *scheme*."""
        name = f"{self.rules}-{scheme}"
        return f"{name}-{names.short_hash(self.adopted)}" if self.adopted else name

    def found(self, prefix: str, observed: Sequence[GlobalResource]) -> str:
        """The literal IP of its address, or `UNKNOWN_ADDRESS`."""
        name = self.adopted or prefix + self.reserved
        for item in observed:
            if item.kind is Kind.ADDRESS and item.name == name and self._fits(item):
                return str(item.output.get("address") or UNKNOWN_ADDRESS)
        return UNKNOWN_ADDRESS

    def _fits(self, item: GlobalResource) -> bool:
        return str(item.spec.get("ipVersion") or "IPV4") == self.version


def families(front: Front) -> tuple[Family, ...]:
    """Those that *front* wants, IPv4 first."""
    wish = front.wish
    found = [Family(version="IPV4", reserved="vip", rules="fr", adopted=wish.address)]
    if front.ipv6 or wish.address6:
        found.append(Family(version="IPV6", reserved="vip6", rules="fr6", adopted=wish.address6))
    return tuple(found)


def earlier(
    observed: Sequence[GlobalResource], mark: Mark, literals: Collection[str]
) -> tuple[GlobalResource, ...]:
    """Forwarding rules of ours at addresses that are not among *literals*."""
    return tuple(
        item
        for item in observed
        if item.kind is Kind.FORWARDING_RULE
        and item.mark is not None
        and (item.mark.owner, item.mark.uid) == (mark.owner, mark.uid)
        and item.spec.get("IPAddress") not in literals
    )


def behind(rules: Sequence[GlobalResource], observed: Sequence[GlobalResource]) -> frozenset[str]:
    """Paths of *rules* (or of other parts), their addresses, and everything that they lead to."""
    by_path = {item.path: item for item in observed}
    addresses = {rule.spec["IPAddress"] for rule in rules if "IPAddress" in rule.spec}
    waiting = [rule.path for rule in rules]
    waiting += [
        item.path
        for item in observed
        if item.kind is Kind.ADDRESS and item.output.get("address") in addresses
    ]
    found: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in by_path and path not in found:
            found.add(path)
            waiting += _texts(by_path[path].spec)
    return frozenset(found)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
