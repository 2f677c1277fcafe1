"""
What the members of a pool may ask for: its own by capacity, those on standby when it is short.

A region is short when less than a part of its capacity is there (`DnsPolicy.spill_below`). Then its
own members keep what they can carry and the rest goes to those on standby. Traffic comes back
slowly: while the region's members take it up, those on standby ask for next to nothing, and leave
when little is left to them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from fedingress.planning.answers.pools import Entry, Pool
from fedingress.planning.answers.routing import Wish
from fedingress.planning.shares import Belief, Member

_NEXT_TO_NOTHING: Final = 1e-6
_LITTLE: Final = 10 * _NEXT_TO_NOTHING


def members(
    pool: Pool,
    users: Sequence[Wish],
    beliefs: Mapping[str, Belief],
    weights: Mapping[str, int],
) -> dict[str, Member]:
    """
    Members for `shares.step`, by the key of the entry.

    Args:
        pool: One of the forest.
        users: Who leads there, the oldest first; its policy counts.
        beliefs: By the key of the entry.
        weights: Those that stand, likewise; empty when none do.
    """
    found = {each.key: _member(each, users, beliefs[each.key]) for each in pool.entries}
    policy = users[0].policy
    own = [found[each.key] for each in pool.own]
    standby = [each.key for each in pool.standby]
    whole = math.fsum(each.capacity for each in own)
    there = math.fsum(map(_earned, own))
    ready = math.fsum(_earned(found[key]) for key in standby)
    total = sum(weights.values())
    spilling = sum(weights.get(key, 0) for key in standby) / total if total else 0.0
    limit = policy.spill_below + (policy.damping.deadband if spilling else 0.0)
    factor = 0.0
    if ready and (not there or there < whole * min(limit, 1.0)):
        factor = max(whole - there, _NEXT_TO_NOTHING) / ready
    elif ready and spilling > policy.damping.points:
        factor = there * _NEXT_TO_NOTHING / ready
    for key in standby:
        found[key] = replace(found[key], capacity=found[key].capacity * factor)
    return found


def by_capacity(members: Mapping[str, Member]) -> dict[str, float]:
    """Shares of all members whatever is believed of them: when nobody was ever seen to be up."""
    wanted = {key: each.capacity * each.multiplier for key, each in members.items()}
    whole = math.fsum(wanted.values())
    if not whole:
        return dict.fromkeys(members, 1 / len(members))
    return {key: each / whole for key, each in wanted.items()}


def gone(pool: Pool, shares: Mapping[str, float]) -> dict[str, float]:
    """The shares of every entry, without what is left of those on standby when it is nothing."""
    little = {each.key for each in pool.standby if shares.get(each.key, 0.0) <= _LITTLE}
    keys = [each.key for each in pool.entries]
    return {key: 0.0 if key in little else shares.get(key, 0.0) for key in keys}


def _member(entry: Entry, users: Sequence[Wish], belief: Belief) -> Member:
    """One entry as all Ingresses that lead to it want it."""
    targets = [user.targets[entry.cluster] for user in users]
    capacity = math.fsum(each.capacity for each in targets)
    wanted = math.fsum(each.capacity * each.multiplier for each in targets)
    return Member(
        belief=belief, capacity=capacity, multiplier=wanted / capacity if capacity else 0.0
    )


def _earned(member: Member) -> float:
    if not member.belief.up:
        return 0.0
    return member.capacity * member.belief.health * member.multiplier
