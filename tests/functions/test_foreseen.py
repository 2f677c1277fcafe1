"""
A dry run of an Ingress of topology `aws` that is new: what is known is shown, the rest is said.

Aspects: a new one; with an accelerator; with checks; a member that joins; nothing written.
"""

import pytest

from fedingress.domain.change import as_json
from fedingress.runtime.previews import Preview, of_source
from tests.functions.regions import EKS, HOST, HOSTED, POLICY, Regions
from tests.functions.world import KEY, ingress_manifest, member

DNS = POLICY["dns"]
CHECK = {"protocol": "HTTP", "port": 8080, "paths": ["/ok"], "intervalSeconds": 10}
LATER = "decided when eks-ap, eks-us have addresses"
UNKNOWN = "(known after apply)"


def planned(world: Regions) -> Preview:
    """What would change; asking writes nothing."""
    mark = world.mark()
    found = of_source(KEY, world.ports)
    assert world.since(mark) == []
    assert (world.checks.calls, world.accelerators.calls) == ([], [])
    return found


def new(**policy: object) -> Preview:
    """The shop, submitted and not looked at yet."""
    world = Regions()
    world.install(**policy)
    world.sources.put(ingress_manifest(host=HOST))
    return planned(world)


def what(preview: Preview, concern: str) -> list[str]:
    """Actions and things of one concern."""
    listed = (as_json(each) for each in preview.plans[concern])
    return [f"{each['action']} {each['what']}" for each in listed]


def test_a_new_one_shows_copies_hosts_and_marks():
    """Hosts with their marks; pools are named after addresses, so they are said to come."""
    found = new()
    records = what(found, "dns")

    assert what(found, "fanout") == [
        "create eks-ap: Ingress shop/shop",
        "create eks-us: Ingress shop/shop",
    ]
    assert f"create A {HOST}" in records
    assert sum(each.startswith("create A fed-") for each in records) == 1
    assert sum(each.startswith("create TXT _fedingress-") for each in records) == 2
    assert len(records) == 4
    assert found.plans["dns"].held == (f"records that choose among members (latency): {LATER}",)


def test_a_new_one_behind_an_accelerator_shows_it_with_its_regions():
    """The endpoints are the load balancers that members will make."""
    found = new(aws={"accelerator": True})
    (created,) = (as_json(each) for each in found.plans["backends"])

    assert created["action"] == "create"
    assert created["what"].startswith("accelerator fi-")
    shown = str(created["desired"])
    assert f"load balancer of eks-us {UNKNOWN}" in shown
    assert "ap-southeast-1" in shown


@pytest.mark.parametrize(
    ("check", "told"),
    [
        (CHECK, "health checks (HTTP port 8080 /ok every 10 s)"),
        ({"protocol": "TCP", "port": 80}, "health checks (TCP port 80 every 30 s)"),
    ],
)
def test_a_new_one_with_checks_says_which(check, told):
    """They look at addresses that are not there yet."""
    found = new(dns={**DNS, "healthCheck": check})
    assert found.plans["dns"].held[1] == f"{told}: made when eks-ap, eks-us have addresses"


def test_what_is_planned_is_what_comes():
    """Every host and mark of the plan stands in the end."""
    world = Regions()
    world.install()
    world.sources.put(ingress_manifest(host=HOST))
    planned_records = {each.removeprefix("create ") for each in what(planned(world), "dns")}
    world.submit_shop()

    assert planned_records <= {record.label for record in world.records.list(HOSTED)}
    assert of_source(KEY, world.ports).changes == 0


def test_a_member_that_joins_is_shown_beside_those_that_serve():
    """Its copy comes; the records that will lead to it are said to come."""
    world = Regions((*EKS, member("eks-eu", provider="aws", region="eu-west-1")))
    world.install()
    two = {"annotations": {"fedingress.dev/clusters": "eks-us,eks-ap"}}
    world.submit_shop(metadata=two)
    world.sources.put(ingress_manifest(host=HOST))
    found = planned(world)

    assert what(found, "fanout") == ["create eks-eu: Ingress shop/shop"]
    assert any("eks-eu have addresses" in each for each in found.plans["dns"].held)
    assert [each for each in what(found, "dns") if "_p-" in each] == []
