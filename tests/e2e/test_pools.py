"""
Three GKE members under load: drained, taken away, rerouted and overflowing, without a lost request.

Two of them share a region and a zone, and two a VPC network. What the load balancer was told is
read by google-cloud-compute; the requests go through the data plane.
"""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from localcloud.world.spec import WorldSpec, members_from
from tests.e2e.homes import embedded
from tests.e2e.manifests import HOST, NAMESPACE, ingress, path, platform
from tests.e2e.site import CONFIG, open_site
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

MEMBERS = (
    "gke-us=gcp/us-central1/us-central1-a+us-central1-b/blue,"
    "gke-twin=gcp/us-central1/us-central1-a+us-central1-c/green,"
    "gke-eu=gcp/europe-west1/europe-west1-b+europe-west1-c/green"
)
REGIONS = ("us-central1", "europe-west1")


@pytest.fixture(scope="module")
def site():
    """The world, furnished."""
    spec = WorldSpec(members=members_from(MEMBERS), operation_seconds=0.05)
    with open_site(spec) as found:
        found.furnish()
        yield found


@pytest.fixture
def home(site, tmp_path):
    """An embedded home; at its end every Ingress was withdrawn by it."""
    with embedded(site, tmp_path / "store.sqlite") as running:
        yield running
        site.withdraw()


@pytest.fixture
def shop(site, home):
    """The shop, published and healthy in all three members."""
    site.apply(CONFIG, ingress())
    site.until_served()
    return site


class Met:
    """What steady visitors met."""

    def __init__(self):
        self.lock = threading.Lock()
        self.good = 0
        self.recent = Counter()
        self.failures = []

    def note(self, page):
        with self.lock:
            if page.status == 200:
                self.good += 1
                self.recent[page.cluster, page.app] += 1
            else:
                self.failures.append(page)

    def anew(self, count=60):
        """Who answered the next *count* requests."""
        with self.lock:
            self.recent.clear()
        until("requests", lambda: self.recent.total() >= count)
        with self.lock:
            return {cluster for cluster, _ in self.recent}, {app for _, app in self.recent}


@contextmanager
def visited(site, at="/"):
    """Visitors of a path in both regions, who ask again soon after they were answered."""
    met, over, address = Met(), threading.Event(), site.address()

    def visit(region):
        visitor = site.visitor(region)
        while not over.wait(0.01):
            met.note(visitor.get(HOST, at, address=address))

    threads = [threading.Thread(target=visit, args=(region,)) for region in REGIONS]
    for thread in threads:
        thread.start()
    try:
        until("requests", lambda: met.good > 20)
        yield met
    finally:
        over.set()
        for thread in threads:
            thread.join()


def scalers(site):
    """(cluster, scaler) of every group that is attached, as google-cloud-compute reads it."""
    owner = {}
    for member in site.members:
        for service in site.core(member).list_namespaced_service(NAMESPACE).items:
            for name in (
                (service.metadata.annotations or {}).get("cloud.google.com/neg", "").split('"')
            ):
                owner[name] = member
    return {
        (owner.get(entry["group"].rpartition("/")[2]), entry.get("capacity_scaler", 0.0))
        for service in site.listed("BackendServices")
        for entry in service["backends"]
    }


def test_a_member_is_drained_and_back_without_a_lost_request(shop):
    """Its twin in the same zone takes over; capacity 0 is what the load balancer was told."""
    with visited(shop) as met:
        shop.apply(CONFIG, ingress(annotations={"fedingress.dev/drain": "gke-us"}))
        until("the drain", lambda: shop.table()["gke-us"]["drained"], say=shop.table)
        told = scalers(shop)
        until("no request to it", lambda: "gke-us" not in met.anew()[0])
        during = met.anew(200)[0]
        shop.apply(CONFIG, ingress())
        until("it to serve again", lambda: "gke-us" in met.anew()[0])

    assert told == {("gke-us", 0.0), ("gke-twin", 1.0), ("gke-eu", 1.0)}
    assert during == {"gke-twin", "gke-eu"}
    assert met.failures == []
    assert not shop.table()["gke-us"]["drained"]


def test_a_member_is_taken_away_without_a_lost_request(shop):
    """The load balancer lets go first, then the member is emptied."""
    with visited(shop) as met:
        chosen = {"fedingress.dev/clusters": "gke-us,gke-twin"}
        shop.apply(CONFIG, ingress(annotations=chosen))
        until("the member to be empty", lambda: shop.ours("gke-eu") == [])
        until("no request to it", lambda: "gke-eu" not in met.anew()[0])
        left = met.anew(200)[0]

    assert left == {"gke-us", "gke-twin"}
    assert met.failures == []


def test_a_request_under_way_is_answered_by_a_member_that_goes(shop):
    """Connection draining: a slow answer comes, although new requests go elsewhere by then."""
    near = shop.visitor("europe-west1")
    policy, _ = platform()
    longer = {**policy["spec"]["backends"], "drainingSeconds": 30}
    shop.apply(CONFIG, {**policy, "spec": {**policy["spec"], "backends": longer}})
    until("the longer draining", lambda: draining(shop) == {30}, say=lambda: draining(shop))
    shop.world.wait(shop.world.world.data_plane.settled)  # a proxy keeps the time it began with
    shop.control.call("POST", "/workloads/gke-eu/shop/web/slow", {"seconds": 20.0})
    with ThreadPoolExecutor(max_workers=1) as pool:
        slow = pool.submit(near.get, HOST, address=shop.address())
        time.sleep(0.5)  # it has to be under way
        chosen = {"fedingress.dev/clusters": "gke-us,gke-twin"}
        shop.apply(CONFIG, ingress(annotations=chosen))
        until("the member to be empty", lambda: shop.ours("gke-eu") == [])
        others = {near.get(HOST, address=shop.address()).cluster for _ in range(10)}
        under_way = not slow.done()
        page = slow.result()
    shop.apply(CONFIG, policy)
    shop.control.call("POST", "/workloads/gke-eu/shop/web/slow", {"seconds": 0})

    assert (page.status, page.cluster) == (200, "gke-eu")
    assert under_way
    assert others == {"gke-us", "gke-twin"}


def draining(site):
    """The seconds that backend services give requests under way."""
    services = site.listed("BackendServices")
    return {each["connection_draining"]["draining_timeout_sec"] for each in services}


def test_a_paths_service_changes_without_a_lost_request(shop):
    """The new backend service stands before the map leads there, the old one goes after."""
    with visited(shop) as met:
        shop.apply(CONFIG, ingress(path("/", "api")))
        until("the other Service to answer", lambda: met.anew()[1] == {"api"})
        until("one backend service", lambda: len(shop.listed("BackendServices")) == 1)
        met.anew(100)

    assert met.failures == []


@pytest.fixture
def small(site, home):
    """The shop with one path, to web; the load balancer never saw another Service."""
    site.apply(CONFIG, ingress(path("/", "web")))
    site.until_served()
    return site


@pytest.mark.parametrize(
    ("at", "paths"),
    [
        pytest.param("/", [path("/", "api")], id="in the place of another"),
        pytest.param("/api/v1", [path("/", "web"), path("/api", "api")], id="below another's path"),
    ],
)
def test_a_service_that_was_never_seen_takes_over_without_a_lost_request(small, at, paths):
    """Routes go on leading to web until a checker found api healthy, and then all to api."""
    with visited(small, at) as met:
        small.apply(CONFIG, ingress(*paths))
        until("api to answer", lambda: met.anew()[1] == {"api"}, say=small.conditions)
        met.anew(100)

    assert met.failures == []


@pytest.fixture
def rated(site, home):
    """Two members of two endpoints each, and ten requests per second for each endpoint."""
    policy, *others = platform()
    policy["spec"]["backends"]["maxRatePerEndpoint"] = 10
    site.apply(CONFIG, policy, *others)
    site.apply(CONFIG, ingress(annotations={"fedingress.dev/clusters": "gke-us,gke-eu"}))
    site.until_served()
    yield site
    site.apply(CONFIG, *platform())


def paced(site, per_second, seconds=4.0):
    """Send so many requests per second from Europe; give each member's share of a second."""
    visitor, address, met = site.visitor("europe-west1"), site.address(), Counter()
    count = int(per_second * seconds)
    begin = time.monotonic()

    def ask(number):
        time.sleep(max(0.0, begin + number / per_second - time.monotonic()))
        page = visitor.get(HOST, address=address)
        return (page.cluster if page.status == 200 else "lost"), number

    with ThreadPoolExecutor(max_workers=16) as pool:
        for cluster, number in pool.map(ask, range(count)):
            if number >= per_second:  # the first second fills the window of the rates
                met[cluster] += 1
    return {cluster: hits / (seconds - 1) for cluster, hits in met.items()}


@pytest.mark.parametrize(("rate", "near", "far"), [(10, 10, 0), (30, 20, 10), (60, 30, 30)])
def test_what_the_near_region_cannot_take_overflows_to_the_next(rated, rate, near, far):
    """Two endpoints of ten a second each; above the capacity of both regions they share evenly."""
    told = {
        backend["max_rate_per_endpoint"]
        for service in rated.listed("BackendServices")
        for backend in service["backends"]
    }
    found = paced(rated, rate)

    assert told == {10.0}
    assert "lost" not in found
    assert abs(found.get("gke-eu", 0) - near) <= 0.2 * rate, found
    assert abs(found.get("gke-us", 0) - far) <= 0.2 * rate, found
