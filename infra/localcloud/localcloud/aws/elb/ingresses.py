"""
What Ingresses ask of their load balancer by annotations ``alb.ingress.kubernetes.io/...``.

Pure. Source: AWS Load Balancer Controller guide, "Ingress annotations".
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.aws.elb.balancers import HealthCheck

PREFIX = "alb.ingress.kubernetes.io/"
SCHEMES = ("internal", "internet-facing")

_NAME = re.compile(r"(?!internal-)[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?")
_UNFIT = re.compile(r"[^a-z0-9]")
_PART = 8


class Refused(Exception):  # noqa: N818  the words of the field read better
    """The Ingress cannot be served as it is; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Of one load balancer: its name, scheme, listener ports and tags."""

    name: str
    scheme: str
    ports: tuple[int, ...]
    tags: Mapping[str, str]


def group_of(ingress: Mapping[str, Any]) -> str:
    """Give the name of the group that shares a load balancer; empty for an Ingress of its own."""
    return _annotation(ingress, "group.name")


def settings_of(
    cluster: str, key: tuple[str, str, str], ingresses: Sequence[Mapping[str, Any]]
) -> Settings:
    """
    Give what the Ingresses of one load balancer agree on; *cluster* by name is part of its name.

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
    ports = sorted({port for each in ingresses for port in _ports(each)})
    stack = group or f"{namespace}/{name}"
    return Settings(
        name=given or named(*words, seed=f"{cluster}/{stack}/{scheme}"),
        scheme=scheme,
        ports=tuple(ports),
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


def require_ip_targets(ingress: Mapping[str, Any]) -> None:
    """
    Check the target type.

    Raises:
        Refused: It is not ``ip``.
    """
    if (_annotation(ingress, "target-type") or "instance") != "ip":
        raise Refused("the lab's load balancers have targets of type ip only: set target-type")


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


def _ports(ingress: Mapping[str, Any]) -> list[int]:
    text = _annotation(ingress, "listen-ports") or '[{"HTTP": 80}]'
    try:
        entries = [pair for each in json.loads(text) for pair in each.items()]
        ports = [(protocol, int(port)) for protocol, port in entries]
    except (ValueError, TypeError, AttributeError) as error:
        raise Refused(f"failed to parse listen-ports configuration: {text[:256]!r}") from error
    if any(protocol != "HTTP" for protocol, _ in ports):
        raise Refused("the lab's load balancers listen to HTTP only")
    if not all(0 < port < 65536 for _, port in ports):  # noqa: PLR2004
        raise Refused(f"listen-ports: no port in {text[:256]!r}")
    return [port for _, port in ports]


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
