"""
The copy of an Ingress for which GKE's controller makes instance groups: of its class, and valid.

Called by `planning.fanout`, in mode instance-group. The copy carries no requests, the load balancer
is ours. But its controller gives no groups to an Ingress one of whose Services is missing or has no
node port, so all its backends name Services that are there.

Source: kubernetes/ingress-gce, `pkg/controller/translator` (what makes an Ingress invalid).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fedingress.domain import names
from fedingress.domain.ingress import Manifest, ServiceBackend
from fedingress.domain.member import MemberObject
from fedingress.planning.diff import fingerprint
from fedingress.planning.json_values import copied

Target = tuple[str, int]
"""A Service and the number of its port."""


def classed(manifest: dict[str, Any], class_name: str) -> dict[str, Any]:
    """
    *manifest* with that class; without one, GKE's controller only makes instance groups for it.

    An API server refuses a class that is said in both ways.
    """
    if class_name:
        manifest["spec"]["ingressClassName"] = class_name
        return manifest
    manifest["spec"].pop("ingressClassName", None)
    manifest["metadata"]["annotations"][names.CLASS_ANNOTATION] = names.GROUP_CLASS
    return manifest


def is_classed(item: MemberObject) -> bool:
    """Whether *item* is a copy for which its controller makes instance groups."""
    annotations = item.manifest["metadata"].get("annotations") or {}
    return annotations.get(names.CLASS_ANNOTATION) == names.GROUP_CLASS


def led(item: MemberObject, targets: Mapping[ServiceBackend, Target]) -> MemberObject:
    """
    The copy with backends that name *targets*; one that has none names the first of them.

    Without any target it stays as it is: its controller will say what it misses.
    """
    if not targets:
        return item
    by_port = {(each.service, each.port): target for each, target in targets.items()}
    other = min(by_port.values())
    manifest = copied(dict(item.manifest))
    del manifest["metadata"]["annotations"][names.APPLIED]
    for service in _services(manifest["spec"]):
        port = service.get("port") or {}
        wanted = str(service.get("name")), str(port.get("number") or port.get("name"))
        name, number = by_port.get(wanted, other)
        service |= {"name": name, "port": {"number": number}}
    return marked(item.cluster, manifest)


def marked(cluster: str, manifest: Manifest) -> MemberObject:
    """Add the hash by which the next look knows that nothing has to be pruned."""
    whole = copied(dict(manifest))
    whole["metadata"]["annotations"][names.APPLIED] = fingerprint(manifest)
    return MemberObject(cluster=cluster, manifest=whole)


def _services(spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    paths = [
        path
        for rule in spec.get("rules") or ()
        for path in (rule.get("http") or {}).get("paths") or ()
    ]
    for backend in (spec.get("defaultBackend"), *(path["backend"] for path in paths)):
        if backend and backend.get("service"):
            yield backend["service"]
