"""
The kinds that a cluster serves: the built-in ones here, custom ones added by `crds`.

A `Resource` is one plural in one version of one group. `Registry` finds it by path, by kind, or by
the short form used inside the local cloud (``ingresses.networking.k8s.io``, ``services``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.kube.errors import no_such_path, qualified
from localcloud.kube.shapes import Shape, builtin

TableKey = tuple[str, str]  # (group, plural): where objects are stored, whatever the version

NAMESPACES: TableKey = ("", "namespaces")
SERVICES: TableKey = ("", "services")
DEFINITIONS: TableKey = ("apiextensions.k8s.io", "customresourcedefinitions")

# Kinds whose metadata carries no generation in a real API server.
_WITHOUT_GENERATION = {
    *("ConfigMap", "Endpoints", "Event", "Lease", "Namespace"),
    *("Node", "Secret", "Service", "ServiceAccount"),
    *("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """
    One resource as it is served.

    Attributes:
        group: API group, empty for the core group.
        version: API version.
        plural: Name in paths.
        kind: Name in objects.
        namespaced: Whether objects live in namespaces.
        shape: Type of the objects.
        table: Where objects are stored; versions and views of one resource share it.
        short_names: Names that kubectl understands too.
        categories: Names of groups of resources that kubectl understands (``all``).
        singular: Singular name.
        list_kind: Kind of lists.
        has_status: Whether there is a status subresource.
        has_generation: Whether ``metadata.generation`` counts changes of the spec.
        definition: Version entry of the CRD that defines it; None for built-in ones.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    shape: Shape
    table: TableKey
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    singular: str = ""
    list_kind: str = ""
    has_status: bool = False
    has_generation: bool = True
    definition: Mapping[str, Any] | None = field(default=None, hash=False, compare=False)

    @property
    def api_version(self) -> str:
        """Give the ``apiVersion`` of objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def short(self) -> str:
        """Give the name used inside the local cloud: plural and group."""
        return qualified(self.plural, self.group)


def _resource(line: str) -> Resource:
    group, version, plural, kind, scope, status, short, categories, shape = line.split()
    group = "" if group == "core" else group
    stored = ("", "events") if plural == "events" else (group, plural)
    return Resource(
        group=group,
        version=version,
        plural=plural,
        kind=kind,
        namespaced=scope == "ns",
        shape=builtin(kind if shape == "=" else shape),
        table=stored,
        short_names=() if short == "-" else tuple(short.split(",")),
        categories=() if categories == "-" else tuple(categories.split(",")),
        singular=kind.lower(),
        list_kind=f"{kind}List",
        has_status=status == "status",
        has_generation=kind not in _WITHOUT_GENERATION,
    )


# group version plural kind scope status short-names categories type
_BUILTIN = """
core v1 configmaps ConfigMap ns - cm - =
core v1 endpoints Endpoints ns - ep - =
core v1 events Event ns - ev - =
core v1 namespaces Namespace cluster status ns - =
core v1 nodes Node cluster status no - =
core v1 pods Pod ns status po all =
core v1 secrets Secret ns - - - =
core v1 serviceaccounts ServiceAccount ns - sa - =
core v1 services Service ns status svc all =
admissionregistration.k8s.io v1 validatingadmissionpolicies ValidatingAdmissionPolicy cluster \
status - api-extensions =
admissionregistration.k8s.io v1 validatingadmissionpolicybindings \
ValidatingAdmissionPolicyBinding cluster - - api-extensions =
apiextensions.k8s.io v1 customresourcedefinitions CustomResourceDefinition cluster status \
crd,crds api-extensions =
apps v1 deployments Deployment ns status deploy all =
coordination.k8s.io v1 leases Lease ns - - - =
discovery.k8s.io v1 endpointslices EndpointSlice ns - - - discovery.EndpointSlice
events.k8s.io v1 events Event ns - ev - events.Event
networking.k8s.io v1 ingressclasses IngressClass cluster - - - =
networking.k8s.io v1 ingresses Ingress ns status ing - =
networking.k8s.io v1 networkpolicies NetworkPolicy ns - netpol - =
rbac.authorization.k8s.io v1 clusterrolebindings ClusterRoleBinding cluster - - - =
rbac.authorization.k8s.io v1 clusterroles ClusterRole cluster - - - =
rbac.authorization.k8s.io v1 rolebindings RoleBinding ns - - - =
rbac.authorization.k8s.io v1 roles Role ns - - - =
"""


class Registry:
    """The resources of one cluster."""

    def __init__(self) -> None:
        self._resources: dict[tuple[str, str, str], Resource] = {}
        for line in _BUILTIN.strip().splitlines():
            self.add(_resource(line))

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._resources.values())

    def add(self, resource: Resource) -> None:
        """Serve *resource*, in place of what had its path before."""
        self._resources[resource.group, resource.version, resource.plural] = resource

    def remove_all(self, group: str, plural: str) -> None:
        """Serve no version of a resource any more."""
        for key in [k for k in self._resources if (k[0], k[2]) == (group, plural)]:
            del self._resources[key]

    def at(self, group: str, version: str, plural: str) -> Resource:
        """
        Give the resource at a path.

        Raises:
            ApiError: 404, nothing is served there.
        """
        found = self._resources.get((group, version, plural))
        if found is None:
            raise no_such_path()
        return found

    def named(self, short: str) -> Resource:
        """
        Give the resource by its short form, in the first version served.

        Raises:
            ApiError: 404, nothing is called so.
        """
        plural, _, group = short.partition(".")
        for resource in self:
            if (resource.plural, resource.group) == (plural, group):
                return resource
        raise no_such_path()

    def of_kind(self, api_version: str, kind: str) -> Resource:
        """
        Give the resource of an object.

        Raises:
            ApiError: 404, no such kind.
        """
        for resource in self:
            if resource.kind == kind and resource.api_version == api_version:
                return resource
        raise no_such_path()

    def in_table(self, table: TableKey) -> Resource | None:
        """Give the resource whose own name is *table*; None when it is no longer served."""
        for resource in self:
            if (resource.group, resource.plural) == table:
                return resource
        return None

    def groups(self) -> dict[str, list[str]]:
        """Give the versions of each group, in the order they are preferred."""
        groups: dict[str, list[str]] = {}
        for resource in self:
            versions = groups.setdefault(resource.group, [])
            if resource.version not in versions:
                versions.append(resource.version)
        return groups
