"""
OpenAPI v3, as far as kubectl needs it: types, merge strategies, and which query parameters exist.

The types of built-in kinds come from `shapes`, those of custom ones are the CRD's own schemas.
Descriptions of built-in fields are not served; ``kubectl explain`` shows their names and types.

Source: Kubernetes documentation, "OpenAPI v3"; kubectl's ``pkg/cmd/util`` (field validation).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from localcloud.kube.errors import ApiError
from localcloud.kube.resources import Registry, Resource
from localcloud.kube.shapes import Shape, builtins
from localcloud.kube.structural import schema_of

_PREFIX = "#/components/schemas/"
_PLAIN: Mapping[str, Mapping[str, Any]] = {
    "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "int-or-string": {"x-kubernetes-int-or-string": True},
    "quantity": {"type": "string"},
    "time": {"type": "string", "format": "date-time"},
    "integer": {"type": "integer", "format": "int32"},
}
_WRITE_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation")
_SAID = {
    "apiVersion": "Version of the schema of this object.",
    "kind": "Kind of this object.",
    "metadata": "Standard object metadata.",
    "spec": "Desired state.",
    "status": "Observed state.",
}


def index(registry: Registry) -> dict[str, Any]:
    """Give the list of documents, with a hash of each so that clients can keep them."""
    paths = {}
    for group, versions in registry.groups().items():
        for version in versions:
            path = f"apis/{group}/{version}" if group else f"api/{version}"
            text = json.dumps(document(registry, group, version), sort_keys=True)
            digest = hashlib.sha256(text.encode()).hexdigest()
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return {"paths": paths}


def document(registry: Registry, group: str, version: str) -> dict[str, Any]:
    """
    Give the document of a group and version.

    Raises:
        ApiError: 404.
    """
    served = [r for r in registry if (r.group, r.version) == (group, version)]
    if not served:
        raise ApiError(404, "404 page not found")
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for resource in served:
        if resource.definition is None:
            _collect(resource.shape, schemas)
            schema = schemas[resource.shape.name]
        else:
            schema = _custom(resource, schemas)
            schemas[_custom_name(resource)] = schema
        schema.setdefault("x-kubernetes-group-version-kind", []).append(_kind(resource))
        paths.update(_paths(resource))
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.35.2"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _kind(resource: Resource) -> dict[str, str]:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _custom_name(resource: Resource) -> str:
    backwards = ".".join(reversed(resource.group.split(".")))
    return f"{backwards}.{resource.version}.{resource.kind}"


def _custom(resource: Resource, schemas: dict[str, Any]) -> dict[str, Any]:
    metadata = builtins()["ObjectMeta"]
    _collect(metadata, schemas)
    schema = schema_of(resource)
    properties = {
        **(schema.get("properties") or {}),
        "apiVersion": {"type": "string", "description": _SAID["apiVersion"]},
        "kind": {"type": "string", "description": _SAID["kind"]},
        "metadata": {"$ref": _PREFIX + metadata.name, "description": _SAID["metadata"]},
    }
    return {**schema, "properties": properties}


def _collect(shape: Shape, schemas: dict[str, Any]) -> None:
    """Add the schema of a named type, and of all that it refers to."""
    if shape.name in schemas:
        return
    properties: dict[str, Any] = {}
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    schemas[shape.name] = schema
    if shape.required:
        schema["required"] = sorted(shape.required)
    for name, part in shape.fields.items():
        properties[name] = _schema(part, schemas)
        if name in _SAID:
            properties[name]["description"] = _SAID[name]


def _schema(shape: Shape, schemas: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any]
    if shape.kind == "object":
        _collect(shape, schemas)
        schema = {"allOf": [{"$ref": _PREFIX + shape.name}], "default": {}}
    elif shape.kind == "map" and shape.item is not None:
        schema = {"type": "object", "additionalProperties": _schema(shape.item, schemas)}
    elif shape.kind == "list" and shape.item is not None:
        schema = {"type": "array", "items": _schema(shape.item, schemas), **_merging(shape)}
    else:
        schema = dict(_PLAIN.get(shape.kind, {"type": shape.kind}))
    if shape.kind in ("object", "map") and shape.atomic:
        schema["x-kubernetes-map-type"] = "atomic"
    if shape.default is not None:
        schema["default"] = shape.default
    return schema


def _merging(shape: Shape) -> dict[str, Any]:
    kind = "set" if shape.unique else "map" if shape.keys else "atomic"
    words: dict[str, Any] = {"x-kubernetes-list-type": kind}
    if shape.keys:
        words["x-kubernetes-list-map-keys"] = list(shape.keys)
    strategies = [
        word for word, on in (("merge", shape.patch_key), ("retainKeys", shape.retain)) if on
    ]
    if strategies:
        words["x-kubernetes-patch-strategy"] = ",".join(strategies)
    if shape.patch_key not in ("", "-"):
        words["x-kubernetes-patch-merge-key"] = shape.patch_key
    return words


def _paths(resource: Resource) -> dict[str, Any]:
    root = f"/apis/{resource.group}" if resource.group else "/api"
    scope = "/namespaces/{namespace}" if resource.namespaced else ""
    base = f"{root}/{resource.version}{scope}/{resource.plural}"
    paths = {
        base: {"post": _operation(resource, "post", _WRITE_PARAMETERS)},
        f"{base}/{{name}}": {
            "put": _operation(resource, "put", _WRITE_PARAMETERS),
            "patch": _operation(resource, "patch", (*_WRITE_PARAMETERS, "force")),
        },
    }
    if resource.has_status:
        patch = _operation(resource, "patch", (*_WRITE_PARAMETERS, "force"))
        paths[f"{base}/{{name}}/status"] = {"patch": patch}
    return paths


def _operation(resource: Resource, verb: str, parameters: Iterable[str]) -> dict[str, Any]:
    return {
        "operationId": f"{verb}{resource.kind}",
        "parameters": [
            {"name": name, "in": "query", "schema": {"type": "string"}} for name in parameters
        ],
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": verb,
        "x-kubernetes-group-version-kind": _kind(resource),
    }
