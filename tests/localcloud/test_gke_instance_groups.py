"""
Conformance: what GKE's ingress controller does for Ingresses of class ``gce-multi-cluster``.

Source: kubernetes/ingress-gce: ``pkg/controller/controller.go`` (``syncInstanceGroup``,
``GCBackends``), ``pkg/instancegroups/manager.go``, ``pkg/controller/translator``,
``cmd/glbc/app/namer.go``; issue ingress-gce#2215 for an instance in two groups.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from localcloud.gcp.cloud import GcpCloud
from localcloud.gke.instance_groups import InstanceGroupController
from localcloud.gke.multicluster import (
    CLASS,
    FINALIZER,
    INSTANCE_GROUPS,
    faults,
    group_name,
    needs_instances,
    served,
)
from localcloud.kube.cluster import KubeCluster
from localcloud.workloads.nodes import Node
from tests.localcloud.test_gke_workloads import until

INGRESSES = "ingresses.networking.k8s.io"
ZONES = ("us-central1-a", "us-central1-b")


def node(name: str, zone: str, number: int) -> Node:
    """Give a node of the project *lab*."""
    return Node(
        name=name,
        provider="gcp",
        region="us-central1",
        zone=zone,
        address=f"10.1.0.{number}",
        project="lab",
    )


def ingress(name: str = "web", cls: str | None = "gce-multi-cluster", **spec: Any) -> Any:
    """Give an Ingress whose default backend is the Service *web*."""
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "namespace": "default",
            "name": name,
            "annotations": {CLASS: cls} if cls else {},
        },
        "spec": {"defaultBackend": backend, **spec},
    }


def service(kind: str = "NodePort", neg: str = "") -> Any:
    """Give the Service *web* with port 80."""
    annotations = {"cloud.google.com/neg": neg} if neg else {}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": "default", "name": "web", "annotations": annotations},
        "spec": {"type": kind, "selector": {"app": "web"}, "ports": [{"name": "h", "port": 80}]},
    }


class Lab:
    """One cluster with two nodes in each of two zones, the cloud, and the controller."""

    def __init__(self, cloud: GcpCloud | None = None, name: str = "one") -> None:
        self.cloud = cloud or GcpCloud(next_address=lambda: "127.7.250.1", operation_seconds=0.0)
        self.kube = KubeCluster(name)
        self.nodes = [node(f"{name}-{z}-{n}", z, n) for z in ZONES for n in (1, 2)]
        for each in self.nodes:
            self.join(each)
        self.controller = InstanceGroupController(self.kube, self.cloud)

    def join(self, each: Node) -> None:
        """Have one more node, in the cluster and in the cloud."""
        path = f"projects/lab/zones/{each.zone}/instances/{each.name}"
        self.cloud.create_instance(path, address=each.address)
        self.kube.put(each.manifest(), manager="kubelet")

    @property
    def uid(self) -> str:
        config = self.kube.get("configmaps", "kube-system", "ingress-uid") or {}
        return str(config["data"]["uid"])

    def groups(self, uid: str = "") -> list[str]:
        """Give the paths of the groups of this cluster that there are."""
        name = group_name(uid or self.uid)
        return sorted(
            path for path in self.cloud.compute if path.endswith(f"instanceGroups/{name}")
        )

    def members(self, path: str) -> list[str]:
        return sorted(link.rpartition("/")[2] for link in self.cloud.instances.get(path, ()))

    def said(self, name: str = "web") -> Any:
        """Give the annotation of an Ingress, read; None without one."""
        meta = (self.kube.get(INGRESSES, "default", name) or {"metadata": {}})["metadata"]
        text = (meta.get("annotations") or {}).get(INSTANCE_GROUPS)
        return json.loads(text) if text else None


def in_lab(story: Callable[[Lab], Awaitable[None]]) -> None:
    """Run *story* beside the controller."""

    async def live() -> None:
        lab = Lab()
        await lab.controller.start()
        try:
            await story(lab)
        finally:
            await lab.controller.close()

    asyncio.run(live())


def test_groups_of_nodes_come_and_go_with_the_ingress():
    """A group in each zone with its nodes, named with its zone's URL; all gone with the Ingress."""

    async def story(lab: Lab) -> None:
        lab.kube.put(service(), manager="user")
        assert len(lab.uid) == 16
        lab.kube.put(ingress(), manager="user")
        await until(lambda: lab.said() is not None)
        name = f"k8s-ig--{lab.uid}"
        base = "https://www.googleapis.com/compute/v1/projects/lab/zones/"
        assert lab.said() == [{"Name": name, "Zone": base + zone} for zone in ZONES]
        await until(lambda: [len(lab.members(path)) for path in lab.groups()] == [2, 2])
        assert lab.members(lab.groups()[0]) == ["one-us-central1-a-1", "one-us-central1-a-2"]
        found = lab.kube.get(INGRESSES, "default", "web") or {}
        assert found["metadata"]["finalizers"] == [FINALIZER]
        assert not [path for path in lab.cloud.compute if "backendServices" in path]
        lab.join(node("late", ZONES[1], 9))
        await until(lambda: "late" in lab.members(lab.groups()[1]))
        lab.kube.remove("nodes", None, "late")
        await until(lambda: "late" not in lab.members(lab.groups()[1]))
        lab.kube.put(ingress("second"), manager="user")
        await until(lambda: lab.said("second") == lab.said())
        lab.kube.remove(INGRESSES, "default", "web")
        await until(lambda: lab.kube.get(INGRESSES, "default", "web") is None)
        assert len(lab.groups()) == 2
        lab.kube.remove(INGRESSES, "default", "second")
        await until(lambda: not lab.groups())
        assert lab.kube.get(INGRESSES, "default", "second") is None

    in_lab(story)


def test_named_ports_that_somebody_set_stay():
    """A further look at the group changes no named port."""

    async def story(lab: Lab) -> None:
        lab.kube.put(service(), manager="user")
        lab.kube.put(ingress(), manager="user")
        await until(lambda: len(lab.groups()) == 2)
        ports = [{"name": "port30080", "port": 30080}]
        path = lab.groups()[0]
        lab.cloud.set_named_ports(path, ports)
        lab.join(node("late", ZONES[0], 9))
        await until(lambda: "late" in lab.members(path))
        assert lab.cloud.compute[path]["namedPorts"] == ports
        assert [row["portName"] for row in lab.cloud.endpoints[path]] == ["port30080"] * 3

    in_lab(story)


def test_a_group_in_use_waits():
    """The Ingress goes at once, its groups when no backend service uses them any more."""

    async def story(lab: Lab) -> None:
        lab.kube.put(service(), manager="user")
        lab.kube.put(ingress(), manager="user")
        await until(lambda: len(lab.groups()) == 2)
        used = lab.groups()[0]
        lab.cloud.insert("projects/lab/global/healthChecks/hc", {"type": "HTTP"})
        balanced = "projects/lab/global/backendServices/bs"
        backend = {"group": used, "balancingMode": "RATE", "maxRatePerInstance": 1}
        checks = ["projects/lab/global/healthChecks/hc"]
        lab.cloud.insert(balanced, {"backends": [backend], "healthChecks": checks})
        lab.kube.remove(INGRESSES, "default", "web")
        await until(lambda: lab.groups() == [used])
        assert lab.kube.get(INGRESSES, "default", "web") is None
        lab.cloud.delete(balanced)
        await until(lambda: not lab.groups())

    in_lab(story)


def test_what_cannot_be_translated_is_told_and_gets_no_group():
    """A ClusterIP Service gives an event and no annotation, until it is a NodePort."""

    async def story(lab: Lab) -> None:
        lab.kube.put(service("ClusterIP"), manager="user")
        lab.kube.put(ingress(), manager="user")
        await until(lambda: bool(lab.kube.list("events", "default")))
        (event,) = lab.kube.list("events", "default")
        assert (event["type"], event["reason"]) == ("Warning", "Translate")
        assert 'service "default/web" is type "ClusterIP", expected "NodePort"' in event["message"]
        assert (lab.said(), lab.groups()) == (None, [])
        lab.kube.put(service(), manager="user")
        await until(lambda: lab.said() is not None)

    in_lab(story)


def test_a_class_that_changes_lets_go():
    """An Ingress that is given another class loses finalizer and annotation, and the groups go."""

    async def story(lab: Lab) -> None:
        lab.kube.put(service(), manager="user")
        lab.kube.put(ingress(), manager="user")
        await until(lambda: lab.said() is not None)
        lab.kube.put(ingress(cls="mine"), manager="user")
        await until(lambda: not lab.groups())
        meta = (lab.kube.get(INGRESSES, "default", "web") or {})["metadata"]
        assert (meta.get("finalizers") or [], lab.said()) == ([], None)

    in_lab(story)


def test_clusters_with_one_uid_share_their_groups_and_fight():
    """Each takes the nodes of the other out of the group of the zone, as federation v1 saw it."""

    async def live() -> None:
        one = Lab()
        two = Lab(one.cloud, "two")
        shared = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"namespace": "kube-system", "name": "ingress-uid"},
            "data": {"uid": "foo", "provider-uid": "foo"},
        }
        for lab in (one, two):
            lab.kube.put(shared, manager="user")
            lab.kube.put(service(), manager="user")
            await lab.controller.start()
        try:
            one.kube.put(ingress(), manager="user")
            await until(lambda: [len(one.members(path)) for path in one.groups()] == [2, 2])
            two.kube.put(ingress(), manager="user")
            await until(lambda: two.said() == one.said())
            assert [each[:3] for each in one.members(one.groups()[0])] == ["two", "two"]
        finally:
            await one.controller.close()
            await two.controller.close()

    asyncio.run(live())


@pytest.mark.parametrize("cls", [None, "", "gce", "nginx", "GCE-multi-cluster"])
def test_other_classes_are_not_served(cls):
    """Only the annotation counts, and only the one word."""
    assert not served(ingress(cls=cls))


def rule(name: str, port: dict[str, object]) -> Any:
    """Give an Ingress with a path to a Service besides its default backend."""
    backend = {"service": {"name": name, "port": port}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    return ingress(rules=[{"http": {"paths": paths}}])


@pytest.mark.parametrize(
    ("wanted", "found", "words"),
    [
        (ingress(), service(), ()),
        (ingress(), service("LoadBalancer"), ()),
        (ingress(), service("ClusterIP", neg='{"ingress": true}'), ()),
        (ingress(), service("ClusterIP", neg='{"exposed_ports": {"80": {}}}'), ("is type",)),
        (ingress(), service("ClusterIP", neg="no json"), ("is type",)),
        (ingress(), None, ('could not find service "default/web"',)),
        (rule("web", {"name": "h"}), service(), ()),
        (
            rule("web", {"name": "x"}),
            service(),
            ('could not find port "x" in service "default/web"',),
        ),
        (rule("web", {"number": 81}), service(), ('could not find port "81"',)),
    ],
)
def test_translation(wanted, found, words):
    """Every backend is a Service that is there, with that port, on the nodes or in a NEG."""
    said = faults(wanted, lambda _: found)
    assert len(said) == len(words)
    assert all(word in text for word, text in zip(words, said, strict=True))


@pytest.mark.parametrize(
    ("wanted", "neg", "needed"),
    [
        (ingress(), "", True),
        (ingress(), '{"ingress": false}', True),
        (ingress(), '{"ingress": true}', False),
        ({**ingress(), "spec": {"rules": []}}, '{"ingress": true}', True),
    ],
)
def test_groups_are_for_services_without_a_neg(wanted, neg, needed):
    """An Ingress all of whose Services have NEGs needs no instances; without a default it does."""
    assert needs_instances(wanted, lambda _: service(neg=neg)) is needed


@pytest.mark.parametrize(("uid", "name"), [("a1", "k8s-ig--a1"), ("", "k8s-ig")])
def test_names_of_groups(uid, name):
    """The uid is behind two hyphens; an empty one gives the plain name."""
    assert group_name(uid) == name
