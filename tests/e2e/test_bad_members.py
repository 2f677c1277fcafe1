"""Members that are down, slow or refuse us: told, waited for, and no reason for others to wait."""

import pytest

from localcloud.world.spec import WorldSpec, members_from
from tests.e2e.homes import embedded
from tests.e2e.manifests import HOST, ingress, path
from tests.e2e.site import CONFIG, open_site
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow, pytest.mark.xdist_group("e2e-bad-members")]

SICK = {
    "down": ("unreachable", "Unreachable"),
    "slow": ("unreachable", "Unreachable"),
    "refuse": ("failed", "Forbidden"),
}
MEMBERS = (
    "gke-us,gke-down=gcp/europe-west1/europe-west1-b,gke-slow=gcp/asia-east1/asia-east1-a,"
    "gke-refuse=gcp/us-east4/us-east4-a"
)


@pytest.fixture(scope="module")
def sick(tmp_path_factory):
    """A world with one healthy member and one of each kind of bad ones, and a home."""
    spec = WorldSpec(members=members_from(MEMBERS), operation_seconds=0.05)
    store = tmp_path_factory.mktemp("sick") / "store.sqlite"
    with open_site(spec) as site, embedded(site, store):
        site.furnish()
        for condition in SICK:
            site.control.api(f"gke-{condition}", condition, seconds=30.0)
        yield site
        site.withdraw()


def rows(site):
    """State and reason of each member."""
    return {name: (row["state"], row["reason"]) for name, row in site.table().items()}


def test_bad_members_are_told_the_others_serve_and_recovery_needs_nobody(sick):
    """One story: three kinds of trouble, service from the healthy one, recovery, trouble again."""
    site, expected = sick, {f"gke-{condition}": told for condition, told in SICK.items()}
    site.apply(CONFIG, ingress())
    until(
        "every member's row",
        lambda: rows(site) == {"gke-us": ("placed", "Applied"), **expected},
        say=lambda: (site.conditions(), site.table()),
    )
    until("the healthy one to be published", lambda: site.verdicts()["Published"] == "True")
    degraded = site.conditions()["Degraded"]
    pages = [site.visitor(region).get(HOST) for region in ("us-central1", "europe-west1")]

    assert degraded["status"] == "True"
    assert all(name in degraded["message"] for name in expected)
    assert [(page.status, page.cluster) for page in pages] == [(200, "gke-us")] * 2

    for member in expected:
        site.control.api(member, "up")
    site.until_served()
    assert set(rows(site).values()) == {("placed", "Applied")}
    far = site.visitor("europe-west1")
    until("the recovered one to serve", lambda: far.get(HOST).cluster == "gke-down")

    # A control plane that goes away takes no endpoint with it, while the others are changed.
    site.control.api("gke-down", "down")
    site.apply(CONFIG, ingress(path("/", "web"), path("/api", "api"), path("/v2", "api")))
    until(
        "the trouble and the change",
        lambda: (
            rows(site)["gke-down"][0] == "unreachable"
            and far.get(HOST, "/v2/items").app == "api"
        ),
        say=lambda: (site.conditions(), site.table()),
    )
    assert far.get(HOST).cluster == "gke-down"
    assert len(site.networking("gke-us").read_namespaced_ingress("shop", "shop").spec.rules) == 1
    site.control.api("gke-down", "up")
    until("its copy to follow", lambda: len(paths(site, "gke-down")) == 3)
    site.until_served()


def paths(site, member):
    """The paths of the copy in a member."""
    copy = site.networking(member).read_namespaced_ingress("shop", "shop")
    return [each.path for each in copy.spec.rules[0].http.paths]
