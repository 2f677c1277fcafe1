"""
CustomResourceDefinitions: what they may say, and the resources that they add to a cluster.

Not modelled: conversion between versions other than renaming the apiVersion, the scale subresource.

Source: kubernetes ``apiextensions-apiserver`` (``pkg/apis/apiextensions/validation``), and
"Versions in CustomResourceDefinitions".
"""

from collections.abc import Mapping
from typing import Any

from localcloud.kube import rules
from localcloud.kube.errors import Causes, value_invalid, value_required, value_unsupported
from localcloud.kube.names import label_1035_fault, subdomain_fault
from localcloud.kube.resources import Registry, Resource
from localcloud.kube.shapes import ANY, Shape, builtin
from localcloud.kube.store import DELETED, Change
from localcloud.kube.targets import timestamp

_SCALARS = {"string": "string", "integer": "integer", "number": "number", "boolean": "boolean"}
_TYPES = frozenset({*_SCALARS, "object", "array"})


def shape_of(schema: Mapping[str, Any]) -> Shape:
    """Give the shape of values that follow a structural *schema*."""
    if schema.get("x-kubernetes-int-or-string"):
        return Shape(kind="int-or-string", default=schema.get("default"))
    kind = schema.get("type", "")
    if kind == "array" and isinstance(schema.get("items"), Mapping):
        return _list_shape(schema)
    if kind in _SCALARS:
        return Shape(kind=_SCALARS[kind], default=schema.get("default"))
    if kind != "object" or schema.get("x-kubernetes-embedded-resource"):
        return ANY
    return _object_shape(schema)


def _object_shape(schema: Mapping[str, Any]) -> Shape:
    keeps = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    atomic = schema.get("x-kubernetes-map-type") == "atomic"
    more = schema.get("additionalProperties")
    if isinstance(more, Mapping):
        return Shape(kind="map", item=shape_of(more), atomic=atomic)
    if more is True or (keeps and not schema.get("properties")):
        return ANY
    fields = {name: shape_of(part) for name, part in (schema.get("properties") or {}).items()}
    return Shape(kind="object", fields=fields, atomic=atomic, open=keeps)


def _list_shape(schema: Mapping[str, Any]) -> Shape:
    kind = schema.get("x-kubernetes-list-type", "atomic")
    keys = tuple(schema.get("x-kubernetes-list-map-keys") or ()) if kind == "map" else ()
    return Shape(
        kind="list",
        item=shape_of(schema["items"]),
        atomic=kind == "atomic",
        unique=kind == "set",
        keys=keys,
    )


def resources_of(definition: Mapping[str, Any]) -> list[Resource]:
    """Give the resources that a definition serves, its preferred version first."""
    spec = definition["spec"]
    names = spec["names"]
    found = []
    for version in spec["versions"]:
        if not version.get("served"):
            continue
        root = shape_of((version.get("schema") or {}).get("openAPIV3Schema") or {})
        meta = {"apiVersion": Shape(kind="string"), "kind": Shape(kind="string")}
        fields = {**root.fields, **meta, "metadata": builtin("ObjectMeta")}
        found.append(
            Resource(
                group=spec["group"],
                version=version["name"],
                plural=names["plural"],
                kind=names["kind"],
                namespaced=spec["scope"] == "Namespaced",
                shape=Shape(kind="object", fields=fields, open=root.open),
                table=(spec["group"], names["plural"]),
                short_names=tuple(names.get("shortNames") or ()),
                categories=tuple(names.get("categories") or ()),
                singular=names.get("singular") or names["kind"].lower(),
                list_kind=names.get("listKind") or names["kind"] + "List",
                has_status="status" in (version.get("subresources") or {}),
                definition=version,
            )
        )
    return sorted(found, key=lambda resource: version_rank(resource.version))


def version_rank(version: str) -> tuple[int, int, int, str]:
    """Give a key that sorts versions as discovery does: v2, v1, v1beta2, v1beta1, v1alpha1."""
    text = version.removeprefix("v")
    for stage, word in enumerate(("", "beta", "alpha")):
        major, found, minor = text.partition(word) if word else (text, "", "0")
        if major.isdigit() and minor.isdigit() and (found or not word):
            return (stage, -int(major), -int(minor), version)
    return (3, 0, 0, version)


class Definitions:
    """Keeps a registry in step with the definitions in a store."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def follow(self, change: Change) -> None:
        """Serve, serve otherwise, or stop serving; an index of the store."""
        spec = change.entry.obj["spec"]
        self._registry.remove_all(spec["group"], spec["names"]["plural"])
        if change.type != DELETED:
            for resource in resources_of(change.entry.obj):
                self._registry.add(resource)


def complete(obj: dict[str, Any], old: Mapping[str, Any] | None) -> None:
    """Fill in names that are left open and, of a new definition, its status."""
    spec = obj.get("spec") or {}
    names = spec.get("names")
    if not isinstance(names, dict) or "kind" not in names:
        return
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", names["kind"] + "List")
    spec.setdefault("conversion", {"strategy": "None"})
    if old is None:
        obj["status"] = {
            "acceptedNames": dict(names),
            "conditions": [
                _condition("NamesAccepted", "NoConflicts", "no conflicts found"),
                _condition("Established", "InitialNamesAccepted", "the initial names are accepted"),
            ],
            "storedVersions": [v["name"] for v in spec.get("versions") or () if v.get("storage")],
        }


def _condition(kind: str, reason: str, message: str) -> dict[str, str]:
    return {
        "type": kind,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastTransitionTime": timestamp(),
    }


def definition_causes(obj: Mapping[str, Any], old: Mapping[str, Any] | None) -> Causes:
    """Give everything that is wrong with a CustomResourceDefinition."""
    spec = obj.get("spec") or {}
    yield from _names_causes(obj["metadata"].get("name"), spec)
    if spec.get("scope") not in ("Cluster", "Namespaced"):
        yield value_unsupported("spec.scope", spec.get("scope"), ("Cluster", "Namespaced"))
    if old is not None and old["spec"]["scope"] != spec.get("scope"):
        yield value_invalid("spec.scope", spec.get("scope"), "field is immutable")
    versions = spec.get("versions") or ()
    if sum(bool(version.get("storage")) for version in versions) != 1:
        why = "must have exactly one version marked as storage version"
        yield value_invalid("spec.versions", [v.get("name") for v in versions], why)
    for index, version in enumerate(versions):
        yield from _version_causes(f"spec.versions[{index}]", version)


def _names_causes(name: str | None, spec: Mapping[str, Any]) -> Causes:
    names = spec.get("names") or {}
    group, plural = spec.get("group") or "", names.get("plural") or ""
    if why := subdomain_fault(group):
        yield value_invalid("spec.group", group, why)
    elif "." not in group:
        yield value_invalid("spec.group", group, "should be a domain with at least one dot")
    for key, value in (("plural", plural), ("singular", names.get("singular", ""))):
        if why := label_1035_fault(value):
            yield value_invalid(f"spec.names.{key}", value, why)
    if not names.get("kind"):
        yield value_required("spec.names.kind")
    if name != f"{plural}.{group}":
        yield value_invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')


def _version_causes(path: str, version: Mapping[str, Any]) -> Causes:
    if why := label_1035_fault(version.get("name") or ""):
        yield value_invalid(f"{path}.name", version.get("name"), why)
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    where = f"{path}.schema.openAPIV3Schema"
    if not isinstance(schema, Mapping):
        yield value_required(where, "schemas are required")
        return
    if schema.get("type") != "object":
        yield value_invalid(f"{where}.type", schema.get("type", ""), "must be object at the root")
    yield from _schema_causes(where, schema)


def _schema_causes(path: str, schema: Mapping[str, Any]) -> Causes:
    kind = schema.get("type")
    free = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get(
        "x-kubernetes-int-or-string"
    )
    if kind is None and not free:
        yield value_required(f"{path}.type", "must not be empty for specified object fields")
    elif kind is not None and kind not in _TYPES:
        yield value_unsupported(f"{path}.type", kind, _TYPES)
    if schema.get("properties") and isinstance(schema.get("additionalProperties"), Mapping):
        why = "additionalProperties and properties are mutual exclusive"
        yield value_invalid(f"{path}.additionalProperties", "", why)
    for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        if why := rules.compile_fault(rule.get("rule", "")):
            where = f"{path}.x-kubernetes-validations[{index}].rule"
            yield value_invalid(where, rule.get("rule", ""), why)
    for name, part in (schema.get("properties") or {}).items():
        yield from _schema_causes(f"{path}.properties[{name}]", part)
    if isinstance(schema.get("items"), Mapping):
        yield from _schema_causes(f"{path}.items", schema["items"])
    elif kind == "array":
        yield value_required(f"{path}.items", "must be specified")
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield from _schema_causes(f"{path}.additionalProperties", schema["additionalProperties"])
