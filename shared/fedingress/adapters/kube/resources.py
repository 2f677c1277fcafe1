"""Where the kinds that we use stand in the API: their paths, built once and safely."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """
    A kind as the API serves it. An empty *group* is the core group.

    metadata_only: lists and watches leave everything but the metadata at the server.
    fields: a field selector that lists and watches are narrowed by.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    metadata_only: bool = False
    fields: str = ""

    @property
    def api_version(self) -> str:
        """`group/version`, or the version alone in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The path of the collection, of one object, or of its subresource."""
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if namespace and self.namespaced:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/" + "/".join(quote(part, safe="") for part in parts)


INGRESS: Final = Resource(
    group="networking.k8s.io", version="v1", kind="Ingress", plural="ingresses"
)
INGRESS_CLASS: Final = Resource(
    group="networking.k8s.io",
    version="v1",
    kind="IngressClass",
    plural="ingressclasses",
    namespaced=False,
)
SERVICE: Final = Resource(group="", version="v1", kind="Service", plural="services")
ENDPOINT_SLICE: Final = Resource(
    group="discovery.k8s.io", version="v1", kind="EndpointSlice", plural="endpointslices"
)
POD: Final = Resource(group="", version="v1", kind="Pod", plural="pods")
SECRET: Final = Resource(group="", version="v1", kind="Secret", plural="secrets")
TLS_SECRET: Final = Resource(
    group="",
    version="v1",
    kind="Secret",
    plural="secrets",
    metadata_only=True,
    fields="type=kubernetes.io/tls",
)
"""Secrets with certificates, as the watcher sees them: that they changed, and nothing of them."""
CONFIG_MAP: Final = Resource(group="", version="v1", kind="ConfigMap", plural="configmaps")
EVENT: Final = Resource(group="", version="v1", kind="Event", plural="events")
NAMESPACE: Final = Resource(
    group="", version="v1", kind="Namespace", plural="namespaces", namespaced=False
)
FEDERATION_POLICY: Final = Resource(
    group="fedingress.dev",
    version="v1alpha1",
    kind="FederationPolicy",
    plural="federationpolicies",
    namespaced=False,
)
CLUSTER_PROFILE: Final = Resource(
    group="multicluster.x-k8s.io",
    version="v1alpha1",
    kind="ClusterProfile",
    plural="clusterprofiles",
)

BY_KIND: Final[Mapping[str, Resource]] = {
    resource.kind: resource
    for resource in (INGRESS, SERVICE, CONFIG_MAP, ENDPOINT_SLICE, POD, SECRET)
}
"""Those that stand in members."""
