"""An Ingress behind a Global Accelerator: static addresses, real connections, boto3 to look."""

from collections import Counter

import boto3
import pytest

from infra.demo import manifests as demo
from localcloud.world.spec import WorldSpec, members_from
from tests.e2e.homes import embedded
from tests.e2e.manifests import ingress, namespace, workloads
from tests.e2e.site import CONFIG, open_site
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

HOST = "shop.aws.example.com"
NEAR = {"us-east-1": "eks-us", "ap-southeast-1": "eks-ap"}


@pytest.fixture(scope="module")
def site():
    """Two EKS members in two regions, with the shop's pods, class and a policy that asks for it."""
    spec = WorldSpec(members=members_from("eks-us,eks-ap"), operation_seconds=0.05)
    with open_site(spec) as opened, pytest.MonkeyPatch.context() as patch:
        for variable in (name for name in opened.env if name.startswith("AWS_")):
            patch.setenv(variable, opened.env[variable])  # for the home in this process
        (zone,) = boto3.client("route53").list_hosted_zones()["HostedZones"]
        policy = demo.policy_of_aws()
        policy["spec"]["dns"]["zones"][0]["name"] = zone["Id"].rpartition("/")[2]
        policy["spec"]["aws"] = {"accelerator": True}
        for member in opened.members:
            opened.apply(member, *workloads())
        opened.apply(CONFIG, namespace(), policy, demo.ingress_class())
        yield opened


def static(site):
    """The addresses in the source's status."""
    found = site.source()
    entries = (found.status.load_balancer.ingress or ()) if found else ()
    return [each.ip for each in entries if each.ip]


def answering(site, region, count=4):
    """Who answers clients of *region* how often, by DNS."""
    pages = [site.visitor(region).get(HOST) for _ in range(count)]
    return Counter((page.status, page.cluster) for page in pages)


def until_answered(site, expected):
    """Wait until clients of each region get all answers from the member *expected* there."""
    for region, member in expected.items():
        until(
            f"{member} to serve {region}",
            lambda region=region, member=member: answering(site, region) == {(200, member): 4},
            say=lambda: (site.conditions(), site.table()),
        )


def test_an_ingress_behind_an_accelerator(site, tmp_path):
    """Near clients are served near, a drained region by the other, and nothing is left."""
    api = boto3.client("globalaccelerator", region_name="us-west-2")
    with embedded(site, tmp_path / "store.sqlite"):
        site.apply(CONFIG, ingress(host=HOST))
        until("static addresses", lambda: len(static(site)) == 2, say=site.conditions)
        (made,) = api.list_accelerators()["Accelerators"]
        addresses = made["IpSets"][0]["IpAddresses"]
        assert static(site) == addresses
        until_answered(site, NEAR)
        until(
            "the host to lead to them",
            lambda: sorted(site.visitor("us-east-1").question(HOST)[1]) == sorted(addresses),
        )

        site.apply(CONFIG, ingress(host=HOST, annotations={"fedingress.dev/drain": "eks-us"}))
        until_answered(site, dict.fromkeys(NEAR, "eks-ap"))
        assert sorted(site.visitor("us-east-1").question(HOST)[1]) == sorted(addresses)
        site.apply(CONFIG, ingress(host=HOST))
        until_answered(site, NEAR)

        site.control.kill("eks-us")
        until_answered(site, dict.fromkeys(NEAR, "eks-ap"))
        site.control.revive("eks-us")
        until_answered(site, NEAR)
        site.withdraw()
    assert api.list_accelerators()["Accelerators"] == []
