"""
What is believed of every member of a zone, and the weights that its pools shall have.

Called by the `dns` concern whenever it looks at a zone; a tick window counts once. The state
between two looks is small (what is quiet is left out of it) and can be lost: `recalled` makes
another from the records that stand, which believes that whoever is published is up and waits before
it moves anything.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from fedingress.domain import names
from fedingress.domain.policy import Damping
from fedingress.domain.record import RecordSet
from fedingress.domain.report import ZoneIntent
from fedingress.domain.target import Target
from fedingress.planning import shares
from fedingress.planning.answers import spill
from fedingress.planning.answers.marks import POOL_PREFIX, marks_in
from fedingress.planning.answers.pools import Forest, Pool, entry_key, pools
from fedingress.planning.answers.routing import Wish, wishes
from fedingress.planning.shares import Belief, Sample

_LONG: Final = 1000
UP: Final = Belief(up=True, good=_LONG, window=0)
"""Of a member that is published and of whom nothing else is known."""


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
            "beliefs": {key: _row(each) for key, each in sorted(self.beliefs.items())},
            "apart": {key: _row(each) for key, each in sorted(self.apart.items())},
            "pools": {
                label.removeprefix(POOL_PREFIX): [dict(sorted(each.weights.items())), each.at]
                for label, each in sorted(self.pools.items())
            },
        }

    @classmethod
    def decode(cls, body: Mapping[str, Any]) -> Self:
        """From JSON as `encode` wrote it."""
        pools = body.get("pools", {})
        return cls(
            beliefs={key: _belief(row) for key, row in body.get("beliefs", {}).items()},
            apart={key: _belief(row) for key, row in body.get("apart", {}).items()},
            pools={
                POOL_PREFIX + key: Published(weights=dict(row[0]), at=float(row[1]))
                for key, row in pools.items()
            },
        )

    @property
    def warm(self) -> frozenset[str]:
        """Keys of entries that have a weight in some pool."""
        return frozenset(
            key for each in self.pools.values() for key, weight in each.weights.items() if weight
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """
    What one look found.

    state: to be kept, once the weights stand.
    weights: label of a pool -> cluster -> 0 to 255, never all zero.
    reasons: label -> why its weights are not what its members deserve (`NoneHealthy`,
        `RemovalHeld`, `Waiting`, `Ramping`).
    deserving: labels of pools of which some member deserves traffic.
    """

    state: Weighing
    forest: Forest
    weights: Mapping[str, Mapping[str, int]]
    reasons: Mapping[str, str]
    deserving: frozenset[str]


def recalled(observed: Iterable[RecordSet], domain: str, owner: str, now: float) -> Weighing:
    """
    The state that is as much as the records of a zone can tell.

    Args:
        observed: All of the zone, or those of its pools and their marks.
        domain: The zone's.
        owner: Our installation.
        now: Unix seconds; for one dwell nothing rises.
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
    return Weighing(pools={label: Published(weights=rows, at=now) for label, rows in found.items()})


def weigh(
    state: Weighing,
    intents: Mapping[str, ZoneIntent],
    now: float,
    *,
    owner: str,
    probes: Mapping[str, bool],
) -> Weighed:
    """
    Believe, group and weigh.

    Args:
        state: Of the last look; see `recalled` for none.
        intents: By uid of the source.
        now: Unix seconds.
        owner: Our installation.
        probes: Address of a load balancer -> whether the outside check of it succeeds now; left out
            where nobody knows.
    """
    wanted = wishes(intents)
    apart = _apart(state, wanted, now)
    led = _led(wanted, apart)
    forest = pools(wanted, led, owner=owner)
    beliefs = _beliefs(state, wanted, led, probes, now)
    found: dict[str, Published] = {}
    weights, reasons, deserving = {}, {}, set()
    former = _Former(state)
    for label, pool in forest.pools.items():
        users = forest.users[label]
        before = former.of(pool)
        asking = spill.members(pool, users, beliefs, before.weights if before else {})
        found[label], reason = _stepped(pool, asking, before, users[0].policy.damping, now)
        if reason:
            reasons[label] = reason
        if shares.target(asking):
            deserving.add(label)
        by_key = found[label].weights
        weights[label] = {each.cluster: by_key[each.key] for each in pool.entries}
    kept = Weighing(apart={key: each for key, each in apart.items() if each != UP}, pools=found)
    quiet = kept.warm
    kept = replace(
        kept,
        beliefs={key: each for key, each in beliefs.items() if each != UP or key not in quiet},
    )
    return Weighed(
        state=kept,
        forest=forest,
        weights=weights,
        reasons=reasons,
        deserving=frozenset(deserving),
    )


def _beliefs(
    state: Weighing,
    wanted: Iterable[Wish],
    led: Mapping[str, frozenset[str]],
    probes: Mapping[str, bool],
    now: float,
) -> dict[str, Belief]:
    """What is believed of every load balancer after this window."""
    warm = state.warm
    rows: dict[str, list[Wish]] = {}
    places: dict[str, tuple[str, str]] = {}
    for wish in wanted:
        for cluster, target in wish.targets.items():
            key = entry_key(cluster, target.address)
            places[key] = (cluster, target.address)
            rows.setdefault(key, []).append(wish)
    found = {}
    for key, found_wishes in rows.items():
        cluster, address = places[key]
        damping = found_wishes[0].policy.damping
        serving = [w for w in found_wishes if cluster not in led.get(w.uid, ())] or found_wishes
        targets = [wish.targets[cluster] for wish in serving]
        sample = _sample(targets, probes.get(address), damping.window(now))
        before = state.beliefs.get(key) or (UP if key in warm else Belief())
        found[key] = _quiet(shares.judge(before, sample, now, damping), damping, now)
    return found


def _sample(targets: Iterable[Target], probe: bool | None, window: int) -> Sample:
    """
    One load balancer's window, as all Ingresses behind it see it.

    One sick Ingress makes a shared load balancer look sick: it speaks for nobody else then.
    """
    rows = tuple(targets)
    known = [row for row in rows if row.ready is not None]
    whole = math.fsum(row.capacity for row in known)
    ready = None
    if known:
        parts = [(row.ready or 0.0) * (row.capacity if whole else 1.0) for row in known]
        ready = math.fsum(parts) / (whole or len(known))
    said = {row.balancer for row in rows} - {None}
    balancer = any(said) if said else None
    if balancer is False and ready and any(row.shared for row in rows):
        balancer = None
    drained = not any(row.multiplier for row in rows)  # its check may be forced to fail
    return Sample(window=window, probe=None if drained else probe, balancer=balancer, ready=ready)


def _quiet(belief: Belief, damping: Damping, now: float) -> Belief:
    """
    A belief without what no longer matters, so that a quiet one is the same in every window.

    One that was never up keeps no count: the first good window brings it up.
    """
    if belief.up and not belief.bad and belief.good >= damping.up_windows:
        old = now - belief.turned_at >= damping.longest_dwell_seconds
        settled = replace(belief, good=_LONG, window=0)
        return replace(settled, turned_at=0.0, dwell_seconds=0.0) if old else settled
    if belief.up or belief.good:
        return belief
    if not belief.turned_at:
        return replace(belief, bad=0, window=-1, confirmed=False)
    if belief.bad >= damping.down_windows:
        return replace(belief, bad=damping.down_windows, window=0)
    return belief


def _apart(state: Weighing, wanted: Iterable[Wish], now: float) -> dict[str, Belief]:
    """What is believed of each Ingress behind each shared load balancer."""
    found = {}
    for wish in wanted:
        damping = wish.policy.damping
        for cluster, target in wish.targets.items():
            if not target.shared:
                continue
            key = _apart_key(wish, cluster)
            sick = target.ready == 0 and target.balancer is False
            sample = Sample(
                window=damping.window(now), balancer=False if sick else None, ready=target.ready
            )
            judged = shares.judge(state.apart.get(key, UP), sample, now, damping)
            found[key] = replace(_quiet(judged, damping, now), health=1.0)
    return found


def _led(wanted: tuple[Wish, ...], apart: Mapping[str, Belief]) -> dict[str, frozenset[str]]:
    """
    Uid -> clusters that its hosts leave, although the load balancers there serve others.

    Those where it is sick, and those that it alone is drained from; never all of them.
    """
    in_use = {
        target.address
        for wish in wanted
        for target in wish.targets.values()
        if target.shared and target.multiplier
    }
    found = {}
    for wish in wanted:
        leave = {
            cluster
            for cluster, target in wish.targets.items()
            if target.shared
            and (
                not apart[_apart_key(wish, cluster)].up
                or (not target.multiplier and target.address in in_use)
            )
        }
        if leave and leave != {*wish.targets}:
            found[wish.uid] = frozenset(leave)
    return found


def _apart_key(wish: Wish, cluster: str) -> str:
    return names.short_hash(wish.uid, cluster, wish.targets[cluster].address)


class _Former:
    """The pools that stood, and where new ones begin."""

    def __init__(self, state: Weighing) -> None:
        self.pools = state.pools
        self.holding: dict[str, list[str]] = {}
        for label, each in state.pools.items():
            for key, weight in each.weights.items():
                if weight:
                    self.holding.setdefault(key, []).append(label)

    def of(self, pool: Pool) -> Published | None:
        """
        The weights that *pool* has now; a new one has the shares of the one that it follows.

        That is the one in which its own entries have the most; where all of them are new but those
        on standby are not, the latter have everything first: nobody starts cold.
        """
        if stands := self.pools.get(pool.label):
            rows = stands.weights
            return replace(
                stands, weights={each.key: rows.get(each.key, 0) for each in pool.entries}
            )
        own = {each.key for each in pool.own}
        labels = {label for key in own for label in self.holding.get(key, ())}
        if labels:
            rows = self.pools[
                min((-_part(self.pools[label], own), label) for label in labels)[1]
            ].weights
            return _published({each.key: rows.get(each.key, 0) for each in pool.entries})
        warm = {each.key for each in pool.standby if each.key in self.holding}
        return (
            _published({each.key: int(each.key in warm) for each in pool.entries}) if warm else None
        )


def _published(weights: Mapping[str, int]) -> Published:
    whole = sum(weights.values())
    numbers = shares.weights({key: each / whole for key, each in weights.items()})
    return Published(weights=numbers, at=0.0)


def _part(published: Published, keys: set[str]) -> float:
    mine = sum(weight for key, weight in published.weights.items() if key in keys)
    return mine / sum(published.weights.values())


def _stepped(
    pool: Pool,
    members: Mapping[str, shares.Member],
    before: Published | None,
    damping: Damping,
    now: float,
) -> tuple[Published, str]:
    """The pool's weights after this look, and why they are not the target."""
    weights = before.weights if before else {}
    whole = sum(weights.values())
    published = {key: weight / whole for key, weight in weights.items()} if whole else {}
    waited = now - before.at if before else 0.0
    step = shares.step(published, members, damping, waited_seconds=waited)
    if before and whole and step.shares == published:
        return before, step.reason
    given = spill.gone(pool, step.shares or spill.by_capacity(members))
    numbers = shares.weights(given)
    if before and numbers == before.weights:
        return before, step.reason
    return Published(weights=numbers, at=now), step.reason


def _row(belief: Belief) -> list[Any]:
    return [
        int(belief.up),
        int(belief.confirmed),
        belief.health,
        belief.bad,
        belief.good,
        belief.window,
        belief.turned_at,
        belief.dwell_seconds,
    ]


def _belief(row: list[Any]) -> Belief:
    return Belief(
        up=bool(row[0]),
        confirmed=bool(row[1]),
        health=float(row[2]),
        bad=int(row[3]),
        good=int(row[4]),
        window=int(row[5]),
        turned_at=float(row[6]),
        dwell_seconds=float(row[7]),
    )
