"""
ServiceNetworkEndpointGroup: the object that GKE keeps beside a Service for each NEG.

Its finalizer holds the object until the NEGs are gone from the cloud, so that a deleted Service
leaves nothing behind even when a backend service still uses its NEGs at that moment.

Source: GKE documentation, ``kubectl get svcneg``; open-source controller, ``svcneg/v1beta1``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

SVCNEGS = "servicenetworkendpointgroups.networking.gke.io"
FINALIZER = "networking.gke.io/neg-finalizer"
SERVICE_LABEL = "networking.gke.io/service-name"
PORT_LABEL = "networking.gke.io/service-port"

_API_VERSION = "networking.gke.io/v1beta1"
_KIND = "ServiceNetworkEndpointGroup"


def definition() -> dict[str, Any]:
    """Give the CustomResourceDefinition."""
    open_object = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": SVCNEGS},
        "spec": {
            "group": "networking.gke.io",
            "scope": "Namespaced",
            "names": {
                "plural": SVCNEGS.partition(".")[0],
                "singular": "servicenetworkendpointgroup",
                "kind": _KIND,
                "listKind": f"{_KIND}List",
                "shortNames": ["svcneg"],
            },
            "versions": [
                {
                    "name": "v1beta1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {"spec": open_object, "status": open_object},
                        }
                    },
                    "subresources": {"status": {}},
                }
            ],
        },
    }


def manifest(service: Mapping[str, Any], port: int, name: str) -> dict[str, Any]:
    """Give the object for one NEG name of *service*, with its finalizer."""
    meta = service["metadata"]
    return {
        **identity(meta["namespace"], name),
        "metadata": {
            "namespace": meta["namespace"],
            "name": name,
            "labels": {
                "networking.gke.io/managed-by": "neg-controller",
                SERVICE_LABEL: meta["name"],
                PORT_LABEL: str(port),
            },
            "finalizers": [FINALIZER],
        },
        "spec": {},
    }


def identity(namespace: str, name: str) -> dict[str, Any]:
    """Give what says which object is meant, and nothing else."""
    return {
        "apiVersion": _API_VERSION,
        "kind": _KIND,
        "metadata": {"namespace": namespace, "name": name},
    }


def with_status(namespace: str, name: str, links: Sequence[str]) -> dict[str, Any]:
    """Give the object with its status only: the NEGs it stands for."""
    groups = [
        {"selfLink": link, "networkEndpointType": "GCE_VM_IP_PORT", "state": "ACTIVE"}
        for link in links
    ]
    conditions = [
        {"type": kind, "status": "True", "reason": reason}
        for kind, reason in (
            ("Initialized", "NegInitializationSuccessful"),
            ("Synced", "NegSyncSuccessful"),
        )
    ]
    status = {"networkEndpointGroups": groups, "conditions": conditions}
    return {**identity(namespace, name), "status": status}
