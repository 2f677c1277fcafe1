"""
What an API server refuses, for the objects that the memory twins hold.

Called by `adapters.memory.objects` before anything is stored. Sentences follow the real server's,
so that tests see words like those that users will see.

Source: Kubernetes API conventions; validation of networking.k8s.io/v1 Ingress and v1 Service.
"""

import re
from collections.abc import Iterator
from typing import Any

from fedingress.domain.errors import Invalid

JsonObject = dict[str, Any]

_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_QUALIFIED = re.compile(
    r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_DNS_1035 = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_PATH_TYPES = ("Exact", "Prefix", "ImplementationSpecific")
_PORT_LIMIT = 65535
_NAME_LIMIT = 253
_ANNOTATIONS_LIMIT = 256 * 1024

API_VERSIONS = {
    "Ingress": "networking.k8s.io/v1",
    "IngressClass": "networking.k8s.io/v1",
    "Service": "v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "Pod": "v1",
    "Secret": "v1",
    "ConfigMap": "v1",
    "FederationPolicy": "fedingress.dev/v1alpha1",
    "ClusterProfile": "multicluster.x-k8s.io/v1alpha1",
}
CLUSTER_SCOPED = frozenset({"IngressClass", "FederationPolicy"})


def check_request(manifest: JsonObject) -> None:
    """
    Refuse what no request may carry, whatever is stored.

    Raises:
        Invalid: With every reason.
    """
    kind, meta = manifest.get("kind"), manifest.get("metadata") or {}
    reasons = []
    if API_VERSIONS.get(str(kind)) != manifest.get("apiVersion"):
        reasons.append(f"no matches for kind {kind!r} in version {manifest.get('apiVersion')!r}")
    if "managedFields" in meta:
        reasons.append("metadata.managedFields must be nil")
    if not meta.get("name"):
        reasons.append("metadata.name: Required value")
    if kind not in CLUSTER_SCOPED and not meta.get("namespace"):
        reasons.append("metadata.namespace: Required value")
    if reasons:
        raise Invalid(reasons)


def check_object(manifest: JsonObject) -> None:
    """
    Refuse an object that may not be stored.

    Raises:
        Invalid: With every reason, each beginning with its field.
    """
    reasons = list(_metadata(manifest["metadata"]))
    if manifest["kind"] == "Ingress":
        reasons += _ingress(manifest.get("spec") or {})
    if manifest["kind"] == "Service":
        if not _DNS_1035.fullmatch(manifest["metadata"]["name"]):
            reasons.append("metadata.name: Invalid value: a DNS-1035 label is needed")
        reasons += _service(manifest.get("spec") or {})
    if reasons:
        meta = manifest["metadata"]
        raise Invalid(f'{manifest["kind"]} "{meta["name"]}" is invalid: {text}' for text in reasons)


def _metadata(meta: JsonObject) -> Iterator[str]:
    if len(meta["name"]) > _NAME_LIMIT or not _SUBDOMAIN.fullmatch(meta["name"]):
        yield "metadata.name: Invalid value: a lowercase RFC 1123 subdomain is needed"
    for key, value in (meta.get("labels") or {}).items():
        if not _QUALIFIED.fullmatch(key):
            yield f"metadata.labels: Invalid value: {key!r}"
        if not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value):
            yield f"metadata.labels: Invalid value: {value!r}"
    size = 0
    for key, value in (meta.get("annotations") or {}).items():
        if not _QUALIFIED.fullmatch(key.lower()):
            yield f"metadata.annotations: Invalid value: {key!r}"
        if not isinstance(value, str):
            yield f"metadata.annotations: Invalid value: {value!r} is not a string"
        size += len(key) + len(str(value))
    if size > _ANNOTATIONS_LIMIT:
        yield "metadata.annotations: Too long: may not be more than 262144 bytes"


def _ingress(spec: JsonObject) -> Iterator[str]:
    rules = spec.get("rules") or []
    if not rules and not spec.get("defaultBackend"):
        yield "spec: Invalid value: either `defaultBackend` or `rules` must be specified"
    if spec.get("defaultBackend"):
        yield from _backend("spec.defaultBackend", spec["defaultBackend"])
    for index, rule in enumerate(rules):
        at = f"spec.rules[{index}]"
        host = str(rule.get("host") or "")
        if host and not _SUBDOMAIN.fullmatch(host.removeprefix("*.")):
            yield f"{at}.host: Invalid value: {host!r}"
        for number, path in enumerate((rule.get("http") or {}).get("paths") or []):
            yield from _path(f"{at}.http.paths[{number}]", path)


def _path(at: str, path: JsonObject) -> Iterator[str]:
    if path.get("pathType") not in _PATH_TYPES:
        yield f"{at}.pathType: Unsupported value: {path.get('pathType')!r}"
    elif path["pathType"] != "ImplementationSpecific" and not str(path.get("path")).startswith("/"):
        yield f"{at}.path: Invalid value: {path.get('path')!r}: must be an absolute path"
    yield from _backend(f"{at}.backend", path.get("backend") or {})


def _backend(at: str, backend: JsonObject) -> Iterator[str]:
    if "resource" in backend:
        return
    service = backend.get("service") or {}
    port = service.get("port") or {}
    if not _DNS_1035.fullmatch(str(service.get("name") or "")):
        yield f"{at}.service.name: Invalid value: {service.get('name')!r}"
    if bool(port.get("number")) == bool(port.get("name")):
        yield f"{at}.service.port: Invalid value: exactly one of `name` and `number` is needed"


def _service(spec: JsonObject) -> Iterator[str]:
    ports = spec.get("ports") or []
    if not ports and spec.get("clusterIP") != "None":
        yield "spec.ports: Required value"
    names = [port.get("name", "") for port in ports]
    for index, port in enumerate(ports):
        number = port.get("port")
        if not isinstance(number, int) or not 1 <= number <= _PORT_LIMIT:
            yield f"spec.ports[{index}].port: Invalid value: {number!r}: 1 to 65535 is needed"
        if len(ports) > 1 and not names[index]:
            yield f"spec.ports[{index}].name: Required value"
        if names[index] and names.count(names[index]) > 1:
            yield f"spec.ports[{index}].name: Duplicate value: {names[index]!r}"
