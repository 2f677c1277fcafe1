"""One world per worker, furnished once; every test leaves it as it found it."""

import pytest

from localcloud.world.spec import WorldSpec, members_from
from tests.e2e.homes import embedded
from tests.e2e.manifests import ingress
from tests.e2e.site import CONFIG, open_site


@pytest.fixture(scope="session")
def furnished():
    """A world of two GKE members and one EKS member, with the shop's pods, class and policy."""
    spec = WorldSpec(members=members_from("gke-us,gke-eu,eks-us"), operation_seconds=0.05)
    with open_site(spec) as site:
        site.furnish()
        yield site


@pytest.fixture
def site(furnished, tmp_path):
    """The furnished world; what a test leaves in it is its error, and gone before the next."""
    yield furnished
    furnished.control.call("DELETE", "/faults")
    left = furnished.leftovers()
    if left:
        with embedded(furnished, tmp_path / "sweeper.sqlite"):
            furnished.withdraw()
    assert left == []


@pytest.fixture
def home(site, tmp_path):
    """An embedded home over a store of its own; at its end every Ingress was withdrawn by it."""
    with embedded(site, tmp_path / "store.sqlite") as running:
        yield running
        site.withdraw()


@pytest.fixture
def shop(site, home):
    """The shop's Ingress, published, with every endpoint healthy."""
    site.apply(CONFIG, ingress())
    site.until_served()
    return site
