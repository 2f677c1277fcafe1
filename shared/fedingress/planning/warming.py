"""
Warm-up: a URL map leads to a backend service only once that can answer.

    route                    | leads to a newcomer that is still cold
    -------------------------|------------------------------------------------------
    path of a known host     | keeps the backend service that it has
    path that is new         | is left out: what matched its requests before still does
    default of map or host   | stays what it is
    host that is new         | is left out, with all of its paths
    map that is new          | is made as wanted: nothing was served before

Checkers ask the endpoints of backend services only that some URL map in use refers to. So meanwhile
each cold one has a host of its own, which nobody has, and whose every request is answered with 404.

A **newcomer** is a backend service that the wanted map leads to and the observed one does not; it
is cold while none of its endpoints is healthy. Whoever calls decides for how long that is awaited.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from fedingress.domain import names
from fedingress.domain.graph import GlobalResource, Kind
from fedingress.planning.url_map import NOT_FOUND

NOWHERE: Final = "fedingress.invalid"
"""No name below it exists. Source: RFC 6761, section 6.4."""
Spec = Mapping[str, Any]
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0


def newcomers(
    wanted: Sequence[GlobalResource], observed: Sequence[GlobalResource]
) -> frozenset[str]:
    """Paths of the backend services that a wanted URL map leads to, and its observed self not."""
    before = _maps(observed)
    found: set[str] = set()
    for item in _maps(wanted).values():
        if item.name in before:
            found |= set(_led_to(item.spec)) - set(_led_to(before[item.name].spec))
    return frozenset(found)


def eased(
    wanted: Sequence[GlobalResource], observed: Sequence[GlobalResource], cold: Collection[str]
) -> tuple[GlobalResource, ...]:
    """*wanted* with URL maps that lead to none of *cold*; see the table above."""
    before = _maps(observed)
    return tuple(
        replace(item, spec=_eased(item.spec, before[item.name].spec, cold))
        if cold and item.kind is Kind.URL_MAP and item.name in before
        else item
        for item in wanted
    )


def still_needed(
    wanted: Sequence[GlobalResource], observed: Sequence[GlobalResource]
) -> tuple[GlobalResource, ...]:
    """Observed backend services that nobody wants for themselves, and a wanted map leads to."""
    own = {item.path for item in wanted}
    used = {path for item in _maps(wanted).values() for path in _led_to(item.spec)}
    return tuple(item for item in observed if item.path in used - own)


def _maps(items: Sequence[GlobalResource]) -> dict[str, GlobalResource]:
    return {item.name: item for item in items if item.kind is Kind.URL_MAP}


def _led_to(spec: Spec) -> Iterator[str]:
    """Paths of the backend services that requests may meet; a default that aborts meets none."""
    for level in (spec, *(spec.get("pathMatchers") or ())):
        if level.get("defaultService") and not level.get("defaultRouteAction"):
            yield str(level["defaultService"])
        for rule in level.get("pathRules") or ():
            yield str(rule["service"])


def _eased(spec: Spec, before: Spec, cold: Collection[str]) -> dict[str, Any]:
    matchers = {each["name"]: each for each in before.get("pathMatchers") or ()}
    kept = {
        each["name"]: _eased_host(each, matchers[each["name"]], cold)
        if each["name"] in matchers
        else each
        for each in spec["pathMatchers"]
        if each["name"] in matchers or not set(cold) & set(_led_to({"pathMatchers": [each]}))
    }
    made = {
        **_eased_default(spec, before, cold),
        "hostRules": [rule for rule in spec["hostRules"] if rule["pathMatcher"] in kept],
        "pathMatchers": list(kept.values()),
    }
    for path in sorted((set(cold) & set(_led_to(spec))) - set(_led_to(made))):
        name = f"w-{names.short_hash(path)}"
        made["hostRules"].append({"hosts": [f"{name}.{NOWHERE}"], "pathMatcher": name})
        made["pathMatchers"].append(
            {"name": name, "defaultService": path, "defaultRouteAction": NOT_FOUND, "pathRules": []}
        )
    return made


def _eased_host(matcher: Spec, before: Spec, cold: Collection[str]) -> dict[str, Any]:
    had = {
        path: str(rule["service"])
        for rule in before.get("pathRules") or ()
        for path in rule["paths"]
    }
    by_service: dict[str, list[str]] = {}
    for rule in matcher["pathRules"]:
        for path in rule["paths"]:
            service = had.get(path) if rule["service"] in cold else str(rule["service"])
            if service is not None:
                by_service.setdefault(service, []).append(path)
    rules = [{"paths": sorted(by_service[name]), "service": name} for name in sorted(by_service)]
    return {**_eased_default(matcher, before, cold), "pathRules": rules}


def _eased_default(level: Spec, before: Spec, cold: Collection[str]) -> dict[str, Any]:
    leads = level.get("defaultService") in cold and not level.get("defaultRouteAction")
    if not leads or not before.get("defaultService"):
        return dict(level)
    if action := before.get("defaultRouteAction"):
        return {**level, "defaultRouteAction": action}  # its service is there for form's sake
    return {**level, "defaultService": before["defaultService"]}


def begun(cold: Collection[str], before: Mapping[str, float], now: float) -> dict[str, float]:
    """Since when each of *cold* is awaited; who was not before, begins now."""
    return {path: before.get(path, now) for path in sorted(cold)}


def rests(since: Mapping[str, float], now: float, limit_seconds: float) -> dict[str, float]:
    """How long each is awaited still; who had *limit_seconds* is not among them."""
    rests = {path: limit_seconds - (now - at) for path, at in since.items()}
    return {path: rest for path, rest in rests.items() if rest > 0}


def pause(since: Mapping[str, float], rest: Mapping[str, float], now: float) -> float:
    """Seconds until the next look: ever more seldom, and when the first wait is over."""
    waited = now - min(since.values())
    return min(_LONGEST_PAUSE, max(_FIRST_PAUSE, waited / 4), *rest.values())
