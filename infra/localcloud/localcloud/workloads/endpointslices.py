"""
Services find their pods: the EndpointSlice controller of one cluster.

`slices` is the pure part; the controller keeps the objects equal to it. As in Kubernetes, pods
whose named target port differs land in slices of their own, and a slice holds at most 100
endpoints.

Not modelled: dual-stack (addresses are IPv4), topology hints, Services without a selector (their
slices are the user's own).

Source: Kubernetes concept pages "Service" and "EndpointSlices".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from localcloud.kube.cluster import KubeCluster
from localcloud.reconcile import Reconciler
from localcloud.workloads.objects import SLICES, ZONE, is_ready, matches

MANAGER = "endpointslice-controller.k8s.io"
SERVICE_NAME = "kubernetes.io/service-name"
MAX_ENDPOINTS = 100

_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"


class EndpointSlices:
    """Keeps the EndpointSlices of every Service with a selector."""

    def __init__(self, cluster: KubeCluster) -> None:
        self._cluster = cluster
        self._services: Reconciler[tuple[str, str]] = Reconciler("endpointslices", self._look)

    async def start(self) -> None:
        """Begin with the Services that are there."""
        self._cluster.subscribe(self._changed)
        for service in self._cluster.list("services"):
            self._changed("ADDED", "services", service)
        await self._services.start()

    async def close(self) -> None:
        """Stop; the objects stay."""
        await self._services.close()

    def _changed(self, _event: str, resource: str, obj: Mapping[str, Any]) -> None:
        meta = obj["metadata"]
        if resource == "services":
            self._services.want((meta["namespace"], meta["name"]))
        elif resource == "pods":
            for service in self._cluster.list("services", meta["namespace"]):
                if matches(service["spec"].get("selector"), meta.get("labels")):
                    self._services.want((meta["namespace"], service["metadata"]["name"]))

    async def _look(self, key: tuple[str, str]) -> None:
        namespace, name = key
        service = self._cluster.get("services", namespace, name)
        observed = {
            item["metadata"]["name"]: item
            for item in self._cluster.list(
                SLICES, namespace, f"{SERVICE_NAME}={name},{_MANAGED_BY}={MANAGER}"
            )
        }
        if service is not None and not service["spec"].get("selector"):
            return
        desired = {} if service is None else self._desired(service)
        for name_of_slice, wanted in desired.items():
            if not _same(observed.get(name_of_slice), wanted):
                self._cluster.put(wanted, manager=MANAGER)
        for gone in observed.keys() - desired.keys():
            self._cluster.remove(SLICES, namespace, gone)

    def _desired(self, service: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        zones = {
            node["metadata"]["name"]: (node["metadata"].get("labels") or {}).get(ZONE, "")
            for node in self._cluster.list("nodes")
        }
        selector = ",".join(f"{key}={value}" for key, value in service["spec"]["selector"].items())
        pods = self._cluster.list("pods", service["metadata"]["namespace"], selector)
        return {str(item["metadata"]["name"]): item for item in slices(service, pods, zones)}


def slices(
    service: Mapping[str, Any], pods: Iterable[Mapping[str, Any]], zones: Mapping[str, str]
) -> tuple[dict[str, Any], ...]:
    """
    Give the EndpointSlices of *service* over *pods* (of its namespace); *zones* is by node name.

    Pods without an address, or that have ended, are no endpoints; pods that are not ready are
    endpoints that are not ready. A Service that selects nothing has one empty slice.
    """
    by_ports: dict[tuple[tuple[str, int, str], ...], list[dict[str, Any]]] = {}
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["name"])):
        status = pod.get("status") or {}
        selected = matches(service["spec"].get("selector"), pod["metadata"].get("labels"))
        if selected and status.get("podIP") and status.get("phase") == "Running":
            by_ports.setdefault(_target_ports(service, pod), []).append(_endpoint(pod, zones))
    if not by_ports:
        return (_slice(service, (), (), 0),)
    groups = [
        (ports, endpoints[start : start + MAX_ENDPOINTS])
        for ports, endpoints in sorted(by_ports.items())
        for start in range(0, len(endpoints), MAX_ENDPOINTS)
    ]
    return tuple(
        _slice(service, ports, endpoints, index) for index, (ports, endpoints) in enumerate(groups)
    )


def target_port(port: Mapping[str, Any], pod: Mapping[str, Any]) -> int | None:
    """Give the pod's port number behind a Service *port*; None when the pod has no such name."""
    target = port.get("targetPort") or port["port"]
    if isinstance(target, int):
        return target
    for container in pod["spec"].get("containers") or ():
        for offered in container.get("ports") or ():
            if offered.get("name") == target:
                return int(offered["containerPort"])
    return None


def _target_ports(
    service: Mapping[str, Any], pod: Mapping[str, Any]
) -> tuple[tuple[str, int, str], ...]:
    found = []
    for port in service["spec"].get("ports") or ():
        number = target_port(port, pod)
        if number is not None:
            found.append((port.get("name") or "", number, port.get("protocol") or "TCP"))
    return tuple(found)


def _endpoint(pod: Mapping[str, Any], zones: Mapping[str, str]) -> dict[str, Any]:
    meta = pod["metadata"]
    ready = is_ready(pod)
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": ready, "serving": ready, "terminating": False},
        "nodeName": pod["spec"]["nodeName"],
        "zone": zones.get(pod["spec"]["nodeName"], ""),
        "targetRef": {
            "kind": "Pod",
            "namespace": meta["namespace"],
            "name": meta["name"],
            "uid": meta["uid"],
        },
    }


def _slice(
    service: Mapping[str, Any],
    ports: Sequence[tuple[str, int, str]],
    endpoints: Sequence[Mapping[str, Any]],
    index: int,
) -> dict[str, Any]:
    meta = service["metadata"]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{meta['name']}-{index}",
            "namespace": meta["namespace"],
            "labels": {SERVICE_NAME: meta["name"], _MANAGED_BY: MANAGER},
            "ownerReferences": [
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "name": meta["name"],
                    "uid": meta["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "addressType": "IPv4",
        "endpoints": [dict(endpoint) for endpoint in endpoints],
        "ports": [{"name": n, "port": number, "protocol": p} for n, number, p in ports],
    }


def _same(observed: Mapping[str, Any] | None, desired: Mapping[str, Any]) -> bool:
    return observed is not None and all(
        observed.get(field) == desired[field] for field in ("endpoints", "ports")
    )
