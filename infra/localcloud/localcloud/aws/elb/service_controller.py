"""
The part of the AWS Load Balancer Controller that serves Services, for one EKS cluster.

Each Service of type LoadBalancer that is its own gets a Network Load Balancer, whose host name
comes back in the Service's status; a finalizer keeps the Service until the balancer is gone.

Source: AWS Load Balancer Controller guide, "Network Load Balancer".
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localcloud.aws.elb.backends import NODES
from localcloud.aws.elb.balancers import Balancers, LoadBalancer
from localcloud.aws.elb.events import COMPONENT, warning
from localcloud.aws.elb.ingresses import Refused
from localcloud.aws.elb.services import is_ours, network_settings
from localcloud.kube.cluster import KubeCluster
from localcloud.reconcile import Reconciler
from localcloud.sixth import sixth_of
from localcloud.workloads.endpointslices import SERVICE_NAME
from localcloud.workloads.objects import SLICES

SERVICES = "services"
FINALIZER = "service.k8s.aws/resources"

Key = tuple[str, str]  # namespace and name


class NlbController:
    """Keeps the Network Load Balancers of one cluster."""

    def __init__(
        self,
        cluster: KubeCluster,
        balancers: Balancers,
        *,
        region: str,
        zones: Sequence[str],
        next_address: Callable[[], str],
        release_address: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        """Keep load balancers in *region*, with listeners on addresses of the world."""
        self._cluster = cluster
        self._balancers = balancers
        self._region = region
        self._zones = tuple(zones)
        self._next_address = next_address
        self._release_address = release_address
        self._clock = clock
        self._arns: dict[Key, str] = {}
        self._services: Reconciler[Key] = Reconciler("nlb", self._look)

    async def start(self) -> None:
        """Begin with the Services that are there."""
        self._cluster.subscribe(self._changed)
        self._want_all()
        await self._services.start()

    async def close(self) -> None:
        """Stop; the balancers go on."""
        await self._services.close()

    def _changed(self, _event: str, resource: str, obj: Mapping[str, Any]) -> None:
        meta = obj["metadata"]
        if resource == SERVICES:
            key = (meta["namespace"], meta["name"])
            if is_ours(obj) or key in self._arns:
                self._services.want(key)
        elif resource == SLICES:
            key = (meta["namespace"], (meta.get("labels") or {}).get(SERVICE_NAME, ""))
            if key in self._arns:
                self._services.want(key)
        elif resource == NODES:
            self._want_all()

    def _want_all(self) -> None:
        for service in self._cluster.list(SERVICES):
            if is_ours(service):
                self._services.want((service["metadata"]["namespace"], service["metadata"]["name"]))

    async def _look(self, key: Key) -> None:
        service = self._cluster.get(SERVICES, *key)
        wanted = service is not None and is_ours(service)
        if service is None or not wanted or service["metadata"].get("deletionTimestamp"):
            self._remove(key)
            if service is not None:
                self._mark(service, kept=False)
            return
        self._mark(service, kept=True)
        try:
            balancer = self._balancer(key, service)
        except Refused as reason:
            event = warning(service, "nlb", "FailedBuildModel", str(reason))
            self._cluster.put(event, manager=COMPONENT)
            return
        self._balancers.put(balancer)
        self._tell(service, balancer.dns_name)

    def _balancer(self, key: Key, service: Mapping[str, Any]) -> LoadBalancer:
        settings = network_settings(self._cluster, self._region, service)
        before = self._balancers.all.get(self._arns.get(key, ""))
        if before is not None and (before.name, before.scheme) != (settings.name, settings.scheme):
            self._remove(key)
            before = None
        address = before.address if before else self._next_address()
        made = LoadBalancer(
            kind="network",
            name=settings.name,
            region=self._region,
            zones=self._zones,
            scheme=settings.scheme,
            address=address,
            sixth=sixth_of(address) if settings.dual_stack else "",
            listeners=settings.listeners,
            rules=(),
            groups=settings.groups,
            tags=settings.tags,
            created=before.created if before else self._clock(),
        )
        self._arns[key] = made.arn
        return made

    def _remove(self, key: Key) -> None:
        gone = self._balancers.remove(self._arns.pop(key, ""))
        if gone is not None:
            self._release_address(gone.address)

    def _mark(self, service: Mapping[str, Any], *, kept: bool) -> None:
        """Put our finalizer on a Service, or take it off."""
        if kept != (FINALIZER in (service["metadata"].get("finalizers") or ())):
            document = _identity(service, finalizers=[FINALIZER] if kept else [])
            self._cluster.put(document, manager=f"{COMPONENT}-finalizer")

    def _tell(self, service: Mapping[str, Any], host: str) -> None:
        status = {"loadBalancer": {"ingress": [{"hostname": host}]}}
        if (service.get("status") or {}).get("loadBalancer") != status["loadBalancer"]:
            document = {**_identity(service), "status": status}
            self._cluster.put(document, manager=COMPONENT, subresource="status")


def _identity(service: Mapping[str, Any], **meta: Any) -> dict[str, Any]:
    given = {key: service["metadata"][key] for key in ("namespace", "name")}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {**given, **meta}}
