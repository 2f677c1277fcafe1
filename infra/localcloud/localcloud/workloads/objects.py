"""What several controllers read in Pods and Services; pure."""

from collections.abc import Mapping
from typing import Any

DEPLOYMENTS = "deployments.apps"
SLICES = "endpointslices.discovery.k8s.io"
ZONE = "topology.kubernetes.io/zone"
REGION = "topology.kubernetes.io/region"
HOSTNAME = "kubernetes.io/hostname"


def matches(selector: Mapping[str, str] | None, labels: Mapping[str, str] | None) -> bool:
    """Say whether *labels* have every pair of an equality *selector*; an empty one has no match."""
    if not selector:
        return False
    present = labels or {}
    return all(present.get(key) == value for key, value in selector.items())


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Say whether the pod's Ready condition is true."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def container_ports(pod: Mapping[str, Any]) -> tuple[int, ...]:
    """Give the TCP ports that the pod's containers declare, sorted, each once."""
    return tuple(
        sorted(
            {
                int(port["containerPort"])
                for container in pod["spec"].get("containers") or ()
                for port in container.get("ports") or ()
                if port.get("protocol", "TCP") == "TCP"
            }
        )
    )


def tls_ports(pod: Mapping[str, Any]) -> tuple[int, ...]:
    """Give those of `container_ports` that speak TLS: their names begin with ``https``."""
    return tuple(
        sorted(
            {
                int(port["containerPort"])
                for container in pod["spec"].get("containers") or ()
                for port in container.get("ports") or ()
                if str(port.get("name", "")).startswith("https")
            }
        )
    )


def program_of(pod: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Give the image and the arguments of the pod's first container."""
    containers: list[Mapping[str, Any]] = pod["spec"].get("containers") or [{}]
    args = (str(each) for each in containers[0].get("args") or ())
    return str(containers[0].get("image", "")), tuple(args)


def readiness_path(pod: Mapping[str, Any]) -> str:
    """
    Give the path of the first HTTP readiness probe that is not ``/``; else ``/healthz``.

    Pods answer checks with a status and nothing else, and ``/`` is what people look at.
    """
    for container in pod["spec"].get("containers") or ():
        get = (container.get("readinessProbe") or {}).get("httpGet") or {}
        if get.get("path", "/") != "/":
            return str(get["path"])
    return "/healthz"


def owned_by(obj: Mapping[str, Any], uid: str) -> bool:
    """Say whether *obj* has an owner of that uid."""
    owners = obj["metadata"].get("ownerReferences") or ()
    return any(owner.get("uid") == uid for owner in owners)
