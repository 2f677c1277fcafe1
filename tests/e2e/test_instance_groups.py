"""
Nodes behind one node port of all members, as Google's client and real requests meet it.

A life with drain and a change of the balancing mode; from endpoint groups to instance groups and
back under load; users' own node ports and probes that differ; a cluster whose controller sleeps.
"""

import copy
import json
import threading
from collections import Counter

import pytest

from localcloud.gke.instance_groups import InstanceGroupController
from tests.e2e.manifests import HOST, NAMESPACE, ingress, platform, workloads
from tests.e2e.site import CONFIG, PROJECT
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

GKE = ("gke-us", "gke-eu")
HOMES = {"us-central1": "gke-us", "europe-west1": "gke-eu"}
NODES = {"mode": "instance-group"}
GROUP_CLASS = "gce-multi-cluster"


@pytest.fixture
def ground(site, home):
    """The furnished world with a home; policy and workloads are as ever again after the test."""
    yield site
    site.withdraw()
    site.apply(CONFIG, *platform())
    for member in GKE:
        site.apply(member, *workloads())


def reach(site, **backends):
    """The platform team says how members are reached."""
    policy = platform()[0]
    said = {**policy["spec"]["backends"], **backends}
    site.apply(CONFIG, {**policy, "spec": {**policy["spec"], "backends": said}})


def groups(site):
    """The instance groups by `zone/name`, each with its named ports."""
    found = site.compute("InstanceGroups").aggregated_list(project=PROJECT)
    return {
        f"{scope.removeprefix('zones/')}/{item.name}": {p.name: p.port for p in item.named_ports}
        for scope, listed in found
        for item in listed.instance_groups
    }


def services(site):
    """The backend services as JSON."""
    return site.listed("BackendServices")


def companions(site, member):
    """The node port of each companion, by the Service that it stands for."""
    label = "fedingress.dev/owner-uid"
    listed = site.core(member).list_namespaced_service(NAMESPACE, label_selector=label)
    return {
        item.metadata.annotations["fedingress.dev/service"]: item.spec.ports[0].node_port
        for item in listed.items
    }


def entries(site):
    """Every backend of every backend service."""
    return [entry for item in services(site) for entry in item["backends"]]


def add_name(site, key, name, port):
    """Somebody else gives a port of a group a name, with Google's client."""
    from google.cloud import compute_v1

    zone, _, group = key.partition("/")
    client = site.compute("InstanceGroups")
    place = {"project": PROJECT, "zone": zone, "instance_group": group}
    found = client.get(**place)
    ports = [*found.named_ports, compute_v1.NamedPort(name=name, port=port)]
    body = compute_v1.InstanceGroupsSetNamedPortsRequest(
        fingerprint=found.fingerprint, named_ports=ports
    )
    client.set_named_ports_unary(**place, instance_groups_set_named_ports_request_resource=body)
    until("the name to stand", lambda: groups(site)[key].get(name) == port)


class Load:
    """Requests from both regions, one after the other in each, as long as this is open."""

    def __init__(self, site):
        self.statuses, self.clusters = Counter(), Counter()
        self._over, address = threading.Event(), site.address()
        self._threads = [
            threading.Thread(target=self._visit, args=(site.visitor(region), address, path))
            for region in HOMES
            for path in ("/", "/api")
        ]

    def _visit(self, visitor, address, path):
        while not self._over.wait(0.02):
            page = visitor.get(HOST, path, address=address)
            self.statuses[page.status] += 1
            self.clusters[page.cluster] += 1

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()


def answering(site, region):
    """The member that answers a visitor of *region*."""
    return site.visitor(region).get(HOST).cluster


def test_a_life_on_the_nodes(ground):
    """Google's client sees one port everywhere; drain and balancing mode change without a loss."""
    reach(ground, **NODES, maxRatePerInstance=500)
    ground.apply(CONFIG, ingress())
    ground.until_served()
    ports = companions(ground, "gke-us")
    assert set(ports) == {"web", "api"}
    assert companions(ground, "gke-eu") == ports
    annotations = ground.networking("gke-us").read_namespaced_ingress("shop", NAMESPACE)
    assert annotations.metadata.annotations["kubernetes.io/ingress.class"] == GROUP_CLASS
    assert annotations.spec.ingress_class_name is None
    wanted = {f"port{port}": port for port in ports.values()}
    named = groups(ground)
    assert len(named) == 4
    assert all(found == wanted for found in named.values())
    assert {item["port_name"] for item in services(ground)} == set(wanted)
    assert {
        (entry["balancing_mode"], entry["max_rate_per_instance"]) for entry in entries(ground)
    } == {("RATE", 500.0)}
    assert all("/instanceGroups/k8s-ig--" in entry["group"] for entry in entries(ground))
    checked = {item["http_health_check"]["port"] for item in ground.listed("HealthChecks")}
    assert checked == set(ports.values())
    assert {region: answering(ground, region) for region in HOMES} == HOMES

    theirs = min(named)
    add_name(ground, theirs, "theirs", 8080)
    with Load(ground) as load:
        ground.apply(CONFIG, ingress(annotations={"fedingress.dev/drain": "gke-eu"}))
        until("Europe to be drained", lambda: answering(ground, "europe-west1") == "gke-us")
        ground.apply(CONFIG, ingress(annotations={}))
        until("Europe to be back", lambda: answering(ground, "europe-west1") == "gke-eu")
        reach(ground, **NODES, maxUtilization=0.7)
        until(
            "every group to be balanced by utilisation",
            lambda: (
                len(entries(ground)) == 8
                and {entry["balancing_mode"] for entry in entries(ground)} == {"UTILIZATION"}
            ),
            say=lambda: (ground.conditions(), entries(ground)),
        )
        ground.until_served()
    assert set(load.statuses) == {200}, load.statuses
    assert groups(ground)[theirs] == {**wanted, "theirs": 8080}
    ground.withdraw()
    assert groups(ground) == {}


def test_from_endpoint_groups_to_instance_groups_and_back_under_load(ground):
    """Not one request fails either way, and nothing of the other mode is left."""
    reach(ground)
    ground.apply(CONFIG, ingress())
    ground.until_served()
    with Load(ground) as load:
        reach(ground, **NODES)
        until("nodes to serve", lambda: only(ground, "instanceGroups"), say=lambda: told(ground))
        ground.until_served()
        assert {region: answering(ground, region) for region in HOMES} == HOMES
        middle = load.statuses.total()
        reach(ground)
        until(
            "pods to serve", lambda: only(ground, "networkEndpointGroups"), say=lambda: told(ground)
        )
        ground.until_served()
        until("more requests", lambda: load.statuses.total() > middle + 50)
    assert set(load.statuses) == {200}, load.statuses
    assert {load.clusters["gke-us"] > 0, load.clusters["gke-eu"] > 0} == {True}
    until(
        "companions of the other mode to be gone",
        lambda: [len(ground.ours(member)) for member in GKE] == [3, 3],
    )
    until("the groups of nodes to be gone", lambda: groups(ground) == {})


def only(site, collection):
    """Whether two backend services stand, and all their groups are of one kind."""
    kinds = {entry["group"].split("/")[-2] for entry in entries(site)}
    return len(services(site)) == 2 and kinds == {collection} and len(entries(site)) == 8


def told(site):
    """What the status says, and what stands."""
    return site.conditions(), site.table(), [entry["group"] for entry in entries(site)]


def owned(node_ports, path=None):
    """The shop's own workloads with these node ports, and a readiness probe where it has a path."""
    found = copy.deepcopy(workloads())
    for item in found:
        name = item["metadata"]["name"]
        if item["kind"] == "Service" and name in node_ports:
            item["spec"]["type"] = "NodePort"
            item["spec"]["ports"][0]["nodePort"] = node_ports[name]
        if item["kind"] == "Deployment" and path:
            container = item["spec"]["template"]["spec"]["containers"][0]
            port = container["ports"][0]["containerPort"]
            container["readinessProbe"] = {"httpGet": {"path": path, "port": port}}
    return found


def test_users_own_ports_and_probes_that_differ_are_told(ground):
    """Both clusters are named; equal ports serve without companions; probes are told likewise."""
    ground.apply("gke-us", *owned({"web": 31000, "api": 31001}))
    ground.apply("gke-eu", *owned({"web": 31000, "api": 31005}))
    reach(ground, **NODES, nodePorts="own")
    ground.apply(CONFIG, ingress())
    text = (
        "some instances of the 'shop/api' Service (e.g. in 'gke-us') are on NodePort 31001, but "
        "'gke-eu' is on 31005. All clusters must use same NodePort"
    )
    until(
        "the ports that differ to be told",
        lambda: ground.table().get("gke-eu", {}).get("message") == text,
        say=ground.table,
    )
    assert ground.table()["gke-us"]["reason"] == "NodePortMismatch"

    ground.apply("gke-eu", *owned({"web": 31000, "api": 31001}))
    ground.until_served()
    assert {item["port_name"] for item in services(ground)} == {"port31000", "port31001"}
    assert [ground.ours(member) for member in GKE] == [["Ingress shop"]] * 2
    assert {region: answering(ground, region) for region in HOMES} == HOMES

    ground.apply("gke-us", *owned({"web": 31000, "api": 31001}, "/test-path"))
    ground.apply("gke-eu", *owned({"web": 31000, "api": 31001}, "/test-path-a"))
    policy = platform()[0]
    policy["spec"]["backends"] = {**NODES, "nodePorts": "own"}
    ground.apply(CONFIG, policy)
    until(
        "the probes that differ to be told",
        lambda: "/test-path-a" in json.dumps(ground.conditions()),
        say=ground.conditions,
    )
    said = ground.conditions()["Degraded"]
    assert "gke-us" in said["message"]
    assert "gke-eu" in said["message"]


def test_a_cluster_whose_controller_sleeps_is_waited_for_without_harm(ground):
    """It is told, the others serve, and its nodes come in when it names them."""
    cluster = ground.world.world.clusters["gke-eu"]
    (controller,) = [
        each for each in cluster._controllers if isinstance(each, InstanceGroupController)
    ]
    ground.world.wait(controller.close)
    try:
        reach(ground, **NODES)
        ground.apply(CONFIG, ingress())
        until(
            "the others to serve",
            lambda: answering(ground, "europe-west1") == "gke-us",
            say=lambda: told(ground),
        )
        until("the wait to be told", lambda: ground.table()["gke-eu"]["reason"] == "Waiting")
        assert "instance groups" in ground.table()["gke-eu"]["message"]
        assert len(entries(ground)) == 4
    finally:
        ground.world.wait(controller.start)
    ground.until_served()
    assert {region: answering(ground, region) for region in HOMES} == HOMES
