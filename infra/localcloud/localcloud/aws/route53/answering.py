"""
What Route 53's name servers answer: routing policies, health, aliases.

A `View` is a zone as the name servers know it at a moment, dressed for the DNS server. Each
question is answered anew and without memory, from the client's place and the health of the moment.

Source: Route 53 Developer Guide, "How Amazon Route 53 chooses records when health checking is
configured", "Choosing a routing policy", "How health checks work in complex configurations".
"""

import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.aws.route53.batch import Groups
from localcloud.aws.route53.groups import place as location_of
from localcloud.aws.route53.names import unescaped
from localcloud.aws.route53.places import Place
from localcloud.aws.route53.recordsets import RecordSet, policy
from localcloud.aws.route53.zone import Zone
from localcloud.dataplane.answers import Records, Tree, Unserved, ZoneView, tree_of

GROUP = "route53"  # the key under which a dressed record set carries its group
ALIAS_TTL_SECONDS = 60

_DEEPEST = 20
_MOST_VALUES = 8
_OCTAL = re.compile(r"\\([0-3][0-7]{2})")
_TEXTS = ("TXT", "SPF")
_NAMES = ("CNAME", "MX", "NS", "PTR", "SRV")
_BY_PLACE = ("Region", "GeoLocation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """
    A load balancer that an alias leads to.

    Attributes:
        addresses: What its name resolves to, by record type.
        healthy: What "evaluate target health" finds.
    """

    addresses: Mapping[str, tuple[str, ...]]
    healthy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A zone's groups at a moment, and the same for the DNS server."""

    zone_id: str
    groups: Groups
    rrsets: Mapping[tuple[str, str], Mapping[str, Any]]
    tree: Tree


class Answering:
    """Route 53's name servers, for any number of zones."""

    def __init__(
        self,
        *,
        healthy: Callable[[str], bool],
        target: Callable[[str], Target | None],
        place: Callable[[str], Place],
        clock: Callable[[], float],
        chance: random.Random | None = None,
    ) -> None:
        """
        Answer by what the callables say at each question.

        Args:
            healthy: Whether a health check is healthy, by its id.
            target: The load balancer of a canonical name.
            place: Of the client at an address.
            clock: Seconds since 1970.
            chance: Draws weighted and multivalue answers.
        """
        self._healthy = healthy
        self._target = target
        self._place = place
        self._clock = clock
        # Not secrets: a stream that a test can repeat.
        self._chance = chance or random.Random()  # noqa: S311
        self._views: dict[str, View] = {}

    def zone_views(
        self, zones: Iterable[Zone], networks: Callable[[Zone], tuple[str, ...] | None]
    ) -> list[ZoneView]:
        """Give the zones for the DNS server; *networks* are those a private zone answers."""
        found = []
        for zone in zones:
            view = self._view(zone)
            found.append(
                ZoneView(
                    dns_name=unescaped(zone.name),
                    rrsets=view.rrsets,
                    tree=view.tree,
                    networks=networks(zone) if zone.private else None,
                )
            )
        return found

    def choose(self, record_set: Mapping[str, Any], client: str) -> Records:
        """
        Give the records that the client at that address gets of a dressed record set.

        Raises:
            Unserved: Aliases lead in a circle.
        """
        view, group = record_set[GROUP]
        return self._resolve(view, group, self._place(client), 0)

    def _view(self, zone: Zone) -> View:
        groups = zone.answered(self._clock())
        known = self._views.get(zone.id)
        if known is None or known.groups is not groups:
            known = self._views[zone.id] = _dressed(zone, groups)
        return known

    def _resolve(self, view: View, group: Sequence[RecordSet], place: Place, depth: int) -> Records:
        if depth > _DEEPEST:
            raise Unserved(f"{group[0]['Name']} {group[0]['Type']}: aliases lead in a circle")
        located = policy(group[0]) in _BY_PLACE
        chosen = self._choose(view, group, place)
        if not chosen:
            return Records(ttl=0, rdatas=(), located=located)
        first = chosen[0]
        if "AliasTarget" not in first:
            kind = first["Type"]
            values = (each["Value"] for record in chosen for each in record["ResourceRecords"])
            rdatas = tuple(_presented(kind, value) for value in values)
            return Records(ttl=first["TTL"], rdatas=rdatas, located=located)
        found = self._follow(view, first, place, depth)
        return Records(ttl=found.ttl, rdatas=found.rdatas, located=located or found.located)

    def _follow(self, view: View, alias: RecordSet, place: Place, depth: int) -> Records:
        name, kind = alias["AliasTarget"]["DNSName"], alias["Type"]
        if alias["AliasTarget"]["HostedZoneId"] == view.zone_id:
            group = view.groups.get((name, kind), ())
            return (
                self._resolve(view, group, place, depth + 1)
                if group
                else Records(ttl=ALIAS_TTL_SECONDS, rdatas=())
            )
        target = self._target(name)
        rdatas = target.addresses.get(kind, ()) if target else ()
        return Records(ttl=ALIAS_TTL_SECONDS, rdatas=rdatas)

    def _choose(self, view: View, group: Sequence[RecordSet], place: Place) -> Sequence[RecordSet]:
        """The record set that answers; several for multivalue answers, none where none fits."""
        field = policy(group[0])
        if not field:
            return group
        live = [record for record in group if self._lives(view, record, 0)]
        if field == "Weight":
            return [self._draw(live, group)]
        if field == "Failover":
            ordered = sorted(live or group, key=lambda record: str(record["Failover"]))
            return ordered[:1]
        if field == "Region":
            return [min(live or group, key=lambda record: place.distance(record["Region"]))]
        if field == "GeoLocation":
            return _located(group, live, place)
        pool = list(live or group)
        return self._chance.sample(pool, min(_MOST_VALUES, len(pool)))

    def _draw(self, live: Sequence[RecordSet], group: Sequence[RecordSet]) -> RecordSet:
        """
        One of a weighted group, each time anew.

        Zero-weight record sets are drawn only when every other is unhealthy, each as likely as the
        next; when all are unhealthy, all count as healthy.
        """
        among = live or group
        weighted = [record for record in among if record["Weight"] > 0]
        if not weighted:
            return self._chance.choice(among)
        return self._chance.choices(weighted, [record["Weight"] for record in weighted])[0]

    def _lives(self, view: View, record: RecordSet, depth: int) -> bool:
        """Whether Route 53 takes a record set as healthy; one without any check always is."""
        check = record.get("HealthCheckId")
        if check is not None and not self._healthy(check):
            return False
        target = record.get("AliasTarget")
        if target is None or not target["EvaluateTargetHealth"]:
            return True
        if target["HostedZoneId"] != view.zone_id:
            balancer = self._target(target["DNSName"])
            return balancer is not None and balancer.healthy
        group = view.groups.get((target["DNSName"], record["Type"]), ())
        return depth < _DEEPEST and any(self._lives(view, each, depth + 1) for each in group)


def _located(
    group: Sequence[RecordSet], live: Sequence[RecordSet], place: Place
) -> Sequence[RecordSet]:
    """The healthy one of the smallest place that holds the client; else the smallest at all."""
    fitting = [
        record
        for where in place.locations()
        for record in group
        if location_of(record["GeoLocation"]) == where
    ]
    return [*(record for record in fitting if record in live), *fitting][:1]


def _dressed(zone: Zone, groups: Groups) -> View:
    rrsets: dict[tuple[str, str], dict[str, Any]] = {}
    for (name, kind), group in groups.items():
        plain = unescaped(name)
        rrsets[plain, kind] = {"name": plain, "type": kind, "group": group}
    view = View(
        zone_id=zone.id, groups=groups, rrsets=rrsets, tree=tree_of(unescaped(zone.name), rrsets)
    )
    for record_set in rrsets.values():
        record_set[GROUP] = (view, record_set.pop("group"))
    return view


def _presented(kind: str, value: str) -> str:
    """
    Give data in the presentation form of DNS.

    Escapes of texts are octal with Route 53, decimal there; names are absolute without a dot, too.
    """
    if kind in _TEXTS:
        return _OCTAL.sub(lambda match: f"\\{int(match[1], 8):03d}", value)
    return value if kind not in _NAMES or value.endswith(".") else value + "."
