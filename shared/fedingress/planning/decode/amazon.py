"""
From `spec.aws` of a FederationPolicy to what members' own load balancers shall be.

Called by `planning.decode.policies`. Annotations on an Ingress may not say these things (see
`planning.copies`): a group, a certificate or a scheme is the platform team's to give.

Source: AWS Load Balancer Controller guide, "Ingress annotations" and "IngressGroup"; ACM API
reference (ARNs of certificates).
"""

import re
from typing import Final

from fedingress.domain.policy import AwsPolicy
from fedingress.planning.decode.reading import Cell
from fedingress.planning.decode.words import DNS_1123_SUBDOMAIN, quoted

LOAD_BALANCERS: Final = ("dedicated", "group")
SCHEMES: Final = ("internet-facing", "internal")
TARGET_TYPES: Final = ("ip", "instance")
PROTOCOLS: Final = ("HTTP", "HTTPS")
FIELDS: Final = (
    *("loadBalancer", "group", "ingressClass", "scheme", "targetType", "certificateArns"),
    *("listenPorts", "sslRedirect", "healthCheckPath", "dualStack", "accelerator"),
)

_GROUP: Final = re.compile(r"(?=.{1,63}\Z)([a-z0-9][-a-z0-9.]*)?[a-z0-9]")
_CERTIFICATE: Final = re.compile(
    r"arn:aws[a-z-]{0,20}:acm:([a-z]{2}[-a-z]{1,30}-[0-9]{1,2}):[0-9]{12}:certificate/"
    r"[A-Za-z0-9-]{1,64}"
)
_PATH: Final = re.compile(r"/[A-Za-z0-9/._~!$&()*+,;=:@%?-]{0,1023}")
_MOST_CERTIFICATES: Final = 100
_MOST_PORTS: Final = 10


def aws(cell: Cell) -> AwsPolicy:
    """`spec.aws` with every default."""
    cell.fields(*FIELDS)
    default = AwsPolicy()
    kind = cell.child("loadBalancer").choice(
        LOAD_BALANCERS, default.load_balancer, noun="load balancer"
    )
    group = cell.child("group")
    if group.given and kind != "group":
        group.fault(f"stands beside loadBalancer {kind}; it is for group")
    ports = _ports(cell.child("listenPorts"))
    return AwsPolicy(
        load_balancer=kind,
        group=group.text(
            default.group, like=_GROUP, noun="the name of a group: a-z, 0-9, `-` and `.`, up to 63"
        ),
        ingress_class=cell.child("ingressClass").text(
            default.ingress_class, like=DNS_1123_SUBDOMAIN, noun="the name of an IngressClass"
        ),
        scheme=cell.child("scheme").choice(SCHEMES, default.scheme, noun="scheme"),
        target_type=cell.child("targetType").choice(
            TARGET_TYPES, default.target_type, noun="target type"
        ),
        certificate_arns=_certificates(cell.child("certificateArns")),
        listen_ports=ports,
        ssl_redirect=_redirect(cell.child("sslRedirect"), ports),
        health_check_path=cell.child("healthCheckPath").text(
            default.health_check_path, like=_PATH, noun="an absolute path of URL characters"
        ),
        dual_stack=cell.child("dualStack").boolean(default=default.dual_stack),
        accelerator=cell.child("accelerator").boolean(default=default.accelerator),
    )


def _certificates(cell: Cell) -> dict[str, tuple[str, ...]]:
    """Region -> ARNs, in the order written: the first one is a listener's default."""
    found: dict[str, tuple[str, ...]] = {}
    for item in cell.items(most=_MOST_CERTIFICATES):
        arn = item.required(like=_CERTIFICATE, noun="the ARN of a certificate of ACM")
        if not arn:
            continue
        region = arn.split(":")[3]
        if arn in found.get(region, ()):
            item.fault(f"{quoted(arn)} is named twice")
        found[region] = (*found.get(region, ()), arn)
    return found


def _ports(cell: Cell) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    for item in cell.items(most=_MOST_PORTS):
        item.fields("protocol", "port")
        protocol = item.child("protocol")
        if not protocol.given:
            protocol.fault(f"is required: one of {', '.join(PROTOCOLS)}")
        port = item.child("port")
        if not port.given:
            port.fault("is required: 1 to 65535")
        row = (protocol.choice(PROTOCOLS, "", noun="protocol"), port.integer(0, 1, 65535))
        if row[1] and any(row[1] == other for _, other in found):
            item.fault(f"port {row[1]} is named twice")
        found.append(row)
    return tuple(found)


def _redirect(cell: Cell, ports: tuple[tuple[str, int], ...]) -> int:
    found = cell.integer(0, 1, 65535)
    if found and ("HTTPS", found) not in ports:
        cell.fault(f"{found} is no port of listenPorts with protocol HTTPS")
    return found
