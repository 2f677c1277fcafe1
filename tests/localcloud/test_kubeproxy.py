"""
Node ports: which nodes listen, where connections go, and what ends them.

Source: Kubernetes concept pages "Service" (type NodePort, ``externalTrafficPolicy``) and "Virtual
IPs and Service Proxies".
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from localcloud.addresses import WorldBlock, to_loopback
from localcloud.kube.cluster import KubeCluster
from localcloud.workloads.endpointslices import SERVICE_NAME
from localcloud.workloads.kubeproxy import KubeProxy, routes
from localcloud.workloads.nodes import Node
from tests.localcloud.test_gke_workloads import until

NODES = tuple(
    Node(name=f"node-{n}", provider="gcp", region="r", zone="z", address=f"10.1.0.{n}")
    for n in (1, 2)
)


def service(**spec: Any) -> dict[str, Any]:
    """Give a NodePort Service with port 80 on 30080."""
    port = {"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30080}
    meta = {"namespace": "default", "name": "web"}
    kind = {"apiVersion": "v1", "kind": "Service"}
    return {**kind, "metadata": meta, "spec": {"type": "NodePort", "ports": [port], **spec}}


def endpoint_slice(
    *endpoints: tuple[str, str, bool], port: str = "http", number: int = 8080
) -> Any:
    """Give the slice of the Service with (address, node, ready) endpoints."""
    meta = {"namespace": "default", "name": f"web-{port}", "labels": {SERVICE_NAME: "web"}}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": meta,
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": [address], "nodeName": node, "conditions": {"ready": ready}}
            for address, node, ready in endpoints
        ],
        "ports": [{"name": port, "port": number, "protocol": "TCP"}],
    }


ONE, TWO = ("10.1.0.11", "node-1", True), ("10.1.0.12", "node-2", True)
DOWN = ("10.1.0.13", "node-1", False)


@pytest.mark.parametrize(
    ("spec", "slices", "expected"),
    [
        ({}, [endpoint_slice(ONE, TWO, DOWN)], {1: (11, 12), 2: (11, 12)}),
        ({}, [endpoint_slice(ONE), endpoint_slice(TWO, port="x")], {1: (11,), 2: (11,)}),
        ({}, [endpoint_slice(DOWN)], {}),
        ({}, [], {}),
        (
            {"externalTrafficPolicy": "Local"},
            [endpoint_slice(ONE, TWO)],
            {1: (11,), 2: (12,)},
        ),
        ({"externalTrafficPolicy": "Local"}, [endpoint_slice(DOWN, TWO)], {2: (12,)}),
        ({"ports": [{"name": "http", "port": 80}]}, [endpoint_slice(ONE)], {}),
        (
            {"ports": [{"name": "http", "port": 80, "nodePort": 30080, "protocol": "UDP"}]},
            [endpoint_slice(ONE)],
            {},
        ),
    ],
)
def test_routes(spec, slices, expected):
    """Every node leads to every ready endpoint, with Local to its own, without one nowhere."""
    found = routes([service(**spec)], slices, NODES)
    assert found == {
        (f"10.1.0.{node}", 30080): tuple((f"10.1.0.{host}", 8080) for host in hosts)
        for node, hosts in expected.items()
    }


class Lab:
    """A cluster with two nodes and pods that answer with their name, on real sockets."""

    def __init__(self, block: WorldBlock) -> None:
        self.block = block
        self.kube = KubeCluster("lab")
        self.nodes = [
            Node(name=f"node-{n}", provider="gcp", region="r", zone="z", address=block.pod(0, n))
            for n in (1, 2)
        ]
        self.proxy = KubeProxy(self.kube, self.nodes)
        self.pods: list[asyncio.Server] = []

    async def pod(self, number: int) -> tuple[str, str, bool]:
        """Start a pod that says its number line by line; give its endpoint."""

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while await reader.readline():
                    writer.write(f"{number}\n".encode())
                    await writer.drain()
            writer.close()

        address = self.block.pod(0, 10 + number)
        self.pods.append(await asyncio.start_server(answer, to_loopback(address), 8080))
        return address, f"node-{number}", True

    def serve(self, *endpoints: tuple[str, str, bool], **spec: Any) -> None:
        """Have the Service and its endpoints."""
        self.kube.put(service(**spec), manager="user")
        self.kube.put(endpoint_slice(*endpoints), manager="user")

    async def dial(self, node: int = 1) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the node port of a node."""
        address = to_loopback(self.nodes[node - 1].address)
        return await asyncio.open_connection(address, 30080)

    async def ask(self, node: int = 1) -> int:
        """Give the number of the pod that answers on a connection of its own; 0 for nobody."""
        try:
            reader, writer = await self.dial(node)
        except OSError:
            return 0
        try:
            writer.write(b"who\n")
            return int(await reader.readline() or b"0")
        except OSError:
            return 0
        finally:
            writer.close()

    async def until_answers(self, expected: list[int]) -> None:
        """Wait until the nodes answer like this: 0 for nobody, else somebody."""
        async with asyncio.timeout(10):
            while [min(1, await self.ask(node)) for node in (1, 2)] != expected:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[Lab]:
    with WorldBlock.take() as block:
        lab = Lab(block)
        await lab.proxy.start()
        try:
            yield lab
        finally:
            await lab.proxy.close()
            for pod in lab.pods:
                pod.close()


def in_lab(story: Callable[[Lab], Awaitable[None]]) -> None:
    async def live() -> None:
        async with running() as lab:
            await story(lab)

    asyncio.run(live())


def test_connections_are_spread_and_stay_where_they_went():
    """Each connection has one pod; new ones take turns, also over the pods of other nodes."""

    async def story(lab: Lab) -> None:
        lab.serve(await lab.pod(1), await lab.pod(2))
        await lab.until_answers([1, 1])
        seen = Counter([await lab.ask(node) for node in (1, 2) for _ in range(4)])
        assert seen == {1: 4, 2: 4}
        reader, writer = await lab.dial()
        said = set()
        for _ in range(3):
            writer.write(b"who\n")
            said.add(await reader.readline())
        assert len(said) == 1
        lab.serve()
        await lab.until_answers([0, 0])
        writer.write(b"who\n")
        assert await reader.readline() in said
        writer.close()

    in_lab(story)


def test_local_traffic_stays_on_its_node():
    """With externalTrafficPolicy Local a node without a ready pod refuses connections."""

    async def story(lab: Lab) -> None:
        lab.serve(await lab.pod(2), externalTrafficPolicy="Local")
        await lab.until_answers([0, 1])
        assert lab.proxy.listening == {(lab.nodes[1].address, 30080)}
        lab.serve((lab.block.pod(0, 12), "node-2", True), externalTrafficPolicy="Cluster")
        await lab.until_answers([1, 1])

    in_lab(story)


def test_a_pod_that_refuses_is_passed_over():
    """An endpoint that nobody listens on costs no connection while there is another."""

    async def story(lab: Lab) -> None:
        lab.serve(await lab.pod(1), (lab.block.pod(0, 99), "node-2", True))
        await lab.until_answers([1, 1])
        assert [await lab.ask() for _ in range(4)] == [1] * 4
        lab.serve((lab.block.pod(0, 99), "node-2", True))
        await lab.until_answers([0, 0])

    in_lab(story)


def test_a_power_cut_ends_everything():
    """Without power nobody listens and open connections end; with it, it is as before."""

    async def story(lab: Lab) -> None:
        lab.serve(await lab.pod(1))
        await lab.until_answers([1, 1])
        reader, writer = await lab.dial()
        writer.write(b"who\n")
        assert await reader.readline() == b"1\n"
        await lab.proxy.power(on=False)
        assert lab.proxy.listening == frozenset()
        with contextlib.suppress(OSError):
            assert await reader.readline() == b""
        writer.close()
        await lab.proxy.power(on=True)
        await lab.until_answers([1, 1])
        lab.kube.remove("services", "default", "web")
        await until(lambda: not lab.proxy.listening)

    in_lab(story)
