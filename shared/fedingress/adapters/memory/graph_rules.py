"""
What GCE refuses of global load balancing resources, for the twin in memory.

Called by `adapters.memory.load_balancers` before anything is stored. It covers the fields that a
federated graph uses, and refuses all others. It does not model: regional and proxyless resources,
managed instance groups, quotas, networks (any network is taken to exist).

Source: compute v1 reference of each collection; documentation of backend services (balancing
modes, capacity scaler) and of URL maps (path patterns).
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from fedingress.adapters.memory import backend_rules
from fedingress.adapters.memory.backend_rules import (
    INSTANCE_GROUPS,
    LAST_PORT,
    NAME,
    Resources,
    invalid,
)
from fedingress.domain.graph import GlobalResource, Kind

NEGS: Final = "networkEndpointGroups"
_PATH: Final = re.compile(
    r"projects/(?P<project>[^/]+)/(?:global|zones/[^/]+)/(?P<collection>\w+)/[a-z][-a-z0-9]*"
)
_PATTERN: Final = re.compile(r"/([^*?#]*/)?\*|/[^*?#]*")
_MOST_BACKENDS: Final = 50
_MOST_CERTIFICATES: Final = 15

REFERENCES: Final[Mapping[str, tuple[str, ...]]] = {
    "healthChecks": ("healthChecks",),
    "group": (NEGS, INSTANCE_GROUPS),
    "defaultService": ("backendServices",),
    "service": ("backendServices",),
    "backendService": ("backendServices",),
    "urlMap": ("urlMaps",),
    "sslCertificates": ("sslCertificates",),
    "sslPolicy": ("sslPolicies",),
    "target": ("targetHttpProxies", "targetHttpsProxies"),
    "network": ("networks",),
    "securityPolicy": ("securityPolicies",),
}
"""Fields that refer to other resources, and the collections they may name."""

_REQUIRED: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.FIREWALL: ("network",),
    Kind.SECURITY_POLICY: (),
    Kind.ADDRESS: (),
    Kind.SSL_CERTIFICATE: ("type",),
    Kind.SSL_POLICY: (),
    Kind.INSTANCE_GROUP: (),
    Kind.HEALTH_CHECK: ("type",),
    Kind.BACKEND_SERVICE: ("loadBalancingScheme", "protocol"),
    Kind.URL_MAP: (),
    Kind.TARGET_HTTP_PROXY: ("urlMap",),
    Kind.TARGET_HTTPS_PROXY: ("urlMap",),
    Kind.FORWARDING_RULE: ("IPAddress", "IPProtocol", "portRange", "target"),
}

_PROBES: Final[Mapping[str, str]] = {
    "HTTP": "httpHealthCheck",
    "HTTPS": "httpsHealthCheck",
    "HTTP2": "http2HealthCheck",
}
"""The block of each type of health check."""

DEFAULTS: Final[Mapping[Kind, Mapping[str, Any]]] = {
    Kind.FIREWALL: {"priority": 1000, "disabled": False},
    Kind.SECURITY_POLICY: {"type": "CLOUD_ARMOR"},
    Kind.ADDRESS: {"networkTier": "PREMIUM"},
    Kind.HEALTH_CHECK: {
        "checkIntervalSec": 5,
        "timeoutSec": 5,
        "healthyThreshold": 2,
        "unhealthyThreshold": 2,
    },
    Kind.BACKEND_SERVICE: {
        "affinityCookieTtlSec": 0,
        "backends": [],
        "enableCDN": False,
        "localityLbPolicy": "ROUND_ROBIN",
        "port": 80,
        "portName": "http",
        "sessionAffinity": "NONE",
        "timeoutSec": 30,
    },
    Kind.URL_MAP: {},
    Kind.INSTANCE_GROUP: {"namedPorts": []},
    Kind.SSL_CERTIFICATE: {},
    Kind.SSL_POLICY: {"minTlsVersion": "TLS_1_0", "profile": "COMPATIBLE"},
    Kind.TARGET_HTTP_PROXY: {},
    Kind.TARGET_HTTPS_PROXY: {"proxyBind": False, "quicOverride": "NONE"},
    Kind.FORWARDING_RULE: {"networkTier": "PREMIUM"},
}
"""What GCE fills in; it must never look like a difference."""

FIELDS: Final[Mapping[Kind, frozenset[str]]] = {
    kind: frozenset((*_REQUIRED[kind], *DEFAULTS[kind], *more))
    for kind, more in {
        Kind.SECURITY_POLICY: (),
        Kind.FIREWALL: ("direction", "sourceRanges", "allowed", "denied", "targetTags"),
        Kind.ADDRESS: ("address", "addressType", "ipVersion"),
        Kind.HEALTH_CHECK: (*_PROBES.values(), "logConfig"),
        Kind.BACKEND_SERVICE: (
            *("connectionDraining", "customRequestHeaders", "healthChecks", "iap", "logConfig"),
            "securityPolicy",
        ),
        Kind.URL_MAP: (
            "defaultRouteAction",
            "defaultService",
            "defaultUrlRedirect",
            "hostRules",
            "pathMatchers",
        ),
        Kind.SSL_CERTIFICATE: ("managed",),
        Kind.SSL_POLICY: (),
        Kind.INSTANCE_GROUP: (),
        Kind.TARGET_HTTP_PROXY: ("httpKeepAliveTimeoutSec",),
        Kind.TARGET_HTTPS_PROXY: ("certificateMap", "sslCertificates", "sslPolicy"),
        Kind.FORWARDING_RULE: ("loadBalancingScheme", "ipVersion", "labels"),
    }.items()
}
"""The top-level fields that the twin knows."""


def references(value: Any, at: str = "resource") -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Every reference within a spec: where it stands, what collections it may name, its text."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            here = f"{at}.{key}"
            if key in REFERENCES and isinstance(inner, str):
                yield here, REFERENCES[key], inner
            elif key in REFERENCES and isinstance(inner, list | tuple):
                yield from ((f"{here}[{n}]", REFERENCES[key], str(x)) for n, x in enumerate(inner))
            else:
                yield from references(inner, here)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from references(inner, f"{at}[{number}]")


def reasons(item: GlobalResource, others: Resources) -> Iterator[str]:
    """
    Why GCE would refuse *item*; nothing when it would not.

    Args:
        item: With all fields as they are to be stored.
        others: Every other resource of the cloud.
    """
    yield from _generic(item)
    yield from _RULES[item.kind](item, others)


def _generic(item: GlobalResource) -> Iterator[str]:
    if not NAME.fullmatch(item.name):
        yield invalid("name", item.name, f"Must be a match of regex '{NAME.pattern}'")
    for key in sorted(item.spec.keys() - FIELDS[item.kind]):
        yield f'Invalid JSON payload received. Unknown name "{key}": Cannot find field.'
    for key in _REQUIRED[item.kind]:
        if not item.spec.get(key):
            yield f"Required field 'resource.{key}' not specified"
    for at, collections, text in references(item.spec):
        found = _PATH.fullmatch(text)
        if found is None or found["collection"] not in collections:
            yield f"Invalid value for field '{at}': '{text}'. The URL is malformed."
        elif found["project"] != item.project and found["collection"] != "networks":
            yield f"Invalid value for field '{at}': '{text}'. Cross project references are refused."


def _firewall(item: GlobalResource, _: Resources) -> Iterator[str]:
    spec = item.spec
    if bool(spec.get("allowed")) == bool(spec.get("denied")):
        yield "Exactly one of 'resource.allowed' and 'resource.denied' is needed"
    for rule in (*spec.get("allowed", ()), *spec.get("denied", ())):
        if not rule.get("IPProtocol"):
            yield "Required field 'resource.allowed[].IPProtocol' not specified"
    for text in spec.get("sourceRanges", ()):
        try:
            ipaddress.ip_network(text)
        except ValueError:
            yield invalid("sourceRanges", text, "Must be a valid CIDR range")


def _address(item: GlobalResource, _: Resources) -> Iterator[str]:
    spec = item.spec
    if spec.get("addressType", "EXTERNAL") != "EXTERNAL":
        yield invalid("addressType", spec["addressType"], "Global addresses here are EXTERNAL")
    if spec.get("ipVersion", "IPV4") not in {"IPV4", "IPV6"}:
        yield invalid("ipVersion", spec["ipVersion"], "Must be one of [IPV4, IPV6]")


def _health_check(item: GlobalResource, _: Resources) -> Iterator[str]:
    spec = item.spec
    block = _PROBES.get(str(spec.get("type")), "")
    if not block:
        yield invalid("type", spec.get("type"), f"Must be one of {sorted(_PROBES)}")
    for other in _PROBES.values():
        if other != block and other in spec:
            yield invalid(other, spec[other], f"Cannot be set for type {spec.get('type')}")
    for key, most in (
        ("checkIntervalSec", 300),
        ("timeoutSec", 300),
        ("healthyThreshold", 10),
        ("unhealthyThreshold", 10),
    ):
        if not 1 <= spec[key] <= most:
            yield invalid(key, spec[key], f"Must be between 1 and {most}")
    if spec["timeoutSec"] > spec["checkIntervalSec"]:
        yield invalid("timeoutSec", spec["timeoutSec"], "Must not exceed checkIntervalSec")
    probe = spec.get(block) or {}
    if not str(probe.get("requestPath", "/")).startswith("/"):
        yield invalid(f"{block}.requestPath", probe["requestPath"], "Must begin with '/'")
    how, port = probe.get("portSpecification"), probe.get("port")
    if how == "USE_SERVING_PORT" and port is not None:
        yield invalid(f"{block}.port", port, "USE_SERVING_PORT forbids a port")
    if how == "USE_FIXED_PORT" and not (isinstance(port, int) and 0 < port <= LAST_PORT):
        yield invalid(f"{block}.port", port, "USE_FIXED_PORT needs a port from 1 to 65535")


def _backend_service(item: GlobalResource, others: Resources) -> Iterator[str]:
    spec = item.spec
    if spec.get("loadBalancingScheme") != "EXTERNAL_MANAGED":
        yield invalid("loadBalancingScheme", spec.get("loadBalancingScheme"), "EXTERNAL_MANAGED")
    if spec.get("protocol") not in {"HTTP", "HTTPS", "HTTP2"}:
        yield invalid("protocol", spec.get("protocol"), "Must be one of [HTTP, HTTPS, HTTP2]")
    if len(spec.get("healthChecks", ())) != 1:
        yield invalid("healthChecks", spec.get("healthChecks"), "Exactly one is needed")
    if spec["enableCDN"] and (spec.get("iap") or {}).get("enabled"):
        yield invalid("iap", True, "IAP and Cloud CDN cannot be enabled at the same time")
    backends = spec.get("backends", ())
    groups = [backend.get("group") for backend in backends]
    if len(groups) > _MOST_BACKENDS:
        yield invalid("backends", len(groups), f"At most {_MOST_BACKENDS} are allowed")
    kinds = {backend_rules.collection(backend) for backend in backends}
    if len(kinds) > 1:
        yield invalid("backends", sorted(kinds), "All groups must be of one kind")
    for number, backend in enumerate(backends):
        field = f"backends[{number}]"
        yield from backend_rules.other_modes(item, backend, others)
        if groups.count(backend.get("group")) > 1:
            yield invalid(f"{field}.group", backend.get("group"), "Duplicate group")
        yield from backend_rules.backend(field, backend, lone=len(backends) == 1)


def _url_map(item: GlobalResource, _: Resources) -> Iterator[str]:
    spec = item.spec
    matchers = [matcher.get("name") for matcher in spec.get("pathMatchers", ())]
    hosts = [host for rule in spec.get("hostRules", ()) for host in rule.get("hosts", ())]
    named = [rule.get("pathMatcher") for rule in spec.get("hostRules", ())]
    if bool(spec.get("defaultService")) == bool(spec.get("defaultUrlRedirect")):
        yield "Exactly one of defaultService and defaultUrlRedirect is needed"
    for host in sorted({host for host in hosts if hosts.count(host) > 1}):
        yield invalid("hostRules", host, "The host appears in more than one rule")
    for name in sorted(set(named) - set(matchers), key=str):
        yield invalid("hostRules", name, "There is no path matcher of this name")
    for name in matchers:
        if matchers.count(name) > 1 or not NAME.fullmatch(str(name)):
            yield invalid("pathMatchers", name, "Bad or duplicate name")
    for matcher in spec.get("pathMatchers", ()):
        if not matcher.get("defaultService"):
            yield f"Required field 'resource.pathMatchers[{matcher.get('name')}].defaultService'"
        paths = [path for rule in matcher.get("pathRules", ()) for path in rule.get("paths", ())]
        for path in dict.fromkeys(paths):
            if paths.count(path) > 1 or not _PATTERN.fullmatch(path):
                yield invalid("pathRules.paths", path, "Bad or duplicate path pattern")


def _forwarding_rule(item: GlobalResource, others: Resources) -> Iterator[str]:
    spec = item.spec
    if spec.get("loadBalancingScheme") != "EXTERNAL_MANAGED":
        yield invalid("loadBalancingScheme", spec.get("loadBalancingScheme"), "EXTERNAL_MANAGED")
    ports = re.fullmatch(r"(\d+)(?:-(\d+))?", str(spec.get("portRange")))
    if ports is None or ports[2] not in {None, ports[1]}:
        yield invalid("portRange", spec.get("portRange"), "A proxy takes exactly one port")
    address = spec.get("IPAddress")
    if not any(
        other.kind is Kind.ADDRESS
        and other.project == item.project
        and other.output.get("address") == address
        for other in others.values()
    ):
        yield invalid("IPAddress", address, "The address is not reserved in this project")
    for other in others.values():
        if other.kind is Kind.FORWARDING_RULE and all(
            other.spec.get(key) == spec.get(key) for key in ("IPAddress", "portRange", "IPProtocol")
        ):
            yield invalid(
                "IPAddress",
                address,
                "Specified IP address is in-use and would result in a conflict with "
                f"'{other.path}'.",
            )


def _target_http_proxy(_: GlobalResource, __: Resources) -> Iterator[str]:
    yield from ()


def _target_https_proxy(item: GlobalResource, _: Resources) -> Iterator[str]:
    spec = item.spec
    certificates = spec.get("sslCertificates") or ()
    if not certificates and not spec.get("certificateMap"):
        yield "Required field 'resource.sslCertificates' not specified"
    if len(certificates) > _MOST_CERTIFICATES:
        yield invalid("sslCertificates", len(certificates), f"At most {_MOST_CERTIFICATES}")


def _ssl_certificate(item: GlobalResource, _: Resources) -> Iterator[str]:
    kind, managed = item.spec.get("type"), item.spec.get("managed") or {}
    if kind not in {"SELF_MANAGED", "MANAGED"}:
        yield invalid("type", kind, "Must be one of [MANAGED, SELF_MANAGED]")
    if kind == "MANAGED" and not managed.get("domains"):
        yield "Required field 'resource.managed.domains' not specified"


def _security_policy(item: GlobalResource, _: Resources) -> Iterator[str]:
    kind = item.spec.get("type")
    if kind not in {"CLOUD_ARMOR", "CLOUD_ARMOR_EDGE"}:
        yield invalid("type", kind, "Must be one of [CLOUD_ARMOR, CLOUD_ARMOR_EDGE]")


def _ssl_policy(item: GlobalResource, _: Resources) -> Iterator[str]:
    lowest, profile = item.spec["minTlsVersion"], item.spec["profile"]
    if lowest not in {"TLS_1_0", "TLS_1_1", "TLS_1_2", "TLS_1_3"}:
        yield invalid("minTlsVersion", lowest, "Must be a version of TLS")
    if lowest == "TLS_1_3" and profile != "RESTRICTED":
        yield invalid("profile", profile, "TLS_1_3 needs RESTRICTED")


_RULES: Final[Mapping[Kind, Callable[[GlobalResource, Resources], Iterator[str]]]] = {
    Kind.FIREWALL: _firewall,
    Kind.SECURITY_POLICY: _security_policy,
    Kind.ADDRESS: _address,
    Kind.INSTANCE_GROUP: backend_rules.instance_group,
    Kind.SSL_CERTIFICATE: _ssl_certificate,
    Kind.SSL_POLICY: _ssl_policy,
    Kind.HEALTH_CHECK: _health_check,
    Kind.BACKEND_SERVICE: _backend_service,
    Kind.URL_MAP: _url_map,
    Kind.TARGET_HTTP_PROXY: _target_http_proxy,
    Kind.TARGET_HTTPS_PROXY: _target_https_proxy,
    Kind.FORWARDING_RULE: _forwarding_rule,
}
