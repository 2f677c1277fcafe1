"""
The tests that a URL map carries, run on the map itself.

Source: compute v1 ``UrlMapTest``; Google Cloud, "URL maps overview" (longest match first).

Not modelled: tests that reach route rules, redirects or rewritten URLs; they pass unseen.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]


def failures(url_map: Json) -> list[dict[str, Any]]:
    """Give a ``TestFailure`` for each of the map's tests that it does not pass."""
    failed = []
    for test in url_map.get("tests") or ():
        host, path = test.get("host", ""), test.get("path", "")
        expected = test.get("service")
        actual = service_of(url_map, host, path)
        if expected and actual is not None and actual != expected:
            failed.append(
                {
                    "host": host,
                    "path": path,
                    "expectedService": expected,
                    "actualService": actual,
                }
            )
    return failed


def service_of(url_map: Json, host: str, path: str) -> str | None:
    """Give the link of the service that serves a request; None where no single one does."""
    matcher = _matcher(url_map, host)
    if matcher is None:
        return url_map.get("defaultService")
    if matcher.get("routeRules"):
        return None
    best = ""
    service = matcher.get("defaultService")
    for rule in matcher.get("pathRules") or ():
        for pattern in rule["paths"]:
            if _path_matches(pattern, path) and len(pattern) > len(best):
                best, service = pattern, rule.get("service")
    return service


def _matcher(url_map: Json, host: str) -> Json | None:
    best = -1
    found: str | None = None
    for rule in url_map.get("hostRules") or ():
        for pattern in rule["hosts"]:
            weight = _host_weight(pattern.lower(), host.lower())
            if weight > best:
                best, found = weight, rule["pathMatcher"]
    matchers: Sequence[Json] = url_map.get("pathMatchers") or ()
    return next((m for m in matchers if m["name"] == found), None)


def _host_weight(pattern: str, host: str) -> int:
    """Give how well a pattern matches: -1 not at all, an exact one best, then the longest."""
    if pattern == host:
        return 2 * len(host) + 2
    if pattern.startswith("*") and host.endswith(pattern[1:]):
        return len(pattern) - 1
    return -1


def _path_matches(pattern: str, path: str) -> bool:
    if pattern.endswith("/*"):
        return path.startswith(pattern[:-1])
    return path == pattern
