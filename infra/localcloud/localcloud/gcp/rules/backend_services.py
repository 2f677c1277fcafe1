"""
Backend services and their backends: modes, capacity, what may stand together.

Source: Google Cloud, "Backend services overview" (supported balancing modes, capacity scaler) and
compute v1 ``BackendService``.

Not modelled: session affinity and locality policies beyond their schema, Cloud CDN and IAP beyond
that they exclude each other, the rules of Cloud Armor (security policies are kept, and hold no
request back), custom metrics, the limits of serverless and Internet
NEGs on capacity fields.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.gcp.errors import GoogleError, invalid, required
from localcloud.gcp.references import BASE
from localcloud.gcp.resources import Resources
from localcloud.gcp.rules.draft import Draft, out_of_range
from localcloud.gcp.rules.instance_groups import sole_group

ZONAL_TYPES = frozenset({"GCE_VM_IP_PORT", "NON_GCP_PRIVATE_IP_PORT"})

_HTTP = frozenset({"HTTP", "HTTPS", "HTTP2", "H2C", "GRPC"})
_LONGEST_DRAIN_SECONDS = 3600
_SMALLEST_SCALER = 0.1

Backend = dict[str, Any]


def check(draft: Draft, resources: Resources) -> None:
    """
    Refuse what Compute Engine refuses; fill in the backends' defaults.

    Raises:
        GoogleError: 400.
    """
    body = draft.body
    draft.within("timeoutSec", 1, 2**31 - 1)
    drain = (body.get("connectionDraining") or {}).get("drainingTimeoutSec", 0)
    if not 0 <= drain <= _LONGEST_DRAIN_SECONDS:
        field = "resource.connectionDraining.drainingTimeoutSec"
        raise out_of_range(field, drain, 0, _LONGEST_DRAIN_SECONDS)
    if body.get("enableCDN") and (body.get("iap") or {}).get("enabled"):
        why = "IAP and Cloud CDN cannot be enabled at the same time."
        raise invalid("resource.iap.enabled", "true", why)
    _security_policy(body.get("securityPolicy"), resources)
    backends = body.get("backends") or []
    types = [_backend(draft, resources, index) for index in range(len(backends))]
    _together(draft, types)
    _health_checks(draft, types, resources)


def _security_policy(link: str | None, resources: Resources) -> None:
    kind = (resources.linked(link) or {}).get("type", "CLOUD_ARMOR") if link else "CLOUD_ARMOR"
    if kind != "CLOUD_ARMOR":
        why = f"A security policy of type {kind} cannot be attached here."
        raise invalid("resource.securityPolicy", str(link), why)


def _backend(draft: Draft, resources: Resources, index: int) -> str:
    """Check one backend; give the type of its group, ``INSTANCE_GROUP`` or a NEG's."""
    backend = draft.body["backends"][index]
    at = f"resource.backends[{index}]"
    link = backend.get("group")
    if not link:
        raise required(f"{at}.group")
    if any(other.get("group") == link for other in draft.body["backends"][:index]):
        raise invalid(f"{at}.group", link, "Duplicate backend group.")
    group = resources.linked(link) or {}
    kind = str(group.get("networkEndpointType", "INSTANCE_GROUP"))
    default = "RATE" if kind in ZONAL_TYPES and _speaks_http(draft) else "UTILIZATION"
    mode = backend.setdefault("balancingMode", default)
    if kind == "INSTANCE_GROUP":
        if mode == "UTILIZATION":
            backend.setdefault("maxUtilization", 0.8)
        _instance_group(draft, backend, at)
        _one_mode(draft, resources, backend)
        path = link.removeprefix(BASE)
        members = (each.removeprefix(BASE) for each in resources.instances.get(path, ()))
        sole_group(path, members, resources)
    elif kind in ZONAL_TYPES:
        _zonal_group(draft, backend, at)
    _scaler(draft, backend, at)
    return kind


def _zonal_group(draft: Draft, backend: Backend, at: str) -> None:
    mode = backend["balancingMode"]
    supported = "RATE" if _speaks_http(draft) else "CONNECTION"
    if mode != supported:
        raise invalid(
            f"{at}.balancingMode",
            mode,
            f"Balancing mode {mode} is not supported for network endpoint groups in a backend "
            f"service of protocol {draft.body['protocol']}, use {supported}.",
        )
    for name in ("maxUtilization", "maxRatePerInstance", "maxConnectionsPerInstance"):
        if backend.get(name) is not None:
            why = f"{name} cannot be set for network endpoint groups."
            raise invalid(f"{at}.{name}", backend[name], why)
    if mode == "RATE":
        _exactly_one(backend, ("maxRate", "maxRatePerEndpoint"), at)
    else:
        _exactly_one(backend, ("maxConnections", "maxConnectionsPerEndpoint"), at)


def _instance_group(draft: Draft, backend: Backend, at: str) -> None:
    mode = backend["balancingMode"]
    for name in ("maxRatePerEndpoint", "maxConnectionsPerEndpoint"):
        if backend.get(name) is not None:
            raise invalid(f"{at}.{name}", backend[name], f"{name} needs a network endpoint group.")
    if mode == "CONNECTION" and _speaks_http(draft):
        why = f"Not supported for protocol {draft.body['protocol']}."
        raise invalid(f"{at}.balancingMode", mode, why)
    if mode == "RATE":
        if backend.get("maxUtilization") is not None:
            value = backend["maxUtilization"]
            raise invalid(f"{at}.maxUtilization", value, "Not supported for balancing mode RATE.")
        _exactly_one(backend, ("maxRate", "maxRatePerInstance"), at)
    utilization = backend.get("maxUtilization", 0.0)
    if not 0 <= utilization <= 1:
        raise out_of_range(f"{at}.maxUtilization", utilization, 0.0, 1.0)


def _one_mode(draft: Draft, resources: Resources, backend: Backend) -> None:
    group, mode = backend["group"], backend["balancingMode"]
    for path, other in resources.each(draft.project, "backendServices"):
        if path == draft.path:
            continue
        for theirs in other.get("backends") or ():
            if theirs["group"] == group and theirs["balancingMode"] != mode:
                shared = group.removeprefix(BASE)
                raise GoogleError(
                    400,
                    "invalid",
                    f"Validation failed for instance group '{shared}': backend services "
                    f"'{draft.path}' and '{path}' point to the same instance group but the "
                    "backends have incompatible balancing_mode. Values should be the same.",
                )


def _scaler(draft: Draft, backend: Backend, at: str) -> None:
    scaler = backend.setdefault("capacityScaler", 1.0)
    if scaler != 0 and not _SMALLEST_SCALER <= scaler <= 1:
        why = "Must be 0.0, or between 0.1 and 1.0 inclusive."
        raise invalid(f"{at}.capacityScaler", scaler, why)
    if scaler == 0 and len(draft.body["backends"]) == 1:
        why = "Cannot be 0 when there is only one backend attached to the backend service."
        raise invalid(f"{at}.capacityScaler", scaler, why)


def _exactly_one(backend: Mapping[str, Any], names: tuple[str, str], at: str) -> None:
    given = [name for name in names if backend.get(name) is not None]
    if len(given) != 1:
        field = f"{at}.{names[1]}"
        mode = backend["balancingMode"]
        raise invalid(
            field,
            backend.get(names[1], ""),
            f"Exactly one of {names[0]} and {names[1]} must be set for balancing mode {mode}.",
        )
    if backend[given[0]] <= 0:
        raise invalid(f"{at}.{given[0]}", backend[given[0]], "Must be greater than 0.")


def _together(draft: Draft, types: list[str]) -> None:
    families = {_family(kind) for kind in types}
    if len(families) > 1:
        words = ", ".join(sorted(families))
        raise invalid(
            "resource.backends",
            draft.path.rpartition("/")[2],
            f"All backends of a backend service must be of the same kind, found: {words}.",
        )


def _health_checks(draft: Draft, types: list[str], resources: Resources) -> None:
    checks = draft.body.get("healthChecks") or []
    for link in checks:
        if (resources.linked(link) or {}).get("sourceRegions"):
            why = "A health check with source regions cannot be used with a backend service."
            raise invalid("resource.healthChecks[0]", link, why)
    probed = [kind for kind in types if kind == "INSTANCE_GROUP" or kind in ZONAL_TYPES]
    if len(checks) > 1:
        field = "resource.healthChecks"
        raise invalid(field, len(checks), "At most one health check can be specified.")
    if probed and not checks:
        raise required("resource.healthChecks")
    if checks and "SERVERLESS" in types:
        raise invalid(
            "resource.healthChecks[0]",
            checks[0],
            "A backend service cannot have a healthcheck with Serverless network endpoint group "
            "backends.",
        )


def _family(kind: str) -> str:
    if kind == "INSTANCE_GROUP":
        return "instance group"
    return "zonal NEG" if kind in ZONAL_TYPES else f"{kind} NEG"


def _speaks_http(draft: Draft) -> bool:
    return draft.body.get("protocol") in _HTTP


def groups(service: Mapping[str, Any]) -> Iterator[str]:
    """Give the link of each group of a stored backend service."""
    for backend in service.get("backends") or ():
        yield str(backend["group"])
