"""
What Cloud DNS can say of several members, and why it cannot say the rest.

```
routing             members by IP address       members by name
simple, weighted    wrr                         refused
latency             geo, fencing off            refused
failover            primaryBackup, two regions  refused
geolocation         refused                     refused
```

One member is plain: its address, or a CNAME. Cloud DNS checks IP addresses only, in public zones
only, each policy by one health check of Compute Engine that asks for one path; without a check a
policy would go on leading clients to a member that is dead, so there is none without.

Called by `routing` and `pools`; pure.

Source: Cloud DNS documentation, "DNS routing policies and health checks"; dns v1
RRSetRoutingPolicy (healthCheckedTargets: A and AAAA only; a location is a region of Google Cloud);
compute v1 HealthCheck.sourceRegions (checkIntervalSec of at least 30).
"""

import ipaddress
from collections.abc import Collection
from dataclasses import replace
from typing import Final

from fedingress.domain.policy import DnsPolicy
from fedingress.domain.target import Target
from fedingress.planning.answers import regions

PROVIDER: Final = "cloud-dns"
LEAST_INTERVAL_SECONDS: Final = 30
_REGIONS_IN_ORDER: Final = 2
_PRIVATE: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"),
        *("fc00::/7", "fe80::/10"),
    )
)
"""What no checker of Google's can reach. Source: RFC 1918, 3927, 4193, 4291 and 6598."""
_INSTEAD: Final = "use a hosted zone of Route 53, or place the Ingress in one member"


def seen(target: Target, routing: str) -> Target:
    """
    *target* as a zone of Cloud DNS knows it: nothing is aliased there.

    For latency it is where the nearest region of Google Cloud is.
    """
    region = regions.google(target.region) if routing == "latency" else ""
    return replace(target, hosted_zone="", region=region or target.region)


def fault(
    policy: DnsPolicy,
    visibility: str,
    addresses: Collection[str],
    *,
    by_name: bool,
    groups: Collection[str],
) -> str:
    """
    Why several members cannot be answered; empty when they can.

    Args:
        policy: Of the Ingress.
        visibility: Of the zone.
        addresses: Of the members, one each.
        by_name: Whether these are names, not IP addresses.
        groups: Regions that they are in; with latency those of Google Cloud, where there is one.
    """
    members = len(addresses)
    if by_name:
        return (
            f"{members} members answer by name, and Cloud DNS checks nothing but IP addresses: it "
            f"would go on leading clients to one that fails; give them addresses, {_INSTEAD}"
        )
    if visibility == "private":
        return (
            f"{members} members answer in a private zone, and Cloud DNS checks members' addresses "
            f"in public zones only; {_INSTEAD}"
        )
    if hidden := sorted(each for each in addresses if _private(each)):
        return f"{hidden[0]} is a private address, which Cloud DNS cannot check; {_INSTEAD}"
    return _unsayable(policy, groups) or _uncheckable(policy)


def _private(address: str) -> bool:
    found = ipaddress.ip_address(address)
    return any(found in network for network in _PRIVATE)


def _unsayable(policy: DnsPolicy, groups: Collection[str]) -> str:
    lost = sorted(name for name in groups if not regions.of_google(name))
    match policy.routing:
        case "geolocation":
            return (
                "Cloud DNS knows regions of Google Cloud, no countries and no continents; take "
                f"routing latency, or {_INSTEAD}"
            )
        case "latency" if lost and len(lost) < len(groups):
            return (
                f"nobody is near to {lost[0]}, which is no region of AWS or Google Cloud, and "
                "Cloud DNS gives a place to each member; take routing weighted or failover"
            )
        case "failover" if len(groups) > _REGIONS_IN_ORDER:
            return (
                f"{len(groups)} regions are in order, and Cloud DNS has a primary and a backup "
                f"only; place the Ingress in two regions, or {_INSTEAD}"
            )
    return ""


def _uncheckable(policy: DnsPolicy) -> str:
    check = policy.health_check
    if check and len(check.paths) > 1:
        return f"spec.dns.healthCheck has {len(check.paths)} paths; Cloud DNS asks for one only"
    if check and check.interval_seconds < LEAST_INTERVAL_SECONDS:
        return (
            f"spec.dns.healthCheck has intervalSeconds {check.interval_seconds}; Cloud DNS takes "
            f"{LEAST_INTERVAL_SECONDS} and more"
        )
    return ""
