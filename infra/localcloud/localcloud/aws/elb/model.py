"""
From Ingresses, Services and EndpointSlices to the rules and target groups of a load balancer.

Source: AWS Load Balancer Controller guide, "Ingress specification"; a target group per Ingress,
Service and port, with the ready endpoints or the nodes as targets.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.aws.elb.backends import instances, targets_of
from localcloud.aws.elb.balancers import HealthCheck, Rule, TargetGroup
from localcloud.aws.elb.ingresses import (
    Refused,
    health_check_of,
    named,
    order_of,
    target_type_of,
)
from localcloud.kube.cluster import KubeCluster


def rules_and_groups(
    cluster: KubeCluster, region: str, ingresses: Sequence[Mapping[str, Any]]
) -> tuple[tuple[Rule, ...], dict[str, TargetGroup]]:
    """
    Give the rules, in order, and the target groups by name.

    Raises:
        Refused: A Service or port is not there, or something is not modelled.
    """
    rules: list[Rule] = []
    groups: dict[str, TargetGroup] = {}
    for ingress in sorted(ingresses, key=order_of):
        check = health_check_of(ingress)
        for host, path, exact, backend in paths_of(ingress):
            group = _group(cluster, region, ingress, backend, check)
            groups[group.name] = group
            rules.append(Rule(host=host, path=path, exact=exact, group=group.name))
    return tuple(rules), groups


def paths_of(ingress: Mapping[str, Any]) -> list[tuple[str, str, bool, Mapping[str, Any]]]:
    """Give host, path, whether exact, backend; the default backend is every host's last."""
    spec = ingress["spec"]
    found = []
    for rule in spec.get("rules") or ():
        for entry in (rule.get("http") or {}).get("paths") or ():
            kind, path = entry["pathType"], entry.get("path") or "/"
            if kind == "ImplementationSpecific" and path.endswith("*"):
                kind, path = "Prefix", path.removesuffix("*") or "/"
            exact = kind != "Prefix"
            found.append((rule.get("host") or "", path, exact, entry["backend"]))
    if spec.get("defaultBackend"):
        found.append(("", "/", False, spec["defaultBackend"]))
    return found


def port_of(service: Mapping[str, Any], port: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Give the port of a Service that a backend names by *port*; None when it has no such port."""
    asked = port.get("name") or port.get("number")
    ports: list[Mapping[str, Any]] = service["spec"]["ports"]
    return next((each for each in ports if asked in (each.get("name"), each["port"])), None)


def _group(
    cluster: KubeCluster,
    region: str,
    ingress: Mapping[str, Any],
    backend: Mapping[str, Any],
    check: HealthCheck,
) -> TargetGroup:
    meta = ingress["metadata"]
    if "service" not in backend:
        raise Refused("only backends that are Services are served")
    name, port = backend["service"]["name"], backend["service"]["port"]
    service = cluster.get("services", meta["namespace"], name)
    if service is None:
        raise Refused(f"service {meta['namespace']}/{name} not found")
    asked = port.get("name") or port.get("number")
    found = port_of(service, port)
    if found is None:
        raise Refused(f"unable to find port {asked} on service {meta['namespace']}/{name}")
    seed = f"{cluster.uid()}/{meta['namespace']}/{meta['name']}/{name}:{asked}"
    kind = target_type_of(ingress)
    targets = targets_of(cluster, service, found, kind)
    numbers = {number for _, number in targets}
    return TargetGroup(
        name=named(meta["namespace"], name, seed=seed),
        region=region,
        port=min(numbers, default=found["port"]),
        check=check,
        targets=targets,
        tags={
            "elbv2.k8s.aws/cluster": cluster.name,
            "ingress.k8s.aws/resource": f"{meta['namespace']}/{meta['name']}-{name}:{asked}",
        },
        instances=instances(cluster) if kind == "instance" else {},
    )
