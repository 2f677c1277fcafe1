"""
From a snapshot to a program: the whole configuration of the data plane, as text and map files.

Pure: `DataPlane` compares the result with the running one and hands it to the process when they
differ. Equal snapshots give equal programs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from localcloud.addresses import AddressRefused, loopback
from localcloud.dataplane.haproxy.maps import Frontend, files
from localcloud.dataplane.haproxy.pools import SHORTEST_DRAIN_SECONDS, Service, service_of
from localcloud.dataplane.haproxy.regions import ClientRegion
from localcloud.dataplane.haproxy.render import configuration
from localcloud.dataplane.haproxy.routing import routes_of
from localcloud.dataplane.haproxy.snapshot import Resource, Snapshot, identifier, path_of
from localcloud.dataplane.haproxy.tls import tls_of
from localcloud.sixth import LOOPBACK, is_sixth

# A lab is unprivileged: well-known ports of its VIPs are bound where anyone may bind.
BOUND_PORTS = {80: 8080, 443: 8443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """
    What HAProxy runs.

    text: Defaults, frontends and backends; the process adds its own global section.
    files: Map files and certificates by name.
    servers: Socket address by (pool, server), for those that health checks start on.
    pools: Pool name by (backend service path, group path).
    problems: What was left out and why, for people.
    drain_seconds: How long requests that are under way may take once the next program runs; it ends
        as a whole, so its longest service counts for all.
    drains: How many seconds requests may go on with a server that is gone, by the name under which
        they met it.
    """

    text: str
    files: Mapping[str, str]
    servers: Mapping[tuple[str, str], str]
    pools: Mapping[tuple[str, str], str]
    problems: tuple[str, ...]
    drain_seconds: int = SHORTEST_DRAIN_SECONDS
    drains: Mapping[str, int] = field(default_factory=dict)


def compile_program(
    snapshot: Snapshot, clients: Sequence[ClientRegion], interval_factor: float = 1.0
) -> Program:
    """
    The program that realises *snapshot* for clients of the given regions.

    A source address outside every client region counts as one of the first. Objects that cannot be
    served as written are left out and named in ``problems``.
    """
    problems: list[str] = []
    frontends = _frontends(snapshot, problems)
    services = _services(snapshot, frontends, interval_factor, problems)
    for frontend in frontends:
        problems.extend(frontend.routes.problems)
    for service in services.values():
        problems.extend(service.problems)
    return Program(
        text=configuration(frontends, services, clients),
        files=files(frontends, services, clients),
        servers={
            (pool.name, endpoint.name): endpoint.socket
            for service in services.values()
            for pool in service.pools
            for endpoint in pool.endpoints
        },
        pools={
            (service.path, pool.group): pool.name
            for service in services.values()
            for pool in service.pools
        },
        problems=tuple(sorted(set(problems))),
        drain_seconds=max(
            (service.drain_seconds for service in services.values()),
            default=0,
        )
        + SHORTEST_DRAIN_SECONDS,
        drains={
            pool.server(endpoint): service.drain_seconds
            for service in services.values()
            for pool in service.pools
            for endpoint in pool.endpoints
        },
    )


def _frontends(snapshot: Snapshot, problems: list[str]) -> list[Frontend]:
    """One per forwarding rule that leads to a URL map; the first of an address and port wins."""
    frontends: dict[str, Frontend] = {}
    for path, rule in snapshot.of_kind("forwardingRules"):
        try:
            frontend = _frontend(path, rule, snapshot, problems)
        except (AddressRefused, LookupError, OSError, ValueError) as reason:
            problems.append(f"{path}: {reason}")
            continue
        if frontend.bind in frontends:
            problems.append(f"{path}: {frontend.bind} belongs to another rule")
            continue
        frontends[frontend.bind] = frontend
    return list(frontends.values())


def _frontend(path: str, rule: Resource, snapshot: Snapshot, problems: list[str]) -> Frontend:
    target = path_of(rule.get("target"))
    collection = target.split("/")[-2:][0]
    if collection not in ("targetHttpProxies", "targetHttpsProxies"):
        raise ValueError(f"target {target!r} is no HTTP or HTTPS proxy")
    proxy = snapshot.compute.get(target) or {}
    url_map = path_of(proxy.get("urlMap"))
    if url_map not in snapshot.compute:
        raise LookupError(f"target {target!r} leads to no URL map")
    secure = collection == "targetHttpsProxies"
    return Frontend(
        name=identifier("f", path),
        bind=_bind(rule, snapshot),
        routes=routes_of(url_map, snapshot.compute[url_map]),
        tls=tls_of(proxy, snapshot, problems) if secure else None,
    )


def _bind(rule: Resource, snapshot: Snapshot) -> str:
    """The socket of a rule; its port range must be one port."""
    first, _, last = str(rule.get("portRange", "")).partition("-")
    if not first.isdecimal() or (last or first) != first:
        raise ValueError(f"portRange {rule.get('portRange')!r} is not one port")
    address = str(rule.get("IPAddress"))
    if is_sixth(address):
        return f"[{LOOPBACK}]:{snapshot.sixth(address, int(first))}"
    return f"{loopback(address)}:{BOUND_PORTS.get(int(first), int(first))}"


def _services(
    snapshot: Snapshot,
    frontends: Sequence[Frontend],
    interval_factor: float,
    problems: list[str],
) -> dict[str, Service]:
    """The services some frontend can reach, by path; others are not checked, as with Google."""
    services = {}
    for path in sorted({path for front in frontends for path in front.routes.services()}):
        resource = snapshot.compute.get(path)
        if resource is None:
            problems.append(f"{path}: no such backend service")
            continue
        services[path] = service_of(path, resource, snapshot, interval_factor)
    return services
