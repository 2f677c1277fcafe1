"""
One cluster of a world: its API server, and what runs behind it.

The API server can be taken down, slowed or made to refuse while the pods go on, and the pods can
lose their power while the API server goes on: an unreachable control plane is not a dead data
plane. Its controllers work in process, so they go on while the API is down; a real cluster's stop.
"""

import secrets
import ssl
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from localcloud.addresses import WorldBlock
from localcloud.faults import Fault
from localcloud.gcp.access import Access
from localcloud.gcp.cloud import GcpCloud
from localcloud.gke.instance_groups import InstanceGroupController
from localcloud.gke.negs import NegController
from localcloud.iam.eks import AccessEntries
from localcloud.iam.identities import Identities
from localcloud.ingress.publisher import IngressPublisher
from localcloud.kube.cluster import KubeCluster
from localcloud.kube.errors import ApiError
from localcloud.kube.server import Server, serve
from localcloud.workloads.addresses import PodAddresses
from localcloud.workloads.deployments import Deployments
from localcloud.workloads.endpointslices import EndpointSlices
from localcloud.workloads.kubelet import Kubelet, PodPlace, Run
from localcloud.workloads.kubeproxy import KubeProxy
from localcloud.workloads.nodes import Node
from localcloud.world.certificates import Authority
from localcloud.world.kubeconfig import Context
from localcloud.world.spec import MemberSpec

HOST = "127.0.0.1"
API_CONDITIONS = ("up", "down", "slow", "refuse")


class Controller(Protocol):
    """What runs behind an API server and follows its objects."""

    async def start(self) -> None:
        """Begin with the objects that are there."""

    async def close(self) -> None:
        """Stop."""


class Cluster:
    """A running cluster; without a *member* it has an API and runs no pods."""

    def __init__(self, name: str, authority: Authority, member: MemberSpec | None = None) -> None:
        self.name = name
        self.member = member
        self.people_token = secrets.token_urlsafe(24)
        self.functions_token = secrets.token_urlsafe(24)
        self.kube = KubeCluster(name, tokens={self.people_token: None, self.functions_token: None})
        self.kubelet: Kubelet | None = None
        self.proxy: KubeProxy | None = None
        self.ingresses: InstanceGroupController | None = None
        self.utilization = 0.0
        self.api = "up"
        self.entries: AccessEntries | None = None
        self._authority = authority
        self._tls: ssl.SSLContext = authority.server_context()
        self._server: Server | None = None
        self._port = 0
        self._controllers: list[Controller] = []

    def run_pods(
        self, cloud: GcpCloud, block: WorldBlock, index: int, run: Run, *, project: str
    ) -> None:
        """Give the cluster nodes and controllers, before `start`; *index* is its address block."""
        if self.member is None:
            raise ValueError(f"{self.name} is no member")
        member = self.member
        nodes = tuple(
            Node(
                name=name,
                provider=member.provider,
                region=member.region,
                zone=zone,
                address=block.pod(index, number),
                project=project,
            )
            for number, (name, zone) in enumerate(member.nodes, start=1)
        )
        addresses = PodAddresses(lambda n: block.pod(index, n))
        self.kubelet = Kubelet(self.kube, nodes, addresses, run)
        self.proxy = KubeProxy(self.kube, nodes)
        self._controllers = [Deployments(self.kube), EndpointSlices(self.kube), self.proxy]
        self._controllers.append(IngressPublisher(self.kube))
        if member.provider == "gcp":
            negs = NegController(
                self.kube,
                cloud,
                project=project,
                region=member.region,
                zones=member.zones,
                network=member.network,
            )
            self.ingresses = InstanceGroupController(self.kube, cloud)
            self._controllers += [negs, self.ingresses]
            for node in nodes:
                cloud.create_instance(
                    f"projects/{project}/zones/{node.zone}/instances/{node.name}",
                    address=node.address,
                    network=member.network,
                    tags=member.node_tags,
                )

    def let_in(self, identities: Identities, google: Access, role: str) -> None:
        """Take what its cloud's clusters take: tokens that *role* signs, or tokens of Google's."""
        if self.member is None or self.member.provider not in ("aws", "gcp"):
            return
        if self.member.provider == "gcp":
            self.kube.authenticate = lambda token: "google" if google.living(token) else None
            return
        self.entries = AccessEntries(self.name, self.member.region, identities)
        self.entries.arns.add(role)
        self.kube.authenticate = self.entries.caller

    def add(self, controller: Controller) -> None:
        """Run one more controller behind the API, before `start`."""
        self._controllers.append(controller)

    async def start(self) -> None:
        """Serve the API and run what is behind it."""
        await self._serve()
        if self.kubelet is not None:
            await self.kubelet.start()
        for controller in self._controllers:
            await controller.start()

    async def close(self) -> None:
        """Stop everything."""
        for controller in reversed(self._controllers):
            await controller.close()
        if self.kubelet is not None:
            await self.kubelet.close()
        await self._stop_serving()

    def objects(self, resource: str) -> list[dict[str, Any]]:
        """Give all objects of a resource; none when the cluster does not serve it."""
        try:
            return self.kube.list(resource)
        except ApiError:
            return []

    def context(self, name: str, token: str) -> Context:
        """Give how to reach the API with *token*."""
        server = f"https://{HOST}:{self._port}"
        return Context(name=name, server=server, ca=self._authority.pem, token=token)

    async def set_power(self, *, on: bool) -> None:
        """
        Cut or give back the power of its nodes: of the pods and of what listens on node ports.

        Raises:
            ValueError: It runs no pods.
        """
        if self.kubelet is None or self.proxy is None:
            raise ValueError(f"{self.name} runs no pods")
        if on:
            await self.kubelet.power_on()
            await self.proxy.power(on=True)
        else:
            await self.proxy.power(on=False)
            await self.kubelet.power_off()

    def set_utilization(self, fraction: float) -> None:
        """
        Say how much of the CPU of its nodes is used, 0 to 1, which pods here do not tell.

        Raises:
            ValueError: Not from 0 to 1.
        """
        if not 0 <= fraction <= 1:
            raise ValueError("a utilization is a fraction, 0 to 1")
        self.utilization = fraction

    async def set_api(self, condition: str, *, seconds: float = 2.0, status: int = 403) -> None:
        """
        Change how the API server behaves, for every caller, until it is ``up`` again.

        Args:
            condition: ``up``; ``down``, connections are refused; ``slow``, every answer takes
                *seconds* more; ``refuse``, every answer is *status*.
            seconds: See *condition*.
            status: See *condition*.

        Raises:
            ValueError: Unknown condition.
        """
        if condition not in API_CONDITIONS:
            raise ValueError(f"an API server is {', '.join(API_CONDITIONS)}; not {condition!r}")
        self.kube.faults.clear()
        if condition == "slow":
            self.kube.faults.add(Fault(delay_seconds=seconds, times=None))
        elif condition == "refuse":
            self.kube.faults.add(Fault(status=status, times=None))
        if condition == "down":
            await self._stop_serving()
        elif self._server is None:
            await self._serve()
        self.api = condition

    async def _serve(self) -> None:
        self._server = await serve(self.kube, host=HOST, port=self._port, ssl_context=self._tls)
        self._port = self._server.port

    async def _stop_serving(self) -> None:
        if self._server is not None:
            await self._server.close()
            self._server = None


def utilization(clusters: Iterable[Cluster]) -> dict[str, float]:
    """Give node -> how much of its CPU is used."""
    return {
        node: cluster.utilization
        for cluster in clusters
        if cluster.member is not None
        for node, _ in cluster.member.nodes
    }


def describe(cluster: Cluster) -> Mapping[str, Any]:
    """Give JSON for people and tests: place, API, power, workloads and pods."""
    kubelet, member = cluster.kubelet, cluster.member
    pods = [] if kubelet is None else [_pod(cluster, *place) for place in kubelet.places()]
    return {
        "name": cluster.name,
        "provider": "" if member is None else member.provider,
        "region": "" if member is None else member.region,
        "zones": [] if member is None else list(member.zones),
        "server": cluster.context("", "").server,
        "api": cluster.api,
        "power": kubelet is not None and kubelet.powered,
        "utilization": cluster.utilization,
        "workloads": [_workload(item) for item in cluster.kube.list("deployments.apps")],
        "pods": pods,
    }


def _workload(deployment: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "namespace": deployment["metadata"]["namespace"],
        "name": deployment["metadata"]["name"],
        "replicas": deployment["spec"].get("replicas", 1),
        "ready": (deployment.get("status") or {}).get("readyReplicas", 0),
    }


def _pod(cluster: Cluster, place: PodPlace, listening: bool) -> dict[str, Any]:
    pod = cluster.kube.get("pods", place.namespace, place.pod) or {}
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return {
        "namespace": place.namespace,
        "name": place.pod,
        "workload": place.workload,
        "zone": place.zone,
        "address": place.address,
        "ports": list(place.ports),
        "listening": listening,
        "ready": any(c["type"] == "Ready" and c["status"] == "True" for c in conditions),
    }
