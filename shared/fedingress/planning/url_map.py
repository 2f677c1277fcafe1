"""The URL map of an Ingress: its hosts and paths in GCE's words."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from fedingress.domain import names
from fedingress.domain.ingress import Ingress, Path, Rule, ServiceBackend

NOT_FOUND: Final = {
    "faultInjectionPolicy": {"abort": {"httpStatus": 404, "percentage": 100}},
}
"""What answers when neither a path nor a default backend matches."""

Services = Mapping[ServiceBackend, str]
"""Path of the backend service of each Service port."""


def spec(ingress: Ingress, services: Services) -> dict[str, Any]:
    """
    The URL map's JSON.

    Args:
        ingress: Decoded, valid, and limited to the hosts it may use.
        services: One entry per Service port of the Ingress.

    None and empty lists stand for what must not be there, so that a later look takes it away.

    Source: compute v1 UrlMap. GCE insists on a default service even where an abort answers.
    """
    return {**_default(ingress, services), **_hosts(ingress, services, ingress.rules)}


def redirect(ingress: Ingress, services: Services, bare: Collection[str]) -> dict[str, Any]:
    """
    The URL map's JSON that sends every request to HTTPS, but for the hosts *bare*.

    Source: compute v1 HttpRedirectAction.
    """
    kept = [rule for rule in ingress.rules if rule.host in bare]
    action = {
        "httpsRedirect": True,
        "redirectResponseCode": "MOVED_PERMANENTLY_DEFAULT",
        "stripQuery": False,
    }
    nothing = {"defaultService": None, "defaultRouteAction": None}
    return {**nothing, "defaultUrlRedirect": action, **_hosts(ingress, services, kept)}


def _hosts(ingress: Ingress, services: Services, rules: Sequence[Rule]) -> dict[str, Any]:
    matchers = []
    host_rules = []
    for rule in sorted(merged(rules), key=lambda each: each.host):
        name = f"m-{names.short_hash(rule.host)}"
        matchers.append({"name": name, **_default(ingress, services), **_paths(rule, services)})
        host_rules.append({"hosts": [rule.host or "*"], "pathMatcher": name})
    return {"hostRules": host_rules, "pathMatchers": matchers}


def merged(rules: Sequence[Rule]) -> list[Rule]:
    """One rule per host; Kubernetes lets a host appear in several."""
    by_host: dict[str, list[Path]] = {}
    for rule in rules:
        by_host.setdefault(rule.host, []).extend(rule.paths)
    return [Rule(host=host, paths=tuple(paths)) for host, paths in by_host.items()]


def _default(ingress: Ingress, services: Services) -> dict[str, Any]:
    if ingress.default_backend is not None:
        default = services[ingress.default_backend]
        return {"defaultService": default, "defaultRouteAction": None}
    return {"defaultService": min(services.values()), "defaultRouteAction": NOT_FOUND}


def _paths(rule: Rule, services: Services) -> dict[str, Any]:
    """
    GCE's path rules: the longest match wins, as in Kubernetes.

    Prefix `/a` is `/a` and `/a/*`; where an Exact `/a` stands too, that one takes `/a`.
    """
    taken = {path.path for path in rule.paths if path.path_type == "Exact"}
    patterns: dict[str, str] = {}
    for path in rule.paths:
        if path.path_type == "Exact":
            patterns.setdefault(path.path, services[path.backend])
    for path in rule.paths:
        if path.path_type != "Exact":
            for pattern in _prefix_patterns(path.path):
                if pattern not in taken:
                    patterns.setdefault(pattern, services[path.backend])
    by_service: dict[str, list[str]] = {}
    for pattern, service in patterns.items():
        by_service.setdefault(service, []).append(pattern)
    listed = [
        {"paths": sorted(found), "service": service}
        for service, found in sorted(by_service.items())
    ]
    return {"pathRules": listed}


def _prefix_patterns(path: str) -> tuple[str, ...]:
    """A trailing `/*`, as GKE's own controller accepts it, means the same as none."""
    stem = path.removesuffix("*").rstrip("/")
    return (stem, f"{stem}/*") if stem else ("/*",)
