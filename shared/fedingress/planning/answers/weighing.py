"""
What is believed of every member of a zone, and the weights that its pools shall have.

Called by the `dns` concern whenever it looks at a zone; a tick window counts once.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from fedingress.domain import names
from fedingress.domain.policy import Damping
from fedingress.domain.report import ZoneIntent
from fedingress.domain.target import Target
from fedingress.planning import shares
from fedingress.planning.answers import spill
from fedingress.planning.answers.pools import Forest, Pool, entry_key, pools
from fedingress.planning.answers.remembered import LONG, UP, Published, Weighing, recalled
from fedingress.planning.answers.routing import Wish, wishes
from fedingress.planning.shares import Belief, Sample

__all__ = ["UP", "Published", "Weighed", "Weighing", "keys_by_address", "recalled", "weigh"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """
    What one look found.

    state: to be kept, once the weights stand.
    weights: label of a pool -> cluster -> 0 to 255, never all zero.
    reasons: label -> why its weights are not what its members deserve (`NoneHealthy`,
        `RemovalHeld`, `Waiting`, `Ramping`).
    deserving: labels of pools of which some member deserves traffic.
    deserved: label -> cluster -> the part of the pool's traffic that it deserves.
    """

    state: Weighing
    forest: Forest
    weights: Mapping[str, Mapping[str, int]]
    reasons: Mapping[str, str]
    deserving: frozenset[str]
    deserved: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


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
    weights, reasons, deserved = {}, {}, {}
    former = _Former(state)
    for label, pool in forest.pools.items():
        users = forest.users[label]
        before = former.of(pool)
        asking = spill.members(pool, users, beliefs, before.weights if before else {})
        damping = users[0].policy.damping
        published, reason = _stepped(pool, asking, before, damping, now)
        old = now - published.at >= damping.longest_dwell_seconds
        found[label] = replace(published, at=0.0) if old else published
        if reason:
            reasons[label] = reason
        if target := shares.target(asking):
            deserved[label] = {each.cluster: target[each.key] for each in pool.entries}
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
        deserving=frozenset(deserved),
        deserved=deserved,
    )


def keys_by_address(intents: Mapping[str, ZoneIntent]) -> dict[str, frozenset[str]]:
    """Address of a load balancer -> keys of the entries that it is, for `recalled`."""
    found: dict[str, set[str]] = {}
    for wish in wishes(intents):
        for each in wish.targets.values():
            found.setdefault(each.address, set()).add(entry_key(each.cluster, each.address))
    return {address: frozenset(keys) for address, keys in found.items()}


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
        sample = sampled(targets, probes.get(address), damping.window(now))
        before = state.beliefs.get(key) or (UP if key in warm else Belief())
        found[key] = quieted(shares.judge(before, sample, now, damping), damping, now)
    return found


def sampled(targets: Iterable[Target], probe: bool | None, window: int) -> Sample:
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


def quieted(belief: Belief, damping: Damping, now: float) -> Belief:
    """
    A belief without what no longer matters, so that a quiet one is the same in every window.

    One that was never up keeps no count: the first good window brings it up.
    """
    steady = not belief.bad and not belief.better
    if belief.up and steady and belief.good >= damping.up_windows:
        old = now - belief.turned_at >= damping.longest_dwell_seconds
        settled = replace(belief, good=LONG, window=0)
        if now - belief.rose_at >= damping.longest_dwell_seconds:
            settled = replace(settled, rose_at=0.0, patience=0)
        return replace(settled, turned_at=0.0, dwell_seconds=0.0) if old else settled
    if belief.up or belief.good:
        return belief
    if not belief.turned_at:
        return replace(belief, bad=0, window=-1, confirmed=False)
    if belief.bad >= damping.down_windows:
        return replace(belief, bad=damping.down_windows, window=0)
    return belief


def _apart(state: Weighing, wanted: Iterable[Wish], now: float) -> dict[str, Belief]:
    """What is believed of each Ingress behind each shared load balancer; up, where nothing is."""
    found = {}
    for wish in wanted:
        damping = wish.policy.damping
        for cluster, target in wish.targets.items():
            if not target.shared:
                continue
            key = _apart_key(wish, cluster)
            sick = target.ready == 0 and target.balancer is False
            before = state.apart.get(key)
            if before is None and not sick:
                continue
            sample = Sample(
                window=damping.window(now), balancer=False if sick else None, ready=target.ready
            )
            judged = shares.judge(before or UP, sample, now, damping)
            found[key] = quieted(replace(judged, health=1.0, better=0), damping, now)
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
                not apart.get(_apart_key(wish, cluster), UP).up
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
