"""
Compute v1 JSON in one form, so that what is desired and what is observed can be compared.

Called by `load_balancers`; pure. GCE answers with full URLs, adds defaults and output-only fields;
defaults stay (planning asks only that desired is contained), the rest is normalised here.

Source: compute v1 reference; fields marked "[Output Only]" there are dropped.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from fedingress.domain.errors import Unsupported
from fedingress.domain.graph import GlobalResource, Kind, Mark
from fedingress.planning.diff import differing

_URL: Final = re.compile(r"https?://[^/]+/compute/[^/]+/(projects/.+)")
_LINKS: Final = "https://www.googleapis.com/compute/v1/"

_OURS: Final = frozenset({"name", "description", "fingerprint"})
"""Writable, but kept beside the spec."""
OUTPUT_ONLY: Final = frozenset(
    {
        "attachedExtensions",
        "creationTimestamp",
        "edgeSecurityPolicy",
        "enabledFeatures",
        "expireTime",
        "id",
        "kind",
        "labelFingerprint",
        "pscConnectionId",
        "pscConnectionStatus",
        "region",
        "selfLink",
        "selfLinkWithId",
        "serviceName",
        "status",
        "subjectAlternativeNames",
        "usedBy",
        "users",
    }
)
_SHOWN: Final = ("id", "selfLink", "address", "IPAddress")
"""What a `GlobalResource` carries as output."""

_ONLY: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.ADDRESS: frozenset(),
    Kind.SSL_CERTIFICATE: frozenset(),
    Kind.TARGET_HTTP_PROXY: frozenset({"urlMap"}),
    Kind.TARGET_HTTPS_PROXY: frozenset(
        {"certificateMap", "sslCertificates", "sslPolicy", "urlMap"}
    ),
    Kind.FORWARDING_RULE: frozenset({"labels", "target"}),
    Kind.INSTANCE_GROUP: frozenset({"namedPorts"}),
}
"""The fields that can change, for kinds with setters only."""
_NEVER: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.FIREWALL: frozenset({"network", "direction"}),
    Kind.BACKEND_SERVICE: frozenset({"loadBalancingScheme"}),
}


def resource(kind: Kind, project: str, body: Mapping[str, Any]) -> GlobalResource:
    """Decode one resource as the API gives it, numbers as numbers."""
    spec = {k: v for k, v in body.items() if k not in OUTPUT_ONLY | _OURS}
    mark = Mark.decode(str(body.get("description", "")))
    if mark is None and kind is Kind.FORWARDING_RULE:
        mark = Mark.of_labels(body.get("labels") or {})
    zone = ""
    if kind is Kind.INSTANCE_GROUP:
        spec = {"namedPorts": spec.get("namedPorts", [])}
        zone = str(body["zone"]).rpartition("/")[2]
    return GlobalResource(
        kind=kind,
        project=project,
        name=str(body["name"]),
        zone=zone,
        spec=canonical(spec),
        mark=mark,
        version=str(body.get("fingerprint", "")),
        output={key: str(body[key]) for key in _SHOWN if key in body},
    )


def canonical(value: Any) -> Any:
    """*value* with references as `projects/P/...` paths, and without absent fields."""
    if isinstance(value, Mapping):
        return {key: canonical(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [canonical(inner) for inner in value]
    if isinstance(value, str) and (found := _URL.fullmatch(value)):
        return found[1]
    return value


def link(path: str) -> str:
    """The full URL of a path, where the API asks for one."""
    return _LINKS + path


def body(desired: GlobalResource) -> dict[str, Any]:
    """The JSON of a new resource."""
    mark = {"description": desired.mark.encode()} if desired.mark else {}
    return {**canonical(desired.spec), **desired.unread, **mark, "name": desired.name}


def changes(observed: GlobalResource, desired: GlobalResource) -> dict[str, Any]:
    """
    The fields to write so that *observed* becomes *desired*; empty when it is already.

    A value of None stands for a field that must be absent.

    Raises:
        Unsupported: GCE has no way to change one of them.
    """
    found = {key: desired.spec[key] for key in differing(observed.spec, desired.spec)}
    if desired.mark != observed.mark:
        labels = desired.mark.labels() if desired.mark else {}
        if labels and desired.kind is Kind.FORWARDING_RULE:
            found["labels"] = labels
        else:
            found["description"] = desired.mark.encode() if desired.mark else ""
    refused = found.keys() & _NEVER.get(desired.kind, frozenset())
    if desired.kind in _ONLY:
        refused |= found.keys() - _ONLY[desired.kind]
    if refused:
        raise Unsupported(f"{desired.label}: {', '.join(sorted(refused))} cannot be changed")
    return found


def clears(value: Any) -> bool:
    """
    Whether writing *value* takes something away, which a PATCH by the client cannot say.

    proto3 drops empty lists and has no null. Lists are replaced as a whole, so what is absent
    within one of their items needs no saying.
    """
    if isinstance(value, Mapping):
        return any(clears(inner) for inner in value.values())
    return value is None or (isinstance(value, list | tuple) and not value)


def merged(current: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """*current* with *fields*: objects are merged, all else is replaced, None takes away."""
    return dict(_merged(current, fields))


def _merged(current: Mapping[str, Any], fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in current.items():
        if key not in fields:
            yield key, value
    for key, value in fields.items():
        before = current.get(key)
        if isinstance(value, Mapping):
            yield key, merged(before if isinstance(before, Mapping) else {}, value)
        elif value is not None:
            yield key, canonical(value)
