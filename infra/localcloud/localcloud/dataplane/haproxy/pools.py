"""
Backend services: who is checked, how much each region can take, who is asked first.

Three kinds of HAProxy backends come of one service:

    pool         one per attached group; does the health checks, never gets traffic. Its count of
                 servers that are up is the group's healthy endpoints.
    tier         one per preference and region; its servers follow the health of the pools, and its
                 request rate, over all client regions, is held against the capacity of the region.
    last resort  all endpoints of the service, uncounted: used when every tier is at capacity.

A group or an endpoint that goes takes no new requests, and those under way are cut off after the
service's ``connectionDraining.drainingTimeoutSec``, or after a minute here.

Capacity is rate per endpoint times healthy endpoints times ``capacityScaler``; within a region
endpoints get requests in proportion to their capacity. A scaler of 0 keeps the checks and ends new
requests. With UTILIZATION a group is full, and gets what no other has room for, once its instances
use on average as much as ``maxUtilization`` times ``capacityScaler``. An instance group's endpoints
are its instances at the named port that the service says.

Source: compute v1 Backend (balancingMode, preference), "Backend services overview".

Protocol HTTPS is HTTP/1.1 and HTTP2 is HTTP/2, agreed on by ALPN, both over TLS; certificates of
pods are not looked at, as by Google's front ends.

Not modelled: CONNECTION balancing (taken as no limit), session affinity, locality policies,
custom headers, outlier detection, CDN, ``failoverPolicy``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from localcloud.addresses import AddressRefused, to_loopback
from localcloud.dataplane.haproxy.checks import PORTS, Check, check_of, whole
from localcloud.dataplane.haproxy.firewalls import reached
from localcloud.dataplane.haproxy.regions import ClientRegion, region_of
from localcloud.dataplane.haproxy.snapshot import Resource, Snapshot, identifier, path_of

SHORTEST_DRAIN_SECONDS, LONGEST_DRAIN_SECONDS = 10, 60
UNLIMITED_MILLI_RATE = 10**12
TOP_WEIGHT = 200


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Endpoint:
    """One ip (10.a.b.c) and port of a group."""

    ip: str
    port: int

    @property
    def name(self) -> str:
        """The server's name within its pool."""
        return f"{self.ip}:{self.port}"

    @property
    def socket(self) -> str:
        """Where it listens on this machine."""
        return f"{to_loopback(self.ip)}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """
    A group attached to a service; rates are thousandths of requests per second.

    full: its instances are used as much as they may be.
    """

    name: str
    group: str
    region: str
    preferred: bool
    draining: bool
    endpoints: tuple[Endpoint, ...]
    milli_rate_per_endpoint: int
    milli_rate: int
    full: bool = False

    def server(self, endpoint: Endpoint) -> str:
        """The name under which requests meet an endpoint of this pool."""
        return f"{self.name}_{endpoint.name}"

    @property
    def endpoint_capacity(self) -> float:
        """The share one endpoint has in its tier."""
        if self.milli_rate_per_endpoint:
            return self.milli_rate_per_endpoint
        return self.milli_rate / max(1, len(self.endpoints))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """The pools of one region and preference, filled together."""

    name: str
    region: str
    preferred: bool
    pools: tuple[Pool, ...]

    def weights(self) -> dict[str, int]:
        """HAProxy's weight (1-256) of the servers of each pool, by pool name."""
        return _weights(self.pools)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One backend service, compiled; ``problems`` says what could not be served as written."""

    name: str
    path: str
    check: Check | None
    timeout_seconds: int
    pools: tuple[Pool, ...]
    problems: tuple[str, ...]
    protocol: str = "HTTP"
    drain_seconds: int = 0

    @property
    def last_resort(self) -> str:
        """The name of the uncounted backend."""
        return identifier("l", self.path)

    def serving(self) -> tuple[Pool, ...]:
        """The pools that may get new requests."""
        return tuple(pool for pool in self.pools if not pool.draining and pool.endpoints)

    def weights(self) -> dict[str, int]:
        """The weights of all serving pools: within their regions, as in their tiers."""
        serving = self.serving()
        found: dict[str, int] = {}
        for place in {(pool.preferred, pool.region) for pool in serving}:
            found |= _weights([p for p in serving if (p.preferred, p.region) == place])
        return found

    def tiers(self) -> tuple[Tier, ...]:
        """One per preference and region that has room for new requests, sorted."""
        open_pools = tuple(pool for pool in self.serving() if not pool.full)
        keys = sorted({(not pool.preferred, pool.region) for pool in open_pools})
        return tuple(
            Tier(
                name=identifier("t", self.path, region, str(default)),
                region=region,
                preferred=not default,
                pools=tuple(
                    pool
                    for pool in open_pools
                    if (not pool.preferred, pool.region) == (default, region)
                ),
            )
            for default, region in keys
        )

    def order(self, client: ClientRegion) -> list[Tier]:
        """The tiers as a client of that region fills them: preferred first, then by distance."""
        near = client.nearest_first(pool.region for pool in self.pools)
        return sorted(self.tiers(), key=lambda tier: (not tier.preferred, near.index(tier.region)))


def service_of(path: str, service: Resource, snapshot: Snapshot, interval_factor: float) -> Service:
    """
    One backend service with its groups and health check.

    Args:
        path: Of the service.
        service: As compute returns it.
        snapshot: Where its health check and endpoints are.
        interval_factor: Shortens every check interval of a lab in a hurry; 1.0 is as written.
    """
    problems: list[str] = []
    check = check_of(service, snapshot, interval_factor, problems)
    pools = tuple(_pools(path, service, snapshot, problems)) if check else ()
    return Service(
        name=identifier("s", path),
        path=path,
        check=check,
        timeout_seconds=whole(service.get("timeoutSec"), 30),
        pools=pools,
        problems=tuple(f"{path}: {problem}" for problem in problems),
        protocol=str(service.get("protocol", "HTTP")),
        drain_seconds=_drain(service),
    )


def _drain(service: Resource) -> int:
    told = whole((service.get("connectionDraining") or {}).get("drainingTimeoutSec"), 0)
    return min(told, LONGEST_DRAIN_SECONDS)


def _pools(path: str, service: Resource, snapshot: Snapshot, problems: list[str]) -> Iterator[Pool]:
    for backend in service.get("backends", ()):
        group = path_of(backend.get("group"))
        scaler = float(backend.get("capacityScaler", 1.0))
        if backend.get("balancingMode") == "CONNECTION":
            problems.append("balancingMode 'CONNECTION' is taken as no limit")
        rows = reached(group, _rows(group, service, snapshot, problems), snapshot, problems)
        per_endpoint, total = _rates(backend, scaler)
        yield Pool(
            name=identifier("p", path, group),
            group=group,
            region=region_of(group),
            preferred=backend.get("preference") == "PREFERRED",
            draining=scaler == 0,
            endpoints=_endpoints(rows, problems),
            milli_rate_per_endpoint=per_endpoint,
            milli_rate=total,
            full=_full(backend, scaler, rows, snapshot),
        )


def _rows(
    group: str, service: Resource, snapshot: Snapshot, problems: list[str]
) -> Sequence[Resource]:
    """What *group* serves for *service*: its endpoints, or its instances at the named port."""
    rows = snapshot.endpoints.get(group, ())
    wanted = service.get("portName") or "http"
    found = [row for row in rows if row.get("portName", wanted) == wanted]
    if group.split("/")[-2:-1] == ["instanceGroups"] and not found:
        problems.append(f"{group} has no instance with a port named {wanted!r}")
    return found


def _full(backend: Resource, scaler: float, rows: Sequence[Resource], snapshot: Snapshot) -> bool:
    """Whether the instances of a backend in mode UTILIZATION have reached their target."""
    if backend.get("balancingMode") != "UTILIZATION" or not rows:
        return False
    names = {str(row.get("instance") or "").rpartition("/")[2] for row in rows}
    used = sum(snapshot.utilization.get(name, 0.0) for name in names) / len(names)
    return used > 0 and used >= float(backend.get("maxUtilization", 0.8)) * scaler


def _weights(pools: Sequence[Pool]) -> dict[str, int]:
    top = max(pool.endpoint_capacity for pool in pools)
    return {pool.name: max(1, round(TOP_WEIGHT * pool.endpoint_capacity / top)) for pool in pools}


def _rates(backend: Resource, scaler: float) -> tuple[int, int]:
    """Thousandths of requests per second: (per endpoint, for the whole group); one of them is 0."""
    each = backend.get("maxRatePerEndpoint") or backend.get("maxRatePerInstance")
    if each:
        return _milli(float(each) * scaler), 0
    whole = backend.get("maxRate")
    if whole:
        return 0, _milli(float(whole) * scaler)
    return _milli(UNLIMITED_MILLI_RATE * scaler), 0


def _milli(rate: float) -> int:
    return max(1, round(min(rate * 1000, UNLIMITED_MILLI_RATE)))


def _endpoints(rows: Sequence[Resource], problems: list[str]) -> tuple[Endpoint, ...]:
    found = set()
    for row in rows:
        endpoint = Endpoint(ip=str(row.get("ipAddress")), port=whole(row.get("port"), 0))
        try:
            to_loopback(endpoint.ip)
        except AddressRefused as refusal:
            problems.append(str(refusal))
            continue
        if endpoint.port not in PORTS:
            problems.append(f"endpoint {endpoint.name} has no port")
            continue
        found.add(endpoint)
    return tuple(sorted(found))
