"""Objects inside member clusters."""

from dataclasses import dataclass
from typing import Any

from fedingress.domain.ingress import Manifest

INGRESS = "Ingress"
SERVICE = "Service"
ENDPOINT_SLICE = "EndpointSlice"
POD = "Pod"
CONFIG_MAP = "ConfigMap"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ObjectRef:
    """
    *kind* is `Ingress` (networking.k8s.io/v1), `Service` (v1) or, to be read only, `EndpointSlice`
    (discovery.k8s.io/v1) and `Pod` (v1), or, where
    `ingress-uid` is shared, `ConfigMap` (v1).
    """

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberObject:
    """A manifest in, or for, the member named *cluster*."""

    cluster: str
    manifest: Manifest

    @property
    def ref(self) -> ObjectRef:
        meta = self.manifest["metadata"]
        return ObjectRef(kind=self.manifest["kind"], namespace=meta["namespace"], name=meta["name"])

    @property
    def uid(self) -> str:
        return str(self.manifest["metadata"].get("uid", ""))

    @property
    def resource_version(self) -> str:
        return str(self.manifest["metadata"].get("resourceVersion", ""))

    @property
    def label(self) -> str:
        ref = self.ref
        return f"{self.cluster}: {ref.kind} {ref.namespace}/{ref.name}"

    def as_json(self) -> Any:
        return dict(self.manifest)
