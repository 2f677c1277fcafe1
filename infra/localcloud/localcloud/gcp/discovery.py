"""
Methods, paths and schemas of Google APIs, from their discovery documents.

The documents are those that google-api-python-client carries. Each is read once per process, when
the first request for its API arrives, and only what the served resources need is kept.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from localcloud.gcp.errors import bad_request, invalid
from localcloud.gcp.schema import Schemas, references, shape

COMPUTE_RESOURCES = frozenset(
    {
        "backendBuckets",
        "backendServices",
        "firewalls",
        "globalAddresses",
        "globalForwardingRules",
        "globalNetworkEndpointGroups",
        "globalOperations",
        "healthChecks",
        "instanceGroups",
        "instances",
        "networkEndpointGroups",
        "networks",
        "projects",
        "regionNetworkEndpointGroups",
        "regionOperations",
        "regions",
        "securityPolicies",
        "sslCertificates",
        "sslPolicies",
        "targetHttpProxies",
        "targetHttpsProxies",
        "urlMaps",
        "zoneOperations",
        "zones",
    }
)
DNS_RESOURCES = frozenset(
    {
        "changes",
        "dnsKeys",
        "managedZoneOperations",
        "managedZones",
        "projects",
        "resourceRecordSets",
    }
)

_DOCUMENTS = {
    "compute": ("compute.v1.json", COMPUTE_RESOURCES),
    "dns": ("dns.v1.json", DNS_RESOURCES),
}
_SYSTEM_PARAMETERS = re.compile(r"\$.*")

# Of resources that are served globally only: one list over all scopes, which gcloud reads.
_AGGREGATED_ONLY = frozenset({"addresses", "forwardingRules"})

# What clusters put there is read only.
_READ_ONLY = frozenset({"instances"})
_READS = frozenset({"get", "list", "aggregatedList"})

# Every list of compute takes it and gcloud sends it, although the carried document leaves it out.
# Source: REST reference of compute v1, for instance backendServices.aggregatedList.
_OF_LISTS = frozenset({"returnPartialSuccess"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """
    One method of an API.

    Attributes:
        id: For instance ``compute.backendServices.insert``.
        http: HTTP method.
        segments: Of the path, from the root on; parameters in braces.
        request: Name of the body's schema, or empty.
        patterns: Of the path parameters that have one.
        query: Names of all query parameters.
    """

    id: str
    http: str
    segments: tuple[str, ...]
    request: str
    patterns: Mapping[str, str]
    query: frozenset[str]

    @property
    def resource(self) -> str:
        """Give the resource, in the document's words."""
        return self.id.split(".")[1]

    @property
    def verb(self) -> str:
        """Give what is asked: ``insert``, ``get``, ``setUrlMap``, ..."""
        return self.id.split(".")[2]

    def match(self, segments: Sequence[str]) -> dict[str, str] | None:
        """Give the path parameters when *segments* are a path of this method."""
        values = {}
        for mine, theirs in zip(self.segments, segments, strict=True):
            if mine.startswith("{"):
                values[mine[1:-1]] = theirs
            elif mine != theirs:
                return None
        return values

    def check(self, values: Mapping[str, str], query: Iterable[str]) -> None:
        """
        Hold the parameters of a request against the document.

        Raises:
            GoogleError: 400 for a path parameter that breaks its pattern, or an unknown query
                parameter.
        """
        for name, pattern in self.patterns.items():
            if re.fullmatch(pattern, values[name]) is None:
                raise invalid(name, values[name], f"Must be a match of regex '{pattern}'")
        for name in query:
            if name not in self.query and _SYSTEM_PARAMETERS.fullmatch(name) is None:
                raise bad_request(
                    f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query '
                    f"parameter. Field '{name}' could not be found in request message."
                )


class Api:
    """The served part of one API."""

    def __init__(self, document: Mapping[str, Any], resources: frozenset[str]) -> None:
        common = frozenset(document["parameters"])
        methods = [
            _method(document["servicePath"], raw, common)
            for name in sorted(resources)
            for verb, raw in document["resources"][name]["methods"].items()
            if name not in _READ_ONLY or verb in _READS
        ]
        methods += [
            _method(
                document["servicePath"],
                document["resources"][name]["methods"]["aggregatedList"],
                common,
            )
            for name in sorted(_AGGREGATED_ONLY & document["resources"].keys())
        ]
        self._methods: dict[tuple[str, int], list[Method]] = {}
        for method in methods:
            self._methods.setdefault((method.http, len(method.segments)), []).append(method)
        self.schemas = _reachable(document["schemas"], {m.request for m in methods if m.request})

    def find(self, http: str, segments: Sequence[str]) -> tuple[Method, dict[str, str]] | None:
        """Give the method that serves a request, and its path parameters."""
        for method in self._methods.get((http, len(segments)), ()):
            values = method.match(segments)
            if values is not None:
                return method, values
        return None


@cache
def api(service: str) -> Api | None:
    """Give the API of *service*, ``compute`` or ``dns``; None for any other word."""
    if service not in _DOCUMENTS:
        return None
    file, resources = _DOCUMENTS[service]
    spec = find_spec("googleapiclient")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("google-api-python-client is not installed")
    folder = Path(spec.submodule_search_locations[0]) / "discovery_cache" / "documents"
    with (folder / file).open(encoding="utf-8") as text:
        return Api(json.load(text), resources)


def _method(service_path: str, raw: Mapping[str, Any], common: frozenset[str]) -> Method:
    parameters = raw.get("parameters", {})
    query = {name for name, each in parameters.items() if each["location"] == "query"}
    if raw["id"].startswith("compute.") and raw["id"].endswith((".list", ".aggregatedList")):
        query |= _OF_LISTS
    return Method(
        id=raw["id"],
        http=raw["httpMethod"],
        segments=tuple((service_path + raw["flatPath"]).split("/")),
        request=raw.get("request", {}).get("$ref", ""),
        patterns={
            name: each["pattern"]
            for name, each in parameters.items()
            if each["location"] == "path" and "pattern" in each
        },
        query=common | query,
    )


def _reachable(raw: Mapping[str, Any], names: set[str]) -> Schemas:
    found = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = shape(raw[name])
            waiting += references(found[name])
    return Schemas(found)
