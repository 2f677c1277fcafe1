"""
What Ingresses ask of their load balancer by annotations ``alb.ingress.kubernetes.io/...``.

Pure. Source: AWS Load Balancer Controller guide, "Ingress annotations".
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.aws.elb.balancers import HealthCheck, Listener

PREFIX = "alb.ingress.kubernetes.io/"
SCHEMES = ("internal", "internet-facing")
ADDRESS_TYPES = ("ipv4", "dualstack")
TARGET_TYPES = ("ip", "instance")

_NAME = re.compile(r"(?!internal-)[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?")
_UNFIT = re.compile(r"[^a-z0-9]")
_PART = 8


class Refused(Exception):  # noqa: N818  the words of the field read better
    """The Ingress cannot be served as it is; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Of one load balancer."""

    name: str
    scheme: str
    listeners: tuple[Listener, ...]
    dual_stack: bool
    tags: Mapping[str, str]


def group_of(ingress: Mapping[str, Any]) -> str:
    """Give the name of the group that shares a load balancer; empty for an Ingress of its own."""
    return _annotation(ingress, "group.name")


def settings_of(
    cluster: str,
    key: tuple[str, str, str],
    ingresses: Sequence[Mapping[str, Any]],
    serving: Callable[[str], str | None] = lambda _host: None,
) -> Settings:
    """
    Give what the Ingresses of one load balancer agree on.

    Args:
        cluster: Its name, which the balancer's follows from.
        key: Namespace and name of a lone Ingress, or the name of a group.
        ingresses: That share it.
        serving: Host -> the ARN of a certificate for it, where an Ingress names none.

    Raises:
        Refused: They contradict one another, or ask for what is not modelled.
    """
    namespace, name, group = key
    scheme = _agreed(ingresses, "scheme") or "internal"
    if scheme not in SCHEMES:
        raise Refused(f"unknown scheme: {scheme}")
    given = _agreed(ingresses, "load-balancer-name")
    if given and _NAME.fullmatch(given) is None:
        raise Refused(f"load balancer name {given!r} is none")
    words = (group,) if group else (namespace, name)
    addresses = _agreed(ingresses, "ip-address-type") or "ipv4"
    if addresses not in ADDRESS_TYPES:
        raise Refused(f"unknown IPAddressType: {addresses}")
    stack = group or f"{namespace}/{name}"
    return Settings(
        name=given or named(*words, seed=f"{cluster}/{stack}/{scheme}"),
        scheme=scheme,
        listeners=_listeners(ingresses, serving),
        dual_stack=addresses == "dualstack",
        tags={**_tags(ingresses), "ingress.k8s.aws/stack": stack},
    )


def health_check_of(ingress: Mapping[str, Any]) -> HealthCheck:
    """
    Give how the targets of an Ingress are asked.

    Raises:
        Refused: A number is none.
    """
    return HealthCheck(
        path=_annotation(ingress, "healthcheck-path") or "/",
        port=_annotation(ingress, "healthcheck-port") or "traffic-port",
        interval_seconds=_number(ingress, "healthcheck-interval-seconds", 15),
        timeout_seconds=_number(ingress, "healthcheck-timeout-seconds", 5),
        healthy_threshold=_number(ingress, "healthy-threshold-count", 2),
        unhealthy_threshold=_number(ingress, "unhealthy-threshold-count", 2),
        codes=_annotation(ingress, "success-codes") or "200",
    )


def target_type_of(ingress: Mapping[str, Any]) -> str:
    """
    Give the target type, ``ip`` or ``instance``.

    Raises:
        Refused: It is none.
    """
    found = _annotation(ingress, "target-type") or "instance"
    if found not in TARGET_TYPES:
        raise Refused(f"unknown targetType: {found}")
    return found


def order_of(ingress: Mapping[str, Any]) -> tuple[int, str, str]:
    """
    Give what sorts the Ingresses of a group.

    Raises:
        Refused: group.order is no number from -1000 to 1000.
    """
    meta = ingress["metadata"]
    return (_number(ingress, "group.order", 0), meta["namespace"], meta["name"])


def named(*words: str, seed: str) -> str:
    """Give a name as the controller makes them: ``k8s-``, the words cut, ten digits of a hash."""
    parts = (_UNFIT.sub("", word.lower())[:_PART] for word in words)
    digest = hashlib.sha256(seed.encode()).hexdigest()[:10]
    return "-".join(("k8s", *parts, digest))


def _listeners(
    ingresses: Sequence[Mapping[str, Any]], serving: Callable[[str], str | None]
) -> tuple[Listener, ...]:
    protocols: dict[int, str] = {}
    shown: dict[int, dict[str, None]] = {}
    for ingress in ingresses:
        arns = [
            arn
            for word in _annotation(ingress, "certificate-arn").split(",")
            if (arn := word.strip())
        ]
        for protocol, port in _ports(ingress, secure=bool(arns)):
            if protocols.setdefault(port, protocol) != protocol:
                raise Refused(f"conflicting protocol: port {port} is HTTP and HTTPS")
            if protocol == "HTTPS":
                shown.setdefault(port, {}).update(
                    dict.fromkeys(arns or _discovered(ingress, serving))
                )
    redirect = _redirect(ingresses)
    if redirect and redirect not in protocols:
        raise Refused(f"listener does not exist for SSLRedirect port: {redirect}")
    if redirect and protocols[redirect] != "HTTPS":
        raise Refused(f"listener protocol non-SSL for SSLRedirect port: {redirect}")
    return tuple(
        Listener(
            port=port,
            protocol=protocol,
            certificates=tuple(shown.get(port, ())),
            redirect=redirect if protocol == "HTTP" else 0,
        )
        for port, protocol in sorted(protocols.items())
    )


def _discovered(ingress: Mapping[str, Any], serving: Callable[[str], str | None]) -> list[str]:
    """A certificate for each host of the rules and of ``spec.tls``."""
    spec = ingress["spec"]
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    hosts += [host for each in spec.get("tls") or () for host in each.get("hosts") or ()]
    if not hosts:
        raise Refused("no certificate: listeners of HTTPS need certificate-arn, or hosts")
    found = []
    for host in sorted(set(hosts)):
        arn = serving(host)
        if arn is None:
            raise Refused(f"no certificate found for host: {host}")
        found.append(arn)
    return found


def _redirect(ingresses: Sequence[Mapping[str, Any]]) -> int:
    text = _agreed(ingresses, "ssl-redirect") or "0"
    if not text.isdecimal():
        raise Refused(f"failed to parse ssl-redirect: {text[:256]!r} is no number")
    return int(text)


def _ports(ingress: Mapping[str, Any], *, secure: bool) -> list[tuple[str, int]]:
    usual = '[{"HTTPS": 443}]' if secure else '[{"HTTP": 80}]'
    text = _annotation(ingress, "listen-ports") or usual
    try:
        entries = [pair for each in json.loads(text) for pair in each.items()]
        ports = [(protocol, int(port)) for protocol, port in entries]
    except (ValueError, TypeError, AttributeError) as error:
        raise Refused(f"failed to parse listen-ports configuration: {text[:256]!r}") from error
    if any(protocol not in ("HTTP", "HTTPS") for protocol, _ in ports):
        raise Refused(f"listen-ports: protocols are HTTP and HTTPS, not {text[:256]!r}")
    if not all(0 < port < 65536 for _, port in ports):  # noqa: PLR2004
        raise Refused(f"listen-ports: no port in {text[:256]!r}")
    return ports


def _tags(ingresses: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    found = {}
    for ingress in ingresses:
        for pair in filter(None, _annotation(ingress, "tags").split(",")):
            key, _, value = pair.partition("=")
            found[key.strip()] = value.strip()
    return found


def _agreed(ingresses: Sequence[Mapping[str, Any]], name: str) -> str:
    given = {value for each in ingresses if (value := _annotation(each, name))}
    if len(given) > 1:
        raise Refused(f"conflicting {name}: {sorted(given)}")
    return next(iter(given), "")


def _number(ingress: Mapping[str, Any], name: str, default: int) -> int:
    text = _annotation(ingress, name) or str(default)
    try:
        return int(text)
    except ValueError as error:
        raise Refused(f"failed to parse {name}: {text[:256]!r} is no number") from error


def _annotation(ingress: Mapping[str, Any], name: str) -> str:
    annotations = ingress["metadata"].get("annotations") or {}
    return str(annotations.get(PREFIX + name, ""))
