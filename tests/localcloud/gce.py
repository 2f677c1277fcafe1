"""A load balancer made by hand with Google's own clients, as a user of the lab would make one."""

import http.client
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

DEADLINE_SECONDS = 20.0
PROJECT = "lab"


@contextmanager
def variables(found: dict[str, str]) -> Iterator[None]:
    """Let the SDKs of this process see the lab's variables."""
    from google.auth.compute_engine import _metadata

    before = {name: os.environ.get(name) for name in found}
    host = _metadata._GCE_METADATA_HOST  # read from the environment once, at import
    os.environ.update(found)
    _metadata._GCE_METADATA_HOST = found.get("GCE_METADATA_HOST", host)
    try:
        yield
    finally:
        _metadata._GCE_METADATA_HOST = host
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


def until(condition, what: str, seconds: float = DEADLINE_SECONDS):
    """Wait until *condition* gives something true, and give that."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)
    return found


class Graph:
    """Health check, backend service, URL map, proxy, address and forwarding rule, by one prefix."""

    def __init__(self, endpoint: str, prefix: str):
        from google.cloud import compute_v1

        self.compute, self.prefix = compute_v1, prefix
        self._options = {"api_endpoint": endpoint}
        self._operations = compute_v1.GlobalOperationsClient(client_options=self._options)

    def make(self, groups: list[str], *, port_name: str = "", **backend: object) -> str:
        """
        Make everything over *groups* and give the address.

        Args:
            groups: Paths of NEGs or of instance groups.
            port_name: The named port, of instance groups.
            backend: Fields of each backend; without any, those of a NEG that is never full.
        """
        c, p = self.compute, self.prefix
        check = c.HealthCheck(
            name=p,
            type_="HTTP",
            check_interval_sec=1,
            timeout_sec=1,
            healthy_threshold=1,
            unhealthy_threshold=1,
            http_health_check=c.HTTPHealthCheck(
                request_path="/healthz", port_specification="USE_SERVING_PORT"
            ),
        )
        self._insert(c.HealthChecksClient, "health_check_resource", check)
        fields = backend or {"balancing_mode": "RATE", "max_rate_per_endpoint": 1e14}
        backends = [c.Backend(group=group, **fields) for group in groups]
        service = c.BackendService(
            name=p,
            load_balancing_scheme="EXTERNAL_MANAGED",
            protocol="HTTP",
            health_checks=[f"projects/{PROJECT}/global/healthChecks/{p}"],
            backends=backends,
            **({"port_name": port_name} if port_name else {}),
        )
        self._insert(c.BackendServicesClient, "backend_service_resource", service)
        url_map = c.UrlMap(name=p, default_service=f"projects/{PROJECT}/global/backendServices/{p}")
        self._insert(c.UrlMapsClient, "url_map_resource", url_map)
        proxy = c.TargetHttpProxy(name=p, url_map=f"projects/{PROJECT}/global/urlMaps/{p}")
        self._insert(c.TargetHttpProxiesClient, "target_http_proxy_resource", proxy)
        self._insert(c.GlobalAddressesClient, "address_resource", c.Address(name=p))
        address = self._client(c.GlobalAddressesClient).get(project=PROJECT, address=p).address
        rule = c.ForwardingRule(
            name=p,
            I_p_address=address,
            I_p_protocol="TCP",
            port_range="80-80",
            load_balancing_scheme="EXTERNAL_MANAGED",
            network_tier="PREMIUM",
            target=f"projects/{PROJECT}/global/targetHttpProxies/{p}",
        )
        self._insert(c.GlobalForwardingRulesClient, "forwarding_rule_resource", rule)
        return str(address)

    def remove(self) -> None:
        """Delete everything, in the order in which nothing is in use."""
        c = self.compute
        for client, word in (
            (c.GlobalForwardingRulesClient, "forwarding_rule"),
            (c.GlobalAddressesClient, "address"),
            (c.TargetHttpProxiesClient, "target_http_proxy"),
            (c.UrlMapsClient, "url_map"),
            (c.BackendServicesClient, "backend_service"),
            (c.HealthChecksClient, "health_check"),
        ):
            self._wait(self._client(client).delete_unary(project=PROJECT, **{word: self.prefix}))

    def _client(self, kind):
        return kind(client_options=self._options)

    def _insert(self, kind, word, resource) -> None:
        self._wait(self._client(kind).insert_unary(project=PROJECT, **{word: resource}))

    def _wait(self, operation) -> None:
        done = self._operations.wait(project=PROJECT, operation=operation.name)
        assert not done.error.errors, done.error


def change_records(endpoint: str, zone: str, **change) -> None:
    """Send one change of Cloud DNS: ``additions`` and ``deletions`` are lists of record sets."""
    import google.auth
    import google.auth.transport.requests

    credentials, _ = google.auth.default(["https://www.googleapis.com/auth/cloud-platform"])
    session = google.auth.transport.requests.AuthorizedSession(credentials)
    url = f"{endpoint}/dns/v1/projects/{PROJECT}/managedZones/{zone}/changes"
    response = session.post(url, data=json.dumps(change), timeout=10)
    assert response.status_code == 200, response.text


def get(address: str, port: int, host: str, path: str = "/", source: str = "") -> tuple[int, dict]:
    """Give status and JSON of a GET to *address*, from *source*; status 0 when nobody answers."""
    place = (source, 0) if source else None
    connection = http.client.HTTPConnection(address, port, timeout=5, source_address=place)
    try:
        connection.request("GET", path, headers={"Host": host})
        response = connection.getresponse()
        body = response.read()
    except OSError:
        return 0, {}
    finally:
        connection.close()
    is_json = response.getheader("Content-Type", "").startswith("application/json")
    return response.status, json.loads(body) if is_json else {}
