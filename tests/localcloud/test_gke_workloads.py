"""Deployments make Pods, Pods run servers, Services find them: on a real in-memory API."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from localcloud.kube.cluster import KubeCluster
from localcloud.workloads.addresses import FIRST_POD, LAST_POD, PodAddresses
from localcloud.workloads.control import Workloads
from localcloud.workloads.deployments import Deployments
from localcloud.workloads.endpointslices import MAX_ENDPOINTS, EndpointSlices, slices
from localcloud.workloads.kubelet import Kubelet, PodPlace
from localcloud.workloads.nodes import Node
from localcloud.workloads.objects import DEPLOYMENTS, SLICES, is_ready

ZONES = ("us-central1-a", "us-central1-b")
DEADLINE_SECONDS = 5.0


class RecordedServer:
    """A pod's server that opens no socket, and refuses a port that is taken, as sockets do."""

    def __init__(self, place: PodPlace, listening: set[tuple[str, int]]):
        self.ready, self.delay_seconds, self.listening = True, 0.0, listening
        self.place = place

    async def start(self):
        keys = {(self.place.address, port) for port in self.place.ports}
        if keys & self.listening:
            raise OSError(f"{keys} is taken")
        self.listening.update(keys)

    async def close(self):
        self.listening.difference_update((self.place.address, port) for port in self.place.ports)

    def set_ready(self, ready):
        self.ready = ready

    def slow(self, seconds):
        self.delay_seconds = seconds


class Lab:
    """One cluster with nodes in two zones and the three controllers."""

    def __init__(self):
        self.kube = KubeCluster("lab")
        self.listening: set[tuple[str, int]] = set()
        self.servers: list[RecordedServer] = []
        nodes = tuple(
            Node(name=f"node-{z}", provider="gcp", region="r", zone=z, address=f"10.1.0.{n}")
            for n, z in enumerate(ZONES, start=1)
        )
        self.kubelet = Kubelet(
            self.kube, nodes, PodAddresses(lambda n: f"10.1.0.{n}"), self._server
        )
        self.workloads = Workloads(self.kube, self.kubelet)
        self.parts = (self.kubelet, Deployments(self.kube), EndpointSlices(self.kube))

    def _server(self, place):
        server = RecordedServer(place, self.listening)
        self.servers.append(server)
        return server

    def pods(self):
        return self.kube.list("pods", "default")

    def ready_addresses(self, service="web"):
        return sorted(
            endpoint["addresses"][0]
            for item in self.kube.list(SLICES, "default")
            if item["metadata"]["labels"]["kubernetes.io/service-name"] == service
            for endpoint in item.get("endpoints") or ()
            if endpoint["conditions"]["ready"]
        )


def deployment(replicas=2, image="echo:1", name="web", port=8080):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "containers": [
                        {
                            "name": "c",
                            "image": image,
                            "ports": [{"name": "http", "containerPort": port}],
                        }
                    ]
                },
            },
        },
    }


def service(name="web", target="http"):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "selector": {"app": "web"},
            "ports": [{"name": "http", "port": 80, "targetPort": target}],
        },
    }


def in_lab(story: Callable[[Lab], Awaitable[None]]) -> None:
    async def live():
        lab = Lab()
        for part in lab.parts:
            await part.start()
        try:
            await story(lab)
        finally:
            for part in reversed(lab.parts):
                await part.close()
        assert lab.listening == set()

    asyncio.run(live())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110 - any state of the lab may be waited for
            await asyncio.sleep(0.005)


def test_pods_run_and_are_found():
    """A Deployment and a Service give listening pods over all zones and ready endpoints."""

    async def story(lab):
        lab.kube.put(service(), manager="user")
        lab.kube.put(deployment(replicas=4), manager="user")
        await until(lambda: len(lab.ready_addresses()) == 4)

        assert {(address, 8080) for address in lab.ready_addresses()} == lab.listening
        zones = [server.place.zone for server in lab.servers]
        assert sorted(zones) == sorted(ZONES * 2)
        (item,) = lab.kube.list(SLICES, "default")
        assert {e["zone"] for e in item["endpoints"]} == set(ZONES)
        assert item["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
        await until(
            lambda: lab.kube.get(DEPLOYMENTS, "default", "web")["status"].get("readyReplicas") == 4
        )

    in_lab(story)


def test_scaling_goes_both_ways():
    """Replicas written by an operator are obeyed, and the endpoints follow."""

    async def story(lab):
        lab.kube.put(service(), manager="user")
        lab.kube.put(deployment(replicas=1), manager="user")
        await until(lambda: len(lab.ready_addresses()) == 1)
        lab.workloads.scale("default", "web", 5)
        await until(lambda: len(lab.ready_addresses()) == 5)
        lab.workloads.scale("default", "web", 2)
        await until(lambda: len(lab.ready_addresses()) == 2 and len(lab.listening) == 2)
        lab.workloads.scale("default", "web", 0)
        await until(lambda: not lab.pods() and not lab.listening)

    in_lab(story)


def test_new_template_replaces_pods_without_a_gap():
    """A changed image replaces every pod, and there is a ready endpoint all the time."""

    async def story(lab):
        lab.kube.put(service(), manager="user")
        lab.kube.put(deployment(), manager="user")
        await until(lambda: len(lab.ready_addresses()) == 2)
        before = {pod["metadata"]["uid"] for pod in lab.pods()}
        fewest = [2]
        lab.kube.subscribe(lambda *_: fewest.append(sum(map(is_ready, lab.pods()))))
        lab.kube.put(deployment(image="echo:2"), manager="user")
        await until(
            lambda: (
                len(lab.pods()) == 2 and not before & {pod["metadata"]["uid"] for pod in lab.pods()}
            )
        )

        assert min(fewest) >= 2

    in_lab(story)


def test_unready_and_slow_workloads():
    """An unready workload has no ready endpoint while its servers go on; slow ones answer late."""

    async def story(lab):
        lab.kube.put(service(), manager="user")
        lab.kube.put(deployment(), manager="user")
        await until(lambda: len(lab.ready_addresses()) == 2)
        lab.workloads.switch("default", "web", ready=False)
        await until(lambda: not lab.ready_addresses())
        assert len(lab.listening) == 2
        assert not any(server.ready for server in lab.servers)
        lab.workloads.scale("default", "web", 3)
        await until(lambda: len(lab.listening) == 3)
        assert not lab.ready_addresses()
        lab.workloads.switch("default", "web", ready=True, delay_seconds=0.5)
        await until(lambda: len(lab.ready_addresses()) == 3)
        assert {server.delay_seconds for server in lab.servers} == {0.5}

    in_lab(story)


def test_power_cut_is_silent():
    """Without power no pod listens, the API still calls them ready, and all come back later."""

    async def story(lab):
        lab.kube.put(service(), manager="user")
        lab.kube.put(deployment(), manager="user")
        await until(lambda: len(lab.ready_addresses()) == 2)
        addresses = set(lab.listening)
        await lab.kubelet.power_off()
        assert lab.listening == set()
        lab.workloads.scale("default", "web", 3)
        await until(lambda: len(lab.pods()) == 3)
        await lab.kubelet.idle()
        assert lab.listening == set()
        assert len(lab.ready_addresses()) == 2
        await lab.kubelet.power_on()
        await until(lambda: len(lab.ready_addresses()) == 3)
        assert addresses < lab.listening

    in_lab(story)


def test_deleting_takes_everything_along():
    """A deleted Deployment takes pods and servers, a deleted Service its slices."""

    async def story(lab):
        lab.kube.put(service(), manager="user")
        lab.kube.put(deployment(), manager="user")
        await until(lambda: len(lab.ready_addresses()) == 2)
        lab.kube.remove(DEPLOYMENTS, "default", "web")
        await until(lambda: not lab.listening and not lab.ready_addresses())
        lab.kube.remove("services", "default", "web")
        await until(lambda: not lab.kube.list(SLICES, "default"))
        await lab.parts[2]._services.idle()

        assert lab.kube.list(SLICES, "default") == []

    in_lab(story)


def test_port_that_is_taken_is_said():
    """A pod whose port cannot be bound is not ready, says why, and runs once it can."""

    async def story(lab):
        lab.listening.add((f"10.1.0.{FIRST_POD}", 8080))
        lab.kube.put(deployment(replicas=1), manager="user")

        def message():
            for pod in lab.pods():
                for condition in (pod.get("status") or {}).get("conditions") or ():
                    if condition["type"] == "Ready":
                        return condition.get("message", "")
            return ""

        await until(lambda: "is taken" in message())
        lab.listening.clear()
        await until(lambda: any(map(is_ready, lab.pods())))

    in_lab(story)


def test_addresses_rest_before_they_are_given_again():
    """A freed address is the last to come back, and none is given twice."""
    addresses = PodAddresses(str)
    first = addresses.take()
    addresses.release(first)
    given = [addresses.take() for _ in range(LAST_POD - FIRST_POD + 1)]

    assert given[-1] == first
    assert len(set(given)) == len(given)
    assert addresses.take() is None


def _pod(name, port, address, *, ready=True, phase="Running"):
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": name,
            "labels": {"app": "web"},
        },
        "spec": {
            "nodeName": "n",
            "containers": [{"name": "c", "ports": [{"name": "http", "containerPort": port}]}],
        },
        "status": {
            "phase": phase,
            "podIP": address,
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def _service(target="http"):
    found = service(target=target)
    return {**found, "metadata": {**found["metadata"], "uid": "u"}}


def test_named_ports_that_differ_make_slices_of_their_own():
    """Pods that call different numbers by one name are in different slices."""
    pods = [_pod("a", 8080, "10.1.0.11"), _pod("b", 9090, "10.1.0.12")]
    found = slices(_service(), pods, {"n": "z"})

    assert [item["ports"][0]["port"] for item in found] == [8080, 9090]
    assert [item["endpoints"][0]["addresses"] for item in found] == [["10.1.0.11"], ["10.1.0.12"]]
    assert {item["endpoints"][0]["zone"] for item in found} == {"z"}


@pytest.mark.parametrize(("count", "sizes"), [(0, [0]), (100, [100]), (101, [100, 1])])
def test_slices_hold_a_hundred(count, sizes):
    """No slice has more than a hundred endpoints, and a Service without pods has an empty one."""
    pods = [_pod(f"p{n:03}", 8080, f"10.1.{n // 200}.{n % 200 + 1}") for n in range(count)]

    assert [len(item["endpoints"]) for item in slices(_service(), pods, {})] == sizes
    assert MAX_ENDPOINTS == 100


def test_pods_that_are_not_running_are_no_endpoints():
    """A pod without a running phase is left out; one that is not ready is in, as not ready."""
    pods = [
        _pod("a", 8080, "10.1.0.11", phase="Pending"),
        _pod("b", 8080, "10.1.0.12", ready=False),
    ]
    (item,) = slices(_service(target=9000), pods, {})

    assert [e["conditions"]["ready"] for e in item["endpoints"]] == [False]
    assert item["ports"][0]["port"] == 9000
