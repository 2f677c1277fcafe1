"""
What Cloud DNS answers by routing policies, and how it finds out who is healthy.

Source: dns v1 ``RRSetRoutingPolicy``; compute v1 ``HealthCheck``; Cloud DNS, "DNS routing policies
and health checks".
"""

import asyncio
import random
from collections import Counter
from types import SimpleNamespace

import pytest

from localcloud.gcp.answering import Answering
from localcloud.gcp.endpoint_checks import EndpointChecks
from localcloud.gcp.endpoint_probes import probe

PATH = "projects/lab/global/healthChecks/hc"
CHECK = f"https://www.googleapis.com/compute/v1/{PATH}"
ONE, TWO, THREE = "127.0.0.11", "127.0.0.12", "127.0.0.13"
NEAR = {"eu": ["europe-west1", "us-east1", "asia-east1"], "us": ["us-east1", "europe-west1"]}


def checked(*ends, **more):
    """An item with checked endpoints."""
    return {"healthCheckedTargets": {"externalEndpoints": list(ends)}, **more}


def record_set(**policy):
    """A set with a checked policy."""
    named = {"name": "w.example.com.", "type": "A", "ttl": 30}
    return {**named, "routingPolicy": {"healthCheck": CHECK, **policy}}


WRR = record_set(wrr={"items": [checked(ONE, weight=3.0), checked(TWO, weight=1.0)]})
IDLE = record_set(wrr={"items": [checked(ONE, weight=1), checked(TWO, weight=0)]})
PLACES = [
    checked(ONE, location="europe-west1"),
    checked(TWO, THREE, location="us-east1"),
]
GEO = record_set(geo={"items": PLACES})
FENCED = record_set(geo={"enableFencing": True, "items": PLACES})
BACKUP = record_set(
    primaryBackup={
        "primaryTargets": {"externalEndpoints": [ONE]},
        "backupGeoTargets": {"items": [checked(TWO, location="us-east1")]},
    }
)


class Servers:
    """Name servers, and who is dead."""

    def __init__(self):
        self.dead = set()
        self.answering = Answering(
            healthy=lambda check, end: (check, end) not in {(PATH, each) for each in self.dead},
            near=lambda client, places: [p for p in NEAR[client] if p in {*places}],
            chance=random.Random(7),
        )

    def ask(self, found, client="eu", times=1):
        """Answer -> how often."""
        return Counter(self.answering.choose(found, client).rdatas for _ in range(times))


@pytest.fixture
def servers():
    """Everybody is well."""
    return Servers()


def test_weights_are_kept_and_the_dead_left_out(servers):
    """Another bucket is drawn for one whose endpoints are all unhealthy."""
    found = servers.ask(WRR, times=4000)
    assert found[ONE,] / 4000 == pytest.approx(0.75, abs=0.03)
    servers.dead = {ONE}
    assert servers.ask(WRR, times=50) == {(TWO,): 50}
    servers.dead = {ONE, TWO}
    assert {*servers.ask(WRR, times=200)} == {(ONE,), (TWO,)}


def test_a_weight_of_zero_is_never_drawn(servers):
    """Not even instead of the dead: a probability of 0 stays one."""
    assert servers.ask(IDLE, times=50) == {(ONE,): 50}
    servers.dead = {ONE}
    assert servers.ask(IDLE, times=50) == {(ONE,): 50}


def test_the_nearest_place_answers_and_fails_over_to_the_next(servers):
    """All of a bucket's healthy endpoints are given; with nobody healthy, the nearest one's."""
    assert servers.ask(GEO) == {(ONE,): 1}
    assert servers.ask(GEO, "us") == {(TWO, THREE): 1}
    servers.dead = {ONE, TWO}
    assert servers.ask(GEO) == {(THREE,): 1}
    assert servers.ask(GEO, "us") == {(THREE,): 1}
    servers.dead = {ONE, TWO, THREE}
    assert servers.ask(GEO) == {(ONE,): 1}


def test_a_fence_is_not_left(servers):
    """Its own endpoints are answered although all of them are unhealthy."""
    servers.dead = {TWO, THREE}
    assert servers.ask(FENCED, "us") == {(TWO, THREE): 1}
    servers.dead = {TWO}
    assert servers.ask(FENCED, "us") == {(THREE,): 1}


def test_a_backup_answers_for_a_dead_primary_and_by_a_trickle(servers):
    """A tenth of the answers where a tenth trickles."""
    assert servers.ask(BACKUP, times=50) == {(ONE,): 50}
    body = {**BACKUP["routingPolicy"]["primaryBackup"], "trickleTraffic": 0.1}
    found = servers.ask(record_set(primaryBackup=body), times=2000)
    assert found[TWO,] / 2000 == pytest.approx(0.1, abs=0.03)
    servers.dead = {ONE}
    assert servers.ask(BACKUP, times=50) == {(TWO,): 50}


def test_what_is_not_checked_is_always_answered(servers):
    """Plain data stands beside what is checked; places are told to resolvers."""
    plain = record_set(geo={"items": [{"location": "us-east1", "rrdatas": ["192.0.2.1"]}]})
    found = servers.answering.choose(plain, "us")

    assert (found.rdatas, found.ttl, found.located) == (("192.0.2.1",), 30, True)
    assert not servers.answering.choose(WRR, "us").located


REGIONS = ("asia-east1", "europe-west1", "us-east1")
CONFIG = {
    "type": "TCP",
    "tcpHealthCheck": {"port": 80},
    "checkIntervalSec": 30,
    "timeoutSec": 5,
    "healthyThreshold": 2,
    "unhealthyThreshold": 2,
    "sourceRegions": list(REGIONS),
}


class Watch:
    """Probers, of whom each region sees what it is told."""

    def __init__(self):
        self.zone = SimpleNamespace(rrsets={("w.example.com.", "A"): WRR})
        self.compute = {PATH: CONFIG}
        self.blind = set()
        self.looks = []
        self.checks = EndpointChecks(
            lambda: [self.zone], self.compute, self.probe, interval_factor=0.001
        )

    async def probe(self, region, endpoint, _check):
        self.looks.append((region, endpoint))
        return not (endpoint == ONE and region in self.blind)

    async def until(self, condition):
        """Wait for it."""
        async with asyncio.timeout(30.0):
            while not condition():  # noqa: ASYNC110 - probes tell nobody when they are done
                await asyncio.sleep(0.005)


def test_most_of_three_regions_decide():
    """One that cannot see an endpoint changes nothing, two take it out, and it comes back."""

    async def story():
        watch = Watch()
        assert watch.checks.healthy(PATH, ONE)
        watch.checks.follow()
        await watch.until(lambda: {region for region, _ in watch.looks} == {*REGIONS})
        watch.blind = {REGIONS[0]}
        seen = len(watch.looks)
        await watch.until(lambda: len(watch.looks) > seen + 24)
        assert watch.checks.healthy(PATH, ONE)
        watch.blind = {*REGIONS[:2]}
        await watch.until(lambda: not watch.checks.healthy(PATH, ONE))
        assert watch.checks.healthy(PATH, TWO)
        watch.blind = set()
        await watch.until(lambda: watch.checks.healthy(PATH, ONE))
        watch.zone.rrsets.clear()
        watch.checks.follow()
        seen = len(watch.looks)
        await asyncio.sleep(0.1)
        assert len(watch.looks) <= seen + 2
        await watch.checks.close()
        watch.zone.rrsets["w.example.com.", "A"] = WRR
        watch.checks.follow()
        await asyncio.sleep(0.05)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(story())


def test_probers_connect_and_want_200():
    """Over real connections; another status, a closed port and an outside address are bad."""

    async def answer(reader, writer):
        line = (await reader.readline()).decode()
        code = "200 OK" if "/ok" in line else "302 Found"
        writer.write(f"HTTP/1.1 {code}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async def story():
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        http = {"type": "HTTP", "timeoutSec": 5}
        ok = {**http, "httpHealthCheck": {"port": port, "requestPath": "/ok"}}
        moved = {**http, "httpHealthCheck": {"port": port, "requestPath": "/moved"}}
        tcp = {**CONFIG, "tcpHealthCheck": {"port": port}}
        found = [await probe("127.0.0.9", "127.0.0.1", each, 1.0) for each in (ok, moved, tcp)]
        server.close()
        await server.wait_closed()
        found.append(await probe("127.0.0.9", "127.0.0.1", tcp, 1.0))
        found.append(await probe("127.0.0.9", "203.0.113.1", tcp, 1.0))
        return found

    assert asyncio.run(story()) == [True, False, True, False, False]
