"""Traffic follows health while no function of ours runs."""

import pytest

from tests.e2e.homes import embedded
from tests.e2e.manifests import HOST, ingress
from tests.e2e.site import CONFIG
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

PATHS = ("/", "/api")


def answering(client):
    """Status and cluster of the answers to one request for every path."""
    pages = [client.get(HOST, at) for at in PATHS]
    return {(page.status, page.cluster) for page in pages}


def test_health_checks_alone_move_traffic_away_from_a_dead_cluster_and_back(site, tmp_path):
    """No home runs: a cluster's pods die, its region is served from afar, and back when revived."""
    store = tmp_path / "store.sqlite"
    client = site.visitor("us-central1")
    with embedded(site, store):
        site.apply(CONFIG, ingress())
        site.until_served()
    site.forget_calls()
    assert client.get(HOST).cluster == "gke-us"

    site.control.kill("gke-us")
    try:
        until("the far cluster to answer", lambda: answering(client) == {(200, "gke-eu")})
        pages = [client.get(HOST, at) for at in PATHS * 15]
        assert {(page.status, page.cluster) for page in pages} == {(200, "gke-eu")}
    finally:
        site.control.revive("gke-us")
    until("the near cluster to answer again", lambda: answering(client) == {(200, "gke-us")})

    assert site.calls() == 0, "somebody of ours helped"
    with embedded(site, store):
        site.withdraw()
