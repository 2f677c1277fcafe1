"""
kube-proxy of every node of a cluster: a node port leads to a ready pod of its Service.

Each node listens on the port of each NodePort (or LoadBalancer) Service, on its own address, and
carries every connection on to a ready endpoint: of the whole cluster, or with
``externalTrafficPolicy: Local`` of that node only. Where there is no such endpoint nobody listens.
A connection stays where it went, whatever the endpoint's readiness says later. `routes` is the pure
part.

Not modelled: UDP and SCTP, session affinity, cluster IPs, the health check node port, masquerading
(pods see a loopback address either way).

Source: Kubernetes concept pages "Service" and "Virtual IPs and Service Proxies".
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from localcloud.addresses import to_loopback
from localcloud.dataplane.listening import stop_accepting
from localcloud.dataplane.relay import relay
from localcloud.kube.cluster import KubeCluster
from localcloud.kube.store import DELETED
from localcloud.reconcile import Reconciler
from localcloud.workloads.endpointslices import SERVICE_NAME
from localcloud.workloads.nodes import Node
from localcloud.workloads.objects import SLICES

log = logging.getLogger("localcloud")

Place = tuple[str, int]
"""An address, 10.x, and a port."""

_ON_NODES = frozenset({"NodePort", "LoadBalancer"})
_ALL = "node ports"
_CONNECT_SECONDS = 1.0
_RETRY_SECONDS = 0.5


class KubeProxy:
    """Listens on the node ports of one cluster."""

    def __init__(self, cluster: KubeCluster, nodes: Sequence[Node]) -> None:
        self._cluster = cluster
        self._nodes = tuple(nodes)
        self._powered = True
        self._on_nodes: set[tuple[str, str]] = set()
        self._ports: dict[Place, _Port] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._work: Reconciler[str] = Reconciler(_ALL, self._look)

    async def start(self) -> None:
        """Begin with the Services that are there."""
        self._cluster.subscribe(self._changed)
        for service in self._cluster.list("services"):
            self._changed("ADDED", "services", service)
        await self._work.start()

    async def close(self) -> None:
        """Stop listening and cut every connection."""
        await self._work.close()
        await self._listen({})
        await self._cut()

    async def power(self, *, on: bool) -> None:
        """Cut or give back the power of the nodes."""
        self._powered = on
        self._work.want(_ALL)
        await self._work.idle()
        if not on:
            await self._cut()

    @property
    def listening(self) -> frozenset[Place]:
        """Give the node addresses and ports on which somebody listens."""
        return frozenset(self._ports)

    def _changed(self, event: str, resource: str, obj: Mapping[str, Any]) -> None:
        # Most Services are not on the nodes, and cost nothing here.
        meta = obj["metadata"]
        if resource == "services":
            key = (meta["namespace"], meta["name"])
            before = key in self._on_nodes
            self._on_nodes.discard(key)
            if event != DELETED and obj["spec"].get("type") in _ON_NODES:
                self._on_nodes.add(key)
            if before or key in self._on_nodes:
                self._work.want(_ALL)
        elif resource == SLICES:
            key = (meta["namespace"], (meta.get("labels") or {}).get(SERVICE_NAME, ""))
            if key in self._on_nodes:
                self._work.want(_ALL)

    async def _look(self, _key: str) -> float | None:
        keys = sorted(self._on_nodes) if self._powered else []
        found = [self._cluster.get("services", *key) for key in keys]
        slices = self._cluster.list(SLICES) if keys else []
        missing = await self._listen(routes(filter(None, found), slices, self._nodes))
        return _RETRY_SECONDS if missing else None

    async def _listen(self, wanted: Mapping[Place, tuple[Place, ...]]) -> bool:
        """Listen at exactly *wanted*; say whether some port could not be had."""
        gone = [self._ports.pop(place) for place in self._ports.keys() - wanted.keys()]
        await stop_accepting(port.server for port in gone if port.server is not None)
        missing = False
        for place, endpoints in wanted.items():
            if place in self._ports:
                self._ports[place].endpoints = endpoints
                continue
            port = _Port(endpoints, self._connections)
            try:
                await port.start(place)
            except OSError:
                log.exception("%s:%d of %s is not served", *place, self._cluster.name)
                missing = True
            else:
                self._ports[place] = port
        return missing

    async def _cut(self) -> None:
        tasks = tuple(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Port:
    """One port of one node."""

    def __init__(self, endpoints: tuple[Place, ...], connections: set[asyncio.Task[None]]) -> None:
        self.endpoints = endpoints
        self.server: asyncio.Server | None = None
        self._turn = 0
        self._connections = connections

    async def start(self, place: Place) -> None:
        self.server = await asyncio.start_server(
            self._accepted, to_loopback(place[0]), place[1], backlog=1024
        )

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            far = await self._connect()
            if far is not None:
                await relay((reader, writer), far)
        except asyncio.CancelledError:
            pass  # the node lost its power, or the world ends
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Give a connection to the endpoint whose turn it is, or to the next that takes one."""
        self._turn += 1
        endpoints, first = self.endpoints, self._turn
        for step in range(len(endpoints)):
            address, port = endpoints[(first + step) % len(endpoints)]
            try:
                connecting = asyncio.open_connection(to_loopback(address), port)
                return await asyncio.wait_for(connecting, _CONNECT_SECONDS)
            except (OSError, TimeoutError):
                continue
        return None


def routes(
    services: Iterable[Mapping[str, Any]],
    slices: Iterable[Mapping[str, Any]],
    nodes: Iterable[Node],
) -> dict[Place, tuple[Place, ...]]:
    """
    Give node address and node port -> ready endpoints, sorted; only where there are some.

    Args:
        services: Those that are on the nodes.
        slices: EndpointSlices of any Services.
        nodes: Of the cluster.
    """
    behind: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for item in slices:
        meta = item["metadata"]
        owner = (meta["namespace"], (meta.get("labels") or {}).get(SERVICE_NAME, ""))
        behind.setdefault(owner, []).append(item)
    nodes = tuple(nodes)
    found: dict[Place, tuple[Place, ...]] = {}
    for service in services:
        meta, spec = service["metadata"], service["spec"]
        local = spec.get("externalTrafficPolicy") == "Local"
        mine = behind.get((meta["namespace"], meta["name"]), [])
        for port in spec.get("ports") or ():
            if port.get("nodePort") and port.get("protocol", "TCP") == "TCP":
                ready = _ready(mine, port.get("name") or "")
                for node in nodes:
                    there = {place for place, name in ready if name == node.name or not local}
                    if there:
                        found[node.address, port["nodePort"]] = tuple(sorted(there))
    return found


def _ready(slices: Iterable[Mapping[str, Any]], port: str) -> set[tuple[Place, str]]:
    """Give place and node of each ready endpoint behind a Service port, by the port's name."""
    return {
        ((endpoint["addresses"][0], offered["port"]), str(endpoint.get("nodeName", "")))
        for item in slices
        for offered in item.get("ports") or ()
        if (offered.get("name") or "") == port
        for endpoint in item.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready")
    }
