"""
Network Load Balancers of Services, and the ingress controllers behind them.

Sources: AWS Load Balancer Controller guide ("Network Load Balancer", "Service annotations"); ELBv2
API reference; User Guide for Network Load Balancers ("Target group health"); AWS General Reference
(hosted zone ids of Network Load Balancers); ingress-nginx, "Command line arguments"
(--publish-service).
"""

import http.client
import json

import pytest
from dnslib import QTYPE, DNSRecord

from localcloud.ingress.controllers import ingress_controller
from localcloud.resolve import resolve
from localcloud.world.running import running_world
from localcloud.world.spec import WorldSpec, members_from
from tests.localcloud.aws.lab import clients
from tests.localcloud.aws.test_load_balancers import hostname, put
from tests.localcloud.aws.test_load_balancers import ingress as ingress_of_alb
from tests.localcloud.gce import until
from tests.localcloud.test_gke_workloads import deployment, service

pytestmark = pytest.mark.wire

ANNOTATION = "service.beta.kubernetes.io/aws-load-balancer-"
NGINX = "registry.k8s.io/ingress-nginx/controller:v1.13.0"


@pytest.fixture(scope="module")
def world():
    with running_world(WorldSpec(members=members_from("eks-us"))) as running:
        put(running, "eks-us", deployment(2), service())
        yield running


@pytest.fixture(scope="module")
def aws(world):
    with clients(world.env()["AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2"]) as client:
        yield client


def balanced(name, selector="web", port=8080, **annotations):
    """A Service of type LoadBalancer; annotations by their last words."""
    given = {"type": "external", "scheme": "internet-facing"}
    given |= {key.replace("_", "-"): value for key, value in annotations.items()}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "namespace": "default",
            "name": name,
            "annotations": {f"{ANNOTATION}{key}": value for key, value in given.items()},
        },
        "spec": {
            "type": "LoadBalancer",
            "selector": {"app": selector},
            "ports": [{"name": "http", "port": 80, "targetPort": port}],
        },
    }


def published(world, name):
    found = world.clusters["eks-us"].get("services", "default", name) or {}
    entries = ((found.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return entries[0]["hostname"] if entries else ""


def get(world, name, host="shop.example.com", path="/"):
    """Status and the JSON of a page of the balancer of that name."""
    (address,) = resolve(world.env()["LOCALCLOUD_DNS"], name)
    wire = http.client.HTTPConnection(address, 8080, timeout=5)
    try:
        wire.request("GET", path, headers={"Host": host})
        answer = wire.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if answer.status == 200 else {}
    except (OSError, http.client.HTTPException):
        return 0, {}
    finally:
        wire.close()


def remove(world, *names):
    for name in names:
        world.run(lambda w, n=name: w.cluster("eks-us").kube.remove("services", "default", n))
    for name in names:
        until(lambda n=name: world.clusters["eks-us"].get("services", "default", n) is None, name)


def states(elb, group):
    told = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
    rows = told["TargetHealthDescriptions"]
    return {row["Target"]["Id"]: row["TargetHealth"]["State"] for row in rows}


def only_group(elb, balancer):
    (group,) = elb.describe_target_groups(LoadBalancerArn=balancer["LoadBalancerArn"])[
        "TargetGroups"
    ]
    return group


@pytest.mark.parametrize("kind", ["ip", "instance"])
def test_a_service_gets_a_network_load_balancer(world, aws, kind):
    """Its name in the status, pods or nodes as targets, a zone of its own kind, TCP to the pods."""
    put(world, "eks-us", balanced(kind, nlb_target_type=kind))
    name = until(lambda: published(world, kind), "a host name")
    assert name.endswith(".elb.us-east-1.amazonaws.com")
    until(lambda: get(world, name)[0] == 200, "an answer")
    assert get(world, name)[1]["cluster"] == "eks-us"

    elb = aws("elbv2")
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    assert (balancer["DNSName"], balancer["Type"]) == (name, "network")
    assert ":loadbalancer/net/" in balancer["LoadBalancerArn"]
    assert balancer["CanonicalHostedZoneId"] == "Z26RNL4JYFTOTI"
    group = only_group(elb, balancer)
    assert (group["Protocol"], group["TargetType"], group["HealthCheckProtocol"]) == (
        "TCP",
        kind,
        "TCP",
    )
    (listener,) = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert (listener["Port"], listener["Protocol"]) == (80, "TCP")
    assert listener["DefaultActions"] == [
        {"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}
    ]
    until(lambda: set(states(elb, group).values()) == {"healthy"}, "healthy targets")
    ids = set(states(elb, group))
    nodes = world.clusters["eks-us"].list("nodes")
    instances = {node["spec"]["providerID"].rpartition("/")[2] for node in nodes}
    assert len(ids) == 2
    assert (ids == instances) == (kind == "instance")
    assert all(each.startswith("i-" if kind == "instance" else "10.") for each in ids)

    world.control.kill("eks-us")
    until(lambda: set(states(elb, group).values()) == {"unhealthy"}, "the checks of the targets")
    world.control.revive("eks-us")
    until(lambda: set(states(elb, group).values()) == {"healthy"}, "the revived targets")
    remove(world, kind)
    assert elb.describe_load_balancers()["LoadBalancers"] == []


def test_a_dual_stack_one_has_an_address_of_ipv6(world):
    """By annotation, as Ingresses have it."""
    put(world, "eks-us", balanced("six", nlb_target_type="ip", ip_address_type="dualstack"))
    name = until(lambda: published(world, "six"), "a host name")
    host, _, port = world.env()["LOCALCLOUD_DNS"].rpartition(":")
    reply = DNSRecord.parse(DNSRecord.question(name, "AAAA").send(host, int(port), timeout=5))
    assert [str(row.rdata)[:5] for row in reply.rr if row.rtype == QTYPE.AAAA] == ["fd00:"]
    remove(world, "six")


@pytest.mark.parametrize(
    ("annotations", "reason"),
    [
        ({"scheme": "public"}, "scheme: 'public' is none of internal, internet-facing"),
        ({"nlb_target_type": "pod"}, "nlb-target-type: 'pod' is none of ip, instance"),
        ({"ip_address_type": "ipv6"}, "ip-address-type: 'ipv6' is none of ipv4, dualstack"),
        ({"ssl_cert": "arn:x"}, "listeners of TCP only"),
        ({"healthcheck_interval": "soon"}, "healthcheck-interval: 'soon' is no number"),
        ({"healthcheck_protocol": "UDP"}, "healthcheck-protocol: 'UDP' is none of"),
    ],
)
def test_what_cannot_be_is_an_event(world, annotations, reason):
    """FailedBuildModel with the reason, no host name, and deletion is not held up."""
    put(world, "eks-us", balanced("bad", **annotations))
    kube = world.clusters["eks-us"]
    until(
        lambda: reason in (kube.get("events", "default", "bad.nlb") or {}).get("message", ""),
        reason,
    )
    assert published(world, "bad") == ""
    remove(world, "bad")


def test_services_of_other_controllers_are_left_alone(world, aws):
    """The in-tree provider's annotation and foreign classes make nothing here."""
    foreign = balanced("foreign")
    foreign["spec"]["loadBalancerClass"] = "example.com/theirs"
    put(world, "eks-us", balanced("in-tree", type="nlb"), foreign)
    ours = balanced("ours", type="")
    ours["spec"]["loadBalancerClass"] = "service.k8s.aws/nlb"
    put(world, "eks-us", ours)
    until(lambda: published(world, "ours"), "a host name by class")
    assert (published(world, "in-tree"), published(world, "foreign")) == ("", "")
    assert len(aws("elbv2").describe_load_balancers()["LoadBalancers"]) == 1
    remove(world, "in-tree", "foreign", "ours")


def controller(replicas=1):
    """What a chart of ingress-nginx installs, as far as traffic needs it."""
    args = ["/nginx-ingress-controller", "--http-port=8081", "--ingress-class=nginx"]
    args.append("--publish-service=$(POD_NAMESPACE)/ingress-nginx-controller")
    made = deployment(replicas)
    made["metadata"]["name"] = "ingress-nginx"
    made["spec"]["selector"] = {"matchLabels": {"app": "ingress-nginx"}}
    template = made["spec"]["template"]
    template["metadata"] = {"labels": {"app": "ingress-nginx"}}
    ports = [{"name": "http", "containerPort": 8081}]
    template["spec"]["containers"] = [
        {"name": "controller", "image": NGINX, "args": args, "ports": ports}
    ]
    named = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": "nginx"},
        "spec": {"controller": "k8s.io/ingress-nginx"},
    }
    front = balanced("ingress-nginx-controller", "ingress-nginx", 8081, nlb_target_type="ip")
    return made, named, front


def test_an_ingress_controller_publishes_the_name_of_its_service(world):
    """Its Ingresses show the balancer's name and are routed by it; others are not its business."""
    put(world, "eks-us", *controller())
    name = until(lambda: published(world, "ingress-nginx-controller"), "a host name")
    manifest = ingress_of_alb("routed", ("shop.example.com", "/api", "Prefix"))
    manifest["metadata"]["annotations"] = {}
    manifest["spec"]["ingressClassName"] = "nginx"
    put(world, "eks-us", manifest)
    assert until(lambda: hostname(world, "eks-us", "routed"), "the address") == name
    until(lambda: get(world, name, path="/api")[0] == 200, "an answer")
    assert get(world, name, path="/api")[1]["app"].startswith("web")
    assert get(world, name, path="/")[0] == 404
    assert get(world, name, "other.example.com", "/api")[0] == 404

    world.run(
        lambda w: w.cluster("eks-us").kube.remove(
            "ingresses.networking.k8s.io", "default", "routed"
        )
    )
    until(lambda: get(world, name, path="/api")[0] == 404, "its rules to go")
    gone = ("deployments.apps", "default", "ingress-nginx")
    world.run(lambda w: w.cluster("eks-us").kube.remove(*gone))
    remove(world, "ingress-nginx-controller")


@pytest.mark.parametrize(
    ("image", "args", "expected"),
    [
        (NGINX, ("--publish-service=$(POD_NAMESPACE)/x",), ("here", "x")),
        ("haproxytech/kubernetes-ingress", ("--publish-service=there/x",), ("there", "x")),
        ("docker.io/haproxytech/kubernetes-ingress:3.1", (), None),
        (f"{NGINX}@sha256:0123", ("--publish-service=nonsense",), None),
    ],
)
def test_controllers_are_known_by_image(image, args, expected):
    """With or without registry, tag and digest; the Service that they publish is an argument."""
    found = ingress_controller(image, args, "here")
    assert found is not None
    assert found.publish == expected
    assert ingress_controller("nginx:1.29", args, "here") is None
