"""
Pods run: scheduler and kubelet of one cluster, in one.

A Pod object without a node gets a zone, a node and an address of the cluster's block, then a real
server on each TCP port that its containers declare; of images only those of ingress controllers are
known (`localcloud.ingress`), all others are echo servers. A pod is ready once it listens, unless
its workload was told to be unready.

`power_off` is a data centre without electricity: no pod answers, and nobody is left to say so, so
the objects stay as they were. That is the case that health checks exist for. Not modelled: the
node lifecycle controller that would mark the nodes after 40 seconds, probes, restarts, images,
resources, volumes, UDP ports, more than 240 pods a cluster.

Source: Kubernetes concept pages "Pod Lifecycle" and "Nodes"; well-known labels reference.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from localcloud.kube.cluster import KubeCluster
from localcloud.reconcile import Reconciler
from localcloud.workloads.addresses import PodAddresses
from localcloud.workloads.nodes import Node
from localcloud.workloads.objects import (
    ZONE,
    container_ports,
    program_of,
    readiness_path,
    tls_ports,
)
from localcloud.workloads.status import pod_status

MANAGER = "kubelet"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodPlace:
    """
    Where a pod runs and what it is part of; its server answers with it.

    Attributes:
        cluster: Name of its cluster.
        region: Of its node.
        zone: Of its node.
        node: Name of its node.
        namespace: Of the pod.
        workload: Name of the object that owns it; its own name when nobody does.
        pod: Its name.
        address: 10.x.
        ports: TCP ports that its containers declare.
        tls_ports: Those of them that speak TLS; a port whose name begins with ``https`` does.
        readiness_path: Where it answers readiness checks.
        image: Of its first container.
        args: Of its first container.
    """

    cluster: str
    region: str
    zone: str
    node: str
    namespace: str
    workload: str
    pod: str
    address: str
    ports: tuple[int, ...]
    readiness_path: str
    tls_ports: tuple[int, ...] = ()
    image: str = ""
    args: tuple[str, ...] = ()


class Server(Protocol):
    """What listens for one pod."""

    async def start(self) -> None:
        """Listen on every port of the pod, or raise OSError and listen on none."""

    async def close(self) -> None:
        """Stop listening and drop open connections, as a crash would; twice is harmless."""

    def set_ready(self, ready: bool) -> None:
        """Answer readiness checks with 200 or with 503."""

    def slow(self, seconds: float) -> None:
        """Answer everything but checks so much later."""


Run = Callable[[PodPlace], Server]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """What an operator of the lab has done to a workload."""

    ready: bool = True
    delay_seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class _Running:
    uid: str
    place: PodPlace
    server: Server | None = None
    error: str = ""


class Kubelet:
    """Runs every Pod of a cluster on this machine."""

    def __init__(
        self, cluster: KubeCluster, nodes: tuple[Node, ...], addresses: PodAddresses, run: Run
    ) -> None:
        """
        Run the pods of *cluster*.

        Args:
            cluster: Its API.
            nodes: At least one; pods are spread over their zones.
            addresses: Pod addresses to give.
            run: Makes the server of a pod, not started yet.
        """
        self.powered = True
        self._cluster = cluster
        self._nodes = nodes
        self._addresses = addresses
        self._run = run
        self._running: dict[tuple[str, str], _Running] = {}
        self._switches: dict[tuple[str, str], Switches] = {}
        self._keys: Reconciler[tuple[str, str]] = Reconciler("kubelet", self._look)

    async def start(self) -> None:
        """Register the nodes and begin with the pods that are there."""
        for node in self._nodes:
            self._cluster.put(node.manifest(), manager=MANAGER)
            self._cluster.put(node.status(), manager=MANAGER, subresource="status")
        self._cluster.subscribe(self._changed)
        for pod in self._cluster.list("pods"):
            self._changed("ADDED", "pods", pod)
        await self._keys.start()

    async def close(self) -> None:
        """Stop all servers."""
        await self._keys.close()
        await self._stop_all()

    async def idle(self) -> None:
        """Return when every pod that can run does."""
        await self._keys.idle()

    async def power_off(self) -> None:
        """Stop all servers at once and report nothing; twice is harmless."""
        self.powered = False
        await self._stop_all()

    async def power_on(self) -> None:
        """Let the pods run again."""
        self.powered = True
        for pod in self._cluster.list("pods"):
            self._changed("MODIFIED", "pods", pod)
        for key in list(self._running):
            self._keys.want(key)

    def switch(
        self,
        namespace: str,
        workload: str,
        *,
        ready: bool | None = None,
        delay_seconds: float | None = None,
    ) -> Switches:
        """Make all pods of a workload ready or not, or slow; None leaves as it was."""
        switches = self._switches.get((namespace, workload), Switches())
        if ready is not None:
            switches = replace(switches, ready=ready)
        if delay_seconds is not None:
            switches = replace(switches, delay_seconds=delay_seconds)
        self._switches[namespace, workload] = switches
        for key, running in self._running.items():
            if (running.place.namespace, running.place.workload) == (namespace, workload):
                self._keys.want(key)
        return switches

    def places(self) -> Iterator[tuple[PodPlace, bool]]:
        """Give every placed pod, and whether it is listening."""
        for running in self._running.values():
            yield running.place, running.server is not None

    def _changed(self, _event: str, resource: str, obj: Mapping[str, Any]) -> None:
        if resource == "pods":
            self._keys.want((obj["metadata"]["namespace"], obj["metadata"]["name"]))

    async def _look(self, key: tuple[str, str]) -> float | None:
        pod = self._cluster.get("pods", *key)
        running = self._running.get(key)
        if running is not None and (pod is None or pod["metadata"]["uid"] != running.uid):
            await self._stop(running)
            self._addresses.release(running.place.address)
            del self._running[key]
            running = None
        if pod is None or not self.powered:
            return None
        if running is None:
            running = self._place(pod)
            if running is None:
                return 1.0  # an address may become free
            self._running[key] = running
        await self._serve(running)
        self._report(pod, running)
        return 1.0 if running.error else None

    def _place(self, pod: Mapping[str, Any]) -> _Running | None:
        address = self._addresses.take()
        if address is None:
            self._write_status(pod, pod_status(pod, None, ready=False, error="no address is left"))
            return None
        meta = pod["metadata"]
        workload = _workload(pod)
        node = self._least_used(meta["namespace"], workload, pod["spec"].get("nodeSelector") or {})
        image, args = program_of(pod)
        place = PodPlace(
            cluster=self._cluster.name,
            region=node.region,
            zone=node.zone,
            node=node.name,
            namespace=meta["namespace"],
            workload=workload,
            pod=meta["name"],
            address=address,
            ports=container_ports(pod),
            readiness_path=readiness_path(pod),
            tls_ports=tls_ports(pod),
            image=image,
            args=args,
        )
        document = {**_identity(pod), "spec": {"nodeName": node.name}}
        self._cluster.put(document, manager="kube-scheduler")
        return _Running(uid=meta["uid"], place=place)

    def _least_used(self, namespace: str, workload: str, selector: Mapping[str, str]) -> Node:
        allowed = [n for n in self._nodes if n.zone == selector.get(ZONE, n.zone)] or self._nodes
        places = [running.place for running in self._running.values()]

        def load(node: Node) -> tuple[int, int, int, str]:
            here = [place for place in places if place.node == node.name]
            same = [p for p in places if (p.namespace, p.workload) == (namespace, workload)]
            in_zone = [place for place in same if place.zone == node.zone]
            on_node = [place for place in same if place.node == node.name]
            return len(in_zone), len(on_node), len(here), node.name

        return min(allowed, key=load)

    async def _serve(self, running: _Running) -> None:
        if running.server is None:
            server = self._run(running.place)
            try:
                await server.start()
            except OSError as error:
                running.error = str(error)
                return
            running.server, running.error = server, ""
        if not self.powered:  # the power went while it started
            await self._stop(running)
            return
        switches = self._switches_of(running)
        running.server.set_ready(switches.ready)
        running.server.slow(switches.delay_seconds)

    def _report(self, pod: Mapping[str, Any], running: _Running) -> None:
        if not self.powered:
            return
        ready = self._switches_of(running).ready and not running.error
        status = pod_status(pod, running.place.address, ready=ready, error=running.error)
        self._write_status(pod, status)

    def _write_status(self, pod: Mapping[str, Any], status: Mapping[str, Any]) -> None:
        observed = pod.get("status") or {}
        if {key: observed.get(key) for key in status} != status:
            document = {**_identity(pod), "status": dict(status)}
            self._cluster.put(document, manager=MANAGER, subresource="status")

    def _switches_of(self, running: _Running) -> Switches:
        key = (running.place.namespace, running.place.workload)
        return self._switches.get(key, Switches())

    async def _stop(self, running: _Running) -> None:
        server, running.server = running.server, None
        if server is not None:
            await server.close()

    async def _stop_all(self) -> None:
        await asyncio.gather(*(self._stop(running) for running in self._running.values()))


def _workload(pod: Mapping[str, Any]) -> str:
    for owner in pod["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            return str(owner["name"])
    return str(pod["metadata"]["name"])


def _identity(pod: Mapping[str, Any]) -> dict[str, Any]:
    meta = pod["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": meta["namespace"], "name": meta["name"]},
    }
