"""Who is filled first, and how a member comes up, with real requests and Google's client."""

import time

import pytest

from tests.e2e.manifests import HOST, ingress, platform
from tests.e2e.site import CONFIG
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

EU = "europe-west1"


@pytest.fixture
def tuned(shop):
    """The published shop; the policy is as ever again after the test."""
    yield shop
    shop.apply(CONFIG, *platform())


def policy(backends=None, **spec):
    """The policy with more in its spec."""
    found = platform()[0]
    merged = {**found["spec"]["backends"], **(backends or {})}
    return {**found, "spec": {**found["spec"], **spec, "backends": merged}}


def scaler(site, region):
    """The one capacityScaler of a region's groups."""
    found = {
        round(entry["capacity_scaler"], 3)
        for item in site.listed("BackendServices")
        for entry in item["backends"]
        if f"/zones/{region}-" in entry["group"]
    }
    return found.pop() if len(found) == 1 else None


def answering(site, region):
    """The member that answers a visitor of *region*."""
    return site.visitor(region).get(HOST).cluster


def test_preferred_members_are_filled_first_wherever_clients_are(tuned):
    """Visitors of the other region go there too, and come back with the policy's word."""
    near = answering(tuned, "us-central1")
    tuned.apply(CONFIG, policy({"preferred": {"clusters": ["gke-eu"]}}))
    until("Europe to be preferred", lambda: answering(tuned, "us-central1") == "gke-eu")
    said = {
        entry.get("preference")
        for item in tuned.listed("BackendServices")
        for entry in item["backends"]
        if f"/zones/{EU}-" in entry["group"]
    }
    tuned.apply(CONFIG, policy())
    until("the nearest again", lambda: answering(tuned, "us-central1") == "gke-us")

    assert near == "gke-us"
    assert said == {"PREFERRED"}


def test_preferred_members_overflow_at_their_rate(tuned):
    """Two endpoints of 10 requests a second each: of 30 a second from far away, 10 go elsewhere."""
    preferred = {"preferred": {"clusters": ["gke-eu"]}, "maxRatePerEndpoint": 10}
    tuned.apply(CONFIG, policy(preferred))
    until("Europe to be preferred", lambda: answering(tuned, "us-central1") == "gke-eu")
    visitor, seen = tuned.visitor("us-central1"), {"gke-us": 0, "gke-eu": 0}
    address = tuned.address()
    begun = time.monotonic()
    for number in range(150):
        time.sleep(max(0.0, begun + number / 30 - time.monotonic()))
        seen[visitor.get(HOST, address=address).cluster] += 1
    rate = 150 / (time.monotonic() - begun)

    if rate > 25:  # a slower machine does not send enough to overflow
        assert seen["gke-us"] > 15, (seen, rate)
    assert seen["gke-eu"] > 75, (seen, rate)


def test_a_member_comes_up_by_steps(tuned):
    """No longer drained it goes 0, 0.1, 0.5, 1, each for a while, and requests never fail."""
    tuned.apply(CONFIG, policy(rollout={"steps": [0.1, 0.5], "stepSeconds": 1}))
    tuned.apply(CONFIG, ingress(annotations={"fedingress.dev/drain": "gke-eu"}))
    until("Europe to be drained", lambda: scaler(tuned, EU) == 0)
    tuned.apply(CONFIG, ingress(annotations={}))
    seen, statuses, visitor = [], set(), tuned.visitor(EU)
    deadline = time.monotonic() + 60
    while (not seen or seen[-1] != 1) and time.monotonic() < deadline:
        found = scaler(tuned, EU)
        statuses.add(visitor.get(HOST, address=tuned.address()).status)
        if found is not None and (not seen or seen[-1] != found):
            seen.append(found)

    assert seen == [0, 0.1, 0.5, 1]
    assert statuses == {200}
