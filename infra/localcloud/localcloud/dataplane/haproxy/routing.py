"""
URL maps: what each host and path leads to, in the form HAProxy's map files can look up.

Hosts and paths are user text. They are checked here, character by character, and only ever reach
map files: the configuration names nothing but ids we made.

Matching is GCE's: an exact host beats the longest wildcard, which beats ``*``; within the chosen
path matcher an exact path beats the longest ``/prefix/*``. A wildcard host matches any number of
labels. Source: compute v1 UrlMap (HostRule.hosts, PathRule.paths).

Not modelled, and listed as problems when met: routeRules, weighted and mirrored routing, rewrites,
prefixRedirect, delays, header actions, ports in hosts, tests.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.dataplane.haproxy.snapshot import Resource, identifier, path_of

REDIRECT_CODES = {
    "MOVED_PERMANENTLY_DEFAULT": 301,
    "FOUND": 302,
    "SEE_OTHER": 303,
    "TEMPORARY_REDIRECT": 307,
    "PERMANENT_REDIRECT": 308,
}
MILLION = 1_000_000

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?")
_WILDCARD = re.compile(r"\*[.-][a-z0-9_]([a-z0-9_.-]{0,249}[a-z0-9_])?")
_PATH = re.compile(r"/[!-~]{0,1023}")
_STATUS = range(200, 600)
_UNMODELLED_ACTIONS = (
    "weightedBackendServices",
    "requestMirrorPolicy",
    "urlRewrite",
    "corsPolicy",
    "maxStreamDuration",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Where a client is sent; empty parts are taken from its request."""

    code: int
    https: bool
    host: str
    path: str
    strip_query: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What becomes of a request: redirected, else perhaps aborted, else sent to a service."""

    service: str = ""
    abort_status: int = 0
    abort_per_million: int = 0
    redirect: Redirect | None = None

    @property
    def name(self) -> str:
        """The id this action has in map files."""
        return identifier("a", repr(self))


@dataclass(slots=True, kw_only=True)
class Routes:
    """
    One URL map, compiled.

    hosts: Path matcher id by exact host.
    suffixes: Path matcher id by the text after the ``*``, longest first.
    paths, prefixes: Action name by ``<matcher id>:<path>``; each matcher has a prefix ``<id>:``,
        its default.
    """

    name: str
    hosts: dict[str, str] = field(default_factory=dict)
    suffixes: dict[str, str] = field(default_factory=dict)
    default_matcher: str = "m0"
    paths: dict[str, str] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)
    actions: dict[str, Action] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def services(self) -> list[str]:
        """Paths of the backend services some request may reach, sorted."""
        return sorted({action.service for action in self.actions.values() if action.service})


def routes_of(path: str, url_map: Resource) -> Routes:
    """
    The routes of one URL map.

    Rules that cannot be served as written are left out and named in ``problems``; the rest stands.
    """
    routes = Routes(name=identifier("u", path))
    _matcher(routes, "m0", url_map)
    ids: dict[str, str] = {}
    for n, matcher in enumerate(url_map.get("pathMatchers", ()), start=1):
        ids[matcher.get("name", "")] = f"m{n}"
        _matcher(routes, f"m{n}", matcher)
    for rule in url_map.get("hostRules", ()):
        matcher_id = ids.get(rule.get("pathMatcher", ""))
        if matcher_id is None:
            routes.problems.append(f"a host rule names no path matcher: {_quoted(rule)}")
            continue
        for host in rule.get("hosts", ()):
            _host(routes, host, matcher_id)
    routes.suffixes = dict(sorted(routes.suffixes.items(), key=lambda item: -len(item[0])))
    routes.prefixes = dict(sorted(routes.prefixes.items(), key=lambda item: -len(item[0])))
    routes.problems = [f"{path}: {problem}" for problem in routes.problems]
    return routes


def _host(routes: Routes, host: object, matcher_id: str) -> None:
    text = host.lower() if isinstance(host, str) else ""
    if text == "*":
        routes.default_matcher = matcher_id
    elif _WILDCARD.fullmatch(text):
        routes.suffixes[text[1:]] = matcher_id
    elif _HOST.fullmatch(text):
        routes.hosts[text] = matcher_id
    else:
        routes.problems.append(f"host {_quoted(host)} is refused")


def _matcher(routes: Routes, matcher_id: str, matcher: Resource) -> None:
    """The rules of a path matcher, or the default of the whole map."""
    if matcher.get("routeRules"):
        routes.problems.append("routeRules are not modelled")
    default = _action(
        routes,
        matcher.get("defaultService"),
        matcher.get("defaultRouteAction"),
        matcher.get("defaultUrlRedirect"),
    )
    routes.prefixes[f"{matcher_id}:"] = default
    for rule in matcher.get("pathRules", ()):
        action = _action(
            routes, rule.get("service"), rule.get("routeAction"), rule.get("urlRedirect")
        )
        for path in rule.get("paths", ()):
            _path(routes, path, matcher_id, action)


def _path(routes: Routes, path: object, matcher_id: str, action: str) -> None:
    text = path if isinstance(path, str) else ""
    stem, star, rest = text.partition("*")
    if (
        not _PATH.fullmatch(text)
        or rest
        or (star and not stem.endswith("/"))
        or set(text) & {*"?#"}
    ):
        routes.problems.append(f"path {_quoted(path)} is refused")
    elif star:
        routes.prefixes[f"{matcher_id}:{stem}"] = action
    else:
        routes.paths[f"{matcher_id}:{stem}"] = action


def _action(routes: Routes, service: object, route: Any, redirect: Any) -> str:
    """The name of the action, once its parts are checked; what is wrong is left out and named."""
    routes.problems.extend(_unmodelled(route or {}))
    status, per_million = _abort(routes, route or {})
    action = Action(
        service=path_of(service),
        abort_status=status,
        abort_per_million=per_million,
        redirect=_redirect(routes, redirect) if redirect else None,
    )
    routes.actions[action.name] = action
    return action.name


def _unmodelled(route: Mapping[str, Any]) -> Iterator[str]:
    for key in _UNMODELLED_ACTIONS:
        if route.get(key):
            yield f"{key} is not modelled"
    if (route.get("faultInjectionPolicy") or {}).get("delay"):
        yield "faultInjectionPolicy.delay is not modelled"


def _abort(routes: Routes, route: Mapping[str, Any]) -> tuple[int, int]:
    abort = (route.get("faultInjectionPolicy") or {}).get("abort") or {}
    if not abort:
        return 0, 0
    status, percentage = abort.get("httpStatus", 0), abort.get("percentage", 0)
    numbers = isinstance(status, int) and isinstance(percentage, int | float)
    if not numbers or status not in _STATUS or not 0 <= percentage <= 100:  # noqa: PLR2004
        routes.problems.append(f"abort {_quoted(abort)} is refused")
        return 0, 0
    return status, round(percentage / 100 * MILLION)


def _redirect(routes: Routes, redirect: Mapping[str, Any]) -> Redirect | None:
    host, path = redirect.get("hostRedirect") or "", redirect.get("pathRedirect") or ""
    code = REDIRECT_CODES.get(redirect.get("redirectResponseCode") or "MOVED_PERMANENTLY_DEFAULT")
    bad_path = path and not _PATH.fullmatch(path)
    if code is None or bad_path or (host and not _HOST.fullmatch(host.lower())):
        routes.problems.append(f"redirect {_quoted(redirect)} is refused")
        return None
    if redirect.get("prefixRedirect"):
        routes.problems.append("prefixRedirect is not modelled")
    return Redirect(
        code=code,
        https=bool(redirect.get("httpsRedirect")),
        host=host.lower(),
        path=path,
        strip_query=bool(redirect.get("stripQuery")),
    )


def _quoted(value: object) -> str:
    """User text as it may be printed: escaped and cut."""
    return json.dumps(value, default=str)[:256]
