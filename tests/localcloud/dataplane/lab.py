"""Hand-made load balancing objects, echo pods and clients for the tests of the data plane."""

import asyncio
import contextlib
import time
from collections import Counter

import aiohttp

from localcloud.addresses import WorldBlock
from localcloud.dataplane.echo import Identity, Pod
from localcloud.dataplane.haproxy.regions import ClientRegion
from localcloud.dataplane.haproxy.snapshot import Snapshot
from localcloud.dataplane.plane import DataPlane
from localcloud.world.certificates import Authority

SITE = "https://www.googleapis.com/compute/v1/"
GLOBAL = "projects/p/global/"
ZONES = ("us-central1-a", "europe-west1-b")
INTERVAL_SECONDS = 0.1


def neg(cluster, zone):
    return f"projects/p/zones/{zone}/networkEndpointGroups/{cluster}"


def health_check(**http):
    return {
        "name": "hc",
        "type": "HTTP",
        "checkIntervalSec": 1,
        "timeoutSec": 1,
        "healthyThreshold": 1,
        "unhealthyThreshold": 2,
        "httpHealthCheck": {
            "requestPath": "/healthz",
            "portSpecification": "USE_SERVING_PORT",
            **http,
        },
    }


def backend(group, rate=1e14, **fields):
    return {
        "group": SITE + group,
        "balancingMode": "RATE",
        "maxRatePerEndpoint": rate,
        "capacityScaler": 1.0,
        **fields,
    }


def service(*backends, **fields):
    return {
        "healthChecks": [SITE + GLOBAL + "healthChecks/hc"],
        "backends": list(backends),
        "timeoutSec": 30,
        "connectionDraining": {"drainingTimeoutSec": 10},
        **fields,
    }


def ref(collection, name):
    return SITE + GLOBAL + f"{collection}/{name}"


def graph(vip, url_map, services, check=None):
    """The objects of one VIP: forwarding rule to health check."""
    return {
        GLOBAL + "forwardingRules/fr": {
            "IPAddress": vip,
            "portRange": "80-80",
            "target": ref("targetHttpProxies", "px"),
        },
        GLOBAL + "targetHttpProxies/px": {"urlMap": ref("urlMaps", "um")},
        GLOBAL + "urlMaps/um": url_map,
        GLOBAL + "healthChecks/hc": check or health_check(),
        **{GLOBAL + f"backendServices/{name}": body for name, body in services.items()},
    }


NOT_FOUND = {"faultInjectionPolicy": {"abort": {"httpStatus": 404, "percentage": 100}}}


class Lab:
    """Two clusters of two pods, a VIP in front; checks every 0.1 s."""

    def __init__(self, run_dir, rate=1e14, pods=2, protocol="HTTP"):
        self.protocol = protocol
        self.block = WorldBlock.take()
        self.vip = self.block.next_vip()
        self.url = f"http://{self.vip}:8080"
        self.pods = {
            name: [self._pod(name, index, n) for n in range(1, pods + 1)]
            for index, name in enumerate(("us", "eu"))
        }
        self.negs = dict(zip(("us", "eu"), map(neg, ("us", "eu"), ZONES), strict=True))
        self.endpoints = {
            self.negs[name]: [self.endpoint(pod) for pod in pods]
            for name, pods in self.pods.items()
        }
        self.compute = graph(
            self.vip,
            {"defaultService": ref("backendServices", "web")},
            {"web": service(*(backend(group, rate) for group in self.negs.values()))},
        )
        self.service["protocol"] = protocol
        check = self.compute[GLOBAL + "healthChecks/hc"]
        check["type"] = protocol
        check[f"{protocol.lower()}HealthCheck"] = check.pop("httpHealthCheck")
        self.keys = {}
        self.regions = [
            ClientRegion(name=zone[:-2], network=self.block.client_network(index))
            for index, zone in enumerate(ZONES)
        ]
        self.plane = DataPlane(
            regions=self.regions,
            run_dir=run_dir,
            snapshot=lambda: Snapshot(
                compute=self.compute, endpoints=self.endpoints, private_key=self.keys.get
            ),
            check_interval_factor=INTERVAL_SECONDS,
        )

    def _pod(self, cluster, index, n, app="web"):
        region = ZONES[index][:-2]
        ip = self.block.pod(index, n)
        return Pod(
            Identity(
                name=f"{cluster}-{n}",
                cluster=cluster,
                region=region,
                app=app,
                ip=ip,
                ports=(8080,),
                tls_ports=() if self.protocol == "HTTP" else (8080,),
            ),
            Authority().server_context,
        )

    @staticmethod
    def endpoint(pod):
        return {"ipAddress": pod.identity.ip, "port": 8080, "instance": "node"}

    @property
    def service(self):
        return self.compute[GLOBAL + "backendServices/web"]

    async def __aenter__(self):
        for pods in self.pods.values():
            for pod in pods:
                await pod.start()
        await self.plane.start()
        await self.healthy(Counter(us=2, eu=2) if len(self.pods["us"]) == 2 else None)
        return self

    async def __aexit__(self, *error):
        await self.plane.close()
        for pods in self.pods.values():
            for pod in pods:
                await pod.close()
        self.block.close()

    async def apply(self):
        self.plane.changed()
        await self.plane.settled()

    def healthy_count(self):
        path = GLOBAL + "backendServices/web"
        return Counter(
            {
                name: list(self.plane.health(path, group).values()).count("HEALTHY")
                for name, group in self.negs.items()
            }
        )

    async def healthy(self, expected):
        """Wait until each cluster has that many healthy endpoints."""
        if expected is not None:
            await until(lambda: self.healthy_count() == expected, f"health {expected}")

    async def healthy_in(self, service_name, group):
        """Wait until all endpoints of a group are healthy in a service."""
        path = GLOBAL + f"backendServices/{service_name}"
        await until(
            lambda: set(self.plane.health(path, group).values()) == {"HEALTHY"},
            f"{service_name} in {group}",
        )

    def client(self, region=0, **options):
        """A session whose connections come from a region's network."""
        connector = aiohttp.TCPConnector(local_addr=(self.block.client(region), 0), **options)
        return aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=10), base_url=self.url
        )

    async def get(self, path="/", region=0, host="shop.example.com", **headers):
        """Status and JSON (or text) of one request on a connection of its own."""
        async with (
            self.client(region, force_close=True) as session,
            session.get(path, headers={"Host": host, **headers}, allow_redirects=False) as answer,
        ):
            is_json = answer.content_type == "application/json"
            return answer, await (answer.json() if is_json else answer.text())

    async def clusters(self, count, region=0, host="shop.example.com", path="/"):
        """Which clusters answered so many requests; a status where it was not 200."""
        seen = Counter()
        async with self.client(region) as session:
            for _ in range(count):
                async with session.get(path, headers={"Host": host}) as answer:
                    await answer.read()
                    seen[answer.headers.get("X-Cluster", answer.status)] += 1
        return seen


async def until(condition, what, seconds=30.0):
    """Wait by deadline for a condition that is cheap to ask."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in time: {what}"
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def lab_in(run_dir, **options):
    async with Lab(run_dir, **options) as lab:
        yield lab
