"""
The record sets of one hosted zone, from the intents of the Ingresses that use it.

What is decided, and in which steps, stands in `planning.answers`; here are the words that others
need about zones and marks.
"""

from collections.abc import Iterable, Mapping, Sequence

from fedingress.domain.change import Create, Plan, Update
from fedingress.domain.ingress import Source
from fedingress.domain.policy import ZoneRef
from fedingress.domain.record import RecordSet
from fedingress.planning import adoption
from fedingress.planning.answers.compiling import ADDRESS_TYPES
from fedingress.planning.answers.marks import HostMark, is_node, mark_name, mark_of, marks_in
from fedingress.planning.answers.zone import LEAVING

__all__ = [
    "ADDRESS_TYPES",
    "LEAVING",
    "HostMark",
    "adopts",
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
