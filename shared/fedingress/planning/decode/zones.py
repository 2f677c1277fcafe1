"""
From `spec.dns` of a FederationPolicy to zones, routing and health checks of the records.

Called by `planning.decode.policies`. What only load balancers of members need is a fault in a
topology that has one address: nothing is skipped in silence.

Source: dns v1 ManagedZone; Route 53 API reference (HostedZone, ResourceRecordSet, GeoLocation,
HealthCheckConfig).
"""

import re
from typing import Final

from fedingress.domain.policy import Damping, DnsHealthCheck, DnsPolicy, Place, ZoneRef
from fedingress.planning.decode.reading import Cell
from fedingress.planning.decode.words import (
    ACCOUNT,
    CLOUD_REGION,
    DNS_NAME,
    GCE_NAME,
    HOSTED_ZONE,
    PROJECT,
    quoted,
)

PROVIDERS: Final = ("cloud-dns", "route53")
VISIBILITIES: Final = ("public", "private")
ROUTINGS: Final = ("simple", "weighted", "latency", "geolocation", "failover")
CHECKS: Final = ("TCP", "HTTP", "HTTPS")
OWN_ACCOUNT: Final = "self"
"""Stands for the account of our own identity."""
REGIONAL: Final = ("places", "order", "healthCheck", "spillBelow", "damping")
"""Fields for members whose own load balancers answer."""

_LOCATION: Final = re.compile(
    r"continent:(AF|AN|AS|EU|NA|OC|SA)|country:([A-Z]{2}|\*)|subdivision:US/[A-Z]{2}"
)
_CHECK_PATH: Final = re.compile(r"/[A-Za-z0-9/._~!$&()*+,;=:@%?-]{0,254}")
_REST: Final = "country:*"
_DAY: Final = 86400
_MOST_ZONES: Final = 50
_MOST_PLACES: Final = 100
_MOST_REGIONS: Final = 30
_MOST_PATHS: Final = 10
_INTERVALS: Final = (10, 30)


def dns(cell: Cell, *, project: str, regional: bool) -> DnsPolicy:
    """
    `spec.dns` with every default.

    Args:
        cell: The object.
        project: Of the policy: where zones of Cloud DNS are that name none.
        regional: Whether members' own load balancers answer (topology `aws`).
    """
    cell.fields("zones", "routing", "ttlSeconds", *REGIONAL)
    for name in () if regional else REGIONAL:
        if cell.child(name).given:
            cell.child(name).fault("is for topology aws, where members' load balancers answer")
    default = DnsPolicy()
    routing = _routing(cell.child("routing"), regional=regional)
    ttl = cell.child("ttlSeconds").integer(default.ttl_seconds, 1, _DAY)
    return DnsPolicy(
        zones=_zones(cell.child("zones"), project),
        routing=routing,
        ttl_seconds=ttl,
        places=_places(cell.child("places"), routing),
        order=_order(cell.child("order"), routing),
        health_check=_check(cell.child("healthCheck")),
        spill_below=cell.child("spillBelow").number(1) or default.spill_below,
        damping=_damping(cell.child("damping"), ttl),
    )


def _routing(cell: Cell, *, regional: bool) -> str:
    found = cell.choice(ROUTINGS, "latency" if regional else "simple", noun="routing")
    if not regional and found != "simple":
        cell.fault(f"routing {found} is for topology aws; one global address is simple")
    return found


def _zones(cell: Cell, project: str) -> tuple[ZoneRef, ...]:
    zones: list[ZoneRef] = []
    for item in cell.items(most=_MOST_ZONES):
        zone = _zone(item, project)
        same = (
            other.domain == zone.domain for other in zones if other.visibility == zone.visibility
        )
        if zone.domain and any(same):
            what = f"{zone.visibility} zone for {zone.domain}"
            item.fault(f"a second {what}: a host would belong to two zones")
        zones.append(zone)
    return tuple(zones)


def _zone(cell: Cell, project: str) -> ZoneRef:
    cell.fields("provider", "project", "account", "name", "domain", "visibility")
    provider, name = cell.child("provider"), cell.child("name")
    if not provider.given:
        provider.fault(f"is required: one of {', '.join(PROVIDERS)}")
    found = provider.choice(PROVIDERS, PROVIDERS[0], noun="provider")
    domain = _domain(cell.child("domain"))
    visibility = cell.child("visibility").choice(VISIBILITIES, VISIBILITIES[0], noun="visibility")
    if found == "route53":
        _absent(cell.child("project"), "a hosted zone is in an account")
        return ZoneRef(
            provider=found,
            project=cell.child("account").text(OWN_ACCOUNT, like=ACCOUNT, noun="12 digits"),
            name=name.required(like=HOSTED_ZONE, noun="the id of a hosted zone"),
            domain=domain,
            visibility=visibility,
        )
    _absent(cell.child("account"), "a managed zone is in a project")
    where = cell.child("project")
    if not project and not where.given:
        where.fault("is required, because the policy names no project")
    return ZoneRef(
        provider=found,
        project=where.text(project, like=PROJECT, noun="the id of a GCP project"),
        name=name.required(like=GCE_NAME, noun="the name of a managed zone"),
        domain=domain,
        visibility=visibility,
    )


def _absent(cell: Cell, why: str) -> None:
    if cell.given:
        cell.fault(f"is not for this provider: {why}")


def _domain(written: Cell) -> str:
    domain = written.value if isinstance(written.value, str) else ""
    if domain.endswith(".") and DNS_NAME.fullmatch(domain[:-1]):
        written.fault(f"{quoted(domain)} ends with a dot; write it without")
        return ""
    return written.required(like=DNS_NAME, noun="a lower-case DNS name")


def _needed(cell: Cell, routing: str, wanted: str) -> bool:
    """Whether there is something to read here; with *wanted* there must be, else there may not."""
    if cell.given and routing != wanted:
        cell.fault(f"stands beside routing {routing}; it is for {wanted}")
    elif not cell.given and routing == wanted:
        cell.fault(f"is required by routing {wanted}")
    return cell.given


def _places(cell: Cell, routing: str) -> tuple[Place, ...]:
    if not _needed(cell, routing, "geolocation"):
        return ()
    found: list[Place] = []
    for item in cell.items(most=_MOST_PLACES):
        item.fields("location", "region")
        location = item.child("location").required(
            like=_LOCATION,
            noun="a location: continent:EU, country:US, country:* or subdivision:US/CA",
        )
        if location and any(location == other.location for other in found):
            item.fault(f"{location} is named twice")
        region = item.child("region")
        found.append(
            Place(
                location=location,
                region="*" if region.value == "*" else _region(region),
            )
        )
    if not any(place.location == _REST for place in found):
        cell.fault(f"needs {_REST}, or clients from elsewhere get no answer")
    return tuple(found)


def _order(cell: Cell, routing: str) -> tuple[str, ...]:
    if not _needed(cell, routing, "failover"):
        return ()
    found: list[str] = []
    for item in cell.items(least=1, most=_MOST_REGIONS):
        region = _region(item)
        if region and region in found:
            item.fault(f"{region} is named twice")
        found.append(region)
    return tuple(found)


def _region(cell: Cell) -> str:
    return cell.required(like=CLOUD_REGION, noun="the name of a region")


def _check(cell: Cell) -> DnsHealthCheck | None:
    if not cell.given:
        return None
    cell.fields("protocol", "port", "paths", "intervalSeconds", "threshold")
    default = DnsHealthCheck()
    protocol = cell.child("protocol").choice(CHECKS, default.kind, noun="protocol")
    paths = cell.child("paths")
    if paths.given and protocol == "TCP":
        paths.fault("stands beside protocol TCP, which asks for no path")
    found = tuple(
        item.required(like=_CHECK_PATH, noun="an absolute path of at most 255 URL characters")
        for item in paths.items(least=1 if paths.given else 0, most=_MOST_PATHS)
    )
    interval = cell.child("intervalSeconds")
    seconds = interval.integer(default.interval_seconds, *_INTERVALS)
    if seconds not in _INTERVALS:
        interval.fault(f"{seconds} is neither 10 nor 30, which is what Route 53 takes")
    return DnsHealthCheck(
        kind=protocol,
        port=cell.child("port").integer(443 if protocol == "HTTPS" else 80, 1, 65535),
        paths=found or (() if protocol == "TCP" else ("/",)),
        interval_seconds=seconds,
        threshold=cell.child("threshold").integer(default.threshold, 1, 10),
    )


def _damping(cell: Cell, ttl_seconds: int) -> Damping:
    cell.fields(
        *("tickSeconds", "downWindows", "upWindows", "longestDwellSeconds"),
        *("growth", "points", "deadband", "largestRemoval"),
    )
    default = Damping()
    growth = cell.child("growth")
    factor = growth.number(100) or default.growth
    if factor < 1:
        growth.fault(f"{quoted(factor)} is less than 1: an upward step would go down")
    dwell = cell.child("longestDwellSeconds")
    return Damping(
        tick_seconds=cell.child("tickSeconds").integer(default.tick_seconds, 1, 3600),
        ttl_seconds=ttl_seconds,
        down_windows=cell.child("downWindows").integer(default.down_windows, 1, 100),
        up_windows=cell.child("upWindows").integer(default.up_windows, 1, 100),
        longest_dwell_seconds=float(dwell.integer(int(default.longest_dwell_seconds), 1, _DAY)),
        growth=factor,
        points=cell.child("points").number(1) or default.points,
        deadband=cell.child("deadband").number(1) or default.deadband,
        largest_removal=cell.child("largestRemoval").number(1) or default.largest_removal,
    )
