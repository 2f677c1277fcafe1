"""Two GKE members side by side in the same two zones, and a third one elsewhere."""

import pytest

from localcloud.world.spec import WorldSpec, members_from
from tests.e2e.homes import embedded
from tests.e2e.manifests import HOST, ingress, path
from tests.e2e.site import CONFIG, PROJECT, open_site
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

ZONES = ["us-central1-a", "us-central1-b"]
MEMBERS = (
    "gke-us=gcp/us-central1/us-central1-a+us-central1-b,"
    "gke-twin=gcp/us-central1/us-central1-a+us-central1-b,"
    "gke-eu=gcp/europe-west1/europe-west1-b"
)


@pytest.fixture
def shop(tmp_path):
    """The web part of the shop, published and healthy in all three members."""
    spec = WorldSpec(members=members_from(MEMBERS), operation_seconds=0.05)
    with open_site(spec) as site:
        site.furnish()
        with embedded(site, tmp_path / "store.sqlite"):
            site.apply(CONFIG, ingress(path("/", "web")))
            site.until_served()
            yield site
            site.withdraw()


def groups(site) -> dict[tuple[str, str], int]:
    """Endpoints of every endpoint group by (zone, name), as google-cloud-compute lists them."""
    found = {}
    client = site.compute("NetworkEndpointGroups")
    for scope, listed in client.aggregated_list(project=PROJECT):
        for group in listed.network_endpoint_groups:
            found[scope.removeprefix("zones/"), group.name] = int(group.size)
    return found


def attached(site) -> set[tuple[str, str]]:
    """(zone, name) of every backend of the one backend service."""
    (service,) = site.listed("BackendServices")
    parts = [entry["group"].split("/") for entry in service["backends"]]
    return {(part[-3], part[-1]) for part in parts}


def answering(site, count=40) -> set[str]:
    """The members that answer visitors of the shared region; every request is answered."""
    visitor = site.visitor("us-central1")
    pages = [visitor.get(HOST, address=site.address()) for _ in range(count)]
    assert {page.status for page in pages} == {200}
    return {page.cluster for page in pages}


def test_members_that_share_zones_have_groups_of_their_own_and_share_the_traffic(shop):
    """Each zone holds a group of each; one member that leaves takes its own and no other's."""
    before = groups(shop)
    names = {name for _, name in before}
    by_zone = {zone: {name for at, name in before if at == zone} for zone in ZONES}
    both = answering(shop)
    left = shop.table()
    edited = ingress(path("/", "web"), annotations={"fedingress.dev/clusters": "gke-us,gke-eu"})
    shop.apply(CONFIG, edited)
    until("the twin to be left", lambda: len(attached(shop)) == 3, say=lambda: attached(shop))
    until("its groups to go", lambda: len(groups(shop)) == 3, say=lambda: groups(shop))
    shop.until_served()

    assert len(names) == 3
    assert by_zone[ZONES[0]] == by_zone[ZONES[1]]
    assert len(by_zone[ZONES[0]]) == 2
    assert sum(before.values()) == sum(row["endpoints"] for row in left.values()) == 6
    assert both == {"gke-us", "gke-twin"}
    assert attached(shop) == set(groups(shop)) < set(before)
    assert answering(shop) == {"gke-us"}
