"""
A load balancer of instance groups by hand, as kubemci made one, with real requests through it.

Sources: Google Cloud, "Backend services overview" (balancing modes, capacity scaler), kubemci's
contract with GKE's ingress controller (kubernetes/ingress-gce, ``syncInstanceGroup``).
"""

import json
from collections import Counter

import pytest

from localcloud.control_client import ControlError
from localcloud.world.running import running_world
from localcloud.world.spec import WorldSpec, members_from
from tests.localcloud.gce import PROJECT, Graph, get, until, variables
from tests.localcloud.test_gke_workloads import deployment, service

pytestmark = pytest.mark.wire

GKE = members_from("gke-us,gke-eu")
ANNOTATION = "ingress.gcp.kubernetes.io/instance-groups"
INGRESSES = "ingresses.networking.k8s.io"
PORT = 30123


def ingress():
    """Give the Ingress that asks for groups."""
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "namespace": "default",
            "name": "web",
            "annotations": {"kubernetes.io/ingress.class": "gce-multi-cluster"},
        },
        "spec": {"defaultBackend": backend},
    }


def on_nodes(**spec):
    """Give the Service on the same port of all nodes."""
    found = service()
    found["spec"] |= {"type": "NodePort", **spec}
    found["spec"]["ports"][0]["nodePort"] = PORT
    return found


class Balanced:
    """Two clusters behind one address, balanced over the groups of their nodes."""

    def __init__(self, world):
        self.world, self.env = world, world.env()
        self.graph = Graph(self.env["FEDINGRESS_COMPUTE_ENDPOINT"], "groups")
        self.compute = self.graph.compute
        self.options = {"api_endpoint": self.env["FEDINGRESS_COMPUTE_ENDPOINT"]}
        self.address = ""

    def put(self, cluster, *manifests):
        for manifest in manifests:
            self.world.run(lambda w, m=manifest: w.cluster(cluster).kube.put(m, manager="user"))

    def groups(self, cluster):
        """Give the paths of a cluster's groups, from its annotation; none without one."""
        found = self.world.clusters[cluster].get(INGRESSES, "default", "web") or {"metadata": {}}
        text = (found["metadata"].get("annotations") or {}).get(ANNOTATION) or "[]"
        return [
            f"{each['Zone'].partition('/compute/v1/')[2]}/instanceGroups/{each['Name']}"
            for each in json.loads(text)
        ]

    def name_port(self, path):
        """Name the node port on a group."""
        c = self.compute
        _, project, _, zone, _, name = path.split("/")
        client = c.InstanceGroupsClient(client_options=self.options)
        group = client.get(project=project, zone=zone, instance_group=name)
        ports = [*group.named_ports, c.NamedPort(name=f"port{PORT}", port=PORT)]
        request = c.InstanceGroupsSetNamedPortsRequest(
            named_ports=ports, fingerprint=group.fingerprint
        )
        operation = client.set_named_ports_unary(
            project=project,
            zone=zone,
            instance_group=name,
            instance_groups_set_named_ports_request_resource=request,
        )
        operations = c.ZoneOperationsClient(client_options=self.options)
        done = operations.wait(project=project, zone=zone, operation=operation.name)
        assert not done.error.errors

    def service(self):
        client = self.compute.BackendServicesClient(client_options=self.options)
        return client.get(project=PROJECT, backend_service="groups")

    def patch(self, change):
        """Change every backend of the service by *change*(backend)."""
        found = self.service()
        for backend in found.backends:
            change(backend)
        client = self.compute.BackendServicesClient(client_options=self.options)
        operation = client.update_unary(
            project=PROJECT, backend_service="groups", backend_service_resource=found
        )
        operations = self.compute.GlobalOperationsClient(client_options=self.options)
        done = operations.wait(project=PROJECT, operation=operation.name)
        assert not done.error.errors

    def health(self, cluster):
        """Give (instance, port) -> state of a cluster's nodes."""
        client = self.compute.BackendServicesClient(client_options=self.options)
        return {
            (each.instance.rpartition("/")[2], each.port): each.health_state
            for path in self.groups(cluster)
            for each in client.get_health(
                project=PROJECT,
                backend_service="groups",
                resource_group_reference_resource=self.compute.ResourceGroupReference(group=path),
            ).health_status
        }

    def ask(self, source="US_CENTRAL1"):
        """Give the cluster that answers a client there, or the status."""
        port = int(self.env["LOCALCLOUD_HTTP_PORT"])
        place = self.env[f"LOCALCLOUD_CLIENT_{source}"]
        status, body = get(self.address, port, "shop.example.com", source=place)
        return body["cluster"] if status == 200 else status

    def seen(self, source="US_CENTRAL1", count=8):
        return Counter(self.ask(source) for _ in range(count))


@pytest.fixture(scope="module")
def shop():
    """Both clusters with two pods, groups, named ports and the load balancer in RATE mode."""
    with running_world(WorldSpec(members=GKE, operation_seconds=0.02)) as world:
        env = world.env()
        with variables({name: env[name] for name in env if "METADATA" in name or "PROXY" in name}):
            shop = Balanced(world)
            for member in GKE:
                shop.put(member.name, deployment(replicas=2), on_nodes(), ingress())
            groups = [
                path
                for member in GKE
                for path in until(lambda m=member: shop.groups(m.name), "the annotation", 30)
            ]
            for path in groups:
                shop.name_port(path)
            shop.address = shop.graph.make(
                groups,
                port_name=f"port{PORT}",
                balancing_mode="RATE",
                max_rate_per_instance=1e6,
                capacity_scaler=1.0,
            )
            until(lambda: shop.ask() == "gke-us", "an answer from gke-us", 30)
            until(lambda: shop.ask("EUROPE_WEST1") == "gke-eu", "an answer from gke-eu", 30)
            yield shop


def everybody(shop, state, cluster="gke-us"):
    """Wait until every node of a cluster has this health."""
    until(lambda: set(shop.health(cluster).values()) == {state}, f"{cluster} {state}", 30)


def test_nodes_are_probed_at_the_named_port(shop):
    """Health has an entry for each of four nodes, all healthy though two pods serve them."""
    everybody(shop, "HEALTHY")
    assert sorted(shop.health("gke-us")) == [
        (f"gke-us-us-central1-{node}", PORT) for node in ("a-1", "a-2", "b-1", "b-2")
    ]
    first = shop.world.control.state()["instance_groups"][0]
    assert first["instances"] == ["gke-eu-europe-west1-b-1", "gke-eu-europe-west1-b-2"]
    assert first["ports"] == [f"port{PORT}:{PORT}"]


def test_local_traffic_policy_makes_nodes_without_pods_unhealthy(shop):
    """With externalTrafficPolicy Local only the nodes that have a pod pass the probe."""
    shop.put("gke-us", on_nodes(externalTrafficPolicy="Local"))
    until(
        lambda: Counter(shop.health("gke-us").values()) == {"HEALTHY": 2, "UNHEALTHY": 2},
        "two of four healthy",
        30,
    )
    assert shop.seen() == {"gke-us": 8}
    shop.put("gke-us", on_nodes(externalTrafficPolicy="Cluster"))
    everybody(shop, "HEALTHY")


def test_a_dead_cluster_loses_its_requests_to_the_other(shop):
    """Killed nodes fail their probes and the traffic moves; they come back with the power."""
    shop.world.control.kill("gke-us")
    everybody(shop, "UNHEALTHY")
    assert shop.seen() == {"gke-eu": 8}
    shop.world.control.revive("gke-us")
    everybody(shop, "HEALTHY")
    until(lambda: shop.ask() == "gke-us", "the way back", 30)
    shop.world.control.workload("gke-us", "default", "web", "unready")
    everybody(shop, "UNHEALTHY")
    shop.world.control.workload("gke-us", "default", "web", "ready")
    everybody(shop, "HEALTHY")


def test_a_scaler_of_nought_drains(shop):
    """A cluster whose backends have a scaler of 0 gets nothing and stays healthy."""
    mine = set(shop.groups("gke-us"))

    def scale(value):
        def change(backend):
            if backend.group.partition("/compute/v1/")[2] in mine:
                backend.capacity_scaler = value

        return change

    shop.patch(scale(0.0))
    until(lambda: shop.ask() == "gke-eu", "the drain", 30)
    assert shop.seen() == {"gke-eu": 8}
    assert set(shop.health("gke-us").values()) == {"HEALTHY"}
    shop.patch(scale(1.0))
    until(lambda: shop.ask() == "gke-us", "the way back", 30)


def test_rates_per_instance_overflow(shop):
    """Four nodes at a tenth of a request per second take the first, the rest goes on to Europe."""

    def slow(backend):
        backend.max_rate_per_instance = 0.1

    def fast(backend):
        backend.max_rate_per_instance = 1e6

    shop.patch(slow)
    until(lambda: shop.seen(count=12)["gke-eu"] > 0, "an overflow", 30)
    shop.patch(fast)
    until(lambda: shop.seen(count=12) == {"gke-us": 12}, "no overflow", 30)


def test_utilization_moves_requests_on(shop):
    """In mode UTILIZATION a cluster over its target hands on, and takes back below it."""

    def by_utilization(backend):
        backend.balancing_mode = "UTILIZATION"
        backend.max_utilization = 0.8
        backend.max_rate_per_instance = None

    shop.patch(by_utilization)
    assert {backend.balancing_mode for backend in shop.service().backends} == {"UTILIZATION"}
    shop.world.control.utilization("gke-us", 0.7)
    until(lambda: shop.seen() == {"gke-us": 8}, "room at home", 30)
    shop.world.control.utilization("gke-us", 0.85)
    until(lambda: shop.seen() == {"gke-eu": 8}, "no room at home", 30)
    shop.world.control.utilization("gke-eu", 0.9)
    until(lambda: set(shop.seen(count=24)) == {"gke-us", "gke-eu"}, "no room anywhere", 30)
    shop.world.control.utilization("gke-us", 0.0)
    until(lambda: shop.seen() == {"gke-us": 8}, "the way back", 30)
    with pytest.raises(ControlError, match="fraction"):
        shop.world.control.utilization("gke-us", 80)


def test_without_its_ingress_controller_a_cluster_groups_nothing(shop):
    """With the add-on disabled a new Ingress waits while another cluster's is served."""
    control = shop.world.control
    control.http_load_balancing("gke-us", disabled=True)
    late = ingress()
    late["metadata"]["name"] = "late"
    for member in GKE:
        shop.put(member.name, late)

    def told(cluster):
        found = shop.world.clusters[cluster].get(INGRESSES, "default", "late")
        return ANNOTATION in found["metadata"]["annotations"]

    until(lambda: told("gke-eu"), "the annotation of the other cluster", 30)
    assert not told("gke-us")
    control.http_load_balancing("gke-us", disabled=False)
    until(lambda: told("gke-us"), "the annotation", 30)
    for member in GKE:
        shop.world.run(
            lambda w, m=member: w.cluster(m.name).kube.remove(INGRESSES, "default", "late")
        )
    with pytest.raises(ControlError, match="no ingress controller"):
        control.http_load_balancing("config", disabled=True)


def test_everything_goes_when_the_ingress_does(shop):
    """Groups in use outlive the Ingress, and go after the load balancer."""
    used = shop.groups("gke-us")
    for member in GKE:
        shop.world.run(
            lambda w, m=member: w.cluster(m.name).kube.remove(INGRESSES, "default", "web")
        )
    until(lambda: not shop.groups("gke-us"), "the Ingress to go", 30)
    assert set(used) < set(shop.world.control.leftovers()["compute"])
    shop.graph.remove()
    until(lambda: not any(shop.world.control.leftovers().values()), "nothing left over", 30)
