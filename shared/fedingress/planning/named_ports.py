"""
The named ports of members' instance groups: ours beside those of others.

Called by `backends`, in mode instance-group. A backend service reaches a port of a group by its
name. GKE's own controller and others name ports on the same groups, and a write replaces all of
them, so it is planned on what was read and guarded by its fingerprint.

Source: compute v1 instanceGroups.setNamedPorts; kubernetes/ingress-gce names a port `port<N>`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fedingress.domain.change import Update
from fedingress.domain.graph import GlobalResource, Kind, port_name
from fedingress.planning.groups import Group, Problem

Uses = frozenset[tuple[str, int]]
"""Pairs of the path of a group and a port of its nodes."""


def wanted(groups: Iterable[Group]) -> Uses:
    """The ports that *groups* are reached by."""
    return frozenset((group.neg.path, group.node_port) for group in groups if group.node_port)


def additions(uses: Uses, observed: Sequence[GlobalResource]) -> tuple[Update[GlobalResource], ...]:
    """One update for each observed group that lacks a name of *uses*."""
    found = []
    for item in observed:
        have = _ports(item)
        numbers = {number for path, number in uses if path == item.path} - _ours(have)
        if numbers:
            more = [{"name": port_name(number), "port": number} for number in sorted(numbers)]
            found.append(_update(item, [*have, *more], "names", numbers))
    return tuple(found)


def removals(
    noted: Uses, uses: Uses, observed: Sequence[GlobalResource], services: Sequence[GlobalResource]
) -> tuple[Update[GlobalResource], ...]:
    """
    One update for each observed group that has a *noted* name which nobody uses any more.

    *services*: every backend service of the groups' projects, ours or not.
    """
    used = {
        (str(entry.get("group")), str(item.spec.get("portName")))
        for item in services
        if item.kind is Kind.BACKEND_SERVICE
        for entry in item.spec.get("backends") or ()
    }
    found = []
    for item in observed:
        have = _ports(item)
        gone = {
            number
            for path, number in (noted - uses) & {(item.path, each) for each in _ours(have)}
            if (path, port_name(number)) not in used
        }
        if gone:
            out = {(port_name(number), number) for number in gone}
            left = [port for port in have if (port.get("name"), port.get("port")) not in out]
            found.append(_update(item, left, "no longer names", gone))
    return tuple(found)


def standing(noted: Uses, uses: Uses, observed: Sequence[GlobalResource]) -> Uses:
    """Those of *noted* and *uses* that some observed group has, or shall have."""
    have = {(item.path, number) for item in observed for number in _ours(_ports(item))}
    return frozenset((noted & have) | uses)


def conflicts(uses: Uses, observed: Sequence[GlobalResource]) -> tuple[Problem, ...]:
    """Names of ours that stand for another port on a group: requests would go there, too."""
    names = {(path, port_name(number)): number for path, number in uses}
    return tuple(
        (
            "NamedPortConflict",
            f"{item.label} names port {port['port']} {port['name']}, which is not ours",
        )
        for item in observed
        for port in _ports(item)
        if names.get((item.path, str(port.get("name"))), port.get("port")) != port.get("port")
    )


def _ports(item: GlobalResource) -> list[Mapping[str, Any]]:
    return list(item.spec.get("namedPorts") or ())


def _ours(have: Collection[Mapping[str, Any]]) -> set[int]:
    """The numbers that stand under the name that we would give them."""
    found = {int(port.get("port", 0)): port.get("name") for port in have}
    names = {(str(port.get("name")), int(port.get("port", 0))) for port in have}
    return {number for number in found if (port_name(number), number) in names}


def _update(
    item: GlobalResource, ports: Sequence[Mapping[str, Any]], verb: str, numbers: Collection[int]
) -> Update[GlobalResource]:
    spec = {**item.spec, "namedPorts": [dict(port) for port in ports]}
    listed = ", ".join(map(str, sorted(numbers)))
    why = f"{verb} {listed}"
    return Update(observed=item, desired=replace(item, spec=spec), fields=("namedPorts",), why=why)
