"""
Companion Services: one per Service port of an Ingress, in each member.

With an explicit NEG or, in mode instance-group, with a node port that is equal in all members.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fedingress.domain import names
from fedingress.domain.graph import NegRef
from fedingress.domain.ingress import IngressKey, Manifest, ServiceBackend
from fedingress.domain.policy import INSTANCE_GROUP

_LABEL_LIMIT = 63
_NODES_INSTEAD = '{"ingress":false}'
"""What a Service says that wants no endpoint group for Ingresses."""


def neg_name(uid: str, backend: ServiceBackend, cluster: str) -> str:
    """
    The NEG of one Service port in one member; unique in the project, at most 63 characters.

    The member is part of the hash, because two clusters may share a zone and a project.
    """
    digest = names.short_hash(uid, backend.service, backend.port, cluster, length=16)
    return f"fedingress-{names.short_hash(uid)}-{digest}"


def companion_name(uid: str, backend: ServiceBackend, mode: str = "neg") -> str:
    """
    `<service>-fed-<hash>`, or `fed-<hash>` where that would exceed 63 characters.

    That of another *mode* is another Service, so that both stand while requests move over.
    """
    parts = () if mode == "neg" else (mode,)
    digest = names.short_hash(uid, backend.service, backend.port, *parts)
    name = f"{backend.service}-fed-{digest}"
    return name if len(name) <= _LABEL_LIMIT else f"fed-{digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose the objects are: the installation and the source."""

    installation: str
    key: IngressKey
    uid: str

    def labels(self) -> dict[str, str]:
        """The labels that mark an object in a member as ours."""
        return {
            names.OWNER: self.installation,
            names.OWNER_UID: self.uid,
            "app.kubernetes.io/managed-by": "fedingress",
        }

    def owns(self, manifest: Manifest) -> bool:
        """Whether *manifest* carries this owner's labels."""
        labels = manifest.get("metadata", {}).get("labels") or {}
        return (
            labels.get(names.OWNER_UID) == self.uid and labels.get(names.OWNER) == self.installation
        )

    def succeeds(self, manifest: Manifest) -> bool:
        """Whether *manifest* is of an earlier source of this name, which is gone."""
        meta = manifest.get("metadata", {})
        labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
        return (
            labels.get(names.OWNER) == self.installation
            and bool(labels.get(names.OWNER_UID))
            and annotations.get(names.SOURCE) == str(self.key)
        )


def find_port(service: Manifest, backend: ServiceBackend) -> Mapping[str, Any] | None:
    """The entry of `spec.ports` that *backend* means."""
    for port in service.get("spec", {}).get("ports") or ():
        if backend.number and port.get("port") == backend.number:
            return dict(port)
        if backend.port_name and port.get("name") == backend.port_name:
            return dict(port)
    return None


def problem(
    service: Manifest, backend: ServiceBackend, *, followed: bool = True
) -> tuple[str, str] | None:
    """
    Why *service*, empty where there is none, cannot carry *backend* (reason, sentence).

    *followed*: whether a companion is to select the same pods; without one it needs no selector.
    """
    if not service:
        return "ServiceMissing", f"Service {backend.service} does not exist"
    spec = service.get("spec", {})
    if followed and (spec.get("type") == "ExternalName" or not spec.get("selector")):
        return (
            "ServiceWithoutSelector",
            f"Service {backend.service} has no selector, so its pods cannot join an endpoint group",
        )
    if find_port(service, backend) is None:
        return "PortMissing", f"Service {backend.service} has no port {backend.port}"
    return None


def companion(service: Manifest, backend: ServiceBackend, owner: Owner, cluster: str) -> Manifest:
    """The companion of *backend* in *cluster*; *service* is the user's and has no `problem`."""
    port = find_port(service, backend) or {}
    number = int(port["port"])
    exposed = {"exposed_ports": {str(number): {"name": neg_name(owner.uid, backend, cluster)}}}
    made = _companion(service, backend, owner, "neg")
    made["metadata"]["annotations"][names.NEG] = json.dumps(exposed, separators=(",", ":"))
    return made


def node_companion(
    service: Manifest, backend: ServiceBackend, owner: Owner, node_port: int
) -> Manifest:
    """
    The companion of *backend* that every node of a member serves on *node_port*.

    Without one it is *service* itself, which has a node port of its user's. GKE lets VPC-native
    clusters lead to pods where nothing is said against it, and then groups no nodes for the port.

    Source: GKE, "Container-native load balancing through Ingress", instance groups as backends.
    """
    if not node_port:
        return service
    made = _companion(service, backend, owner, INSTANCE_GROUP)
    made["metadata"]["annotations"][names.NEG] = _NODES_INSTEAD
    made["spec"]["type"] = "NodePort"
    made["spec"]["ports"][0]["nodePort"] = node_port
    return made


def _companion(
    service: Manifest, backend: ServiceBackend, owner: Owner, mode: str
) -> dict[str, Any]:
    port = find_port(service, backend) or {}
    number = int(port["port"])
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": companion_name(owner.uid, backend, mode),
            "namespace": owner.key.namespace,
            "labels": owner.labels(),
            "annotations": {names.SOURCE: str(owner.key), names.SERVICE: backend.service},
        },
        "spec": {
            "type": "ClusterIP",
            "selector": dict(service["spec"]["selector"]),
            "ports": [
                {
                    "port": number,
                    "protocol": port.get("protocol", "TCP"),
                    "targetPort": port.get("targetPort", number),
                }
            ],
        },
    }


def neg_names(companion_: Manifest) -> frozenset[str]:
    """The NEG names that a companion asks for in its annotation."""
    text = (companion_["metadata"].get("annotations") or {}).get(names.NEG, "")
    try:
        exposed = json.loads(text)["exposed_ports"].values()
        return frozenset(str(port["name"]) for port in exposed)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return frozenset()


def negs(observed: Manifest, project: str) -> tuple[NegRef, ...]:
    """
    The NEGs that the member's controller reports on a companion; empty until it does.

    Source: the `cloud.google.com/neg-status` annotation of GKE, JSON with
    `network_endpoint_groups` (port -> name) and `zones`.
    """
    text = (observed["metadata"].get("annotations") or {}).get(names.NEG_STATUS, "")
    try:
        status = json.loads(text)
        found = [
            NegRef(project=project, zone=str(zone), name=str(name))
            for name in status["network_endpoint_groups"].values()
            for zone in status["zones"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ()
    return tuple(sorted(found))
