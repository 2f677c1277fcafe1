"""
From endpoint groups to instance groups and back: the new backend service takes over when it can.

Called by `backends`. In each mode a Service port has a backend service of its own. A route moves
once every member serves in the new one; after the policy's warm-up once some member does; while
none does, or some member cannot be asked for its groups, never.
"""

from collections.abc import Collection, Mapping, Sequence

from fedingress.domain.graph import GlobalResource
from fedingress.planning import groups, warming
from fedingress.planning.backends import GraphWish
from fedingress.planning.groups import Problem


def newcomers(
    wish: GraphWish,
    wanted: Sequence[GlobalResource],
    observed: Sequence[GlobalResource],
    coming: Collection[str],
) -> dict[str, frozenset[str]]:
    """
    Backend services that take over from one of the other mode, and the members to wait for.

    *coming*: placed members whose groups are not known yet.
    """
    fresh = warming.newcomers(wanted, observed)
    have = {item.path for item in observed if item.spec.get("backends")}
    return {
        wish.service_path(each): frozenset(
            {group.cluster for group in wish.own(each)} | set(coming)
        ).difference(wish.drained)
        for each in wish.ingress.backends
        if wish.service_path(each) in fresh and wish.twin_path(each) in have
    }


def foreseen(
    wish: GraphWish, wanted: Sequence[GlobalResource], observed: Sequence[GlobalResource]
) -> tuple[str, ...]:
    """The way of each Service port to the other mode, for a preview."""
    taking_over = newcomers(wish, wanted, observed, ())
    return tuple(
        f"{each.service}:{each.port} goes over to mode {wish.policy.mode} once "
        f"{', '.join(sorted(taking_over[path])) or 'a member'} can answer there; "
        f"{_last(wish.twin_path(each))} serves until then, and leaves"
        for each in wish.ingress.backends
        if (path := wish.service_path(each)) in taking_over
    )


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def frozen(wish: GraphWish, observed: Sequence[GlobalResource]) -> frozenset[str]:
    """Backend services that may not take over: in the other mode a member serves that is silent."""
    have = {item.path: item.spec for item in observed}
    return frozenset(
        wish.service_path(each)
        for each in wish.ingress.backends
        if groups.uses_of(have.get(wish.twin_path(each), {})) & wish.frozen
    )


def ready(
    taking_over: Mapping[str, frozenset[str]], healthy: Mapping[str, Collection[str]]
) -> frozenset[str]:
    """Those in which every member that is waited for is *healthy* (members by path)."""
    return frozenset(
        path
        for path, members in taking_over.items()
        if healthy.get(path) and members <= set(healthy[path])
    )


def problem(
    wish: GraphWish,
    observed: Sequence[GlobalResource],
    stuck: Collection[str],
    silent: Collection[str],
) -> tuple[Problem, ...]:
    """Say which Service ports stay in their mode, and whether *silent* members are why."""
    ports = sorted(
        f"{each.service}:{each.port}"
        for each in wish.ingress.backends
        if wish.service_path(each) in stuck
    )
    if not ports:
        return ()
    until = f"until some member is healthy in mode {wish.policy.mode}"
    if frozen(wish, observed) & set(stuck):
        until = f"while {', '.join(sorted(silent))} cannot be reached, and may serve"
    text = f"{', '.join(ports)} stay as they are {until}"
    return (("ModeChangeWaits", text),)
