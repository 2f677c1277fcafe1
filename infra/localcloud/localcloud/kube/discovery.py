"""
Discovery: what a client asks first, to learn which resources there are.

Both forms are served: the documents per group and version, and aggregated discovery v2.

Source: Kubernetes API concepts, "Discovery API".
"""

from collections.abc import Iterable
from typing import Any

from localcloud.kube.errors import ApiError
from localcloud.kube.resources import Registry, Resource

VERSION = {
    "major": "1",
    "minor": "35",
    "gitVersion": "v1.35.2-localcloud",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2026-02-26T20:00:00Z",
    "goVersion": "none",
    "compiler": "cpython",
    "platform": "linux/amd64",
}

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_STATUS_VERBS = ["get", "patch", "update"]
_REVIEWS = {
    "authentication.k8s.io": ("selfsubjectreviews", "SelfSubjectReview"),
    "authorization.k8s.io": ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
}


def groups(registry: Registry) -> list[dict[str, Any]]:
    """Give the ``APIGroup`` of every group but the core one."""
    served = {group: versions for group, versions in registry.groups().items() if group}
    served |= {group: ["v1"] for group in _REVIEWS}
    return [_group(name, versions) for name, versions in sorted(served.items())]


def _group(name: str, versions: Iterable[str]) -> dict[str, Any]:
    listed = [{"groupVersion": f"{name}/{v}", "version": v} for v in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def group(registry: Registry, name: str) -> dict[str, Any]:
    """
    Give one ``APIGroup``.

    Raises:
        ApiError: 404.
    """
    for entry in groups(registry):
        if entry["name"] == name:
            return {"kind": "APIGroup", "apiVersion": "v1", **entry}
    raise ApiError(404, "404 page not found")


def api_versions() -> dict[str, Any]:
    """Give the versions of the core group."""
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def resource_list(registry: Registry, group_name: str, version: str) -> dict[str, Any]:
    """
    Give the ``APIResourceList`` of a group and version.

    Raises:
        ApiError: 404.
    """
    served = _served(registry, group_name, version)
    listed = [entry for resource in served for entry in _legacy(resource)]
    if group_name in _REVIEWS and version == "v1":
        plural, kind = _REVIEWS[group_name]
        entry = {"name": plural, "singularName": kind.lower(), "namespaced": False, "kind": kind}
        listed.append({**entry, "verbs": ["create"]})
    if not listed:
        raise ApiError(404, "404 page not found")
    group_version = f"{group_name}/{version}" if group_name else version
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": listed,
    }


def _served(registry: Registry, group_name: str, version: str) -> list[Resource]:
    return [r for r in registry if (r.group, r.version) == (group_name, version)]


def _legacy(resource: Resource) -> list[dict[str, Any]]:
    entry: dict[str, Any] = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": _VERBS,
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if not resource.has_status:
        return [entry]
    status = {
        "name": f"{resource.plural}/status",
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": _STATUS_VERBS,
    }
    return [entry, status]


def aggregated(registry: Registry, *, core: bool) -> dict[str, Any]:
    """Give the ``APIGroupDiscoveryList`` of the core group, or of all the others."""
    served = registry.groups()
    items = [
        {
            "metadata": {"name": name, "creationTimestamp": None},
            "versions": [
                {
                    "version": version,
                    "freshness": "Current",
                    "resources": [_entry(r) for r in _served(registry, name, version)],
                }
                for version in versions
            ],
        }
        for name, versions in sorted(served.items())
        if (name == "") == core
    ]
    if not core:
        items += [_review(name, plural, kind) for name, (plural, kind) in _REVIEWS.items()]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _review(group_name: str, plural: str, kind: str) -> dict[str, Any]:
    entry = {
        "resource": plural,
        "responseKind": {"group": group_name, "version": "v1", "kind": kind},
        "scope": "Cluster",
        "singularResource": kind.lower(),
        "verbs": ["create"],
    }
    versions = [{"version": "v1", "freshness": "Current", "resources": [entry]}]
    return {"metadata": {"name": group_name, "creationTimestamp": None}, "versions": versions}


def _entry(resource: Resource) -> dict[str, Any]:
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    entry: dict[str, Any] = {
        "resource": resource.plural,
        "responseKind": kind,
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": _VERBS,
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.has_status:
        status = {"subresource": "status", "responseKind": kind, "verbs": _STATUS_VERBS}
        entry["subresources"] = [status]
    return entry
