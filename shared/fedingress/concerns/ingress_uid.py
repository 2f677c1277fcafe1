"""Sharing one ingress-uid among members: look at all of them first, then say what each needs."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from fedingress.domain.cluster import MemberCluster
from fedingress.domain.errors import FederationError
from fedingress.domain.member import CONFIG_MAP, INGRESS
from fedingress.planning import ingress_uid
from fedingress.planning.fanout import MemberWish
from fedingress.planning.ingress_uid import UidView
from fedingress.ports import Ports

Added = Mapping[str, MemberWish]


def look(members: Iterable[MemberCluster], ports: Ports) -> Added:
    """
    By member: the change to its ConfigMap, or why there is none; nothing where all is well.

    A member that cannot be read is not in the answer; its visit fails in the same way.
    """
    by_name = {member.name: member for member in members}
    answers = ports.parallel.each(by_name, lambda name: _view(by_name[name], ports))
    seen = {name: each for name, each in answers.items() if isinstance(each, UidView)}
    uid = ingress_uid.shared(seen, whole=len(seen) == len(by_name))
    return {name: _wish(name, view, uid) for name, view in seen.items()} | {
        name: MemberWish(problems=(("IngressUidUnread", str(error)[:256]),))
        for name, error in answers.items()
        if isinstance(error, FederationError)
    }


def added(wish: MemberWish, more: MemberWish | None) -> MemberWish:
    """*wish* and what sharing adds to it."""
    if more is None:
        return wish
    problems = tuple(dict.fromkeys((*wish.problems, *more.problems)))
    return replace(wish, changes=(*wish.changes, *more.changes), problems=problems)


def _view(member: MemberCluster, ports: Ports) -> UidView:
    found = ports.clusters.get(member, CONFIG_MAP, ingress_uid.NAMESPACE, ingress_uid.NAME)
    everywhere = ports.clusters.list(member, INGRESS, "")
    served = [item.ref for item in everywhere if ingress_uid.served(item.manifest)]
    return UidView(
        config=found, served=tuple(sorted(f"{ref.namespace}/{ref.name}" for ref in served))
    )


def _wish(cluster: str, seen: UidView, uid: str) -> MemberWish:
    update, problem = ingress_uid.change(cluster, seen, uid)
    return MemberWish(
        changes=() if update is None else (update,), problems=() if problem is None else (problem,)
    )
