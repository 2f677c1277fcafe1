"""
The NEG controller of one GKE cluster.

For each Service port that the annotation ``cloud.google.com/neg`` exposes it keeps one zonal NEG
in every zone of the cluster, whose endpoints are the ready pods of that zone, and says so in
``cloud.google.com/neg-status``. A NEG that is not wanted any more goes once no backend service
uses it; until then its `svcneg` object keeps a finalizer, and deleting is tried again.

Not modelled: the ``ingress: true`` form (no Ingress of a member is served by its own cluster
here), Internet and instance-group NEGs, readiness gates, the batching delay of the real controller.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.gcp.cloud import GcpCloud
from localcloud.gke import svcneg
from localcloud.gke.annotation import (
    NEG_STATUS,
    AnnotationRefusedError,
    description,
    exposed,
    status,
)
from localcloud.gke.events import warning
from localcloud.kube.cluster import KubeCluster
from localcloud.reconcile import Reconciler
from localcloud.workloads.endpointslices import SERVICE_NAME
from localcloud.workloads.objects import SLICES

MANAGER = "neg-controller"

_RETRY_SECONDS = 0.25


class NegController:
    """Keeps the NEGs of one cluster."""

    def __init__(
        self,
        cluster: KubeCluster,
        cloud: GcpCloud,
        *,
        project: str,
        region: str,
        zones: Sequence[str],
        network: str = "default",
    ) -> None:
        """Keep NEGs in *zones* of *project*; they belong to *network*."""
        self._cluster = cluster
        self._cloud = cloud
        self._project = project
        self._region = region
        self._zones = tuple(zones)
        self._network = network
        self._services: Reconciler[tuple[str, str]] = Reconciler("negs", self._look)

    async def start(self) -> None:
        """Begin with the Services that are there."""
        self._cluster.put(svcneg.definition(), manager=MANAGER)
        self._cluster.subscribe(self._changed)
        for service in self._cluster.list("services"):
            self._changed("ADDED", "services", service)
        await self._services.start()

    async def close(self) -> None:
        """Stop; what is in the cloud stays."""
        await self._services.close()

    def _changed(self, _event: str, resource: str, obj: Mapping[str, Any]) -> None:
        meta = obj["metadata"]
        labels = meta.get("labels") or {}
        if resource == "services":
            self._services.want((meta["namespace"], meta["name"]))
        elif resource == SLICES and SERVICE_NAME in labels:
            self._services.want((meta["namespace"], labels[SERVICE_NAME]))
        elif resource == svcneg.SVCNEGS and svcneg.SERVICE_LABEL in labels:
            self._services.want((meta["namespace"], labels[svcneg.SERVICE_LABEL]))

    async def _look(self, key: tuple[str, str]) -> float | None:
        namespace, name = key
        service = self._cluster.get("services", namespace, name)
        names: dict[int, str] = {}
        if service is not None:
            try:
                names = exposed(service, self._cluster.uid())
            except AnnotationRefusedError as error:
                self._warn(service, str(error))
                return None
            kept = {
                port: group for port, group in names.items() if self._keep(service, port, group)
            }
            self._say(service, kept)
        again = self._sweep(namespace, name, frozenset(names.values()))
        return again if service is None or len(kept) == len(names) else _RETRY_SECONDS

    def _keep(self, service: Mapping[str, Any], port: int, group: str) -> bool:
        """Make one Service port's NEGs as they should be; False when the name is another's."""
        meta = service["metadata"]
        namespace = meta["namespace"]
        mark = description(self._cluster.uid(), namespace, meta["name"], port)
        paths = [self._path(zone, group) for zone in self._zones]
        for path in paths:
            observed = self._cloud.compute.get(path)
            if observed is not None and observed.get("description") != mark:
                self._warn(service, f"NEG {path} already exists with a different description")
                return False
        if self._cluster.get(svcneg.SVCNEGS, namespace, group) is None:
            self._cluster.put(svcneg.manifest(service, port, group), manager=MANAGER)
        endpoints = self._endpoints(service, port)
        for zone, path in zip(self._zones, paths, strict=True):
            if path not in self._cloud.compute:
                self._cloud.insert(path, self._body(group, mark))
            self._sync(path, endpoints.get(zone, {}))
        self._put_status(namespace, group, [self._cloud.compute[p]["selfLink"] for p in paths])
        return True

    def _endpoints(
        self, service: Mapping[str, Any], port: int
    ) -> dict[str, dict[tuple[str, int], str]]:
        """Give zone -> (address, port) -> node of the ready endpoints behind a Service port."""
        meta = service["metadata"]
        name = next(p.get("name") or "" for p in service["spec"]["ports"] if p["port"] == port)
        found: dict[str, dict[tuple[str, int], str]] = {}
        mine = f"{SERVICE_NAME}={meta['name']}"
        for item in self._cluster.list(SLICES, meta["namespace"], mine):
            numbers = [p["port"] for p in item.get("ports") or () if (p.get("name") or "") == name]
            for endpoint in item.get("endpoints") or ():
                if (endpoint.get("conditions") or {}).get("ready"):
                    for number in numbers:
                        place = (endpoint["addresses"][0], number)
                        found.setdefault(endpoint["zone"], {})[place] = endpoint["nodeName"]
        return found

    def _sync(self, path: str, desired: Mapping[tuple[str, int], str]) -> None:
        observed = {
            (e["ipAddress"], int(e["port"])): e for e in self._cloud.endpoints.get(path, ())
        }
        zone = path.split("/")[3]
        links = f"projects/{self._project}/zones/{zone}/instances"
        new = [
            {"ipAddress": address, "port": port, "instance": f"{links}/{node}"}
            for (address, port), node in sorted(desired.items())
            if (address, port) not in observed
        ]
        gone = [observed[place] for place in sorted(observed.keys() - desired.keys())]
        if new:
            self._cloud.attach(path, new)
        if gone:
            self._cloud.detach(path, gone)

    def _say(self, service: Mapping[str, Any], names: Mapping[int, str]) -> None:
        meta = service["metadata"]
        observed = (meta.get("annotations") or {}).get(NEG_STATUS)
        wanted = status(names, self._zones) if names else None
        if observed != wanted:
            annotations = {NEG_STATUS: wanted} if wanted else {}
            document = {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {
                    "namespace": meta["namespace"],
                    "name": meta["name"],
                    "annotations": annotations,
                },
            }
            self._cluster.put(document, manager=MANAGER)

    def _sweep(self, namespace: str, service: str, kept: frozenset[str]) -> float | None:
        """Let go of the NEGs of a Service beyond *kept*; gives when to try again."""
        again = None
        for item in self._cluster.list(
            svcneg.SVCNEGS, namespace, f"{svcneg.SERVICE_LABEL}={service}"
        ):
            meta = item["metadata"]
            if meta["name"] in kept:
                continue
            if not meta.get("deletionTimestamp"):
                self._cluster.remove(svcneg.SVCNEGS, namespace, meta["name"])
            mark = description(
                self._cluster.uid(), namespace, service, int(meta["labels"][svcneg.PORT_LABEL])
            )
            paths = [self._path(zone, meta["name"]) for zone in self._zones]
            left = [path for path in paths if not self._let_go(path, mark)]
            if not left:
                without = svcneg.identity(namespace, meta["name"])
                without["metadata"]["labels"] = dict(meta["labels"])
                self._cluster.put(without, manager=MANAGER)
            else:
                again = _RETRY_SECONDS
        return again

    def _let_go(self, path: str, mark: str) -> bool:
        """Delete one NEG of ours unless it is in use; say whether it is gone."""
        observed = self._cloud.compute.get(path)
        if observed is None or observed.get("description") != mark:
            return True
        if self._cloud.users(path):
            return False
        self._cloud.delete(path)
        return True

    def _put_status(self, namespace: str, group: str, links: Sequence[str]) -> None:
        document = svcneg.with_status(namespace, group, links)
        observed = self._cluster.get(svcneg.SVCNEGS, namespace, group) or {}
        if observed.get("status") != document["status"]:
            self._cluster.put(document, manager=MANAGER, subresource="status")

    def _warn(self, service: Mapping[str, Any], message: str) -> None:
        event = warning(
            service,
            kind="Service",
            reason="ProcessServiceFailed",
            message=message,
            component=MANAGER,
        )
        self._cluster.put(event, manager=MANAGER)

    def _body(self, name: str, mark: str) -> dict[str, Any]:
        network = f"projects/{self._project}/global/networks/{self._network}"
        subnetwork = f"projects/{self._project}/regions/{self._region}/subnetworks/{self._network}"
        return {
            "name": name,
            "description": mark,
            "networkEndpointType": "GCE_VM_IP_PORT",
            "network": network,
            "subnetwork": subnetwork,
        }

    def _path(self, zone: str, name: str) -> str:
        return f"projects/{self._project}/zones/{zone}/networkEndpointGroups/{name}"
