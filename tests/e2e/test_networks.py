"""
Three GKE members in two regions and two VPC networks, whose firewalls are closed but for our rules.

The lab's probers and proxies reach a pod only where a rule of its network lets them reach its node.
"""

import pytest

from localcloud.world.spec import WorldSpec, members_from
from tests.e2e.homes import embedded
from tests.e2e.manifests import HOST, ingress
from tests.e2e.site import CONFIG, PROJECT, open_site
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

MEMBERS = (
    "gke-us=gcp/us-central1/us-central1-a/blue,"
    "gke-twin=gcp/us-central1/us-central1-a+us-central1-b/green,"
    "gke-eu=gcp/europe-west1/europe-west1-b/green"
)


@pytest.fixture(scope="module")
def site():
    """The world, furnished."""
    with open_site(WorldSpec(members=members_from(MEMBERS), operation_seconds=0.05)) as found:
        found.furnish()
        yield found


@pytest.fixture
def shop(site, tmp_path):
    """The shop, published and healthy in all three members; nothing of ours is left after it."""
    with embedded(site, tmp_path / "store.sqlite") as home:
        site.home = home
        site.apply(CONFIG, ingress())
        site.until_served()
        yield site
        site.withdraw()


def rules(site):
    """Target tags of every rule by network, as google-cloud-compute reads them."""
    return {
        rule["network"].rpartition("/")[2]: sorted(rule.get("target_tags") or ())
        for rule in site.listed("Firewalls")
        if rule["name"] != "theirs"
    }


def answering(site, count=30):
    """The members that answer visitors of both regions."""
    found = set()
    for region in ("us-central1", "europe-west1"):
        visitor = site.visitor(region)
        found |= {visitor.get(HOST, address=site.address()).cluster for _ in range(count)}
    return found


def test_every_network_is_open_for_its_members_nodes(shop):
    """One rule in each, for the nodes' tags; real requests reach all three members."""
    assert rules(shop) == {
        "blue": ["gke-gke-us-node"],
        "green": ["gke-gke-eu-node", "gke-gke-twin-node"],
    }
    assert answering(shop) == {"gke-us", "gke-twin", "gke-eu"}


def test_a_rule_that_somebody_narrows_is_mended(shop):
    """Without its tag a member is not reached any more; the next look gives it back."""
    from fedingress.domain.work import Work

    firewalls = shop.compute("Firewalls")
    (green,) = [rule for rule in firewalls.list(project=PROJECT) if rule.network.endswith("green")]
    green.target_tags = ["gke-gke-twin-node"]
    firewalls.update_unary(project=PROJECT, firewall=green.name, firewall_resource=green)
    until("Europe to be cut off", lambda: answering(shop, 5) == {"gke-us", "gke-twin"})
    works = [Work(concern="backends", unit=f"firewall:{PROJECT}/green", cause="repair")]
    shop.home.home.bus.publish(works)

    until("Europe to be back", lambda: "gke-eu" in answering(shop, 5))
    assert rules(shop)["green"] == ["gke-gke-eu-node", "gke-gke-twin-node"]


def test_the_rule_of_a_network_goes_with_its_last_member_and_theirs_stays(shop):
    """Nobody fails meanwhile; a rule of others in the same network is not touched."""
    from google.cloud import compute_v1

    theirs = compute_v1.Firewall(
        name="theirs",
        network=f"projects/{PROJECT}/global/networks/blue",
        source_ranges=["192.0.2.0/24"],
        allowed=[compute_v1.Allowed(I_p_protocol="tcp")],
    )
    firewalls = shop.compute("Firewalls")
    firewalls.insert_unary(project=PROJECT, firewall_resource=theirs)
    chosen = {"fedingress.dev/clusters": "gke-twin"}
    shop.apply(CONFIG, ingress(annotations=chosen))
    visitor, statuses = shop.visitor("us-central1"), set()

    def closed():
        statuses.add(visitor.get(HOST, address=shop.address()).status)
        return rules(shop) == {"green": ["gke-gke-twin-node"]}

    until("the rules to be narrow", closed)
    assert statuses == {200}
    assert answering(shop, 5) == {"gke-twin"}
    assert firewalls.get(project=PROJECT, firewall="theirs").source_ranges == ["192.0.2.0/24"]
    firewalls.delete_unary(project=PROJECT, firewall="theirs")
