"""
What ingress controllers write: the address of their Service, into the status of each Ingress.

One publisher for all controllers of a cluster, in place of the leader that each elects. Only a
ready pod writes, so the status stays when the last of them goes.

Source: ingress-nginx, ``--publish-service``: "the controller mirrors the address of this service's
endpoints to the load-balancer status of all Ingress objects it satisfies".
"""

from collections.abc import Mapping
from typing import Any

from localcloud.ingress.controllers import (
    CLASSES,
    INGRESSES,
    IngressController,
    ingress_controller,
    is_served,
)
from localcloud.kube.cluster import KubeCluster
from localcloud.kube.store import DELETED
from localcloud.reconcile import Reconciler
from localcloud.workloads.objects import is_ready, program_of

_ALL = "ingress addresses"


class IngressPublisher:
    """Keeps the status of Ingresses; clusters without a controller cost nothing."""

    def __init__(self, cluster: KubeCluster) -> None:
        self._cluster = cluster
        self._ready: dict[tuple[str, str], IngressController] = {}
        self._work: Reconciler[str] = Reconciler(_ALL, self._look)

    async def start(self) -> None:
        """Begin with the pods that are there."""
        self._cluster.subscribe(self._changed)
        for pod in self._cluster.list("pods"):
            self._changed("ADDED", "pods", pod)
        await self._work.start()

    async def close(self) -> None:
        """Stop; what was written stays."""
        await self._work.close()

    def _changed(self, event: str, resource: str, obj: Mapping[str, Any]) -> None:
        if resource == "pods":
            self._noticed(event, obj)
        elif self._ready and resource in (INGRESSES, CLASSES, "services"):
            self._work.want(_ALL)

    def _noticed(self, event: str, pod: Mapping[str, Any]) -> None:
        meta = pod["metadata"]
        key = (meta["namespace"], meta["name"])
        found = ingress_controller(*program_of(pod), meta["namespace"])
        if found is not None and event != DELETED and is_ready(pod):
            self._ready[key] = found
            self._work.want(_ALL)
        else:
            self._ready.pop(key, None)

    async def _look(self, _key: str) -> None:
        classes = {each["metadata"]["name"]: each for each in self._cluster.list(CLASSES)}
        ingresses = self._cluster.list(INGRESSES)
        for controller in dict.fromkeys(self._ready.values()):
            if controller.publish is None:
                continue
            service = self._cluster.get("services", *controller.publish) or {}
            told = (service.get("status") or {}).get("loadBalancer") or {}
            for ingress in ingresses:
                if told.get("ingress") and is_served(controller, ingress, classes):
                    self._tell(controller, ingress, told["ingress"])

    def _tell(
        self, controller: IngressController, ingress: Mapping[str, Any], entries: list[Any]
    ) -> None:
        status = {"loadBalancer": {"ingress": entries}}
        meta = ingress["metadata"]
        if meta.get("deletionTimestamp") or (ingress.get("status") or {}) == status:
            return
        document = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"namespace": meta["namespace"], "name": meta["name"]},
            "status": status,
        }
        self._cluster.put(document, manager=controller.manager, subresource="status")
