"""What a world tells about itself, as JSON: its state and the calls that were counted."""

import dataclasses
from typing import TYPE_CHECKING, Any

from localcloud.aws.elb.balancers import LoadBalancer
from localcloud.world.cluster import describe

if TYPE_CHECKING:
    from localcloud.world.world import World


def state(world: "World") -> dict[str, Any]:
    """Give everything that ``fedingress local status`` shows."""
    compute = world.gcp.compute
    return {
        "world": world.block.number,
        "clusters": [describe(cluster) for cluster in world.clusters.values()],
        "vips": sorted(
            {
                str(rule.get("IPAddress"))
                for path, rule in compute.items()
                if path.split("/")[-2] == "forwardingRules"
            }
        ),
        "negs": [
            {
                "path": path,
                "endpoints": [
                    f"{endpoint['ipAddress']}:{endpoint['port']}"
                    for endpoint in world.gcp.endpoints.get(path, ())
                ],
            }
            for path in sorted(compute)
            if path.split("/")[-2] == "networkEndpointGroups"
        ],
        "instance_groups": [
            {
                "path": path,
                "instances": [
                    link.rpartition("/")[2] for link in world.gcp.instances.get(path, ())
                ],
                "ports": [
                    f"{port['name']}:{port['port']}"
                    for port in compute[path].get("namedPorts") or ()
                ],
            }
            for path in sorted(compute)
            if path.split("/")[-2] == "instanceGroups"
        ],
        "ports": world.sixth.list(),
        "home": world.spec.home,
        "load_balancers": [
            {
                "name": balancer.dns_name,
                "kind": "NLB" if balancer.kind == "network" else "ALB",
                "address": balancer.address,
                "targets": _targets(world, balancer),
            }
            for _, balancer in sorted(world.aws.balancers.all.items())
        ],
        "functions": world.functions.state(),
        "environment": world.env(),
    }


def _targets(world: "World", balancer: LoadBalancer) -> list[str]:
    found = []
    for group in balancer.groups.values():
        states = world.aws.balancers.states(balancer, group)
        for target in sorted(group.targets):
            health = "healthy" if states.get(target) else "unhealthy"
            found.append(f"{target[0]}:{target[1]} {health}")
    return found


def calls(world: "World") -> list[dict[str, Any]]:
    """Give every counted kind of mutating call, as `localcloud.calls.Call` in JSON."""
    return [
        dataclasses.asdict(call) for counter in world.call_counters() for call in counter.list()
    ]
