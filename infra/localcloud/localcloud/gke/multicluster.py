"""
What an Ingress of class ``gce-multi-cluster`` asks of GKE's ingress controller; pure.

Source: kubernetes/ingress-gce, ``pkg/utils`` (classes), ``pkg/utils/namer``, ``pkg/controller``
(``setInstanceGroupsAnnotation``, the translator and its errors).
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from localcloud.gke.annotation import NEG

CLASS = "kubernetes.io/ingress.class"
MULTI_CLUSTER = "gce-multi-cluster"
INSTANCE_GROUPS = "ingress.gcp.kubernetes.io/instance-groups"
FINALIZER = "networking.gke.io/ingress-finalizer-V2"

_ON_NODES = frozenset({"NodePort", "LoadBalancer"})

Service = Mapping[str, Any]


def served(ingress: Mapping[str, Any]) -> bool:
    """Say whether the class of *ingress* asks for instance groups, and it is not being deleted."""
    meta = ingress["metadata"]
    wanted = (meta.get("annotations") or {}).get(CLASS) == MULTI_CLUSTER
    return wanted and not meta.get("deletionTimestamp")


def group_name(uid: str) -> str:
    """Give the name of the instance groups of a cluster whose ``ingress-uid`` is *uid*."""
    return f"k8s-ig--{uid}" if uid else "k8s-ig"


def instance_groups(groups: Sequence[Mapping[str, Any]]) -> str:
    """Give the text of the annotation; a zone is named by its URL, as Compute Engine names it."""
    return json.dumps(
        [{"Name": group["name"], "Zone": group["zone"]} for group in groups], separators=(",", ":")
    )


def faults(ingress: Mapping[str, Any], service: Callable[[str], Service | None]) -> tuple[str, ...]:
    """
    Say why *ingress* cannot be translated: Services that are missing, or not on the nodes.

    Args:
        ingress: The object.
        service: Gives a Service of the Ingress's namespace by name.
    """
    namespace = ingress["metadata"]["namespace"]
    found: dict[str, None] = {}
    for backend in _backends(ingress["spec"]):
        name, port = backend["name"], backend.get("port") or {}
        target, there = f'"{namespace}/{name}"', service(name)
        if there is None:
            found[f"could not find service {target}"] = None
        elif not any(_is(each, port) for each in there["spec"].get("ports") or ()):
            words = port.get("name") or port.get("number")
            found[f'could not find port "{words}" in service {target}'] = None
        elif not _grouped(there) and there["spec"].get("type") not in _ON_NODES:
            found[
                f'service {target} is type "{there["spec"].get("type")}", expected "NodePort" or '
                '"LoadBalancer" when not using NEGs'
            ] = None
    return tuple(found)


def needs_instances(ingress: Mapping[str, Any], service: Callable[[str], Service | None]) -> bool:
    """Say whether any backend is reached by nodes; the cluster's own default backend is one."""
    if not ingress["spec"].get("defaultBackend"):
        return True
    return any(
        not _grouped(service(backend["name"]) or {}) for backend in _backends(ingress["spec"])
    )


def _backends(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give each ``backend.service`` of an Ingress; resources have none."""
    paths = [
        path
        for rule in spec.get("rules") or ()
        for path in (rule.get("http") or {}).get("paths", ())
    ]
    for backend in (spec.get("defaultBackend"), *(path["backend"] for path in paths)):
        if backend and backend.get("service"):
            yield backend["service"]


def _is(port: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    if wanted.get("name"):
        return bool(port.get("name") == wanted["name"])
    return bool(port["port"] == wanted.get("number"))


def _grouped(service: Service) -> bool:
    """Say whether an Ingress reaches the pods of *service* by a NEG."""
    text = ((service.get("metadata") or {}).get("annotations") or {}).get(NEG) or "{}"
    try:
        document = json.loads(text)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("ingress") is True
