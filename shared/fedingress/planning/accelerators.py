"""
What a Global Accelerator shall hold for the members of one Ingress, and the steps there.

Called by the concern `backends` for topology `aws`. The accelerator asks the load balancers' own
health, so that a region that fails is left by itself; weights and dials only tune and drain.

Source: Global Accelerator Developer Guide, "Adjusting traffic flow with traffic dials", "Endpoint
weights", "Failover for unhealthy endpoints": an endpoint of weight 0 and a region with dial 0 get
no new connections while others serve.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from fedingress.domain import names
from fedingress.domain.accelerator import Accelerator, EndpointGroup
from fedingress.domain.change import Change, Create, Delete, Plan, Update
from fedingress.domain.target import Target

TOP_WEIGHT: Final = 255
FULL: Final = 100
MOST_ENDPOINTS: Final = 10
"""Of a group (Developer Guide, "Quotas")."""
_START: Final = 10
_STEP: Final = 10
_DEADBAND: Final = 8
"""Of 255: less is not worth a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Give the listener these ports."""

    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutGroup:
    """Make or change the group of a region."""

    group: EndpointGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteGroup:
    """Remove the group of a region that has no member any more."""

    group: EndpointGroup


Step = Listen | PutGroup | DeleteGroup


def name_of(owner: str, uid: str) -> str:
    """The accelerator's name."""
    return f"fi-{names.short_hash(f'{owner}/{uid}')}"


def tags_of(owner: str, uid: str, source: str) -> dict[str, str]:
    """The marks by which it is ours."""
    return {names.OWNER: owner, names.OWNER_UID: uid, names.SOURCE: source}


def groups(
    targets: Iterable[Target],
    arns: Mapping[str, str],
    observed: Sequence[EndpointGroup],
    *,
    step: bool,
    weights: Mapping[str, Mapping[str, int]] | None = None,
) -> tuple[EndpointGroup, ...]:
    """
    The groups that shall stand.

    Something always takes traffic: when every member is drained, what stands stays.

    Args:
        targets: Members' load balancers.
        arns: Address -> ARN; a target without one cannot be behind an accelerator.
        observed: The groups that stand.
        step: Whether a dial may go up; it goes down at once.
        weights: Of the endpoints, by region (`accelerator_weights`); where there are none, those
            that members deserve by what is seen now.

    Returns:
        By region; what is equal enough to the observed is the observed.
    """
    regions: dict[str, list[Target]] = {}
    for target in sorted(targets, key=lambda each: each.cluster):
        if target.address in arns:
            regions.setdefault(target.region, []).append(target)
    living = {name for name, rows in regions.items() if any(map(_deserves, rows))}
    standing = {group.region: group for group in observed}
    if not living:
        return tuple(observed)
    found = []
    for region in sorted(regions):
        before = standing.get(region)
        found.append(
            EndpointGroup(
                region=region,
                dial=_dial(region in living, before, alone=not _taking(observed), step=step),
                weights=_given((weights or {}).get(region), regions[region], arns)
                or _steady(_weights(regions[region], arns), before),
                arn=before.arn if before else "",
            )
        )
    return _never_nobody(found)


def climbing(wanted: Iterable[EndpointGroup]) -> bool:
    """Whether some dial is on its way up."""
    return any(0 < group.dial < FULL for group in wanted)


def beyond(targets: Iterable[Target], arns: Mapping[str, str]) -> tuple[str, ...]:
    """The members that cannot be behind an accelerator, by name."""
    return tuple(sorted(each.cluster for each in targets if each.address not in arns))


def plan(
    observed: Accelerator, ports: tuple[int, ...], wanted: Sequence[EndpointGroup]
) -> tuple[Step, ...]:
    """The steps from what stands to what shall; regions come before others go."""
    steps: list[Step] = []
    if observed.ports != ports:
        steps.append(Listen(ports=ports))
    standing = {group.region: group for group in observed.groups}
    steps += [PutGroup(group=each) for each in wanted if standing.get(each.region) != each]
    kept = {group.region for group in wanted}
    steps += [DeleteGroup(group=each) for each in observed.groups if each.region not in kept]
    return tuple(steps)


def changes(
    observed: Accelerator, ports: tuple[int, ...], wanted: Sequence[EndpointGroup]
) -> Plan[Accelerator | EndpointGroup]:
    """The same steps for people; an accelerator without an ARN is about to be made."""
    if not observed.arn:
        made = replace(observed, ports=ports, groups=tuple(wanted))
        return Plan(changes=(Create(desired=made, why="the policy asks for one"),))
    standing = {group.region: group for group in observed.groups}
    found: list[Change[Accelerator | EndpointGroup]] = []
    for step in plan(observed, ports, wanted):
        if isinstance(step, Listen):
            changed = replace(observed, ports=ports)
            why = "members listen on these"
            found.append(Update(observed=observed, desired=changed, fields=("ports",), why=why))
        elif isinstance(step, PutGroup):
            found.append(_change(step.group, standing.get(step.group.region)))
        else:
            found.append(Delete(observed=step.group, why="no member is there any more"))
    return Plan(changes=tuple(found))


def _change(group: EndpointGroup, before: EndpointGroup | None) -> Change[Any]:
    if before is None:
        return Create(desired=group, why="members came there")
    fields = tuple(
        name for name in ("dial", "weights") if getattr(group, name) != getattr(before, name)
    )
    return Update(observed=before, desired=group, fields=fields, why="members' shares changed")


def _deserves(target: Target) -> float:
    """What it shall get, in requests per second; readiness that is not known counts as whole."""
    health = 1.0 if target.ready is None else target.ready
    # Without a ready endpoint its load balancer says so itself; a region is not emptied for it.
    return target.capacity * target.multiplier * max(health, 0.01)


def _weights(targets: Sequence[Target], arns: Mapping[str, str]) -> dict[str, int]:
    deserved: dict[str, float] = {}
    for target in targets[:MOST_ENDPOINTS]:
        arn = arns[target.address]
        deserved[arn] = deserved.get(arn, 0.0) + _deserves(target)
    most = max(deserved.values())
    if not most:  # its dial is 0; if all other regions fail, each of them helps
        return dict.fromkeys(deserved, TOP_WEIGHT)
    return {
        arn: max(1, round(TOP_WEIGHT * each / most)) if each else 0
        for arn, each in deserved.items()
    }


def _given(
    weights: Mapping[str, int] | None, targets: Sequence[Target], arns: Mapping[str, str]
) -> tuple[tuple[str, int], ...]:
    """Those of *weights* that a group can hold; empty when nobody has any."""
    first = {arns[target.address] for target in targets[:MOST_ENDPOINTS]}
    rows = tuple(sorted((arn, each) for arn, each in (weights or {}).items() if arn in first))
    return rows if any(weight for _, weight in rows) else ()


def _steady(wanted: Mapping[str, int], before: EndpointGroup | None) -> tuple[tuple[str, int], ...]:
    rows = tuple(sorted(wanted.items()))
    if before is None:
        return rows
    last = dict(before.weights)
    same = last.keys() == wanted.keys() and all(
        abs(last[arn] - weight) <= _DEADBAND and bool(last[arn]) == bool(weight)
        for arn, weight in rows
    )
    return before.weights if same else rows


def _dial(living: bool, before: EndpointGroup | None, *, alone: bool, step: bool) -> int:
    if not living:
        return 0
    if alone:  # nobody else takes the traffic
        return FULL
    last = before.dial if before else 0
    if not last:
        return _START if step or before is None else 0
    return min(FULL, max(2 * last, last + _STEP)) if step else last


def _taking(observed: Iterable[EndpointGroup]) -> bool:
    return any(group.dial and any(weight for _, weight in group.weights) for group in observed)


def _never_nobody(found: Sequence[EndpointGroup]) -> tuple[EndpointGroup, ...]:
    """The regions that rise carry all when those that served go at the same moment."""
    if any(group.dial == FULL for group in found):
        return tuple(found)
    return tuple(
        EndpointGroup(region=each.region, dial=FULL, weights=each.weights, arn=each.arn)
        if each.dial
        else each
        for each in found
    )
