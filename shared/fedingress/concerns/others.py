"""
Backend services that are not of this Ingress, as far as they bear on its instance groups.

Called by `graph`, in mode instance-group only, while members come in or change their mode.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from fedingress.concerns.subject import subject
from fedingress.domain.graph import GlobalResource, Kind, Mark
from fedingress.planning import backends, balancing
from fedingress.planning.backends import GraphWish
from fedingress.planning.balancing import Holder
from fedingress.planning.groups import Problem
from fedingress.ports import Ports

_SHARED = "/instanceGroups/"


def bound(wish: GraphWish, ports: Ports) -> dict[str, str]:
    """Members whose instance groups others hold in another balancing mode than *wish* wants."""
    found = ports.load_balancers.observe(wish.project, (Kind.BACKEND_SERVICE,), "")
    paths = {group.neg.path for group in wish.groups}
    holders = tuple(_holders(wish, found, paths, ports))
    return balancing.bound(wish.groups, holders, _mode(wish))


def left_out(
    wish: GraphWish, observed: Sequence[GlobalResource], ports: Ports
) -> tuple[GraphWish, dict[str, Problem]]:
    """
    *wish* without the members that others were first to balance in another mode, and why.

    Asks nobody while no member is new: who is attached keeps its groups.
    """
    if not wish.policy.grouped:
        return wish, {}
    standing = backends.standing(observed)
    there = {group.cluster for group in wish.groups if group.neg.path in standing}
    if all(group.cluster in there for group in wish.groups):
        return wish, {}
    held = {name: who for name, who in bound(wish, ports).items() if name not in there}
    kept = tuple(group for group in wish.groups if group.cluster not in held)
    why = {name: balancing.taken(who, _mode(wish)) for name, who in sorted(held.items())}
    return replace(wish, groups=kept), why


def _mode(wish: GraphWish) -> str:
    return str(balancing.measure(wish.policy)["balancingMode"])


def _holders(
    wish: GraphWish, found: Sequence[GlobalResource], paths: set[str], ports: Ports
) -> Iterator[Holder]:
    """Everybody else who has one of the groups at *paths* in another mode, by name."""
    for item in found:
        entries = [
            entry
            for entry in item.spec.get("backends") or ()
            if entry.get("group") in paths and entry.get("balancingMode") != _mode(wish)
        ]
        mark = item.mark
        if not entries or (mark and (mark.owner, mark.uid) == (wish.mark.owner, wish.mark.uid)):
            continue
        who, wants = f"backend service {item.name}", ""
        if mark is not None and mark.owner == wish.mark.owner:
            who, wants = _ingress(mark, ports)
        yield Holder(who=who, entries=entries, wants=wants)


def _ingress(mark: Mark, ports: Ports) -> tuple[str, str]:
    """How a sentence names an Ingress of ours, and the mode that its policy wishes."""
    found = subject(mark.source, ports)
    if found is None or found.source.uid != mark.uid or found.policy is None or found.retired:
        return f"Ingress {mark.source}", ""
    policy = found.policy
    wants = balancing.measure(policy.backends)["balancingMode"] if policy.backends.grouped else ""
    return f"Ingress {mark.source} (policy {policy.name})", str(wants)
