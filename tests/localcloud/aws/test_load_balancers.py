"""
Load balancers of EKS members: made by Ingresses, told by boto3, serving real requests.

Sources: AWS Load Balancer Controller guide ("Ingress annotations", "IngressGroup"); ELBv2 API
reference; Elastic Load Balancing User Guide ("Target group health"); Route 53 Developer Guide
("Evaluate target health").
"""

import http.client
import json

import pytest

from localcloud.resolve import NoAnswerError, resolve
from localcloud.world.running import running_world
from localcloud.world.spec import WorldSpec, members_from
from tests.localcloud.aws.lab import boto3
from tests.localcloud.gce import until
from tests.localcloud.test_gke_workloads import deployment, service

pytestmark = pytest.mark.wire
PREFIX = "alb.ingress.kubernetes.io/"
INGRESSES = "ingresses.networking.k8s.io"


@pytest.fixture(scope="module")
def world():
    with running_world(WorldSpec(members=members_from("eks-us,eks-ap"))) as running:
        for cluster in ("eks-us", "eks-ap"):
            put(running, cluster, deployment(2), service())
        yield running


@pytest.fixture
def elb(world):
    made = {}

    def client(region="us-east-1", service="elbv2"):
        if (region, service) not in made:
            made[region, service] = boto3.session.Session().client(
                service,
                region_name=region,
                endpoint_url=world.env()["AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2"],
                aws_access_key_id="lab",
                aws_secret_access_key="lab",
            )
        return made[region, service]

    yield client
    for each in made.values():
        each.close()


def put(world, cluster, *manifests):
    for manifest in manifests:
        world.run(lambda w, m=manifest: w.cluster(cluster).kube.put(m, manager="user"))


def ingress(name, *rules, default=None, **annotations):
    paths = {}
    for host, path, kind in rules or [("shop.example.com", "/", "Prefix")]:
        backend = {"service": {"name": "web", "port": {"number": 80}}}
        paths.setdefault(host, []).append({"path": path, "pathType": kind, "backend": backend})
    given = {"target-type": "ip", "scheme": "internet-facing", "healthcheck-path": "/healthz"}
    given |= {
        key.replace("_", "-").replace("group-", "group."): v for key, v in annotations.items()
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "namespace": "default",
            "name": name,
            "annotations": {PREFIX + key: value for key, value in given.items() if value},
        },
        "spec": {
            "ingressClassName": "alb",
            "rules": [{"host": host, "http": {"paths": each}} for host, each in paths.items()],
        },
    }


def hostname(world, cluster, name):
    found = world.clusters[cluster].get(INGRESSES, "default", name) or {}
    entries = ((found.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return entries[0]["hostname"] if entries else ""


def get(world, name, path="/", host="shop.example.com"):
    """Status and, from a pod, the cluster that answered; the name is resolved by the lab's DNS."""
    (address,) = resolve(world.env()["LOCALCLOUD_DNS"], name)
    connection = http.client.HTTPConnection(address, 8080, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if answer.status == 200 else {}
    except OSError:
        return 0, {}
    finally:
        connection.close()


def remove(world, cluster, *names):
    for name in names:
        world.run(lambda w, n=name: w.cluster(cluster).kube.remove(INGRESSES, "default", n))
    for name in names:
        until(lambda n=name: world.clusters[cluster].get(INGRESSES, "default", n) is None, name)


def test_an_ingress_gets_a_load_balancer_that_serves(world, elb):
    """Host name in the status, targets in the API with their real health, requests to the pods."""
    put(world, "eks-us", ingress("shop"))
    name = until(lambda: hostname(world, "eks-us", "shop"), "a host name")
    assert name.endswith(".us-east-1.elb.amazonaws.com")
    until(lambda: get(world, name)[0] == 200, "an answer")
    _, said = get(world, name)
    assert said["cluster"] == "eks-us"
    assert get(world, name, host="other.example.com")[0] == 404

    (balancer,) = elb().describe_load_balancers()["LoadBalancers"]
    assert balancer["DNSName"] == name
    assert balancer["CanonicalHostedZoneId"] == "Z35SXDOTRQ7X7K"
    assert (balancer["Type"], balancer["Scheme"]) == ("application", "internet-facing")
    assert balancer["State"]["Code"] == "active"
    assert elb("ap-southeast-1").describe_load_balancers()["LoadBalancers"] == []
    (group,) = elb().describe_target_groups(LoadBalancerArn=balancer["LoadBalancerArn"])[
        "TargetGroups"
    ]
    assert (group["TargetType"], group["HealthCheckPath"]) == ("ip", "/healthz")
    until(lambda: set(states(elb, group).values()) == {"healthy"}, "the checks of the targets")
    health = states(elb, group)
    assert len(health) == 2
    (listener,) = elb().describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert (listener["Port"], listener["Protocol"]) == (80, "HTTP")
    (seen,) = world.control.state()["load_balancers"]
    assert seen["name"] == name
    assert sorted(seen["targets"]) == sorted(f"{ip}:8080 healthy" for ip in health)
    (tags,) = elb().describe_tags(ResourceArns=[balancer["LoadBalancerArn"]])["TagDescriptions"]
    assert {"Key": "ingress.k8s.aws/stack", "Value": "default/shop"} in tags["Tags"]
    remove(world, "eks-us", "shop")
    assert elb().describe_load_balancers()["LoadBalancers"] == []
    with pytest.raises(NoAnswerError):
        resolve(world.env()["LOCALCLOUD_DNS"], name)
    assert not world.control.leftovers()["load_balancers"]


def states(elb, group):
    answer = elb().describe_target_health(TargetGroupArn=group["TargetGroupArn"])
    return {
        each["Target"]["Id"]: each["TargetHealth"]["State"]
        for each in answer["TargetHealthDescriptions"]
    }


def test_paths_are_matched_by_segments(world):
    """Exact, prefix and wildcard host, as the Ingress says."""
    rules = [
        ("shop.example.com", "/api", "Prefix"),
        ("shop.example.com", "/one", "Exact"),
        ("*.example.org", "/", "Prefix"),
    ]
    put(world, "eks-us", ingress("paths", *rules))
    name = until(lambda: hostname(world, "eks-us", "paths"), "a host name")
    until(lambda: get(world, name, "/api")[0] == 200, "an answer")
    asked = [
        ("/api/x", "shop.example.com", 200),
        ("/apix", "shop.example.com", 404),
        ("/one", "shop.example.com", 200),
        ("/one/more", "shop.example.com", 404),
        ("/", "shop.example.com", 404),
        ("/", "a.example.org", 200),
        ("/", "example.org", 404),
    ]
    assert [get(world, name, path, host)[0] for path, host, _ in asked] == [
        status for _, _, status in asked
    ]
    remove(world, "eks-us", "paths")


def test_ingresses_of_a_group_share_a_load_balancer(world, elb):
    """One balancer, each host of its own Ingress; it goes with the last of them."""
    for name in ("one", "two"):
        rule = (f"{name}.example.com", "/", "Prefix")
        put(world, "eks-us", ingress(name, rule, group_name="team", group_order="5"))
    names = {until(lambda n=n: hostname(world, "eks-us", n), n) for n in ("one", "two")}
    (name,) = names
    for host in ("one.example.com", "two.example.com"):
        until(lambda h=host: get(world, name, host=h)[0] == 200, host)
    assert len(elb().describe_load_balancers()["LoadBalancers"]) == 1
    remove(world, "eks-us", "one")
    until(lambda: get(world, name, host="one.example.com")[0] == 404, "its rules to go")
    assert get(world, name, host="two.example.com")[0] == 200
    remove(world, "eks-us", "two")
    assert elb().describe_load_balancers()["LoadBalancers"] == []


@pytest.mark.parametrize(
    ("annotations", "reason"),
    [
        ({"target_type": "instance"}, "service type must be either 'NodePort' or 'LoadBalancer'"),
        ({"target_type": "pod"}, "unknown targetType: pod"),
        ({"scheme": "public"}, "unknown scheme: public"),
        ({"listen_ports": '[{"HTTPS": 443}]'}, "no certificate found for host: shop.example.com"),
        ({"listen_ports": '[{"TCP": 80}]'}, "protocols are HTTP and HTTPS"),
        ({"ssl_redirect": "443"}, "listener does not exist for SSLRedirect port: 443"),
        ({"ssl_redirect": "80"}, "listener protocol non-SSL for SSLRedirect port: 80"),
        ({"ip_address_type": "ipv5"}, "unknown IPAddressType: ipv5"),
        ({"listen_ports": "80"}, "failed to parse listen-ports"),
        ({"healthcheck_interval_seconds": "soon"}, "is no number"),
    ],
)
def test_what_cannot_be_served_is_an_event(world, annotations, reason):
    """FailedBuildModel with the reason, no load balancer, and deletion is not held up."""
    put(world, "eks-us", ingress("bad", **annotations))
    kube = world.clusters["eks-us"]
    until(
        lambda: reason in (kube.get("events", "default", "bad.alb") or {}).get("message", ""),
        reason,
    )
    assert hostname(world, "eks-us", "bad") == ""
    remove(world, "eks-us", "bad")


def test_aliases_follow_the_health_of_the_targets(world, elb):
    """Two members behind a weighted pool of aliases: the dead one is left by itself, and back."""
    names = {}
    for cluster in ("eks-us", "eks-ap"):
        put(world, cluster, ingress("pool"))
        names[cluster] = until(lambda c=cluster: hostname(world, c, "pool"), "a host name")
        until(lambda c=cluster: get(world, names[c])[0] == 200, "an answer")
    route53 = elb(service="route53")
    zone = route53.list_hosted_zones()["HostedZones"][0]["Id"]
    records = [
        {
            "Name": "pool.aws.example.com",
            "Type": "A",
            "SetIdentifier": cluster,
            "Weight": 1,
            "AliasTarget": {
                "HostedZoneId": zone_id,
                "DNSName": f"dualstack.{names[cluster]}",
                "EvaluateTargetHealth": True,
            },
        }
        for cluster, zone_id in (("eks-us", "Z35SXDOTRQ7X7K"), ("eks-ap", "Z1LMS91P8CMLE5"))
    ]

    def change(action, *those):
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": each} for each in those]}
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)

    change("CREATE", *records)
    until(lambda: clusters(world) == {"eks-us", "eks-ap"}, "both to answer")
    world.control.kill("eks-us")
    until(lambda: clusters(world) == {"eks-ap"}, "the dead one to be left")
    (group,) = elb().describe_target_groups()["TargetGroups"]
    until(lambda: set(states(elb, group).values()) == {"unhealthy"}, "the checks of the targets")
    world.control.revive("eks-us")
    until(lambda: clusters(world) == {"eks-us", "eks-ap"}, "the revived one")
    change("DELETE", *records)
    for cluster in names:
        remove(world, cluster, "pool")
    with pytest.raises(route53.exceptions.InvalidChangeBatch, match="that target was not found"):
        change("CREATE", records[0])
    wrong = {**records[0]["AliasTarget"], "HostedZoneId": "Z1LMS91P8CMLE5"}
    with pytest.raises(route53.exceptions.InvalidChangeBatch, match="does not lie within"):
        change("CREATE", {**records[0], "AliasTarget": wrong})


def clusters(world):
    """The clusters that answer requests to the pool's name."""
    try:
        found = [get(world, "pool.aws.example.com") for _ in range(24)]
    except NoAnswerError:
        return set()
    return {said["cluster"] if status == 200 else status for status, said in found}


def scale(world, replicas):
    put(world, "eks-us", deployment(replicas))


def test_a_group_without_a_healthy_target_fails_open(world):
    """Unready pods leave the group; sick ones get requests when there is no other."""
    put(world, "eks-us", ingress("open", healthcheck_path="/nothing-there", success_codes="299"))
    name = until(lambda: hostname(world, "eks-us", "open"), "a host name")
    until(lambda: get(world, name)[0] == 200, "an answer of a sick target")
    scale(world, 0)
    until(lambda: get(world, name)[0] == 503, "no target at all")
    scale(world, 2)
    until(lambda: get(world, name)[0] == 200, "targets again")
    remove(world, "eks-us", "open")


def test_what_is_not_there_is_said_so(elb):
    """Unknown names and ARNs, and what the lab does not serve."""
    client = elb()
    arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/x/1"
    with pytest.raises(client.exceptions.LoadBalancerNotFoundException):
        client.describe_load_balancers(Names=["none"])
    with pytest.raises(client.exceptions.LoadBalancerNotFoundException):
        client.describe_tags(ResourceArns=[arn])
    with pytest.raises(client.exceptions.TargetGroupNotFoundException):
        client.describe_target_health(TargetGroupArn=arn.replace("loadbalancer", "targetgroup"))
    with pytest.raises(client.exceptions.ClientError, match="serves no CreateLoadBalancer"):
        client.create_load_balancer(Name="x")
