"""
What Services of type LoadBalancer ask of a Network Load Balancer, by their annotations.

Pure but for the endpoints, which are read from the cluster. Those of other controllers (the
in-tree provider's ``nlb`` among them) are left to them.

Not modelled: TLS listeners, UDP, a health check port of its own, proxy protocol, subnets, source
ranges, attributes.

Source: AWS Load Balancer Controller guide, "Network Load Balancer" and "Service annotations".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.aws.elb.backends import instances, targets_of
from localcloud.aws.elb.balancers import HealthCheck, Listener, TargetGroup
from localcloud.aws.elb.ingresses import ADDRESS_TYPES, SCHEMES, TARGET_TYPES, Refused, named
from localcloud.kube.cluster import KubeCluster

PREFIX = "service.beta.kubernetes.io/aws-load-balancer-"
CLASS = "service.k8s.aws/nlb"

_OURS = ("external", "nlb-ip")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """Of one Network Load Balancer."""

    name: str
    scheme: str
    dual_stack: bool
    listeners: tuple[Listener, ...]
    groups: Mapping[str, TargetGroup]
    tags: Mapping[str, str]


def is_ours(service: Mapping[str, Any]) -> bool:
    """Say whether the AWS Load Balancer Controller serves a Service."""
    spec = service["spec"]
    if spec.get("type") != "LoadBalancer":
        return False
    if spec.get("loadBalancerClass"):
        return bool(spec["loadBalancerClass"] == CLASS)
    return _annotation(service, "type") in _OURS


def network_settings(
    cluster: KubeCluster, region: str, service: Mapping[str, Any]
) -> NetworkSettings:
    """
    Give what a Service asks for.

    Raises:
        Refused: It cannot be, or is not modelled.
    """
    meta = service["metadata"]
    scheme = _choice(service, "scheme", SCHEMES, "internal")
    addresses = _choice(service, "ip-address-type", ADDRESS_TYPES, "ipv4")
    usual = "ip" if _annotation(service, "type") == "nlb-ip" else "instance"
    kind = _choice(service, "nlb-target-type", TARGET_TYPES, usual)
    if _annotation(service, "ssl-cert"):
        raise Refused("the lab's Network Load Balancers have listeners of TCP only, not of TLS")
    stack = f"{meta['namespace']}/{meta['name']}"
    seed = f"{cluster.name}/{stack}/{scheme}"
    check = health_check_of(service)
    listeners, groups = [], {}
    for port in service["spec"]["ports"]:
        if port.get("protocol", "TCP") != "TCP":
            raise Refused(f"the lab's Network Load Balancers carry TCP, not {port['protocol']}")
        targets = targets_of(cluster, service, port, kind)
        group_seed = f"{cluster.uid()}/{seed}/{port['port']}"
        group = TargetGroup(
            name=named(meta["namespace"], meta["name"], seed=group_seed),
            region=region,
            port=min((number for _, number in targets), default=port["port"]),
            check=check,
            targets=targets,
            tags={"elbv2.k8s.aws/cluster": cluster.name, "service.k8s.aws/stack": stack},
            protocol="TCP",
            instances=instances(cluster) if kind == "instance" else {},
        )
        groups[group.name] = group
        listeners.append(Listener(port=port["port"], protocol="TCP", group=group.name))
    return NetworkSettings(
        name=_annotation(service, "name") or named(meta["namespace"], meta["name"], seed=seed),
        scheme=scheme,
        dual_stack=addresses == "dualstack",
        listeners=tuple(sorted(listeners, key=lambda each: each.port)),
        groups=groups,
        tags={"elbv2.k8s.aws/cluster": cluster.name, "service.k8s.aws/stack": stack},
    )


def health_check_of(service: Mapping[str, Any]) -> HealthCheck:
    """
    Give how the targets of a Service are asked.

    Raises:
        Refused: A number is none, or the protocol is not modelled.
    """
    protocols = ("tcp", "http", "TCP", "HTTP")
    protocol = _choice(service, "healthcheck-protocol", protocols, "TCP").upper()
    return HealthCheck(
        protocol=protocol,
        path=_annotation(service, "healthcheck-path") or "/",
        port=_annotation(service, "healthcheck-port") or "traffic-port",
        interval_seconds=_number(service, "healthcheck-interval", 10),
        timeout_seconds=_number(service, "healthcheck-timeout", 10 if protocol == "TCP" else 6),
        healthy_threshold=_number(service, "healthcheck-healthy-threshold", 3),
        unhealthy_threshold=_number(service, "healthcheck-unhealthy-threshold", 3),
        codes=_annotation(service, "healthcheck-success-codes") or "200-399",
    )


def _choice(service: Mapping[str, Any], name: str, allowed: tuple[str, ...], usual: str) -> str:
    found = _annotation(service, name) or usual
    if found not in allowed:
        raise Refused(f"{name}: {found[:256]!r} is none of {', '.join(allowed)}")
    return found


def _number(service: Mapping[str, Any], name: str, default: int) -> int:
    text = _annotation(service, name) or str(default)
    if not text.isdecimal():
        raise Refused(f"failed to parse {name}: {text[:256]!r} is no number")
    return int(text)


def _annotation(service: Mapping[str, Any], name: str) -> str:
    annotations = service["metadata"].get("annotations") or {}
    return str(annotations.get(PREFIX + name, ""))
