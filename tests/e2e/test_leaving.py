"""A member that leaves by marks written by hand: drained first, then gone, and nobody loses."""

import threading
from collections import Counter

import pytest
from kubernetes import client

from tests.e2e.manifests import HOST
from tests.e2e.site import CONFIG
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

PLACE = ("multicluster.x-k8s.io", "v1alpha1", "fedingress-inventory", "clusterprofiles")
MEMBER = "gke-eu"


def mark(site, **annotations):
    """Somebody writes annotations on the member's profile; None takes one off."""
    named = {f"fedingress.dev/{name}": value for name, value in annotations.items()}
    api = client.CustomObjectsApi(site.api(CONFIG))
    api.patch_namespaced_custom_object(*PLACE, MEMBER, {"metadata": {"annotations": named}})


@pytest.fixture
def leaving(shop):
    """The published shop; the member is back after the test."""
    yield shop
    mark(shop, drain=None, leaving=None)


class Load:
    """Requests from the member's own region, one after the other, as long as this is open."""

    def __init__(self, site):
        self.statuses, self.clusters = Counter(), Counter()
        self._visitor, self._address = site.visitor("europe-west1"), site.address()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._over.is_set():
            page = self._visitor.get(HOST, address=self._address)
            self.statuses[page.status] += 1
            self.clusters[page.cluster] += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


def test_drained_and_taken_out_by_two_marks_no_request_is_lost(leaving):
    """Requests move to the other member with the first mark; the second empties the member."""
    with Load(leaving) as load:
        until("the load to arrive", lambda: load.clusters[MEMBER])
        mark(leaving, drain="true")
        until("it to be drained", lambda: leaving.table()[MEMBER]["drained"])
        until("requests to have moved", lambda: load.clusters["gke-us"])
        before = leaving.ours(MEMBER)
        mark(leaving, leaving="true")
        until("it to be empty", lambda: not leaving.ours(MEMBER), say=leaving.table)
        row = leaving.table()[MEMBER]
    mark(leaving, drain=None, leaving=None)
    until("it to be back", lambda: leaving.is_healthy() and len(leaving.ours(MEMBER)) == 3)

    assert len(before) == 3
    assert (row["state"], row["reason"]) in {("ineligible", "Leaving"), ("removing", "Removing")}
    assert set(load.statuses) == {200}
