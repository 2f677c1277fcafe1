"""
From `spec.backends` of a FederationPolicy to the domain's, with defaults.

Called by `planning.decode.policies`.

Source: compute v1 BackendService (balancing modes by kind of group) and HealthCheck (ranges).
"""

from typing import Final

from fedingress.domain.policy import (
    INSTANCE_GROUP,
    NEAREST_RATE,
    BackendPolicy,
    HealthCheckPolicy,
)
from fedingress.planning import health_checks
from fedingress.planning.decode.options import FIELDS as OPTIONS
from fedingress.planning.decode.options import options
from fedingress.planning.decode.placements import placement
from fedingress.planning.decode.reading import Cell
from fedingress.planning.decode.words import DNS_NAME, PROBE_PATH

MODES: Final = ("neg", INSTANCE_GROUP)
BALANCING: Final = ("RATE", "UTILIZATION")
NODE_PORTS: Final = ("chosen", "own")
MAX_UTILIZATION: Final = 0.8
"""Of the nodes' CPU, where a policy balances by utilisation and does not say how much."""

_SECONDS: Final = 2**31 - 1
_OF_INSTANCES: Final = ("maxRatePerInstance", "balancingMode", "maxUtilization")


def backends(cell: Cell) -> BackendPolicy:
    """What the backend services of the global load balancer shall be like."""
    cell.fields(
        *("mode", "maxRatePerEndpoint", *_OF_INSTANCES, "nodePorts", "healthCheck"),
        *("timeoutSeconds", "drainingSeconds", "warmUpSeconds", *OPTIONS, "preferred"),
        "sharedIngressUid",
    )
    preferred = cell.child("preferred")
    default = BackendPolicy()
    mode = cell.child("mode").choice(MODES, default.mode, noun="mode")
    _fit(cell, grouped=mode == INSTANCE_GROUP)
    seconds = health_checks.defaults(grouped=mode == INSTANCE_GROUP).interval_seconds
    node_ports = cell.child("nodePorts").choice(NODE_PORTS, "chosen", noun="choice of node ports")
    return BackendPolicy(
        mode=mode,
        max_rate_per_endpoint=cell.child("maxRatePerEndpoint").number(NEAREST_RATE),
        max_rate_per_instance=cell.child("maxRatePerInstance").number(NEAREST_RATE),
        max_utilization=_utilization(cell),
        own_node_ports=node_ports == "own",
        health_check=_health_check(cell.child("healthCheck"), seconds),
        timeout_seconds=cell.child("timeoutSeconds").integer(default.timeout_seconds, 1, _SECONDS),
        draining_seconds=cell.child("drainingSeconds").integer(default.draining_seconds, 0, 3600),
        warm_up_seconds=cell.child("warmUpSeconds").integer(default.warm_up_seconds, 0, 3600),
        options=options(cell),
        preferred=placement(preferred) if preferred.given else None,
        shared_ingress_uid=cell.child("sharedIngressUid").boolean(default=False),
    )


def _fit(cell: Cell, *, grouped: bool) -> None:
    """Note what stands there for the other mode; an API server fills in `chosen`."""
    if grouped:
        if cell.child("maxRatePerEndpoint").given:
            why = "is for mode neg; nodes are instances: say maxRatePerInstance"
            cell.child("maxRatePerEndpoint").fault(why)
        return
    for name in _OF_INSTANCES:
        if cell.child(name).given:
            cell.child(name).fault(f"is for mode {INSTANCE_GROUP}")
    if cell.child("nodePorts").value == "own":
        cell.child("nodePorts").fault(f"own is for mode {INSTANCE_GROUP}")


def _utilization(cell: Cell) -> float | None:
    """How busy nodes may be; None where requests are counted."""
    told, mode = cell.child("maxUtilization"), cell.child("balancingMode")
    found = told.number(1.0)
    wanted = mode.choice(BALANCING, noun="balancing mode") if mode.given else ""
    if told.given and wanted == "RATE":
        told.fault("stands beside balancingMode RATE: requests are counted, or utilisation is")
    if told.given and cell.child("maxRatePerInstance").given:
        told.fault("stands beside maxRatePerInstance: one group has one measure of its capacity")
    elif wanted == "UTILIZATION" and cell.child("maxRatePerInstance").given:
        mode.fault("UTILIZATION stands beside maxRatePerInstance: say maxUtilization instead")
    return (found or MAX_UTILIZATION) if told.given or wanted == "UTILIZATION" else None


def _health_check(cell: Cell, seconds: int) -> HealthCheckPolicy:
    cell.fields(
        *("path", "host", "intervalSeconds", "timeoutSeconds"),
        *("healthyThreshold", "unhealthyThreshold"),
    )
    interval = _whole(cell.child("intervalSeconds"), 300)
    told = cell.child("timeoutSeconds")
    timeout = _whole(told, 300)
    if timeout and timeout > (interval or seconds):
        told.fault(f"{timeout} is more than intervalSeconds, {interval or seconds}")
    return HealthCheckPolicy(
        path=cell.child("path").text(like=PROBE_PATH, noun="an absolute path of URL characters"),
        host=cell.child("host").text(like=DNS_NAME, noun="a DNS name"),
        interval_seconds=interval,
        timeout_seconds=timeout,
        healthy_threshold=_whole(cell.child("healthyThreshold"), 10),
        unhealthy_threshold=_whole(cell.child("unhealthyThreshold"), 10),
    )


def _whole(cell: Cell, high: int) -> int | None:
    """1 to *high*, or None when it is not given."""
    return cell.integer(1, 1, high) if cell.given else None
