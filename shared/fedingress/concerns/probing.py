"""The readiness probes that fan-out reports: what pods say now, else what they said last."""

from collections.abc import Mapping
from typing import Any

from fedingress.concerns.visit import Visit
from fedingress.domain.cluster import Inventory
from fedingress.domain.errors import FederationError
from fedingress.domain.ingress import ServiceBackend
from fedingress.domain.placement import Placement
from fedingress.domain.probe import Probe
from fedingress.domain.report import FanoutReport

Probes = dict[str, dict[str, Mapping[str, Any]]]


def probes(
    placement: Placement,
    inventory: Inventory,
    visits: Mapping[str, Visit | FederationError],
    previous: FanoutReport | None,
) -> Probes:
    """
    Member -> `service:port` -> probe.

    A member without pods, or whose pods cannot be read, keeps its last word: a Service that is
    scaled to nothing for a while must not come back to another health check.
    """
    before = previous.probes if previous else {}
    found: Probes = {}
    for name in {*placement.placed, *inventory.unreadable}:
        kept = dict(before.get(name, {}))
        visit = visits.get(name)
        if isinstance(visit, Visit):
            kept |= {_key(port): probe.encode() for port, probe in visit.wish.probes.items()}
        if kept:
            found[name] = {key: kept[key] for key in sorted(kept)}
    return {name: found[name] for name in sorted(found)}


def probe_of(report: FanoutReport, cluster: str, backend: ServiceBackend) -> Probe | None:
    """What *cluster* says of one Service port; None when it never said anything."""
    body = report.probes.get(cluster, {}).get(_key(backend))
    return None if body is None else Probe.decode(body)


def _key(backend: ServiceBackend) -> str:
    return f"{backend.service}:{backend.port}"
