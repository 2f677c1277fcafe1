"""
From target groups to HAProxy backends: the servers with their checks, and the same unchecked.

Called by `program`. Check paths are users' text and are looked up in a map file; what cannot be
checked as asked is not served, and named.

Source: Elastic Load Balancing User Guides, "Health checks for target groups" of Application and of
Network Load Balancers.
"""

import json
import re
from collections.abc import Iterator, Mapping

from localcloud.addresses import AddressRefused, to_loopback
from localcloud.aws.elb.balancers import LoadBalancer, Target, TargetGroup
from localcloud.dataplane.haproxy.snapshot import identifier

CHECKS = "alb.checks"
PATH = re.compile(r"/[!-~]{0,1023}")

_CODES = re.compile(r"[2-4][0-9]{2}(-[2-4][0-9]{2})?(,[2-4][0-9]{2}(-[2-4][0-9]{2})?)*")
_SHORTEST_MILLISECONDS = 100


def backend_of(balancer: LoadBalancer, group: TargetGroup) -> str:
    """Give the name of the backend that checks a group's targets."""
    return identifier("tg", balancer.arn, group.arn)


def server_of(target: Target) -> str:
    """Give the name of a target's server."""
    return f"{target[0]}:{target[1]}"


def checked(backend: str, group: TargetGroup, factor: float) -> Iterator[str]:
    """Give the backend that asks the targets; *factor* shortens intervals and time limits."""
    check = group.check
    interval, timeout = (
        max(_SHORTEST_MILLISECONDS, round(seconds * 1000 * factor))
        for seconds in (check.interval_seconds, check.timeout_seconds)
    )
    yield f"backend {backend}"
    yield "  balance roundrobin"
    if check.protocol == "HTTP":
        yield "  option httpchk"
        yield f"  http-check set-var(check.path) str({backend}),map_str({CHECKS})"
        yield (
            "  http-check send meth GET uri-lf %[var(check.path)] ver HTTP/1.1 hdr Host"
            " %[srv_name,field(1,:)] hdr User-Agent ELB-HealthChecker/2.0 hdr Connection close"
        )
        yield f"  http-check expect status {check.codes}"
    yield f"  timeout check {timeout}ms"
    yield (
        f"  default-server check inter {interval}ms"
        f" rise {check.healthy_threshold} fall {check.unhealthy_threshold}"
    )
    yield from _servers(group)


def unchecked(backend: str, group: TargetGroup) -> Iterator[str]:
    """Give the same targets unchecked: where requests go when none is healthy."""
    yield f"backend {backend}_open"
    if not group.targets and group.protocol == "HTTP":
        yield '  http-request return status 503 content-type text/html string "503"'
    yield "  balance roundrobin"
    yield from _servers(group)


def servable(group: TargetGroup, problems: list[str]) -> bool:
    """Say whether a group can be served as asked; why not goes to *problems*."""
    check = group.check
    faults = []
    if not PATH.fullmatch(check.path):
        faults.append(f"health check path {quoted(check.path)}")
    if not _CODES.fullmatch(check.codes):
        faults.append(f"success codes {quoted(check.codes)}")
    if check.port != "traffic-port":
        faults.append(f"health check port {quoted(check.port)}")
    for ip, _ in group.targets:
        try:
            to_loopback(ip)
        except AddressRefused as reason:
            faults.append(str(reason))
    problems.extend(f"target group {group.name}: {fault} is not served" for fault in faults)
    return not faults


def socket_of(target: Target) -> str:
    """Give where a target listens on this machine."""
    return f"{to_loopback(target[0])}:{target[1]}"


def table(rows: Mapping[str, str]) -> str:
    """Give a map file."""
    return "".join(f"{key} {value}\n" for key, value in rows.items())


def quoted(value: object) -> str:
    """Give users' text for a sentence."""
    return json.dumps(value, default=str)[:256]


def _servers(group: TargetGroup) -> Iterator[str]:
    for target in sorted(group.targets):
        yield f"  server {server_of(target)} {socket_of(target)}"
