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

Whoever was first keeps a group's mode: a member whose groups others balance in another one is left
out, with the words that name them, until they let go or come to the same mode.

Source: compute v1 Backend, balancingMode; GCE refuses a group with "incompatible balancing_mode".
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fedingress.domain.policy import NEAREST_RATE, BackendPolicy
from fedingress.planning.groups import Group, Problem

Entry = Mapping[str, Any]
TAKEN: Final = "BalancingModeTaken"
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
    awaited: members that others wait for.
    bound: members whose groups others lead to, with the words that name those.
    """

    kept: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    detached: str = ""
    awaited: tuple[str, ...] = ()
    bound: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """
    A backend service that is not of this Ingress.

    who: the words that name its owner.   entries: its backends.
    wants: the balancing mode that its owner wishes; empty when nobody can tell.
    """

    who: str
    entries: Sequence[Entry]
    wants: str = ""


def change(
    services: Sequence[Service],
    wanted: str,
    serving: Collection[str],
    bound: Mapping[str, str] | None = None,
) -> ModeChange:
    """
    What to do now so that all groups come to the *wanted* balancing mode.

    *serving*: members that are known to have a healthy endpoint.   *bound*: members whose groups
    somebody else's backend services lead to, and whose; detached, they could not be attached again.
    """
    kept: dict[str, Mapping[str, Any]] = {}
    for service in services:
        for cluster, entry in _entries(service):
            if entry.get("balancingMode") not in {None, wanted}:
                kept[cluster] = {key: entry[key] for key in _MEASURES if key in entry}
    moved = {group.cluster for service in services for group in service.own} - kept.keys()
    awaited = tuple(sorted(moved - set(serving)))
    others = {name: who for name, who in sorted((bound or {}).items()) if name in kept}
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


def bound(groups: Sequence[Group], holders: Sequence[Holder], wanted: str) -> dict[str, str]:
    """
    The members of *groups* that others balance in another mode than *wanted*, and who does.

    A holder who wishes the *wanted* mode is on its way there, and binds nobody.
    """
    whose = {group.neg.path: group.cluster for group in groups}
    found: dict[str, str] = {}
    for holder in holders:
        for entry in holder.entries if holder.wants != wanted else ():
            mode, cluster = entry.get("balancingMode"), whose.get(str(entry.get("group")))
            if cluster is not None and mode not in {None, wanted}:
                found.setdefault(cluster, f"{mode} by {holder.who}")
    return found


def taken(who: str, wanted: str) -> Problem:
    """Why a member is left out that others, *who*, were first to balance, and what to do."""
    text = (
        f"its instance groups are balanced in {who}, and a group takes one mode, so they cannot "
        f"be in {wanted} too; give both the same mode, or one of them mode neg or other clusters"
    )
    return TAKEN, text


def foreseen(found: ModeChange, wanted: str) -> tuple[str, ...]:
    """The whole way of a change of the balancing mode, or what it waits for, for a preview."""
    if found.bound or not (found.detached or found.awaited):
        return tuple(text for _, text in told(found, wanted))
    names = sorted(found.kept, key=lambda name: (name != found.detached, name))
    return tuple(
        f"balancing mode, step {number} of {len(names)}: {name} is detached from every backend "
        f"service and attached again in {wanted}, while the others serve"
        for number, name in enumerate(names, 1)
    )


def told(found: ModeChange, wanted: str) -> tuple[Problem, ...]:
    """Say that a change of the balancing mode is under way, or what it waits for."""
    if not found.kept:
        return ()
    left = ", ".join(sorted(found.kept))
    if found.detached:
        return (("BalancingModeChanging", f"{left} come to {wanted} one after the other"),)
    if found.bound:
        names, whose = ", ".join(found.bound), ", ".join(sorted(set(found.bound.values())))
        text = f"{left} cannot come to {wanted}: others lead to the instance groups of {names} too"
        text = f"{text} ({whose})"
        return (("BalancingModeKept", text),)
    if found.awaited:
        text = f"{left} come to {wanted} when {', '.join(found.awaited)} is healthy in it"
        return (("BalancingModeChanging", text),)
    text = f"{left} cannot come to {wanted} while no other member serves with all of its capacity"
    return (("BalancingModeKept", text),)
