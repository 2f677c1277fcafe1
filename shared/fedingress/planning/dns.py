"""
The record sets of one hosted zone, from the intents of the Ingresses that use it.

What is decided, and in which steps, stands in `planning.answers`; here are the words that others
need about zones and marks, and the decision for a zone of addresses alone.
"""

from collections.abc import Iterable, Mapping, Sequence

from fedingress.domain.change import Change, Create, Delete, Plan, Update
from fedingress.domain.ingress import Source
from fedingress.domain.policy import ZoneRef
from fedingress.domain.record import RecordSet
from fedingress.domain.report import ZoneIntent
from fedingress.planning import adoption
from fedingress.planning.answers.compiling import ADDRESS_TYPES
from fedingress.planning.answers.decision import Standing, ZoneDecision
from fedingress.planning.answers.marks import HostMark, is_node, mark_name, mark_of, marks_in
from fedingress.planning.answers.weighing import recalled, weigh
from fedingress.planning.answers.zone import LEAVING
from fedingress.planning.answers.zone import decide as decide_zone

__all__ = [
    "ADDRESS_TYPES",
    "LEAVING",
    "HostMark",
    "ZoneDecision",
    "adopts",
    "batch",
    "by_host",
    "decide",
    "losers",
    "mark_name",
    "marked",
    "zone_for",
    "zones_for",
]


def zone_for(host: str, zones: Iterable[ZoneRef]) -> ZoneRef | None:
    """The zone with the longest domain that *host* is in; None when there is none."""
    bare = host.removeprefix("*.")
    fitting = [zone for zone in zones if bare == zone.domain or bare.endswith("." + zone.domain)]
    return max(fitting, key=lambda zone: (len(zone.domain), zone.unit), default=None)


def adopts(source: Source) -> bool:
    """Whether the user lets records that others left at the hosts of *source* be replaced."""
    return "dns" in adoption.consents(source.annotations)


def zones_for(host: str, zones: Iterable[ZoneRef]) -> tuple[ZoneRef, ...]:
    """Where *host* is published: of each visibility the zone with the longest domain."""
    listed = tuple(zones)
    kinds = sorted({zone.visibility for zone in listed}, reverse=True)
    found = (zone_for(host, (z for z in listed if z.visibility == kind)) for kind in kinds)
    return tuple(zone for zone in found if zone)


def decide(
    domain: str,
    intents: Mapping[str, ZoneIntent],
    observed: Sequence[RecordSet],
    owner: str,
    *,
    complete: bool,
    force: bool = False,
) -> ZoneDecision:
    """
    Plan a zone from all that stands in it, with weights as they were left.

    Args:
        domain: The zone's DNS name.
        intents: By uid of the source.
        observed: Every record set of the zone.
        owner: Our installation; other installations' marks are foreign.
        complete: Whether every source has spoken since the store was new.
        force: Lift the brake.

    Returns:
        The plan; nothing of it is an empty answer for a host that has one.
    """
    state = recalled(observed, domain, owner, 0.0)
    weighed = weigh(state, intents, 0.0, owner=owner, probes={})
    return decide_zone(
        domain,
        intents,
        Standing(records=observed),
        owner,
        weighed,
        checks={},
        complete=complete,
        force=force,
    )


def marked(observed: Sequence[RecordSet], domain: str, owner: str) -> Mapping[str, frozenset[str]]:
    """Hosts that carry a living mark of *owner*, by the uid of their source."""
    found: dict[str, set[str]] = {}
    for host, mark in marks_in(observed, domain).items():
        if mark.owner == owner and not mark.orphan and not is_node(host):
            found.setdefault(mark.uid, set()).add(host)
    return {uid: frozenset(hosts) for uid, hosts in found.items()}


def losers(plan: Plan[RecordSet], domain: str) -> frozenset[str]:
    """Uids of the sources that lose a host by *plan*: resolvers remember it for a while."""
    found = set()
    for change in plan:
        if isinstance(change, Create) or (before := mark_of(change.observed, domain)) is None:
            continue
        after = mark_of(change.desired, domain) if isinstance(change, Update) else None
        if not is_node(before.host) and (after is None or after.uid != before.uid):
            found.add(before.uid)
    return frozenset(found)


def by_host(plan: Plan[RecordSet], domain: str) -> Mapping[str, Plan[RecordSet]]:
    """The changes of each host, which go together; in order of the hosts."""
    found: dict[str, list[Change[RecordSet]]] = {}
    for change in plan:
        item = change.observed if isinstance(change, Delete) else change.desired
        mark = mark_of(item, domain)
        found.setdefault(mark.host if mark else item.name, []).append(change)
    return {host: Plan(changes=tuple(found[host])) for host in sorted(found)}


def batch(plan: Plan[RecordSet]) -> tuple[tuple[RecordSet, ...], tuple[RecordSet, ...]]:
    """The plan as deletions and additions of one atomic change."""
    deletions = [item.observed for item in plan if not isinstance(item, Create)]
    additions = [item.desired for item in plan if not isinstance(item, Delete)]
    return tuple(deletions), tuple(additions)
