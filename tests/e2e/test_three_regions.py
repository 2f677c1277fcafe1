"""Four EKS members in three regions, two of them in one: seen by boto3, DNS and real requests."""

import pytest

from localcloud.world.spec import MemberSpec, members_from
from tests.e2e.homes import embedded
from tests.e2e.regional import HOST, open_regions, shop
from tests.e2e.site import CONFIG
from tests.e2e.waiting import holds, until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

US, EU, AP = "us-east-1", "eu-west-1", "ap-southeast-1"
TWIN = MemberSpec(name="eks-twin", provider="aws", region=US, zones=("us-east-1c",))
EUROPE = MemberSpec(name="eks-eu", provider="aws", region=EU, zones=("eu-west-1a",))
MEMBERS = ("eks-us", "eks-twin", "eks-eu", "eks-ap")
NEAR = {US: {"eks-us", "eks-twin"}, EU: {"eks-eu"}, AP: {"eks-ap"}}
EQUAL = {region: dict.fromkeys(members, 255) for region, members in NEAR.items()}


@pytest.fixture(scope="module")
def regions():
    """One world for this module."""
    with open_regions((*members_from("eks-us,eks-ap"), TWIN, EUROPE)) as site:
        yield site


def met(site, region, count=30):
    """Who answers clients of *region*, by DNS, in so many visits; statuses where it was not 200."""
    pages = [site.visitor(region).get(HOST) for _ in range(count)]
    return {page.cluster if page.status == 200 else page.status for page in pages}


def until_met(site, expected):
    """Wait until clients of each region meet exactly the members *expected* there."""
    for region, members in expected.items():
        until(
            f"clients of {region} to meet {sorted(members)}",
            lambda region=region, members=members: met(site, region) == members,
            say=lambda region=region: (met(site, region), site.weights(), site.table()),
        )


def shares(site):
    """Region -> the weights above zero in the pool that clients near it are led to."""
    found = [each for each in site.record_sets() if each["Type"] == "A"]
    (tree,) = (each["AliasTarget"]["DNSName"] for each in found if each["Name"] == f"{HOST}.")
    entries = [each for each in found if each["Name"] == tree]
    pools = site.weights()
    led = {each["Region"]: pools[each["AliasTarget"]["DNSName"]] for each in entries}
    assert len(led) == len(entries), "one entry for a region"
    return {region: {name: w for name, w in pool.items() if w} for region, pool in led.items()}


def test_members_of_one_region_are_one_pool_and_health_alone_moves_clients(regions, tmp_path):
    """Shared in the region, next region when both are dead, and no function has to run for it."""
    site, store = regions, tmp_path / "store.sqlite"
    with embedded(site, store):
        site.apply(CONFIG, shop())
        until_met(site, NEAR)
        until("equal weights in every pool", lambda: shares(site) == EQUAL, say=site.weights)
        until(
            "a table of four",
            lambda: (
                {name for name, row in site.table().items() if row["weight"]} == {*site.members}
            ),
            say=site.table,
        )
        until_met(site, NEAR)
    site.forget_calls()

    site.control.kill("eks-us")
    try:
        until_met(site, NEAR | {US: {"eks-twin"}})
        site.control.kill("eks-twin")
        until_met(site, NEAR | {US: {"eks-eu"}})
    finally:
        site.control.revive("eks-us")
        site.control.revive("eks-twin")
    until_met(site, NEAR)
    assert site.calls() == 0, "somebody of ours helped"

    with embedded(site, store):
        assert holds(lambda: site.calls() == 0, seconds=3), site.control.call("GET", "/calls")
        site.apply(CONFIG, shop(annotations={"fedingress.dev/drain": "eks-twin"}))
        until_met(site, NEAR | {US: {"eks-us"}})
        site.withdraw()
    assert site.record_sets() == []
