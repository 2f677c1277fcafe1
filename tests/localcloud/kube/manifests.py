"""Objects that the tests send."""

from typing import Any


def ingress(name: str, *, labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """Give an Ingress for the host NAME.example.com."""
    metadata: dict[str, Any] = {"name": name}
    if labels:
        metadata["labels"] = labels
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata,
        "spec": {"rules": [{"host": f"{name}.example.com"}], **spec},
    }


def ingress_path(path: str, kind: str | None = "Prefix", **backend: Any) -> dict[str, Any]:
    """Give an Ingress rule with one path."""
    backend = backend or {"service": {"name": "web", "port": {"number": 80}}}
    entry: dict[str, Any] = {"path": path, "backend": backend}
    if kind is not None:
        entry["pathType"] = kind
    return {"http": {"paths": [entry]}}


def service(name: str, *ports: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """Give a Service; one port 80 when none is named."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": list(ports) or [{"port": 80}], **spec},
    }


def config_map(name: str, **metadata: Any) -> dict[str, Any]:
    """Give a ConfigMap with one entry."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **metadata},
        "data": {"a": "1"},
    }


def definition(plural: str, group: str = "example.dev", **version: Any) -> dict[str, Any]:
    """Give a CRD for the kind called like *plural* without its s, capitalised."""
    kind = plural.removesuffix("s").capitalize()
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    **version,
                }
            ],
        },
    }


def ingresses(namespace: str, name: str = "", subresource: str = "") -> str:
    """Give the path of Ingresses."""
    return _path(f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses", name, subresource)


def services(namespace: str, name: str = "", subresource: str = "") -> str:
    """Give the path of Services."""
    return _path(f"/api/v1/namespaces/{namespace}/services", name, subresource)


def config_maps(namespace: str, name: str = "") -> str:
    """Give the path of ConfigMaps."""
    return _path(f"/api/v1/namespaces/{namespace}/configmaps", name, "")


def _path(base: str, name: str, subresource: str) -> str:
    return "/".join(part for part in (base, name, subresource) if part)
