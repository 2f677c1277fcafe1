"""
URL maps: hosts, path matchers and their defaults.

Source: compute v1 ``UrlMap``, ``HostRule``, ``PathMatcher``, ``PathRule``; Google Cloud, "URL maps
overview".

Not modelled: the checks of route rules (``routeRules``) beyond schema, references and unique
priorities.
"""

import re
from collections.abc import Mapping
from typing import Any

from localcloud.gcp.errors import GoogleError, invalid, required
from localcloud.gcp.references import paths
from localcloud.gcp.resources import Resources
from localcloud.gcp.rules.draft import Draft, out_of_range
from localcloud.gcp.rules.url_map_tests import failures

_HOST = re.compile(
    r"(\*|(\*[.-])?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*)(:\d{1,5})?",
    re.IGNORECASE,
)
_MATCHER_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_LONGEST_PATH = 1024
_MOST_TESTS = 100

Json = Mapping[str, Any]


def check(draft: Draft, resources: Resources) -> None:
    """
    Refuse what Compute Engine refuses.

    Raises:
        GoogleError: 400.
    """
    body = draft.body
    _default(body, "resource")
    matchers = _matchers(body)
    _hosts(body, matchers)
    _one_scheme(draft, resources)
    if len(body.get("tests") or ()) > _MOST_TESTS:
        raise invalid("resource.tests", len(body["tests"]), "At most 100 tests are allowed.")
    failed = failures(body)
    if failed:
        raise GoogleError(
            400,
            "invalid",
            f"Invalid value for field 'resource.tests': ''. Test failure: Expect URL "
            f"'{failed[0]['host']}{failed[0]['path']}' to map to service "
            f"'{failed[0]['expectedService']}', but actually mapped to "
            f"'{failed[0]['actualService']}'.",
        )


def _default(body: Json, at: str) -> None:
    action = body.get("defaultRouteAction") or {}
    _action(action, f"{at}.defaultRouteAction")
    ways = (
        body.get("defaultService"),
        body.get("defaultUrlRedirect"),
        action.get("weightedBackendServices"),
    )
    given = sum(bool(way) for way in ways)
    if given == 0:
        raise required(f"{at}.defaultService")
    if given > 1:
        raise invalid(
            f"{at}.defaultService",
            body.get("defaultService", ""),
            "Only one of defaultUrlRedirect, defaultService or "
            "defaultRouteAction.weightedBackendService can be set.",
        )
    if body.get("defaultUrlRedirect") and action:
        why = "defaultRouteAction cannot be set together with defaultUrlRedirect."
        raise invalid(f"{at}.defaultRouteAction", "", why)


def _action(action: Json, at: str) -> None:
    fault = action.get("faultInjectionPolicy") or {}
    abort = fault.get("abort") or {}
    status = abort.get("httpStatus")
    field = f"{at}.faultInjectionPolicy"
    if status is not None and not 200 <= status <= 599:  # noqa: PLR2004 - HTTP
        raise out_of_range(f"{field}.abort.httpStatus", status, 200, 599)
    for name in ("abort", "delay"):
        share = (fault.get(name) or {}).get("percentage")
        if share is not None and not 0 <= share <= 100:  # noqa: PLR2004 - percent
            raise out_of_range(f"{field}.{name}.percentage", share, 0.0, 100.0)


def _matchers(body: Json) -> frozenset[str]:
    names: set[str] = set()
    for index, matcher in enumerate(body.get("pathMatchers") or ()):
        at = f"resource.pathMatchers[{index}]"
        name = matcher.get("name")
        if not name:
            raise required(f"{at}.name")
        if _MATCHER_NAME.fullmatch(name) is None:
            why = f"Must be a match of regex '{_MATCHER_NAME.pattern}'"
            raise invalid(f"{at}.name", name, why)
        if name in names:
            raise invalid(f"{at}.name", name, "Path matcher names must be unique.")
        names.add(name)
        _default(matcher, at)
        if matcher.get("pathRules") and matcher.get("routeRules"):
            raise invalid(at, name, "Only one of pathRules or routeRules must be set.")
        _path_rules(matcher, at)
        _route_rules(matcher, at)
    return frozenset(names)


def _path_rules(matcher: Json, at: str) -> None:
    taken: set[str] = set()
    for index, rule in enumerate(matcher.get("pathRules") or ()):
        here = f"{at}.pathRules[{index}]"
        patterns = rule.get("paths") or []
        if not patterns:
            raise required(f"{here}.paths")
        for number, pattern in enumerate(patterns):
            field = f"{here}.paths[{number}]"
            if why := path_fault(pattern):
                raise invalid(field, pattern, why)
            if pattern in taken:
                raise invalid(field, pattern, "Path patterns must be unique in a path matcher.")
            taken.add(pattern)
        action = rule.get("routeAction") or {}
        _action(action, f"{here}.routeAction")
        targets = (
            rule.get("service"),
            rule.get("urlRedirect"),
            action.get("weightedBackendServices"),
        )
        if sum(bool(way) for way in targets) != 1:
            raise invalid(
                f"{here}.service",
                rule.get("service", ""),
                "Exactly one of urlRedirect, service or routeAction.weightedBackendService must "
                "be set.",
            )


def _route_rules(matcher: Json, at: str) -> None:
    taken: set[int] = set()
    for index, rule in enumerate(matcher.get("routeRules") or ()):
        priority = rule.get("priority", 0)
        if priority in taken:
            field = f"{at}.routeRules[{index}].priority"
            raise invalid(field, priority, "Priorities must be unique in a path matcher.")
        taken.add(priority)


def path_fault(pattern: str) -> str:
    """Say what is wrong with a path pattern; empty when nothing is."""
    if not pattern.startswith("/"):
        return "Path patterns must start with '/'."
    if "?" in pattern or "#" in pattern:
        return "Path patterns must not contain '?' or '#'."
    if "*" in pattern[:-1] or (pattern.endswith("*") and not pattern.endswith("/*")):
        return "'*' is only allowed at the end of a path pattern, after '/'."
    if len(pattern) > _LONGEST_PATH:
        return f"Path patterns are at most {_LONGEST_PATH} characters long."
    return ""


def _hosts(body: Json, matchers: frozenset[str]) -> None:
    taken: set[str] = set()
    for index, rule in enumerate(body.get("hostRules") or ()):
        at = f"resource.hostRules[{index}]"
        if not rule.get("hosts"):
            raise required(f"{at}.hosts")
        for number, host in enumerate(rule["hosts"]):
            field = f"{at}.hosts[{number}]"
            if _HOST.fullmatch(host) is None:
                raise invalid(field, host, "Invalid host pattern.")
            if host.lower() in taken:
                why = "A host pattern can appear in only one host rule of a URL map."
                raise invalid(field, host, why)
            taken.add(host.lower())
        name = rule.get("pathMatcher")
        if not name:
            raise required(f"{at}.pathMatcher")
        if name not in matchers:
            raise invalid(f"{at}.pathMatcher", name, f"The path matcher '{name}' does not exist.")


def _one_scheme(draft: Draft, resources: Resources) -> None:
    schemes = {
        str(service.get("loadBalancingScheme"))
        for path in paths("urlMaps", draft.body)
        if path.split("/")[-2] == "backendServices" and (service := resources.get(path)) is not None
    }
    if len(schemes) > 1:
        raise invalid(
            "resource",
            draft.path.rpartition("/")[2],
            "All backend services of a URL map must have the same load balancing scheme, found: "
            f"{', '.join(sorted(schemes))}.",
        )
