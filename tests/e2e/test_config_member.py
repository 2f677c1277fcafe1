"""The config cluster is a member too: the source stays itself, its copy stands beside it."""

import pytest

from localcloud.world.spec import WorldSpec, members_from
from tests.e2e.homes import embedded
from tests.e2e.manifests import HOST, NAMESPACE, ingress
from tests.e2e.site import CONFIG, open_site

pytestmark = [pytest.mark.wire, pytest.mark.slow]


def test_a_config_cluster_that_is_a_member_holds_source_and_copy(tmp_path):
    """The copy has another name; both regions are served; deletion leaves nothing."""
    spec = WorldSpec(
        members=members_from("gke-us,gke-eu"), config_is_member=True, operation_seconds=0.05
    )
    with open_site(spec) as site, embedded(site, tmp_path / "store.sqlite"):
        site.furnish()
        site.apply(CONFIG, ingress())
        site.until_served()
        listed = site.networking("gke-us").list_namespaced_ingress(NAMESPACE).items
        classes = {item.metadata.name: item.spec.ingress_class_name for item in listed}
        near = {
            region: site.visitor(region).get(HOST).cluster
            for region in ("us-central1", "europe-west1")
        }
        copies = [name for name in classes if name != "shop"]
        site.withdraw()

        assert classes["shop"] == "federated"
        assert len(copies) == 1
        assert copies[0].startswith("shop-fed-")
        assert classes[copies[0]] == "fedingress-member"
        assert near == {"us-central1": "gke-us", "europe-west1": "gke-eu"}
        assert site.leftovers() == []
