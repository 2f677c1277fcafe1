"""
Load balancers as the targets of aliases: what Route 53 refuses, resolves and evaluates.

Source: Route 53 API reference, AliasTarget; the refusals quoted in issue threads ("Tried to create
an alias that targets ...").
"""

from collections.abc import Callable

from localcloud.aws.elb.balancers import Balancers, LoadBalancer
from localcloud.aws.elb.hosted_zones import APPLICATION, suffix_of
from localcloud.aws.route53.answering import ALIAS_TTL_SECONDS, Target
from localcloud.dataplane.answers import ZoneView

_REGIONS = {zone_id: region for region, zone_id in APPLICATION.items()}
_OUTSIDE = "the alias target name does not lie within the target zone"
_MISSING = "that target was not found"


def alias_fault(balancers: Balancers) -> Callable[[str, str, str], str]:
    """Give what says why a zone id, canonical name and type cannot be aliased to; empty if so."""

    def fault(zone_id: str, name: str, kind: str) -> str:
        region = _REGIONS.get(zone_id)
        if region is None or not name.endswith("." + suffix_of(region)):
            return _OUTSIDE
        found = balancers.named(name)
        known = found is not None and found.region == region and kind in ("A", "AAAA")
        return "" if known else _MISSING

    return fault


def target_of(balancers: Balancers, name: str) -> Target | None:
    """Give the load balancer that an alias to *name* leads to."""
    found = balancers.named(name)
    if found is None:
        return None
    return Target(addresses={"A": (found.address,)}, healthy=balancers.healthy(found))


def zone_views(balancers: Balancers) -> list[ZoneView]:
    """Give the zones of Elastic Load Balancing itself, where the balancers' names are."""
    return [
        ZoneView(
            dns_name=suffix_of(region),
            rrsets={
                (f"{word}{each.dns_name}.", "A"): _record(f"{word}{each.dns_name}.", each)
                for each in balancers.all.values()
                if each.region == region
                for word in ("", "dualstack.")
            },
        )
        for region in sorted({each.region for each in balancers.all.values()})
    ]


def _record(name: str, balancer: LoadBalancer) -> dict[str, object]:
    rrdatas = [balancer.address]
    return {"name": name, "type": "A", "ttl": ALIAS_TTL_SECONDS, "rrdatas": rrdatas}
