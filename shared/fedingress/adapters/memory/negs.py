"""
The part that a GKE cluster's NEG controller plays, for `MemoryMembers`.

A Service annotated with `cloud.google.com/neg` gets a NEG in each of the cluster's zones, and an
annotation that names them. What it does not model: automatic names, ingress-only NEGs, finalizers.

Source: Google Cloud documentation, "Container-native load balancing through standalone zonal NEGs".
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fedingress.adapters.memory.objects import ObjectStore
from fedingress.domain.names import NEG, NEG_STATUS

OnNeg = Callable[[str, str, str, int], None]
"""Called with cluster, zone, NEG name and its number of ready endpoints, at each change."""
OnNegGone = Callable[[str, str, str], None]
"""Called with cluster, zone and NEG name."""

MANAGER = "neg-controller"

Pods = Mapping[tuple[str, tuple[tuple[str, str], ...]], int]
"""(namespace, sorted labels) -> ready pods in each zone."""


class NegController:
    """One cluster's NEGs: `sync` makes them follow the Services and the pods."""

    def __init__(
        self, cluster: str, zones: Sequence[str], on_neg: OnNeg, on_neg_gone: OnNegGone
    ) -> None:
        self.cluster = cluster
        self.zones = tuple(zones)
        self._on_neg = on_neg
        self._on_neg_gone = on_neg_gone
        self._negs: dict[tuple[str, str], int] = {}

    def sync(self, store: ObjectStore, pods: Pods) -> None:
        """Look at every Service once; idempotent."""
        wanted: dict[tuple[str, str], int] = {}
        for service in store.list("Service"):
            names = exposed(service)
            for name in names.values():
                wanted |= {(zone, name): ready(service, pods) for zone in self.zones}
            self._annotate(store, service, names)
        for zone, name in sorted(self._negs.keys() - wanted.keys()):
            self._on_neg_gone(self.cluster, zone, name)
        for (zone, name), endpoints in sorted(wanted.items()):
            if self._negs.get((zone, name)) != endpoints:
                self._on_neg(self.cluster, zone, name, endpoints)
        self._negs = wanted

    def _annotate(
        self, store: ObjectStore, service: dict[str, Any], names: Mapping[str, str]
    ) -> None:
        meta = service["metadata"]
        status = {"network_endpoint_groups": dict(names), "zones": list(self.zones)}
        annotations = {NEG_STATUS: json.dumps(status)} if names else {}
        if meta.get("annotations", {}).get(NEG_STATUS) == annotations.get(NEG_STATUS):
            return
        named = {"namespace": meta["namespace"], "name": meta["name"], "annotations": annotations}
        manifest = {"apiVersion": "v1", "kind": "Service", "metadata": named}
        store.apply(manifest, manager=MANAGER, force=True)


def exposed(service: Mapping[str, Any]) -> Mapping[str, str]:
    """The NEG name of each Service port that the annotation exposes; empty without a valid one."""
    text = service["metadata"].get("annotations", {}).get(NEG)
    try:
        ports = json.loads(text or "{}").get("exposed_ports") or {}
        served = {str(port["port"]) for port in service["spec"]["ports"]}
        return {
            str(port): str(options["name"])
            for port, options in ports.items()
            if str(port) in served and options.get("name")
        }
    except (ValueError, AttributeError, KeyError, TypeError):
        return {}


def ready(service: Mapping[str, Any], pods: Pods) -> int:
    """How many ready pods in each zone a Service selects."""
    selector = (service["spec"].get("selector") or {}).items()
    return sum(
        count
        for (namespace, labels), count in pods.items()
        if selector and namespace == service["metadata"]["namespace"] and selector <= set(labels)
    )
