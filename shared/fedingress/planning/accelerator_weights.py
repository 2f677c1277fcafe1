"""
Weights of an accelerator's endpoints: the damped shares of the members of each region.

Called by the concern `backends` at each visit, with the weights that stand. The same beliefs and
steps as those of records (`shares`): less at once, more only when it lasts, in steps. What a
load balancer sees by itself Global Accelerator leaves by itself.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from fedingress.domain.accelerator import EndpointGroup
from fedingress.domain.policy import Damping
from fedingress.domain.target import Target
from fedingress.planning import shares
from fedingress.planning.answers.remembered import UP
from fedingress.planning.answers.weighing import quieted, sampled
from fedingress.planning.shares import Belief, Member, Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """
    What is kept between two visits.

    beliefs: by ARN of the load balancer.   at: region -> when its weights changed (Unix seconds).
    """

    beliefs: Mapping[str, Belief] = field(default_factory=dict)
    at: Mapping[str, float] = field(default_factory=dict)

    def encode(self) -> dict[str, Any]:
        """As JSON."""
        beliefs = {arn: dataclasses.asdict(each) for arn, each in sorted(self.beliefs.items())}
        return {"beliefs": beliefs, "at": dict(sorted(self.at.items()))}

    @classmethod
    def decode(cls, body: Mapping[str, Any]) -> Self:
        """From JSON as `encode` wrote it."""
        beliefs = {arn: Belief(**row) for arn, row in body.get("beliefs", {}).items()}
        return cls(beliefs=beliefs, at=dict(body.get("at", {})))


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointWeights:
    """
    kept: for the next visit, once the weights stand.
    by_region: region -> ARN -> 0 to 255; regions of which nothing is known yet are left out.
    moving: whether another window may change them.
    """

    kept: Kept
    by_region: Mapping[str, Mapping[str, int]]
    moving: bool


def weigh(
    kept: Kept,
    targets: Iterable[Target],
    arns: Mapping[str, str],
    observed: Sequence[EndpointGroup],
    *,
    damping: Damping,
    now: float,
) -> EndpointWeights:
    """
    The weights that the endpoints of each region shall have now.

    Args:
        kept: By the last visit.
        targets: Members' load balancers.
        arns: Address -> ARN; a target without one cannot be an endpoint.
        observed: The groups that stand.
        damping: Of the policy.
        now: Unix seconds.
    """
    rows: dict[str, dict[str, list[Target]]] = {}
    for target in targets:
        if arn := arns.get(target.address):
            rows.setdefault(target.region, {}).setdefault(arn, []).append(target)
    standing = {group.region: dict(group.weights) for group in observed}
    beliefs: dict[str, Belief] = {}
    at: dict[str, float] = {}
    found: dict[str, Mapping[str, int]] = {}
    moving = False
    for region, members in sorted(rows.items()):
        before = standing.get(region, {})
        for arn, those in members.items():
            known = kept.beliefs.get(arn) or (UP if before.get(arn) else Belief())
            sample = sampled(those, None, damping.window(now))
            judged = shares.judge(known, sample, now, damping)
            moving = moving or (judged == known and _differs(sample, known))
            beliefs[arn] = quieted(judged, damping, now)
        last = kept.at.get(region, 0.0)
        numbers, on_its_way = _stepped(members, beliefs, before, damping, now - last)
        at[region] = now if before and numbers and numbers != before else last
        if numbers:
            found[region] = numbers
        moving = moving or on_its_way or any(map(_undecided, (beliefs[arn] for arn in members)))
    return EndpointWeights(kept=Kept(beliefs=beliefs, at=at), by_region=found, moving=moving)


def _stepped(
    members: Mapping[str, Sequence[Target]],
    beliefs: Mapping[str, Belief],
    before: Mapping[str, int],
    damping: Damping,
    waited_seconds: float,
) -> tuple[Mapping[str, int], bool]:
    """The weights of one region after this visit, and whether they are on their way."""
    whole = sum(before.values())
    published = {arn: weight / whole for arn, weight in before.items()} if whole else {}
    step = shares.step(
        published,
        {arn: _member(those, beliefs[arn]) for arn, those in members.items()},
        damping,
        waited_seconds=waited_seconds,
    )
    if step.shares == published:
        return before, step.reason == "Waiting"
    given = {arn: step.shares.get(arn, 0.0) for arn in members}
    return shares.weights(given), step.reason == "Ramping"


def _member(targets: Sequence[Target], belief: Belief) -> Member:
    """One load balancer, as all the members that are behind it count."""
    capacity = sum(each.capacity * each.multiplier for each in targets)
    return Member(belief=belief, capacity=capacity, multiplier=1.0 if capacity else 0.0)


def _differs(sample: Sample, belief: Belief) -> bool:
    """Whether *sample*, of a window that was counted already, says something new."""
    return sample.ready not in {None, belief.health}


def _undecided(belief: Belief) -> bool:
    """Whether the next window may change what is believed."""
    return bool(belief.bad or belief.better or (belief.good and not belief.up))
