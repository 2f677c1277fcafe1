"""`fedingress plan` and `why` of topology `aws`: before load balancers are there, and after."""

import boto3
import pytest
import yaml

from infra.demo import manifests as demo
from localcloud.world.running import running_world
from localcloud.world.spec import WorldSpec, members_from
from tests.doors import shop
from tests.e2e.manifests import ingress
from tests.localcloud.gce import until, variables

pytestmark = pytest.mark.wire

EKS = members_from("eks-us,eks-ap")
HOST = "shop.aws.example.com"
CHECK = {"protocol": "TCP", "port": 80, "intervalSeconds": 10}
COMING = "when eks-ap, eks-us have addresses"


def policy(zone, routing):
    """The demo's, with a check."""
    made = demo.policy_of_aws()
    made["spec"]["dns"]["zones"][0]["name"] = zone
    made["spec"]["dns"] |= {"routing": routing, "healthCheck": CHECK}
    return made


@pytest.fixture(scope="module")
def regions(tmp_path_factory):
    """A config cluster with class and policy, two EKS members with the shop's pods, one store."""
    store = tmp_path_factory.mktemp("store") / "store.sqlite"
    with running_world(WorldSpec(members=EKS, operation_seconds=0.02)) as world:
        env = world.env() | {"FEDINGRESS_STORE": f"sqlite:{store}"}
        with variables(env):
            (zone,) = boto3.client("route53").list_hosted_zones()["HostedZones"]
            for member in EKS:
                shop.put(world, member.name, *shop.documents(*shop.WORKLOAD))
            shop.put(world, "config", *shop.documents("Namespace"), demo.ingress_class())
            shop.put(world, "config", policy(zone["Id"].rpartition("/")[2], "latency"))
            yield world


def test_a_plan_of_a_new_ingress_tells_what_is_known_and_what_comes(regions, fedingress, tmp_path):
    """Hosts, marks and copies; what depends on load balancers is told; nothing is made."""
    manifest = ingress(host=HOST)
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    machines = fedingress("plan", "-f", tmp_path, "-o", "json")
    people = fedingress("plan", "-f", tmp_path)

    assert (machines.code, people.code) == (2, 2)
    (found,) = machines.json
    planned = {
        concern: [(each["action"], each["what"]) for each in rows["changes"]]
        for concern, rows in found["concerns"].items()
    }
    assert planned["fanout"] == [
        ("create", "eks-ap: Ingress shop/shop"),
        ("create", "eks-us: Ingress shop/shop"),
    ]
    assert ("create", f"A {HOST}") in planned["dns"]
    assert len(planned["dns"]) == 4
    assert found["concerns"]["dns"]["held"] == [
        f"records that choose among members (latency): decided {COMING}",
        f"health checks (TCP port 80 every 10 s): made {COMING}",
    ]
    lines = people.out.splitlines()
    assert lines[0] == f"shop/shop: {sum(map(len, planned.values()))} changes"
    assert f"  dns      + A {HOST}" in people.out
    assert f"  dns      ! health checks (TCP port 80 every 10 s): made {COMING}" in lines
    assert regions.clusters["config"].get(shop.INGRESSES, "shop", "shop") is None
    assert boto3.client("route53").list_health_checks()["HealthChecks"] == []


def test_why_tells_tree_pool_weights_checks_and_shares(regions, fedingress):
    """What stands in the zone, and beside it what members have and deserve."""
    shop.put(regions, "config", ingress(host=HOST))

    def found():
        fedingress("repair", "shop", "--apply")
        (answer,) = fedingress("why", HOST, "--region", "ap-southeast-1", "-o", "json").json
        serving = {row["cluster"] for row in answer["shares"] if row["share"] == 1}
        checked = [line for line in answer["lines"] if line.endswith(" healthy")]
        return answer if serving == {"eks-us", "eks-ap"} and len(checked) == 2 else None

    answer = until(found, "both members to serve, by their checks", 90)
    people = fedingress("why", HOST, "--region", "ap-southeast-1")

    root, chosen, tree, first, second = answer["lines"]
    assert root == f"{HOST} A"
    assert chosen.strip().startswith("alias of _t-")
    assert tree.strip().startswith("ap-southeast-1: nearest to ap-southeast-1; alias of _p-")
    assert first.strip().startswith("eks-ap: 100.0% (weight 255), alias of k8s-")
    assert second.strip().startswith("eks-us: 0.0% (weight 0), alias of k8s-")
    assert all(", check " in each for each in (first, second))
    weights = {row["cluster"]: row["weight"] for row in answer["shares"]}
    assert weights == {"eks-us": 255, "eks-ap": 255}
    lines = people.out.splitlines()
    assert lines[0] == answer["zone"]
    assert lines[-2:] == [
        "  eks-ap has 100.0% and deserves 100.0%",
        "  eks-us has 100.0% and deserves 100.0%",
    ]
