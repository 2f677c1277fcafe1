"""
Load balancers as the targets of aliases: what Route 53 refuses, resolves and evaluates.

Source: Route 53 API reference, AliasTarget; the refusals quoted in issue threads ("Tried to create
an alias that targets ...").
"""

from collections.abc import Callable

from localcloud.aws.elb.balancers import Balancers, LoadBalancer
from localcloud.aws.elb.hosted_zones import APPLICATION, NETWORK, suffix_of
from localcloud.aws.route53.answering import ALIAS_TTL_SECONDS, Target
from localcloud.dataplane.answers import ZoneView

_REGIONS = {
    zone_id: (region, kind)
    for kind, zones in (("application", APPLICATION), ("network", NETWORK))
    for region, zone_id in zones.items()
}
_OUTSIDE = "the alias target name does not lie within the target zone"
_MISSING = "that target was not found"


def alias_fault(balancers: Balancers) -> Callable[[str, str, str], str]:
    """Give what says why a zone id, canonical name and type cannot be aliased to; empty if so."""

    def fault(zone_id: str, name: str, kind: str) -> str:
        place = _REGIONS.get(zone_id)
        if place is None or not name.endswith("." + suffix_of(*place)):
            return _OUTSIDE
        found = balancers.named(name)
        known = found is not None and found.region == place[0] and kind in ("A", "AAAA")
        return "" if known else _MISSING

    return fault


def target_of(balancers: Balancers, name: str) -> Target | None:
    """Give the load balancer that an alias to *name* leads to."""
    found = balancers.named(name)
    if found is None:
        return None
    addresses = {kind: (address,) for kind, address in _addresses(found).items()}
    return Target(addresses=addresses, healthy=balancers.healthy(found))


def zone_views(balancers: Balancers) -> list[ZoneView]:
    """Give the zones of Elastic Load Balancing itself, where the balancers' names are."""
    return [
        ZoneView(
            dns_name=suffix_of(*place),
            rrsets={
                (name, kind): _record(name, kind, address)
                for each in balancers.all.values()
                if (each.region, each.kind) == place
                for name in (f"{each.dns_name}.", f"dualstack.{each.dns_name}.")
                for kind, address in _addresses(each).items()
            },
        )
        for place in sorted({(each.region, each.kind) for each in balancers.all.values()})
    ]


def _addresses(balancer: LoadBalancer) -> dict[str, str]:
    """By type of record; only who is dual stack has one of IPv6."""
    both = {"A": balancer.address, "AAAA": balancer.sixth}
    return {kind: address for kind, address in both.items() if address}


def _record(name: str, kind: str, address: str) -> dict[str, object]:
    return {"name": name, "type": kind, "ttl": ALIAS_TTL_SECONDS, "rrdatas": [address]}
