"""A Google Cloud on loopback and the official clients in front of it, for the tests here."""

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import requests
from google.auth.credentials import AnonymousCredentials

from localcloud.gcp import GcpCloud, serve_gcp

PROJECT = "lab"
PROBERS = ["130.211.0.0/22", "35.191.0.0/16"]


class FakeClock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1_750_000_000.0

    def __call__(self) -> float:
        return self.now


class Rest(requests.Session):
    """Raw requests below one URL, deaf to proxies of the environment."""

    def __init__(self, root: str) -> None:
        super().__init__()
        self.trust_env = False
        self._root = root

    def request(self, method: str, url: str, *args: Any, **options: Any) -> requests.Response:
        options.setdefault("timeout", 20)
        return super().request(method, self._root + url, *args, **options)


class Lab:
    """A running cloud, its address, and clients that talk to it."""

    def __init__(self, cloud: GcpCloud, url: str, loop: asyncio.AbstractEventLoop) -> None:
        self.cloud = cloud
        self.url = url
        self._loop = loop
        self.rest = Rest(f"{url}/compute/v1/projects/{PROJECT}")
        self.dns_rest = Rest(f"{url}/dns/v1/projects/{PROJECT}")
        self.client = cache(self._client)

    def _client(self, name: str) -> Any:
        """Give a client of google-cloud-compute, for instance ``BackendServices``."""
        from google.cloud import compute_v1

        return getattr(compute_v1, f"{name}Client")(
            credentials=AnonymousCredentials(), client_options={"api_endpoint": self.url}
        )

    def dns(self) -> Any:
        """Give google-api-python-client's dns v1."""
        from googleapiclient import discovery

        return discovery.build(
            "dns",
            "v1",
            credentials=AnonymousCredentials(),
            static_discovery=True,
            client_options={"api_endpoint": self.url},
        )

    def run(self, function: Callable[[], Any]) -> Any:
        """Call *function* in the cloud's own loop, as its other parts do."""

        async def call() -> Any:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(10)

    def wait(self, operation: Any) -> Any:
        """Wait for an operation by the global operations client; give it as it ended."""
        client = self.client("GlobalOperations")
        return client.wait(project=PROJECT, operation=operation.name)

    def insert(self, collection: str, **body: Any) -> dict[str, Any]:
        """Make an object by raw REST and give it; *collection* with its scope if not global."""
        place = collection if "/" in collection else f"global/{collection}"
        answer = self.rest.post(f"/{place}", json=body)
        assert answer.status_code == 200, answer.text
        operation = answer.json()
        self.rest.post(operation["selfLink"].split(PROJECT, 1)[1] + "/wait")
        return self.get(f"{place}/{body['name']}")

    def get(self, path: str) -> dict[str, Any]:
        """Read an object of the project by raw REST."""
        answer = self.rest.get(f"/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, collection: str, **body: Any) -> tuple[int, str, str]:
        """Give code, reason and message with which an insert is refused."""
        place = collection if "/" in collection else f"global/{collection}"
        return refusal(self.rest.post(f"/{place}", json=body))

    def neg(self, name: str, zone: str = "us-central1-a") -> str:
        """Make a zonal NEG; give its path."""
        self.insert(
            f"zones/{zone}/networkEndpointGroups", name=name, networkEndpointType="GCE_VM_IP_PORT"
        )
        return f"projects/{PROJECT}/zones/{zone}/networkEndpointGroups/{name}"

    def node(self, name: str, zone: str = "us-central1-a", **more: Any) -> str:
        """Have an instance, as the node of a cluster is one; give its path."""
        path = f"projects/{PROJECT}/zones/{zone}/instances/{name}"
        self.run(lambda: self.cloud.create_instance(path, **{"address": "10.7.0.1", **more}))
        return path

    def service(self, name: str = "bs", **more: Any) -> dict[str, Any]:
        """Make a health check and a backend service that names it."""
        self.insert("healthChecks", name=f"{name}-hc", type="HTTP")
        body = {"loadBalancingScheme": "EXTERNAL_MANAGED", "healthChecks": [link(f"{name}-hc")]}
        return self.insert("backendServices", name=name, **{**body, **more})

    def front(self, name: str = "web", service: str = "bs") -> dict[str, Any]:
        """Make address, URL map, proxy and forwarding rule in front of a backend service."""
        address = self.insert("addresses", name=f"{name}-vip")
        self.insert("urlMaps", name=name, defaultService=f"global/backendServices/{service}")
        self.insert("targetHttpProxies", name=name, urlMap=f"global/urlMaps/{name}")
        return self.insert(
            "forwardingRules",
            name=name,
            IPAddress=address["address"],
            portRange="80",
            loadBalancingScheme="EXTERNAL_MANAGED",
            target=f"global/targetHttpProxies/{name}",
        )


def link(health_check: str) -> str:
    """Give the partial path of a health check."""
    return f"projects/{PROJECT}/global/healthChecks/{health_check}"


def rate(neg: str, **more: Any) -> dict[str, Any]:
    """Give a backend in RATE mode."""
    return {"group": neg, "balancingMode": "RATE", "maxRatePerEndpoint": 100, **more}


def refusal(answer: requests.Response) -> tuple[int, str, str]:
    """Give code, reason and message of an error body in Google's form."""
    error = answer.json()["error"]
    assert error["code"] == answer.status_code
    assert error["errors"][0]["message"] == error["message"]
    return error["code"], error["errors"][0]["reason"], error["message"]


@contextmanager
def running_lab(**options: Any) -> Iterator[Lab]:
    """Run a cloud in a thread of its own; *options* are those of `GcpCloud`."""
    numbers = itertools.count(1)
    options.setdefault("operation_seconds", 0.0)
    cloud = GcpCloud(next_address=lambda: f"127.7.250.{next(numbers)}", **options)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(serve_gcp(cloud), loop).result(10)
    lab = Lab(cloud, server.url, loop)
    try:
        yield lab
    finally:
        lab.rest.close()
        lab.dns_rest.close()
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
