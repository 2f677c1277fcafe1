"""A whole world: what it is born with, what its clusters do, real requests through all of it."""

import base64
import json
import os
import shutil
import socket
import subprocess

import pytest

from localcloud.control_client import ControlError
from localcloud.resolve import NoAnswerError, resolve
from localcloud.world.running import running_world
from localcloud.world.spec import WorldSpec, members_from
from tests.localcloud.gce import Graph, change_records, get, until, variables
from tests.localcloud.processes import children
from tests.localcloud.test_gke_workloads import deployment, service

pytestmark = pytest.mark.wire

GKE = members_from("gke-us,gke-eu")
NEG_PATHS = [
    f"projects/lab/zones/{zone}/networkEndpointGroups/web"
    for member in GKE
    for zone in member.zones
]


@pytest.fixture(scope="module")
def world():
    with running_world(WorldSpec(members=GKE, operation_seconds=0.02)) as running:
        yield running


def put(world, cluster, *manifests):
    for manifest in manifests:
        world.run(lambda w, m=manifest: w.cluster(cluster).kube.put(m, manager="user"))


def remove(world, cluster, resource, name):
    world.run(lambda w: w.cluster(cluster).kube.remove(resource, "default", name))


def companion(annotation='{"exposed_ports":{"80":{"name":"web"}}}'):
    found = service(name="web-fed")
    found["metadata"]["annotations"] = {"cloud.google.com/neg": annotation}
    return found


@pytest.fixture
def shop(world):
    """A Deployment and an annotated Service in both clusters; clean again at the end."""
    for member in GKE:
        put(world, member.name, deployment(replicas=2), companion())
    until(
        lambda: all(len(world.gcp.endpoints.get(path, ())) == 1 for path in NEG_PATHS),
        "one endpoint in each zone",
    )
    yield world
    for member in GKE:
        remove(world, member.name, "services", "web-fed")
        remove(world, member.name, "deployments.apps", "web")
    until(lambda: not any(world.control.leftovers().values()), "nothing left over")


def refuses(port: int) -> bool:
    with socket.socket() as wire:
        return wire.connect_ex(("127.0.0.1", port)) != 0


def test_a_world_goes_as_it_came():
    """When a world is down, no process, port or folder of it is left."""
    before = children()
    with running_world(WorldSpec(members=GKE[:1])) as running:
        ports = [
            int(value.rpartition(":")[2].strip("/"))
            for name, value in running.env().items()
            if name in ("FEDINGRESS_COMPUTE_ENDPOINT", "GCE_METADATA_HOST", "LOCALCLOUD_CONTROL")
        ]
        folder = running.world.state
        assert len(ports) == 3
        assert not any(map(refuses, ports))
        assert children() - before

    until(lambda: children() == before, "its children to end")
    assert all(map(refuses, ports))
    assert not folder.exists()


def test_inventory_describes_every_member(world):
    """Each member has a profile with status, and a Secret whose token its API server takes."""
    config = world.clusters["config"]
    for member in GKE:
        profile = config.get(
            "clusterprofiles.multicluster.x-k8s.io", "fedingress-inventory", member.name
        )
        status = profile["status"]
        properties = {item["name"]: item["value"] for item in status["properties"]}
        assert profile["metadata"]["labels"]["region"] == member.region
        assert properties["fedingress.dev/zones"] == ",".join(member.zones)
        assert properties["fedingress.dev/uid"] == world.clusters[member.name].uid()
        assert [c["status"] for c in status["conditions"]] == ["True"]
        (access,) = status["accessProviders"]
        assert access["name"] == "fedingress-token"
        assert b"BEGIN CERT" in base64.b64decode(access["cluster"]["certificate-authority-data"])
        secret = config.get("secrets", "fedingress-inventory", f"{member.name}-token")
        token = base64.b64decode(secret["data"]["token"]).decode()
        assert token == world.world.clusters[member.name].functions_token


def test_members_of_aws_are_described_as_eks_clusters_are():
    """What a signer must know stands in the profile, no token anywhere, and a role is let in."""
    with running_world(WorldSpec(members=members_from("eks-ap"))) as world:
        config = world.clusters["config"]
        place = ("clusterprofiles.multicluster.x-k8s.io", "fedingress-inventory", "eks-ap")
        (access,) = config.get(*place)["status"]["accessProviders"]
        assert access["name"] == "eks"
        (extension,) = access["cluster"]["extensions"]
        assert extension["extension"] == {"clusterName": "eks-ap", "region": "ap-southeast-1"}
        assert config.list("secrets", "fedingress-inventory") == []
        assert world.world.clusters["eks-ap"].entries.arns
        variables = world.env()
        assert variables["AWS_ENDPOINT_URL_STS"].startswith("http://127.0.0.1:")
        assert variables["AWS_ACCESS_KEY_ID"].startswith("AKIA")


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kubectl_reaches_every_cluster(world):
    """There is a context for each cluster, and kubectl trusts and reads all of them."""

    def kubectl(*words):
        command = ["kubectl", "--kubeconfig", str(world.kubeconfig), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    names = kubectl("config", "get-contexts", "-o", "name").split()
    assert sorted(names) == ["config", "gke-eu", "gke-us"]
    for member in GKE:
        zones = kubectl(
            "--context",
            member.name,
            "get",
            "nodes",
            "-o",
            r"jsonpath={.items[*].metadata.labels.topology\.kubernetes\.io/zone}",
        )
        assert sorted(zones.split()) == sorted(member.zones * 2)
    assert "gke-us" in kubectl("get", "clusterprofiles", "-A", "-o", "name")


def test_annotated_service_gets_groups_endpoints_and_status(shop):
    """A companion Service gets a zonal NEG per zone, the ready pods in it, and says so."""
    kube = shop.clusters["gke-us"]
    found = kube.get("services", "default", "web-fed")
    status = json.loads(found["metadata"]["annotations"]["cloud.google.com/neg-status"])
    assert status == {
        "network_endpoint_groups": {"80": "web"},
        "zones": ["us-central1-a", "us-central1-b"],
    }
    pods = {pod["status"]["podIP"] for pod in kube.list("pods", "default")}
    endpoints = [
        endpoint
        for path in NEG_PATHS
        if "/us-central1" in path
        for endpoint in shop.gcp.endpoints[path]
    ]
    assert {endpoint["ipAddress"] for endpoint in endpoints} == pods
    assert {endpoint["port"] for endpoint in endpoints} == {8080}
    shop.control.workload("gke-us", "default", "web", "scale", replicas=4)
    until(lambda: len(shop.gcp.endpoints[NEG_PATHS[0]]) == 2, "two endpoints in a zone")
    shop.control.workload("gke-us", "default", "web", "unready")
    until(lambda: not shop.gcp.endpoints[NEG_PATHS[0]], "no endpoint in a zone")
    shop.control.workload("gke-us", "default", "web", "ready")
    until(lambda: len(shop.gcp.endpoints[NEG_PATHS[0]]) == 2, "two endpoints again")


def test_groups_without_a_name_get_one_and_go_with_the_annotation(world):
    """Without a name the controller makes one; without the annotation NEGs and status go."""
    put(world, "gke-us", deployment(replicas=1), companion('{"exposed_ports":{"80":{}}}'))
    kube = world.clusters["gke-us"]

    def annotations():
        return kube.get("services", "default", "web-fed")["metadata"].get("annotations", {})

    text = until(lambda: annotations().get("cloud.google.com/neg-status"), "a status")
    (name,) = json.loads(text)["network_endpoint_groups"].values()
    assert name.startswith("k8s1-")
    assert any(path.endswith(name) for path in world.gcp.compute)
    assert len(kube.list("servicenetworkendpointgroups.networking.gke.io")) == 1

    put(
        world, "gke-us", {**companion(), "metadata": {**companion()["metadata"], "annotations": {}}}
    )
    until(lambda: not annotations(), "no status")
    until(lambda: not any(path.endswith(name) for path in world.gcp.compute), "no NEG")
    remove(world, "gke-us", "services", "web-fed")
    remove(world, "gke-us", "deployments.apps", "web")
    until(lambda: not any(world.control.leftovers().values()), "nothing left over")


def test_bad_annotation_is_an_event(world):
    """An annotation that cannot be obeyed is said in an Event of the Service."""
    put(world, "gke-us", companion('{"exposed_ports":{"81":{}}}'))
    kube = world.clusters["gke-us"]
    (event,) = until(lambda: kube.list("events", "default"), "an Event")
    remove(world, "gke-us", "services", "web-fed")

    assert "port 81" in event["message"]
    assert event["involvedObject"]["name"] == "web-fed"


def test_a_group_of_somebody_else_is_left_alone(world):
    """A NEG of that name with another description is said, not touched, and taken over never."""
    foreign = {"networkEndpointType": "GCE_VM_IP_PORT", "description": "somebody else's"}
    network = {"network": "projects/lab/global/networks/default"}
    world.run(lambda w: w.gcp.insert(NEG_PATHS[1], {**foreign, **network}))
    put(world, "gke-us", companion())
    kube = world.clusters["gke-us"]
    until(lambda: "different description" in str(kube.list("events", "default")), "an Event")
    annotations = kube.get("services", "default", "web-fed")["metadata"]["annotations"]
    assert "cloud.google.com/neg-status" not in annotations
    assert world.gcp.compute[NEG_PATHS[1]]["description"] == "somebody else's"
    assert NEG_PATHS[0] not in world.gcp.compute

    world.run(lambda w: w.gcp.delete(NEG_PATHS[1]))
    until(lambda: set(NEG_PATHS[:2]) < set(world.gcp.compute), "NEGs, once the name is free")
    remove(world, "gke-us", "services", "web-fed")
    until(lambda: not any(world.control.leftovers().values()), "nothing left over")


def test_requests_by_name_survive_a_dead_cluster(shop):
    """A hand-made load balancer serves by DNS and VIP, near first, and leaves a dead cluster."""
    env = shop.env()
    endpoint, port = env["FEDINGRESS_COMPUTE_ENDPOINT"], int(env["LOCALCLOUD_HTTP_PORT"])
    american = env["LOCALCLOUD_CLIENT_US_CENTRAL1"]
    european = env["LOCALCLOUD_CLIENT_EUROPE_WEST1"]
    records = [
        {
            "kind": "dns#resourceRecordSet",
            "name": "shop.example.com.",
            "type": "A",
            "ttl": 5,
        }
    ]
    with variables({name: env[name] for name in env if "METADATA" in name or "PROXY" in name}):
        graph = Graph(endpoint, "hand")
        address = graph.make(NEG_PATHS)
        records[0]["rrdatas"] = [address]
        change_records(env["FEDINGRESS_DNS_ENDPOINT"], "example-com", additions=records)

        found = until(lambda: _addresses(env, "shop.example.com"), "an address in DNS")
        assert found == (address,)

        def served_by(source):
            status, body = get(address, port, "shop.example.com", source=source)
            return body["cluster"] if status == 200 else status

        until(lambda: served_by(american) == "gke-us", "an answer from gke-us")
        until(lambda: served_by(european) == "gke-eu", "an answer from gke-eu")
        shop.control.kill("gke-us")
        until(lambda: served_by(american) == "gke-eu", "failover")
        assert len(shop.gcp.endpoints[NEG_PATHS[0]]) == 1  # nobody told the cloud
        shop.control.revive("gke-us")
        until(lambda: served_by(american) == "gke-us", "the way back")

        for member in GKE:  # in use: the NEGs outlive the Services
            remove(shop, member.name, "services", "web-fed")
        left = shop.control.leftovers()
        assert set(NEG_PATHS) < set(left["compute"])
        assert any("neg-finalizer" in str(item) for item in left["finalizers"])
        change_records(env["FEDINGRESS_DNS_ENDPOINT"], "example-com", deletions=records)
        graph.remove()
    until(lambda: NEG_PATHS[0] not in shop.gcp.compute, "the NEGs to go")


def _addresses(env, name):
    try:
        return resolve(env["LOCALCLOUD_DNS"], name)
    except NoAnswerError:
        return ()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
def test_gcloud_makes_lists_and_deletes(world):
    """With the variables of env, gcloud works on load balancing and DNS."""

    def gcloud(*words):
        done = subprocess.run(
            ["gcloud", *words], env={**os.environ, **world.env()}, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        assert b"WARNING" not in done.stderr
        return done.stdout.decode()

    gcloud("compute", "addresses", "create", "mine", "--global")
    assert "mine" in gcloud("compute", "addresses", "list", "--format=value(name)")
    assert not gcloud("compute", "forwarding-rules", "list", "--format=value(name)").strip()
    assert not gcloud("compute", "backend-services", "list", "--format=value(name)").strip()
    gcloud("compute", "addresses", "delete", "mine", "--global")
    records = gcloud("dns", "record-sets", "list", "--zone=example-com", "--format=value(type)")
    assert sorted(records.split()) == ["NS", "SOA"]


def test_api_server_down_slow_refusing(world):
    """An API server goes away, comes back on its port, and refuses, while its pods live on."""
    control = world.control
    server = next(c["server"] for c in control.state()["clusters"] if c["name"] == "gke-us")
    port = int(server.rpartition(":")[2])
    control.api("gke-us", "down")
    assert refuses(port)
    control.api("gke-us", "up")
    assert not refuses(port)
    control.api("gke-us", "refuse", status=403)
    assert [fault["at"] for fault in control.call("GET", "/faults")["faults"]] == ["gke-us"]
    control.api("gke-us", "up")
    assert control.call("GET", "/faults")["faults"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("POST", "/clusters/mars/kill", None, "no cluster 'mars'"),
        ("POST", "/clusters/config/kill", None, "runs no pods"),
        ("POST", "/clusters/gke-us/api/sideways", None, "sideways"),
        ("POST", "/workloads/gke-us/default/none/scale", {"replicas": 1}, "no Deployment"),
        ("POST", "/faults", {"at": "mars"}, "mars"),
        ("POST", "/faults", {"at": "gcp", "typo": 1}, "typo"),
        ("GET", "/nothing", None, "Not Found"),
        ("POST", "/faults", ["x"], "JSON object"),
    ],
)
def test_control_says_what_is_wrong(world, method, path, body, words):
    """The control API answers mistakes with a sentence."""
    with pytest.raises(ControlError, match=words):
        world.control.call(method, path, body)


def test_calls_are_counted_by_caller(world):
    """Writes over any wire are counted by who sent them; in-process ones are not."""
    world.control.call("DELETE", "/calls")
    put(world, "config", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "quiet"}})
    assert world.control.calls() == 0
    env = world.env()
    with variables({name: env[name] for name in env if "METADATA" in name or "PROXY" in name}):
        change = {"name": "a.example.com.", "type": "A", "ttl": 5, "rrdatas": ["127.0.0.1"]}
        change_records(env["FEDINGRESS_DNS_ENDPOINT"], "example-com", additions=[change])
        assert world.control.leftovers()["records"][0]["name"] == "a.example.com."
        change_records(env["FEDINGRESS_DNS_ENDPOINT"], "example-com", deletions=[change])
    remove(world, "config", "configmaps", "quiet")

    assert world.control.calls() == 2


def test_two_worlds_and_a_config_cluster_that_is_a_member(world):
    """A second world has addresses of its own; its config cluster may be its first member."""
    spec = WorldSpec(members=GKE[:1], config_is_member=True)
    with running_world(spec) as other:
        assert other.world.block.number != world.world.block.number
        assert list(other.clusters) == ["gke-us"]
        assert other.env()["LOCALCLOUD_CONTROL"] != world.env()["LOCALCLOUD_CONTROL"]
        put(other, "config", deployment(replicas=1))
        until(lambda: other.control.state()["clusters"][0]["workloads"][0]["ready"] == 1, "a pod")
        profiles = other.clusters["gke-us"].list("clusterprofiles.multicluster.x-k8s.io")
        assert [profile["metadata"]["name"] for profile in profiles] == ["gke-us"]
        assert not world.clusters["gke-us"].list("pods")
