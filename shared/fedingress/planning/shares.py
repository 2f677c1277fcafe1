"""
From health and capacity to the share of traffic each member gets: slowly up, at once down.

Called once per tick window and zone. Three steps, each pure: `judge` turns one window's sample into
what is believed of a member, `target` turns beliefs into the shares they deserve, `step` moves what
is published towards them. `weights` puts shares into a provider's integers.

What holds for every sequence of samples: something is always published once something was, never
all zero; a share only moves towards its target and never beyond it; within the deadband nothing is
written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fedingress.domain.policy import Damping

TOP_WEIGHT = 255
"""The largest weight of Route 53; other providers take the same numbers as ratios."""

_NOISE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """
    What one window showed of a member; None where nothing is known.

    probe: whether an outside probe of its public address succeeds.
    balancer: whether its load balancer has a healthy target.
    ready: the part of its wanted endpoints that is ready, 0 to 1.
    """

    window: int
    probe: bool | None = None
    balancer: bool | None = None
    ready: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """
    What is believed of a member, kept from window to window.

    up: whether it may get traffic.
    confirmed: two signals agree that it is down.
    health: the part of its capacity that is there, 0 to 1; kept while nothing is known.
    bad, good: windows in a row against and for it.
    window: the last one counted.
    turned_at: when it last turned, seconds since 1970.
    dwell_seconds: how long it waits after that; doubles with each early turn.
    better: windows in a row that showed more of its capacity than is believed.
    rose_at: when more of its capacity was believed last, seconds since 1970.
    patience: windows that more has to last; doubles with each early fall. 0: as the policy says.
    """

    up: bool = False
    confirmed: bool = False
    health: float = 1.0
    bad: int = 0
    good: int = 0
    window: int = -1
    turned_at: float = 0.0
    dwell_seconds: float = 0.0
    better: int = 0
    rose_at: float = 0.0
    patience: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """capacity: requests per second, or any common unit. multiplier: the operator's; 0 drains."""

    belief: Belief
    capacity: float = 1.0
    multiplier: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The shares to publish, which add up to 1 unless empty, and why they are not the target."""

    shares: Mapping[str, float]
    reason: str = ""


def judge(belief: Belief, sample: Sample, now: float, damping: Damping) -> Belief:
    """
    Take one window's sample into what is believed of a member.

    A window counts once, however often it is sampled. An outside probe decides; without one the
    load balancer and the endpoints must agree to speak against a member. What is unknown changes
    nothing.

    Args:
        belief: Before; the default for a member never seen, which is up from its first good window.
        sample: Of the window.
        now: Seconds since 1970.
        damping: Of the policy.
    """
    if sample.window <= belief.window:
        return belief
    first = belief.window < 0
    seen = replace(_health(belief, sample, now, damping), window=sample.window)
    verdict = _verdict(sample)
    if verdict is None:
        return seen
    if verdict:
        seen = replace(seen, good=belief.good + 1, bad=0, confirmed=False)
        waited = now - belief.turned_at >= belief.dwell_seconds
        if not belief.up and (first or (seen.good >= damping.up_windows and waited)):
            return _turned(seen, now, damping, up=True)
        return seen
    agreed = sample.probe is False and sample.balancer is False
    seen = replace(seen, bad=belief.bad + 1, good=0, confirmed=agreed)
    if belief.up and (agreed or seen.bad >= damping.down_windows):
        return _turned(seen, now, damping, up=False)
    return seen


def target(members: Mapping[str, Member]) -> Mapping[str, float]:
    """Give the shares that members deserve, adding up to 1; empty when none deserves any."""
    earned = {
        name: member.capacity * member.belief.health * member.multiplier
        for name, member in sorted(members.items())
        if member.belief.up
    }
    whole = sum(value for value in earned.values() if value > 0)
    if not whole:
        return {}
    return {name: max(0.0, earned.get(name, 0.0)) / whole for name in sorted(members)}


def step(
    published: Mapping[str, float],
    members: Mapping[str, Member],
    damping: Damping,
    *,
    waited_seconds: float,
) -> Step:
    """
    Move the published shares one step towards what members deserve.

    Args:
        published: Shares now, adding up to 1; empty before the first publication.
        members: All members there are; one that is published but not here has left for good.
        damping: Of the policy.
        waited_seconds: Since the last step; removals do not wait.
    """
    deserved = target(members)
    if not deserved:
        return Step(shares=published, reason="NoneHealthy")
    if not any(published.get(name) for name in members):
        return Step(shares=deserved)
    gone = [name for name in members if published.get(name) and not deserved[name]]
    lost = sum(published[name] for name in gone)
    surely = all(_certain(members[name]) for name in gone)
    if lost > damping.largest_removal and not surely:
        return Step(shares=published, reason="RemovalHeld")
    now = _among(published, members)
    left = any(share and name not in members for name, share in published.items())
    if not left and not gone:
        if _settled(now, deserved, damping):
            return Step(shares=published)
        if waited_seconds < damping.dwell_seconds:
            return Step(shares=published, reason="Waiting")
    return _moved(now, deserved, damping)


def weights(shares: Mapping[str, float]) -> Mapping[str, int]:
    """Give integers up to `TOP_WEIGHT` in the same ratios; 0 for no share only."""
    top = max(shares.values(), default=0.0)
    return {
        name: max(1, round(TOP_WEIGHT * share / top)) if share > 0 else 0
        for name, share in sorted(shares.items())
    }


def _health(belief: Belief, sample: Sample, now: float, damping: Damping) -> Belief:
    """
    *belief* with the part of its capacity that is believed now.

    Less is believed at once, more of a member that serves only when it lasts, and longer each time
    when it did not last before. None ready is for the verdict, which waits for a second signal.
    """
    if sample.ready is None:
        return belief
    ready = min(1.0, sample.ready)
    if ready <= 0:
        return replace(belief, better=0)
    if not belief.up or ready == belief.health:
        return replace(belief, health=ready, better=0)
    if ready < belief.health:
        early = bool(belief.rose_at) and now - belief.rose_at < damping.longest_dwell_seconds
        longest = int(damping.longest_dwell_seconds // damping.tick_seconds)
        longer = min(2 * (belief.patience or damping.up_windows), longest) if early else 0
        return replace(belief, health=ready, better=0, patience=longer)
    if belief.better + 1 < (belief.patience or damping.up_windows):
        return replace(belief, better=belief.better + 1)
    return replace(belief, health=ready, better=0, rose_at=now)


def _verdict(sample: Sample) -> bool | None:
    """Whether a window speaks for a member; None when nothing can be concluded."""
    if sample.probe is not None:
        return sample.probe
    if sample.balancer is not None:
        if sample.balancer:
            return True
        return False if sample.ready == 0 else None
    return True if sample.ready else None


def _turned(seen: Belief, now: float, damping: Damping, *, up: bool) -> Belief:
    """Turn a member; going down again soon, it waits twice as long before it may come up."""
    dwell = seen.dwell_seconds or damping.dwell_seconds
    if not up:
        early = now - seen.turned_at < damping.longest_dwell_seconds
        dwell = min(2 * dwell, damping.longest_dwell_seconds) if early else damping.dwell_seconds
    return replace(seen, up=up, good=0, bad=0, turned_at=now, dwell_seconds=dwell)


def _certain(member: Member) -> bool:
    """Whether a member's traffic may be taken whatever part it is: drained, or surely down."""
    return not member.multiplier or not member.capacity or member.belief.confirmed


def _among(published: Mapping[str, float], members: Mapping[str, Member]) -> Mapping[str, float]:
    """The published shares of those that are still members, adding up to 1."""
    kept = {name: published.get(name, 0.0) for name in sorted(members)}
    if all(name in members for name, share in published.items() if share):
        return kept
    whole = sum(kept.values())
    return {name: share / whole for name, share in kept.items()}


def _settled(now: Mapping[str, float], deserved: Mapping[str, float], damping: Damping) -> bool:
    crosses = any((share > 0) != (now[name] > 0) for name, share in deserved.items())
    moved = sum(abs(share - now[name]) for name, share in deserved.items()) / 2
    return not crosses and moved < damping.deadband


def _moved(now: Mapping[str, float], deserved: Mapping[str, float], damping: Damping) -> Step:
    """
    Down at once, up by the limit; what nobody may take yet stays with those who had it.

    Where nobody alive has it, the rest go beyond their limit, in proportion to what they lack.
    """
    reach = {
        name: min(
            share, max(now.get(name, 0.0) * damping.growth, now.get(name, 0.0) + damping.points)
        )
        for name, share in deserved.items()
    }
    lacking = 1.0 - sum(reach.values())
    spare = {name: now[name] - share for name, share in deserved.items() if 0 < share < now[name]}
    kept = min(lacking, sum(spare.values()))
    if kept <= _NOISE:
        return Step(shares=deserved)
    part, rest = kept / sum(spare.values()), (lacking - kept) / lacking
    shares = {
        name: value + spare.get(name, 0.0) * part + (deserved[name] - value) * rest
        for name, value in reach.items()
    }
    return Step(shares=shares, reason="Ramping")
