"""
Reading requests: which resource, object and verb a path and method mean, and what the body says.

Source: Kubernetes API concepts, "Resource URIs", "Dry-run", "Field validation".
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from aiohttp import web

from localcloud.calls import caller_of
from localcloud.kube.errors import ApiError, bad_request, no_such_path
from localcloud.kube.resources import Registry, Resource
from localcloud.kube.targets import Options, Target

JSON = "application/json"
YAML = "application/yaml"
APPLY = frozenset({"application/apply-patch+yaml", "application/apply-patch+json"})
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"

_SUBRESOURCES_OF_NAMESPACES = frozenset({"status", "finalize"})
_MAX_NAME = 3  # namespaces/NAME/status is about the namespace itself
_TRUE = frozenset({"1", "t", "T", "true", "True", "TRUE"})
_PROTOBUF = "application/vnd.kubernetes.protobuf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request for objects: what, which one (empty for all), and the query."""

    resource: Resource
    namespace: str
    name: str
    subresource: str
    query: Mapping[str, str]

    def target(self) -> Target:
        """Give what a write is aimed at."""
        return Target(
            resource=self.resource,
            namespace=self.namespace,
            name=self.name,
            subresource=self.subresource,
        )

    def flag(self, name: str) -> bool:
        """Say whether a boolean query parameter is set."""
        return self.query.get(name, "") in _TRUE


def asked(registry: Registry, path: str, query: Mapping[str, str]) -> Asked:
    """
    Read a path below ``/api`` or ``/apis``.

    Raises:
        ApiError: 404, nothing is served there.
    """
    parts = [part for part in path.split("/") if part]
    group, version, rest = _group_version(parts)
    namespace = ""
    if rest[0] == "namespaces" and len(rest) >= _MAX_NAME:
        about_itself = len(rest) == _MAX_NAME and rest[2] in _SUBRESOURCES_OF_NAMESPACES
        if not about_itself:
            namespace, rest = rest[1], rest[2:]
    resource = registry.at(group, version, rest[0])
    name = rest[1] if len(rest) > 1 else ""
    subresource = "/".join(rest[2:])
    known = {"status"} if resource.has_status else set()
    if resource.kind == "Namespace":
        known.add("finalize")
    if (subresource and subresource not in known) or (namespace and not resource.namespaced):
        raise no_such_path()
    return Asked(
        resource=resource, namespace=namespace, name=name, subresource=subresource, query=query
    )


def _group_version(parts: list[str]) -> tuple[str, str, list[str]]:
    if parts[0] == "api" and len(parts) > 2:  # noqa: PLR2004 - api, version, resource
        return "", parts[1], parts[2:]
    if parts[0] == "apis" and len(parts) > 3:  # noqa: PLR2004 - apis, group, version, resource
        return parts[1], parts[2], parts[3:]
    raise no_such_path()


def options(request: web.BaseRequest, query: Mapping[str, str], user: str) -> Options:
    """
    Read how to write.

    Raises:
        ApiError: 422 for a dryRun or fieldValidation that does not exist.
    """
    dry_run = query.get("dryRun", "")
    if dry_run not in ("", "All"):
        message = (
            f'Invalid value: "dryRun": Unsupported value: "{dry_run}": supported values: "All"'
        )
        raise ApiError(422, message, details={})
    validation = query.get("fieldValidation") or "Warn"
    if validation not in ("Strict", "Warn", "Ignore"):
        message = f'fieldValidation: Unsupported value: "{validation}"'
        raise ApiError(422, message, details={})
    manager = query.get("fieldManager") or caller_of(request.headers.get("User-Agent"))
    return Options(
        manager=manager[:128],
        user=user,
        force=query.get("force", "") in _TRUE,
        dry_run=bool(dry_run),
        validation=validation,
    )


async def body(request: web.BaseRequest, accepted: frozenset[str]) -> Any:
    """
    Read the body.

    Raises:
        ApiError: 415 for another media type (protobuf among them), 413 for more than a mebibyte,
            400 for what is no JSON or YAML.
    """
    kind = request.headers.get("Content-Type", JSON).split(";", 1)[0].strip().lower()
    if kind not in accepted:
        words = ", ".join(sorted(accepted))
        message = (
            "the body of the request was in an unknown format - accepted media types include: "
            f"{words}"
        )
        if kind == _PROTOBUF:
            message += "; `kubectl create` of kubectl 1.32 sends protobuf: use `kubectl apply -f`"
        raise ApiError(415, message)
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise ApiError(413, "Request entity too large: limit is 1048576") from error
    try:
        return json.loads(raw)
    except ValueError as error:
        if kind != YAML and kind not in APPLY:
            raise bad_request(f"couldn't get version/kind; json parse error: {error}") from error
    try:
        return _as_json(yaml.load(raw, Loader=_Loader))  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise bad_request(f"error converting YAML to JSON: {error}") from error


def _as_json(value: Any) -> Any:
    """Give a YAML value with the string keys of JSON, as sigs.k8s.io/yaml spells them."""
    if isinstance(value, dict):
        return {_key(key): _as_json(item) for key, item in value.items()}
    return [_as_json(item) for item in value] if isinstance(value, list) else value


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return "null" if key is None else str(key)


class _Loader(yaml.SafeLoader):
    """YAML as JSON: dates stay strings."""


_Loader.yaml_implicit_resolvers = {
    first: [entry for entry in entries if entry[0] != "tag:yaml.org,2002:timestamp"]
    for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def checked_object(asked_for: Asked, obj: Any) -> dict[str, Any]:
    """
    Give *obj* when it is an object of the kind, name and namespace that the path says.

    Raises:
        ApiError: 400.
    """
    resource = asked_for.resource
    if not isinstance(obj, dict) or not isinstance(obj.get("metadata") or {}, dict):
        raise bad_request("the body is no API object")
    for key, wanted in (("apiVersion", resource.api_version), ("kind", resource.kind)):
        if obj.get(key, wanted) != wanted:
            given = f"{obj.get('apiVersion', '')}, Kind={obj.get('kind', '')}"
            raise bad_request(
                f"{given} in body does not match {resource.api_version}, Kind={resource.kind}"
            )
    metadata = obj.get("metadata") or {}
    if asked_for.name and metadata.get("name", asked_for.name) != asked_for.name:
        raise bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL "
            f"({asked_for.name})"
        )
    if metadata.get("namespace") and metadata["namespace"] != asked_for.namespace:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    return obj
