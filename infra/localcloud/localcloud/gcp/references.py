"""
References between resources: which fields hold them, how they are written, what they may name.

A reference is accepted as a full URL of any host, as ``projects/P/...`` or relative to the
project (``global/...``); it is kept and answered as the full URL on ``www.googleapis.com``, as
Compute Engine does.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.gcp.errors import GoogleError, invalid

BASE = "https://www.googleapis.com/compute/v1/"

_REFERENCE = re.compile(
    r"(?:https?://[^/]+/)?(?:compute/(?:v1|beta|alpha)/)?(?:projects/(?P<project>[^/]+)/)?"
    r"(?P<scope>global|zones/[^/]+|regions/[^/]+)/(?P<collection>[A-Za-z]+)/(?P<name>[^/]+)"
)
_SERVICES = ("backendServices", "backendBuckets")

FIELDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "backendServices": {
        "healthChecks": ("healthChecks",),
        "group": ("networkEndpointGroups", "instanceGroups"),
        "securityPolicy": ("securityPolicies",),
    },
    "urlMaps": {
        "defaultService": _SERVICES,
        "service": _SERVICES,
        "backendService": _SERVICES,
    },
    "targetHttpProxies": {"urlMap": ("urlMaps",)},
    "targetHttpsProxies": {
        "urlMap": ("urlMaps",),
        "sslCertificates": ("sslCertificates",),
        "sslPolicy": ("sslPolicies",),
    },
    "forwardingRules": {"target": ("targetHttpProxies", "targetHttpsProxies")},
    "instanceGroups": {"network": ("networks",)},
    "instances": {"network": ("networks",)},
    "networkEndpointGroups": {"network": ("networks",)},
    "firewalls": {"network": ("networks",)},
}
"""Collection to the names of its fields that hold references, to what these may name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One reference that was found: in which field, to which path ``projects/P/...``."""

    field: str
    path: str

    @property
    def collection(self) -> str:
        """Give the collection that it names."""
        return self.path.split("/")[-2]


def path_of(text: str, project: str = "") -> str | None:
    """Give ``projects/P/SCOPE/COLLECTION/NAME`` for a reference in any form; None if it is none."""
    found = _REFERENCE.fullmatch(text)
    if found is None or not (found["project"] or project):
        return None
    owner = found["project"] or project
    return f"projects/{owner}/{found['scope']}/{found['collection']}/{found['name']}"


def resolve(
    collection: str, project: str, body: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Reference]]:
    """
    Write every reference in *body* in full.

    Args:
        collection: What the object belongs to.
        body: The object.
        project: Whose it is; relative references and the rule against foreign ones need it.

    Returns:
        The new body, and its references in the order of its fields.

    Raises:
        GoogleError: 400 for a reference that is malformed, of the wrong collection or to another
            project (networks may be shared ones).
    """
    fields = FIELDS.get(collection, {})
    found: list[Reference] = []

    def write(key: str, value: str, at: str) -> str:
        if not value:
            return value
        path = _allowed(fields[key], project, value, at)
        found.append(Reference(field=at, path=path))
        return BASE + path

    resolved = _walk(body, "", "resource", fields, write)
    assert isinstance(resolved, dict)
    return resolved, found


def paths(collection: str, body: Mapping[str, Any]) -> Iterator[str]:
    """Give the path of every reference in a stored object, where references are full URLs."""
    found: list[str] = []

    def note(_key: str, value: str, _at: str) -> str:
        found.append(value.removeprefix(BASE))
        return value

    _walk(body, "", "", FIELDS.get(collection, {}), note)
    yield from found


def _walk(
    value: Any,
    key: str,
    at: str,
    fields: Mapping[str, Any],
    write: Callable[[str, str, str], str],
) -> Any:
    if isinstance(value, str):
        return write(key, value, at) if key in fields else value
    if isinstance(value, list):
        return [_walk(each, key, f"{at}[{i}]", fields, write) for i, each in enumerate(value)]
    if isinstance(value, dict):
        return {
            name: _walk(each, name, f"{at}.{name}", fields, write) for name, each in value.items()
        }
    return value


def _allowed(collections: tuple[str, ...], project: str, text: str, at: str) -> str:
    path = path_of(text, project)
    if path is None:
        raise invalid(at, text, "The URL is malformed.")
    _, owner, *_, collection, _ = path.split("/")
    if collection not in collections:
        raise _wrong_collection(at, text, collection, collections)
    if owner != project and collection != "networks":
        raise invalid(at, text, "Cross project referencing is not allowed for this resource.")
    return path


def _wrong_collection(
    at: str, text: str, collection: str, collections: tuple[str, ...]
) -> GoogleError:
    words = " or ".join(collections)
    return invalid(at, text, f"Unexpected resource collection '{collection}', expected {words}.")
