"""
An Ingress's life in the home on AWS: watchers, SNS, SQS, Lambda functions on their own roles.

Only events lead to it: the functions see what the queues deliver, under AWS's own runtime client.
"""

import pytest

from localcloud.homes import HomeError
from localcloud.world.spec import WorldSpec, members_from
from tests.e2e.manifests import HOST, ingress
from tests.e2e.site import CONFIG, open_site
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow, pytest.mark.timeout(600)]
_COLD = 240.0


@pytest.fixture(scope="module")
def site():
    """A world whose functions run as on AWS; nothing is left in it at the end."""
    spec = WorldSpec(
        members=members_from("gke-us,gke-eu"),
        operation_seconds=0.05,
        functions=("fedingress", "serve"),
        home="aws",
        tick_seconds=2.0,
    )
    try:
        with open_site(spec) as made:
            made.furnish()
            yield made
            made.withdraw()
    except HomeError as error:
        if "cannot be installed" in str(error):
            pytest.skip(str(error))
        raise


def test_one_ingress_is_served_edited_and_withdrawn(site):
    """It is published with every endpoint healthy, an edit arrives; DynamoDB has the state."""
    site.apply(CONFIG, ingress())
    until("it to be served", lambda: _served(site), seconds=_COLD, say=site.conditions)
    for region, member in (("us-central1", "gke-us"), ("europe-west1", "gke-eu")):
        assert site.visitor(region).get(HOST, "/").cluster == member

    site.apply(CONFIG, ingress(labels={"tier": "front"}))

    def copied():
        found = site.networking("gke-eu").read_namespaced_ingress("shop", "shop")
        return (found.metadata.labels or {}).get("tier") == "front"

    until("the edit to reach the members", copied)
    home = site.world.world.home
    table = site.env["FEDINGRESS_STORE"].removeprefix("dynamodb:")
    assert home.client("dynamodb").scan(TableName=table, Limit=5)["Items"]


def _served(site):
    return site.is_healthy() and site.verdicts().get("Published") == "True"
