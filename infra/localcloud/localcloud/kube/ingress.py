"""
What ``networking.k8s.io/v1`` refuses in an Ingress and an IngressClass.

Source: kubernetes ``pkg/apis/networking/validation/validation.go``.
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from localcloud.kube.errors import (
    Causes,
    value_invalid,
    value_required,
    value_unsupported,
)
from localcloud.kube.names import label_1035_fault, port_name_fault, subdomain_fault

_PATH_TYPES = frozenset({"Exact", "Prefix", "ImplementationSpecific"})
_FORBIDDEN_IN_PATHS = ("//", "/./", "/../", "%2f", "%2F")
_FORBIDDEN_AT_ENDS = ("/..", "/.")
_BACKSLASHES = ("%5c", "%5C")


def ingress_causes(obj: Mapping[str, Any], _old: Mapping[str, Any] | None) -> Causes:
    """Give everything that is wrong with an Ingress' spec and status."""
    spec = obj.get("spec") or {}
    if not spec.get("rules") and not spec.get("defaultBackend"):
        yield value_invalid("spec", spec, "either `defaultBackend` or `rules` must be specified")
    if spec.get("defaultBackend") is not None:
        yield from _backend_causes("spec.defaultBackend", spec["defaultBackend"])
    for index, rule in enumerate(spec.get("rules") or ()):
        yield from _rule_causes(f"spec.rules[{index}]", rule)
    for index, tls in enumerate(spec.get("tls") or ()):
        for place, host in enumerate(tls.get("hosts") or ()):
            yield from _tls_host_causes(f"spec.tls[{index}].hosts[{place}]", host)
        if tls.get("secretName") and (why := subdomain_fault(tls["secretName"])):
            yield value_invalid(f"spec.tls[{index}].secretName", tls["secretName"], why)
    if spec.get("ingressClassName") is not None:
        name = spec["ingressClassName"]
        if why := subdomain_fault(name):
            yield value_invalid("spec.ingressClassName", name, why)


def ingress_class_causes(obj: Mapping[str, Any], old: Mapping[str, Any] | None) -> Causes:
    """Give everything that is wrong with an IngressClass."""
    spec = obj.get("spec") or {}
    controller = spec.get("controller") or ""
    if old is not None and controller != (old.get("spec") or {}).get("controller"):
        yield value_invalid("spec.controller", controller, "field is immutable")
    prefix, slash, path = controller.partition("/")
    if not controller or len(controller) > 250:  # noqa: PLR2004 - maxLenIngressClassController
        yield value_required("spec.controller", "at most 250 characters")
    elif not slash or subdomain_fault(prefix) or not re.fullmatch(r"[-\w.~/]+", path):
        yield value_invalid("spec.controller", controller, "must be a domain-prefixed path")
    parameters = spec.get("parameters")
    if parameters is None:
        return
    for key in ("kind", "name"):
        if not parameters.get(key):
            yield value_required(f"spec.parameters.{key}")
    scope = parameters.get("scope", "Cluster")
    if scope not in ("Cluster", "Namespace"):
        yield value_unsupported("spec.parameters.scope", scope, ("Cluster", "Namespace"))
    elif scope == "Namespace" and not parameters.get("namespace"):
        yield value_required("spec.parameters.namespace", "`parameters.scope` is 'Namespace'")


def ingress_class_defaults(obj: dict[str, Any], _old: Mapping[str, Any] | None) -> None:
    """Fill in what an IngressClass leaves open: parameters are cluster-scoped."""
    parameters = (obj.get("spec") or {}).get("parameters")
    if isinstance(parameters, dict):
        parameters.setdefault("scope", "Cluster")


def _rule_causes(path: str, rule: Mapping[str, Any]) -> Causes:
    host = rule.get("host") or ""
    if host:
        yield from _host_causes(f"{path}.host", host)
    http = rule.get("http")
    if http is None:
        return
    paths = http.get("paths") or ()
    if not paths:
        yield value_required(f"{path}.http.paths")
    for index, entry in enumerate(paths):
        yield from _path_causes(f"{path}.http.paths[{index}]", entry)


def _host_causes(path: str, host: str) -> Causes:
    if _is_ip(host):
        yield value_invalid(path, host, "must be a DNS name, not an IP address")
        return
    name = host.removeprefix("*.") if "*" in host else host
    if why := subdomain_fault(name):
        if "*" in host:
            why = (
                "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS "
                "subdomain, which must consist of lower case alphanumeric characters, '-' or '.' "
                "and end with an alphanumeric character"
            )
        yield value_invalid(path, host, why)


def _tls_host_causes(path: str, host: str) -> Causes:
    if why := subdomain_fault(host.removeprefix("*.") if "*" in host else host):
        yield value_invalid(path, host, why)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _path_causes(path: str, entry: Mapping[str, Any]) -> Causes:
    kind, value = entry.get("pathType"), entry.get("path") or ""
    if kind is None:
        yield value_required(f"{path}.pathType", "pathType must be specified")
    elif kind not in _PATH_TYPES:
        yield value_unsupported(f"{path}.pathType", kind, _PATH_TYPES)
    elif kind != "ImplementationSpecific":
        yield from _url_path_causes(f"{path}.path", value)
    elif value and not value.startswith("/"):
        yield value_invalid(f"{path}.path", value, "must be an absolute path")
    yield from _backend_causes(f"{path}.backend", entry.get("backend") or {})


def _url_path_causes(path: str, value: str) -> Causes:
    if not value.startswith("/"):
        yield value_invalid(path, value, "must be an absolute path")
        return
    for sequence in (*_FORBIDDEN_IN_PATHS, *_BACKSLASHES):
        if sequence in value:
            yield value_invalid(path, value, f"must not contain '{sequence}'")
    for suffix in _FORBIDDEN_AT_ENDS:
        if value.endswith(suffix):
            yield value_invalid(path, value, f"cannot end with '{suffix}'")


def _backend_causes(path: str, backend: Mapping[str, Any]) -> Causes:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        yield value_invalid(path, "", "cannot set both resource and service backends")
    elif resource is not None:
        for key in ("kind", "name"):
            if not resource.get(key):
                yield value_required(f"{path}.resource.{key}")
    elif service is None:
        yield value_required(f"{path}.service.name")
    else:
        yield from _service_causes(f"{path}.service", service)


def _service_causes(path: str, service: Mapping[str, Any]) -> Causes:
    name = service.get("name") or ""
    if not name:
        yield value_required(f"{path}.name")
    elif why := label_1035_fault(name):
        yield value_invalid(f"{path}.name", name, why)
    port = service.get("port") or {}
    port_name, number = port.get("name") or "", port.get("number") or 0
    if port_name and number:
        yield value_invalid(f"{path}", "", "cannot set both port name & port number")
    elif port_name:
        if why := port_name_fault(port_name):
            yield value_invalid(f"{path}.port.name", port_name, why)
    elif not number:
        yield value_required(path, "port name or number is required")
    elif not 1 <= number <= 65535:  # noqa: PLR2004 - TCP
        yield value_invalid(f"{path}.port.number", number, "must be between 1 and 65535, inclusive")
