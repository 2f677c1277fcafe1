"""
The part that a GKE cluster's ingress controller plays for `gce-multi-cluster`, for `MemoryMembers`.

While an Ingress of that class stands, the cluster has an instance group of all its nodes in each of
its zones, and each such Ingress names them in an annotation, once every Service
that it names is there and has a node port. Which ports of the groups have names
is left to others. What it does not model: nodes that come and go.

Source: kubernetes/ingress-gce, `pkg/controller` and `pkg/instancegroups`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fedingress.adapters.memory.negs import Pods, ready
from fedingress.adapters.memory.objects import ObjectStore
from fedingress.domain.names import CLASS_ANNOTATION, GROUP_CLASS, INSTANCE_GROUPS, short_hash

OnNodes = Callable[[str, str, str, int, Mapping[int, int]], None]
"""
Called with cluster, zone, group, its number of nodes, and how many of them are healthy at each node
port, at each change.
"""
OnNodesGone = Callable[[str, str, str], None]
"""Called with cluster, zone and group."""

MANAGER = "ingress-controller"
NODES = 2
"""In each zone."""


class GroupController:
    """One cluster's instance groups; *uid* is its `ingress-uid`, by which they are called."""

    def __init__(
        self, cluster: str, zones: Sequence[str], on_nodes: OnNodes, on_gone: OnNodesGone
    ) -> None:
        self.cluster = cluster
        self.uid = short_hash(cluster, length=16)
        self.zones = tuple(zones)
        self._on_nodes = on_nodes
        self._on_gone = on_gone
        self._told: Mapping[int, int] | None = None

    @property
    def group(self) -> str:
        """The name of the groups."""
        return f"k8s-ig--{self.uid}"

    def sync(self, store: ObjectStore, pods: Pods) -> None:
        """Look at every Ingress and Service once; idempotent."""
        services = {_place(item): item for item in store.list("Service")}
        served = [item for item in store.list("Ingress") if _served(item, services)]
        if not served:
            for zone in self.zones if self._told is not None else ():
                self._on_gone(self.cluster, zone, self.group)
            self._told = None
            return
        healthy = _healthy([*services.values()], pods)
        if healthy != self._told:
            self._told = healthy
            for zone in self.zones:
                self._on_nodes(self.cluster, zone, self.group, NODES, healthy)
        text = json.dumps([{"Name": self.group, "Zone": zone} for zone in self.zones])
        for item in served:
            meta = item["metadata"]
            if INSTANCE_GROUPS in (meta.get("annotations") or {}):
                continue
            named = {"namespace": meta["namespace"], "name": meta["name"]}
            manifest = {
                "apiVersion": item["apiVersion"],
                "kind": "Ingress",
                "metadata": {**named, "annotations": {INSTANCE_GROUPS: text}},
            }
            store.apply(manifest, manager=MANAGER, force=True)


Services = Mapping[tuple[str, str], Mapping[str, Any]]
"""By namespace and name."""


def _place(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["metadata"]["namespace"], item["metadata"]["name"]


def _served(ingress: Mapping[str, Any], services: Services) -> bool:
    """Whether it is of the class, and every Service that it names is on the nodes."""
    annotations = ingress["metadata"].get("annotations") or {}
    if annotations.get(CLASS_ANNOTATION) != GROUP_CLASS:
        return False
    if INSTANCE_GROUPS in annotations:  # what it once got stays, whatever becomes of its Services
        return True
    spec, namespace = ingress["spec"], ingress["metadata"]["namespace"]
    paths = [path for rule in spec.get("rules") or () for path in rule["http"]["paths"]]
    backends = [spec.get("defaultBackend"), *(path["backend"] for path in paths)]
    named = [services.get((namespace, each["service"]["name"])) for each in backends if each]
    return all(
        found and any(port.get("nodePort") for port in found["spec"]["ports"]) for found in named
    )


def _healthy(services: Sequence[Mapping[str, Any]], pods: Pods) -> dict[int, int]:
    """Nodes that pass requests on to some pod, by node port."""
    return {
        int(port["nodePort"]): NODES if ready(service, pods) else 0
        for service in services
        for port in service["spec"].get("ports") or ()
        if port.get("nodePort")
    }
