"""
What is remembered of a zone's members between two looks, and what its records can tell instead.

Small: what is quiet is left out, for it goes into one document of the store with all that `dns`
remembers of the zone. It can be lost: `recalled` makes another from the records that stand, which
believes that whoever is published is up and waits before it moves anything.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from fedingress.domain.record import RecordSet
from fedingress.planning.answers import policies
from fedingress.planning.answers.marks import POOL_PREFIX, marks_in
from fedingress.planning.answers.pools import entry_key
from fedingress.planning.shares import Belief

LONG: Final = 1000
"""Good windows in a row, when their number does not matter any more."""
UP: Final = Belief(up=True, good=LONG, window=0)
"""Of a member that is published and of whom nothing else is known."""
_NO_KEYS: Final[Mapping[str, frozenset[str]]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A pool's weights by the key of the entry, and when they were last changed (Unix seconds)."""

    weights: Mapping[str, int]
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """
    What is kept between two looks.

    beliefs: of load balancers, by the key of their entry.
    apart: of one Ingress behind a shared load balancer, by a hash of its uid and that key.
    pools: by label.
    """

    beliefs: Mapping[str, Belief] = field(default_factory=dict)
    apart: Mapping[str, Belief] = field(default_factory=dict)
    pools: Mapping[str, Published] = field(default_factory=dict)

    def encode(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "beliefs": _rows(self.beliefs),
            "apart": _rows(self.apart),
            "pools": {
                label.removeprefix(POOL_PREFIX): _pool_text(each)
                for label, each in sorted(self.pools.items())
            },
        }

    @classmethod
    def decode(cls, body: Mapping[str, Any]) -> Self:
        """From JSON as `encode` wrote it."""
        pools = body.get("pools", {})
        return cls(
            beliefs=_beliefs(body.get("beliefs", {})),
            apart=_beliefs(body.get("apart", {})),
            pools={POOL_PREFIX + key: _pool(text) for key, text in pools.items()},
        )

    @property
    def warm(self) -> frozenset[str]:
        """Keys of entries that have a weight in some pool."""
        return frozenset(
            key for each in self.pools.values() for key, weight in each.weights.items() if weight
        )


def recalled(
    observed: Iterable[RecordSet],
    domain: str,
    owner: str,
    now: float,
    keys: Mapping[str, frozenset[str]] = _NO_KEYS,
) -> Weighing:
    """
    The state that is as much as the records of a zone can tell.

    Args:
        observed: All of the zone, or those of its pools and their marks.
        domain: The zone's.
        owner: Our installation.
        now: Unix seconds; for one dwell nothing rises.
        keys: Address of a load balancer -> keys of its entries, for policies of Cloud DNS.
    """
    observed = tuple(observed)
    ours = {name for name, mark in marks_in(observed, domain).items() if mark.owner == owner}
    found: dict[str, dict[str, int]] = {}
    for item in sorted(observed, key=lambda each: each.identity, reverse=True):
        label, _, _ = item.name.partition(".")
        if item.weight is None or item.name not in ours or not label.startswith(POOL_PREFIX):
            continue
        address = item.alias.name if item.alias else next(iter(item.values), "")
        weights = found.setdefault(label, {})  # A comes last and counts: see `compile`
        weights[entry_key(item.set_identifier, address)] = item.weight
    found |= policies.recalled(observed, ours, keys)
    return Weighing(pools={label: Published(weights=rows, at=now) for label, rows in found.items()})


def _pool_text(published: Published) -> str:
    """`KEY=WEIGHT ... @UNIX_SECONDS`: there may be thousands in one document."""
    words = [f"{key}={weight}" for key, weight in sorted(published.weights.items())]
    return " ".join([*words, f"@{published.at!r}"] if published.at else words)


def _pool(text: str) -> Published:
    words = text.split()
    times = [float(word[1:]) for word in words if word.startswith("@")]
    pairs = (word.partition("=")[::2] for word in words if "=" in word)
    return Published(weights={key: int(weight) for key, weight in pairs}, at=sum(times))


def _rows(beliefs: Mapping[str, Belief]) -> dict[str, str]:
    """What is believed (as JSON) -> keys: members that came up together are believed alike."""
    found: dict[str, list[str]] = {}
    for key, each in sorted(beliefs.items()):
        found.setdefault(json.dumps(dataclasses.astuple(each)), []).append(key)
    return {row: " ".join(keys) for row, keys in found.items()}


def _beliefs(rows: Mapping[str, str]) -> dict[str, Belief]:
    names = [item.name for item in dataclasses.fields(Belief)]
    return {
        key: Belief(**dict(zip(names, json.loads(row), strict=False)))
        for row, keys in rows.items()
        for key in keys.split()
    }
