"""
Backend services: who is checked, how much each region can take, who is asked first.

Three kinds of HAProxy backends come of one service:

    pool         one per attached group; does the health checks, never gets traffic. Its count of
                 servers that are up is the group's healthy endpoints.
    tier         one per preference and region; its servers follow the health of the pools, and its
                 request rate, over all client regions, is held against the capacity of the region.
    last resort  all endpoints of the service, uncounted: used when every tier is at capacity.

Capacity is rate per endpoint times healthy endpoints times ``capacityScaler``; within a region
endpoints get requests in proportion to their capacity. A scaler of 0 keeps the checks and ends new
requests. Source: compute v1 Backend (balancingMode RATE, preference), "Backend services overview".

Not modelled: UTILIZATION and CONNECTION balancing (taken as no limit), session affinity, locality
policies, custom headers, outlier detection, CDN, ``failoverPolicy``.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from localcloud.addresses import AddressRefused, to_loopback
from localcloud.dataplane.haproxy.regions import ClientRegion, region_of
from localcloud.dataplane.haproxy.snapshot import Resource, Snapshot, identifier, path_of

UNLIMITED_MILLI_RATE = 10**12
TOP_WEIGHT = 200
MINIMUM_CHECK_MILLISECONDS = 100

_PLAIN = re.compile(r"[!-~]+")
_PORTS = range(1, 65536)
_CHECK_KINDS = {"HTTP": "httpHealthCheck", "TCP": "tcpHealthCheck"}


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
class Check:
    """A health check; *path* and *host* are user text for map files. *port* 0: the serving port."""

    kind: str
    path: str
    host: str
    port: int
    interval_milliseconds: int
    timeout_milliseconds: int
    rise: int
    fall: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A group attached to a service; rates are thousandths of requests per second."""

    name: str
    group: str
    region: str
    preferred: bool
    draining: bool
    endpoints: tuple[Endpoint, ...]
    milli_rate_per_endpoint: int
    milli_rate: int

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
        top = max(pool.endpoint_capacity for pool in self.pools)
        return {
            pool.name: max(1, round(TOP_WEIGHT * pool.endpoint_capacity / top))
            for pool in self.pools
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One backend service, compiled; ``problems`` says what could not be served as written."""

    name: str
    path: str
    check: Check | None
    timeout_seconds: int
    pools: tuple[Pool, ...]
    problems: tuple[str, ...]

    @property
    def last_resort(self) -> str:
        """The name of the uncounted backend."""
        return identifier("l", self.path)

    def serving(self) -> tuple[Pool, ...]:
        """The pools that may get new requests."""
        return tuple(pool for pool in self.pools if not pool.draining and pool.endpoints)

    def tiers(self) -> tuple[Tier, ...]:
        """One per preference and region that may get new requests, sorted."""
        keys = sorted({(not pool.preferred, pool.region) for pool in self.serving()})
        return tuple(
            Tier(
                name=identifier("t", self.path, region, str(default)),
                region=region,
                preferred=not default,
                pools=tuple(
                    pool
                    for pool in self.serving()
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
    check = _check(service, snapshot, interval_factor, problems)
    pools = tuple(_pools(path, service, snapshot, problems)) if check else ()
    return Service(
        name=identifier("s", path),
        path=path,
        check=check,
        timeout_seconds=_whole(service.get("timeoutSec"), 30),
        pools=pools,
        problems=tuple(f"{path}: {problem}" for problem in problems),
    )


def _pools(path: str, service: Resource, snapshot: Snapshot, problems: list[str]) -> Iterator[Pool]:
    for backend in service.get("backends", ()):
        group = path_of(backend.get("group"))
        scaler = float(backend.get("capacityScaler", 1.0))
        if backend.get("balancingMode", "RATE") != "RATE":
            problems.append(f"balancingMode {backend['balancingMode']!r} is taken as no limit")
        per_endpoint, total = _rates(backend, scaler)
        yield Pool(
            name=identifier("p", path, group),
            group=group,
            region=region_of(group),
            preferred=backend.get("preference") == "PREFERRED",
            draining=scaler == 0,
            endpoints=_endpoints(snapshot.endpoints.get(group, ()), problems),
            milli_rate_per_endpoint=per_endpoint,
            milli_rate=total,
        )


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
        endpoint = Endpoint(ip=str(row.get("ipAddress")), port=_whole(row.get("port"), 0))
        try:
            to_loopback(endpoint.ip)
        except AddressRefused as refusal:
            problems.append(str(refusal))
            continue
        if endpoint.port not in _PORTS:
            problems.append(f"endpoint {endpoint.name} has no port")
            continue
        found.add(endpoint)
    return tuple(sorted(found))


def _check(
    service: Resource, snapshot: Snapshot, factor: float, problems: list[str]
) -> Check | None:
    """The service's first health check, or None when it has none that can be served."""
    references = service.get("healthChecks") or ()
    resource = snapshot.get(references[0]) if references else None
    if resource is None:
        problems.append("has no health check")
        return None
    kind = resource.get("type", "HTTP")
    details: Mapping[str, object] = resource.get(_CHECK_KINDS.get(kind, ""), {})
    request_path = details.get("requestPath") or "/"
    host = details.get("host") or ""
    fixed = details.get("portSpecification", "USE_FIXED_PORT") == "USE_FIXED_PORT"
    port = _whole(details.get("port"), 80) if fixed else 0
    if kind not in _CHECK_KINDS or (fixed and port not in _PORTS):
        problems.append(f"health check {_quoted(kind)} on port {port} is not modelled")
        return None
    if not _clean(request_path, "/") or (host and not _clean(host, "")):
        problems.append(f"health check of {_quoted(request_path)} at {_quoted(host)} is refused")
        return None
    return Check(
        kind=kind,
        path=str(request_path),
        host=str(host),
        port=port,
        interval_milliseconds=_milliseconds(resource.get("checkIntervalSec"), factor),
        timeout_milliseconds=_milliseconds(resource.get("timeoutSec"), factor),
        rise=max(1, _whole(resource.get("healthyThreshold"), 2)),
        fall=max(1, _whole(resource.get("unhealthyThreshold"), 2)),
    )


def _clean(text: object, start: str) -> bool:
    return isinstance(text, str) and bool(_PLAIN.fullmatch(text)) and text.startswith(start)


def _milliseconds(seconds: object, factor: float) -> int:
    return max(MINIMUM_CHECK_MILLISECONDS, round(_whole(seconds, 5) * 1000 * factor))


def _whole(value: object, default: int) -> int:
    """An integer field; compute also writes 64-bit ones as strings."""
    try:
        return int(str(value)) if value is not None else default
    except ValueError:
        return default


def _quoted(value: object) -> str:
    return json.dumps(value, default=str)[:256]
