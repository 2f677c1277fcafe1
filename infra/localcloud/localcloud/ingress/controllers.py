"""
Which pods are ingress controllers, and what their arguments say.

Pure. Known are ingress-nginx and HAProxy's, by their images. Ports below 1024 cannot be bound
here, so that the port has to be chosen by argument.

Not modelled: TLS, ConfigMaps, annotations of Ingresses, namespaces and selectors that are watched.

Source: ingress-nginx, "Command line arguments"; HAProxy Kubernetes Ingress Controller, "Start
parameters".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CLASSES = "ingressclasses.networking.k8s.io"
INGRESSES = "ingresses.networking.k8s.io"

_CLASS_ANNOTATION = "kubernetes.io/ingress.class"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    controller: str
    class_flag: str
    port_flag: str
    port: int
    manager: str


_IMAGES = {
    "ingress-nginx/controller": _Known(
        controller="k8s.io/ingress-nginx",
        class_flag="ingress-class",
        port_flag="http-port",
        port=80,
        manager="nginx-ingress-controller",
    ),
    "haproxytech/kubernetes-ingress": _Known(
        controller="haproxy.org/ingress-controller",
        class_flag="ingress.class",
        port_flag="http-bind-port",
        port=8080,
        manager="haproxy-ingress-controller",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class IngressController:
    """
    What one controller was told.

    Attributes:
        controller: What its classes name.
        class_name: Of the old annotation; empty is none.
        publish: Namespace and name of the Service whose address its Ingresses show, or None.
        port: Where it answers HTTP.
        manager: Its name as a writer of objects.
    """

    controller: str
    class_name: str
    publish: tuple[str, str] | None
    port: int
    manager: str


def ingress_controller(image: str, args: Sequence[str], namespace: str) -> IngressController | None:
    """
    Give what a container is told that runs an ingress controller; None for any other image.

    Args:
        image: With or without registry and tag.
        args: ``--NAME=VALUE``; ``$(POD_NAMESPACE)`` is the pod's.
        namespace: Of the pod.
    """
    bare = image.partition("@")[0].rpartition("/")
    name = "/".join((bare[0].rpartition("/")[2], bare[2].partition(":")[0]))
    known = _IMAGES.get(name)
    if known is None:
        return None
    flags = dict(each.lstrip("-").split("=", 1) for each in args if "=" in each)
    space, slash, service = (
        flags.get("publish-service", "").replace("$(POD_NAMESPACE)", namespace).partition("/")
    )
    port = flags.get(known.port_flag, "")
    return IngressController(
        controller=flags.get("controller-class", known.controller),
        class_name=flags.get(known.class_flag, ""),
        publish=(space, service) if slash else None,
        port=int(port) if port.isdecimal() else known.port,
        manager=known.manager,
    )


def is_served(
    controller: IngressController,
    ingress: Mapping[str, Any],
    classes: Mapping[str, Mapping[str, Any]],
) -> bool:
    """Say whether an Ingress is the controller's; *classes* are IngressClasses by name."""
    name = ingress["spec"].get("ingressClassName")
    if name is None:
        annotations = ingress["metadata"].get("annotations") or {}
        given = annotations.get(_CLASS_ANNOTATION)
        return given is not None and given == controller.class_name
    found = classes.get(name)
    return found is not None and found["spec"].get("controller") == controller.controller
