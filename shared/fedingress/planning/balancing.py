"""
How the backends of instance groups measure capacity, and how one measure follows another.

Called by `planning.backends`, in mode instance-group. A group serves every Service of its cluster,
and GCE wants one balancing mode of it in all backend services. So another mode comes member by
member: detach its groups everywhere, then attach them anew, and only then take the next one.

    a member's groups     | the others                        | what happens to it
    ----------------------|-----------------------------------|----------------------------------
    in the wanted mode    |                                   | nothing
    attached nowhere      |                                   | are attached in the wanted mode
    in the other mode     | some are detached, or not healthy | stay as they are
    in the other mode     | one serves wherever it serves     | are detached, the first by name
    in the other mode     | do not serve in its stead         | stay; a condition says so
    in the other mode     | somebody else leads to one of all | stay; a condition says so

Source: compute v1 Backend, balancingMode; GCE refuses a group with "incompatible balancing_mode".
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fedingress.domain.policy import NEAREST_RATE, BackendPolicy
from fedingress.planning.groups import Group, Problem

Entry = Mapping[str, Any]
_MEASURES: Final = ("balancingMode", "maxRatePerInstance", "maxUtilization")


def measure(policy: BackendPolicy) -> dict[str, Any]:
    """The fields of a backend that say how much its group takes."""
    if not policy.grouped:
        rate = policy.max_rate_per_endpoint
        return {
            "balancingMode": "RATE",
            "maxRatePerEndpoint": NEAREST_RATE if rate is None else rate,
        }
    if policy.max_utilization is not None:
        return {"balancingMode": "UTILIZATION", "maxUtilization": policy.max_utilization}
    rate = policy.max_rate_per_instance
    return {"balancingMode": "RATE", "maxRatePerInstance": NEAREST_RATE if rate is None else rate}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One backend service: its groups, and its backends as they are observed."""

    own: Sequence[Group]
    observed: Sequence[Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeChange:
    """
    Where a change of the balancing mode stands.

    kept: measures of members that are still in the other mode.
    detached: the member whose groups are detached now; empty when nobody's are.
    awaited: members that others wait for.   bound: members whose groups others lead to.
    """

    kept: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    detached: str = ""
    awaited: tuple[str, ...] = ()
    bound: tuple[str, ...] = ()


def change(
    services: Sequence[Service], wanted: str, serving: Collection[str], bound: Collection[str] = ()
) -> ModeChange:
    """
    What to do now so that all groups come to the *wanted* balancing mode.

    *serving*: members that are known to have a healthy endpoint.   *bound*: members whose groups
    somebody else's backend services lead to; detached, they could never be attached again.
    """
    kept: dict[str, Mapping[str, Any]] = {}
    for service in services:
        for cluster, entry in _entries(service):
            if entry.get("balancingMode") not in {None, wanted}:
                kept[cluster] = {key: entry[key] for key in _MEASURES if key in entry}
    moved = {group.cluster for service in services for group in service.own} - kept.keys()
    awaited = tuple(sorted(moved - set(serving)))
    others = tuple(sorted(kept.keys() & set(bound)))
    free = () if awaited or others else sorted(kept)
    detached = next((each for each in free if _spared(each, services, serving)), "")
    return ModeChange(kept=kept, detached=detached, awaited=awaited, bound=others)


def _entries(service: Service) -> list[tuple[str, Entry]]:
    whose = {group.neg.path: group.cluster for group in service.own}
    return [
        (whose[str(entry.get("group"))], entry)
        for entry in service.observed
        if entry.get("group") in whose
    ]


def _spared(cluster: str, services: Sequence[Service], serving: Collection[str]) -> bool:
    """Whether another member serves, with its whole capacity, wherever *cluster* does."""
    for service in services:
        found = _entries(service)
        others = {name for name, entry in found if entry.get("capacityScaler", 1) >= 1} & set(
            serving
        )
        if any(name == cluster for name, _ in found) and not others - {cluster}:
            return False
    return True


def bound(groups: Sequence[Group], entries: Sequence[Entry], wanted: str) -> frozenset[str]:
    """
    The members of *groups* that somebody else's backends lead to in another mode than *wanted*.

    *entries*: the backends of all backend services that are not of this installation.
    """
    theirs = {e.get("group") for e in entries if e.get("balancingMode") not in {None, wanted}}
    return frozenset(group.cluster for group in groups if group.neg.path in theirs)


def told(found: ModeChange, wanted: str) -> tuple[Problem, ...]:
    """Say that a change of the balancing mode is under way, or what it waits for."""
    if not found.kept:
        return ()
    left = ", ".join(sorted(found.kept))
    if found.detached:
        return (("BalancingModeChanging", f"{left} come to {wanted} one after the other"),)
    if found.bound:
        names = ", ".join(found.bound)
        text = f"{left} cannot come to {wanted}: others lead to the instance groups of {names} too"
        return (("BalancingModeKept", text),)
    if found.awaited:
        text = f"{left} come to {wanted} when {', '.join(found.awaited)} is healthy in it"
        return (("BalancingModeChanging", text),)
    text = f"{left} cannot come to {wanted} while no other member serves with all of its capacity"
    return (("BalancingModeKept", text),)
