"""Routes lead to what can answer: which ones wait, what they do meanwhile, and for how long."""

import pytest

from fedingress.domain import names
from fedingress.domain.graph import GlobalResource, Kind
from fedingress.planning.url_map import NOT_FOUND
from fedingress.planning.warming import begun, eased, newcomers, pause, rests, still_needed

WEB, API, NEW = (f"projects/p/global/backendServices/{name}" for name in ("web", "api", "new"))


def resource(kind, name, spec=None):
    """One of our resources."""
    return GlobalResource(kind=kind, project="p", name=name, spec=spec or {})


def matcher(name, paths, default=WEB, action=NOT_FOUND):
    """A path matcher of {service: paths}."""
    rules = [{"paths": paths[service], "service": service} for service in sorted(paths)]
    return {
        "name": name,
        "defaultService": default,
        "defaultRouteAction": action,
        "pathRules": rules,
    }


def url_map(*matchers, default=WEB, action=NOT_FOUND, name="um"):
    """A URL map with a host for each matcher."""
    hosts = [{"hosts": [each["name"]], "pathMatcher": each["name"]} for each in matchers]
    spec = {
        "defaultService": default,
        "defaultRouteAction": action,
        "hostRules": hosts,
        "pathMatchers": list(matchers),
    }
    return resource(Kind.URL_MAP, name, spec)


def waiting(*matchers, **more):
    """A URL map in which the new one has a place where it is checked and not met."""
    item = url_map(*matchers, **more)
    name = f"w-{names.short_hash(NEW)}"
    item.spec["pathMatchers"].append(matcher(name, {}, default=NEW))
    item.spec["hostRules"].append({"hosts": [f"{name}.fedingress.invalid"], "pathMatcher": name})
    return item


CASES = {
    "a known path keeps what it has": (
        url_map(matcher("a", {WEB: ["/*"]})),
        url_map(matcher("a", {NEW: ["/*"]})),
        waiting(matcher("a", {WEB: ["/*"]})),
    ),
    "a new path is left to what matches it now": (
        url_map(matcher("a", {WEB: ["/*"]})),
        url_map(matcher("a", {WEB: ["/*"], NEW: ["/api", "/api/*"]})),
        waiting(matcher("a", {WEB: ["/*"]})),
    ),
    "paths of others go where they are wanted": (
        url_map(matcher("a", {WEB: ["/*"], API: ["/api"]})),
        url_map(matcher("a", {WEB: ["/api"], NEW: ["/*"]})),
        waiting(matcher("a", {WEB: ["/*", "/api"]})),
    ),
    "another default of a host waits": (
        url_map(matcher("a", {}, default=WEB, action=None)),
        url_map(matcher("a", {}, default=NEW, action=None)),
        waiting(matcher("a", {}, default=WEB, action=None)),
    ),
    "a default in the place of a 404 waits": (
        url_map(default=WEB, action=NOT_FOUND),
        url_map(default=NEW, action=None),
        waiting(default=NEW, action=NOT_FOUND),
    ),
    "a default in the place of a redirect does not": (
        url_map(default=None, action=None),
        url_map(default=NEW, action=None),
        url_map(default=NEW, action=None),
    ),
    "a 404 needs nobody's answer": (
        url_map(default=WEB, action=NOT_FOUND),
        url_map(default=NEW, action=NOT_FOUND),
        url_map(default=NEW, action=NOT_FOUND),
    ),
    "a new host waits": (
        url_map(matcher("a", {WEB: ["/*"]})),
        url_map(matcher("a", {WEB: ["/*"]}), matcher("b", {NEW: ["/*"], WEB: ["/web"]})),
        waiting(matcher("a", {WEB: ["/*"]})),
    ),
    "a new host of known Services does not": (
        url_map(matcher("a", {WEB: ["/*"]})),
        url_map(matcher("a", {NEW: ["/*"]}), matcher("b", {WEB: ["/*"]})),
        waiting(matcher("a", {WEB: ["/*"]}), matcher("b", {WEB: ["/*"]})),
    ),
    "a host that goes does so at once": (
        url_map(matcher("a", {WEB: ["/*"]}), matcher("b", {WEB: ["/*"]})),
        url_map(matcher("a", {NEW: ["/*"]})),
        waiting(matcher("a", {WEB: ["/*"]})),
    ),
}


@pytest.mark.parametrize(("before", "wanted", "expected"), CASES.values(), ids=CASES)
def test_nothing_leads_to_who_cannot_answer(before, wanted, expected):
    """Each kind of route keeps what serves it while the new one is cold."""
    assert eased([wanted], [before], {NEW}) == (expected,)


def test_a_server_may_leave_out_what_is_empty():
    """A map and a matcher without lists, as GCE gives them, had no routes."""
    bare = resource(Kind.URL_MAP, "um", {"defaultService": WEB, "pathMatchers": [{"name": "a"}]})
    none = resource(Kind.URL_MAP, "um", {"defaultService": WEB})
    wanted = url_map(matcher("a", {NEW: ["/*"]}))

    assert eased([wanted], [bare], {NEW}) == (waiting(matcher("a", {})),)
    assert eased([wanted], [none], {NEW}) == (waiting(),)


@pytest.mark.parametrize(
    ("observed", "cold"),
    [
        pytest.param([url_map(matcher("a", {WEB: ["/*"]}))], set(), id="nobody is cold"),
        pytest.param([], {NEW}, id="the map is new"),
        pytest.param([url_map(name="other")], {NEW}, id="another map stands"),
    ],
)
def test_routes_are_as_wanted_where_nobody_has_to_wait(observed, cold):
    """A map that served nobody waits for nobody."""
    wanted = (url_map(matcher("a", {NEW: ["/*"]})), resource(Kind.HEALTH_CHECK, "hc"))

    assert eased(wanted, observed, cold) == wanted


def test_who_waits_is_a_newcomer_still_and_its_map_stays_as_it_is():
    """The place where it is checked is no route, and looking again changes nothing."""
    before = url_map(matcher("a", {WEB: ["/*"]}))
    wanted = url_map(matcher("a", {NEW: ["/*"]}))
    (once,) = eased([wanted], [before], {NEW})

    assert newcomers([wanted], [once]) == {NEW}
    assert eased([wanted], [once], {NEW}) == (once,)


def test_newcomers_are_those_to_whom_no_route_leads_yet():
    """By paths and defaults that are not answered with a 404; of maps that stand."""
    before = url_map(matcher("a", {WEB: ["/*"]}))
    wanted = url_map(matcher("a", {WEB: ["/*"], NEW: ["/b"]}, default=API, action=None))

    assert newcomers([wanted], [before]) == {NEW, API}
    assert newcomers([url_map(default=NEW)], [before]) == set()
    assert newcomers([wanted], []) == set()
    assert newcomers([wanted], [wanted]) == set()


def test_whoever_is_led_to_stays():
    """An old backend service is needed while a route keeps it, and only then."""
    observed = [resource(Kind.BACKEND_SERVICE, name) for name in ("web", "api")]
    wanted = [url_map(matcher("a", {WEB: ["/*"], NEW: ["/b"]}))]

    assert [item.name for item in still_needed(wanted, observed)] == ["web"]
    assert still_needed([*wanted, observed[0]], observed) == ()


def test_each_wait_has_its_own_end():
    """Two that began apart: the first is over after its time, whatever the second does."""
    since = begun([NEW, API], {API: 100.0, WEB: 50.0}, 160.0)

    assert since == {API: 100.0, NEW: 160.0}
    assert rests(since, 160.0, 120.0) == {API: 60.0, NEW: 120.0}
    assert rests(since, 220.0, 120.0) == {NEW: 60.0}


@pytest.mark.parametrize(
    ("waited", "rest", "expected"),
    [(0.0, 120.0, 1.0), (20.0, 100.0, 5.0), (100.0, 20.0, 10.0), (119.5, 0.5, 0.5)],
)
def test_looks_come_ever_more_seldom_and_at_the_end(waited, rest, expected):
    """From one second to ten, and when the wait is over."""
    assert pause({NEW: 1000.0 - waited}, {NEW: rest}, 1000.0) == expected
