"""
What a member's own load balancer is asked for, in topology `aws`: class, annotations and rules.

Called by `planning.fanout`. The platform team's policy says how load balancers are; of what users
write for the controller, only what concerns their own targets is copied.

Source: AWS Load Balancer Controller guide, "Ingress annotations" and "IngressGroup" (whoever names
the group of another team takes over its load balancer).
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from fedingress.domain import names
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.ingress import Manifest, ServiceBackend
from fedingress.domain.policy import AwsPolicy, FederationPolicy, Override
from fedingress.planning.companions import find_port
from fedingress.planning.selectors import matches

USERS: Final = frozenset(
    {
        "backend-protocol",
        "backend-protocol-version",
        "healthcheck-interval-seconds",
        "healthcheck-path",
        "healthcheck-port",
        "healthcheck-protocol",
        "healthcheck-timeout-seconds",
        "healthy-threshold-count",
        "success-codes",
        "target-group-attributes",
        "unhealthy-threshold-count",
    }
)
"""What users may say to the AWS Load Balancer Controller: it concerns their own targets only."""
_CLASS_PATH: Final = "/spec/ingressClassName"
_NODE_PORTS: Final = frozenset({"NodePort", "LoadBalancer"})

Problem = tuple[str, str]


def concerns(override: Override, member: MemberCluster) -> bool:
    """Whether *override* is for *member*."""
    if override.clusters is not None and member.name not in override.clusters:
        return False
    return override.selector is None or matches(override.selector, member.labels)


def class_of(policy: FederationPolicy, member: MemberCluster) -> str:
    """The class of the copy in *member*: the policy's, unless an override gives another one."""
    found = policy.aws.ingress_class
    for override in policy.overrides:
        for step in override.patch if concerns(override, member) else ():
            if step["path"] == _CLASS_PATH and step["op"] in {"add", "replace"}:
                found = str(step["value"])
    return found


def by_controller(class_name: str) -> bool:
    """Whether the AWS Load Balancer Controller serves the class: `alb`, or `alb-` and more."""
    return class_name == "alb" or class_name.startswith("alb-")


def annotations(
    aws: AwsPolicy, region: str, class_name: str, given: Mapping[str, str]
) -> dict[str, str]:
    """
    The annotations of a copy.

    Args:
        aws: Of the policy.
        region: Of the member; its certificates are there.
        class_name: Of the copy; a class of another controller gets no annotations of this one's.
        given: Those of the source that are copied everywhere.
    """
    if not by_controller(class_name):
        return dict(given)
    wanted = {"scheme": aws.scheme, "target-type": aws.target_type}
    if aws.listen_ports:
        listed = [{protocol: port} for protocol, port in aws.listen_ports]
        wanted["listen-ports"] = json.dumps(listed, separators=(",", ":"))
    if arns := aws.certificate_arns.get(region):
        wanted["certificate-arn"] = ",".join(arns)
    if aws.ssl_redirect:
        wanted["ssl-redirect"] = str(aws.ssl_redirect)
    if aws.load_balancer == "group":
        wanted |= {"group.name": aws.group, "group.order": "0"}
    if aws.health_check_path:
        wanted["healthcheck-path"] = aws.health_check_path
    if aws.dual_stack:
        wanted["ip-address-type"] = "dualstack"
    kept = {key: value for key, value in given.items() if not _theirs(key)}
    return kept | {f"{names.ALB}{key}": value for key, value in wanted.items()}


def ignored(given: Mapping[str, str]) -> tuple[str, ...]:
    """The annotations of a source that are the policy's to give, sorted."""
    return tuple(sorted(filter(_theirs, given)))


def _theirs(annotation: str) -> bool:
    prefixed = annotation.startswith(names.ALB)
    return prefixed and annotation.removeprefix(names.ALB) not in USERS


def rules(
    spec: Mapping[str, Any], lost: Collection[str], *, grouped: bool
) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """
    The spec without what must not be served here, and what there is to say of that.

    Hosts of older Ingresses go: a load balancer may serve both. One that several Ingresses share
    takes no rule for every host, which would be every host of the others too.

    Returns:
        An empty spec when nothing is left to serve.
    """
    found, problems = dict(spec), []
    listed: Sequence[Mapping[str, Any]] = spec.get("rules") or ()
    kept = [rule for rule in listed if str(rule.get("host") or "") not in lost]
    if grouped:
        hosted = [rule for rule in kept if rule.get("host")]
        if len(hosted) < len(kept) or found.pop("defaultBackend", None):
            text = "a load balancer that several Ingresses share serves rules with a host only"
            problems.append(("HostNeeded", text))
        kept = hosted
    found["rules"] = kept
    return (found if kept or found.get("defaultBackend") else {}), tuple(problems)


def problem(
    service: Manifest, backend: ServiceBackend, aws: AwsPolicy, class_name: str
) -> Problem | None:
    """
    Why *service*, empty where there is none, cannot be reached in a member.

    Instances are targets of the AWS Load Balancer Controller only; a controller of another class
    reaches pods, whatever the policy says of targets.
    """
    if not service:
        return "ServiceMissing", f"Service {backend.service} does not exist"
    if find_port(service, backend) is None:
        return "PortMissing", f"Service {backend.service} has no port {backend.port}"
    kind = (service.get("spec") or {}).get("type") or "ClusterIP"
    on_nodes = aws.target_type == "instance" and by_controller(class_name)
    if on_nodes and kind not in _NODE_PORTS:
        text = f"Service {backend.service} is {kind}; targets of type instance need a NodePort"
        return "NodePortMissing", text
    return None
