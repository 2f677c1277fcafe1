"""What the stand-in refuses in URL maps, and what `validate` says."""

from typing import Any

import pytest

from localcloud.gcp.rules.url_map_tests import service_of
from tests.localcloud.gcp.lab import Lab

pytestmark = pytest.mark.wire

BS = "global/backendServices/bs"
ABORT = {"faultInjectionPolicy": {"abort": {"httpStatus": 404, "percentage": 100}}}


def _matcher(**more: object) -> dict[str, object]:
    return {"name": "m", "defaultService": BS, **more}


def _map(host: str = "a.example.com", **matcher: object) -> dict[str, object]:
    return {
        "defaultService": BS,
        "hostRules": [{"hosts": [host], "pathMatcher": "m"}],
        "pathMatchers": [_matcher(**matcher)],
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hostRules": [{"hosts": ["a.b"], "pathMatcher": "x"}]}, "path matcher 'x' does not"),
        (
            {
                "hostRules": [
                    {"hosts": ["a.b"], "pathMatcher": "m"},
                    {"hosts": ["A.b"], "pathMatcher": "m"},
                ]
            },
            "only one host rule",
        ),
        ({"hostRules": [{"hosts": [], "pathMatcher": "m"}]}, "hosts' not specified"),
        ({"hostRules": [{"hosts": ["a.b"]}]}, "pathMatcher' not specified"),
        ({"pathMatchers": [_matcher(), _matcher()]}, "must be unique"),
        ({"pathMatchers": [{"name": "m"}]}, "defaultService' not specified"),
        ({"pathMatchers": [_matcher(name="M_")]}, "Must be a match of regex"),
        ({"defaultService": None}, "defaultService' not specified"),
        ({"defaultUrlRedirect": {"httpsRedirect": True}}, "Only one of defaultUrlRedirect"),
        (
            {"defaultRouteAction": {"faultInjectionPolicy": {"abort": {"httpStatus": 99}}}},
            "less than or equal to 599",
        ),
        ({"pathMatchers": [_matcher(pathRules=[{"paths": ["/a"]}])]}, "Exactly one of"),
    ],
)
def test_unsound_maps_are_refused(lab: Lab, changes: dict[str, Any], words: str):
    """Dangling matchers, doubled hosts, missing defaults and empty rules are 400."""
    lab.service()
    code, _, message = lab.refused("urlMaps", **{"name": "um", **_map(), **changes})
    assert code == 400
    assert words in message


@pytest.mark.parametrize(
    ("host", "accepted"),
    [
        ("*", True),
        ("*.example.com", True),
        ("*-x.example.com", True),
        ("a.example.com:8080", True),
        ("*example.com", False),
        ("a.*.com", False),
        ("a b", False),
        ("-a.example.com", False),
        ("a..b", False),
    ],
)
def test_hosts_are_valid(lab: Lab, host: str, accepted: bool):
    """A star stands first and is followed by a dot, a dash or nothing."""
    lab.service()
    answer = lab.rest.post("/global/urlMaps", json={"name": "um", **_map(host)})
    assert (answer.status_code == 200) is accepted


@pytest.mark.parametrize(
    ("paths", "accepted"),
    [
        (["/"], True),
        (["/*"], True),
        (["/a", "/a/*"], True),
        (["a"], False),
        (["/a*"], False),
        (["/a/*/b"], False),
        (["/a?b"], False),
        (["/a#b"], False),
        (["/a", "/a"], False),
        ([], False),
    ],
)
def test_paths_are_valid(lab: Lab, paths: list[str], accepted: bool):
    """Paths start with a slash, and a star stands only at the end after one."""
    lab.service()
    body = {"name": "um", **_map(pathRules=[{"paths": paths, "service": BS}])}
    assert (lab.rest.post("/global/urlMaps", json=body).status_code == 200) is accepted


def test_an_abort_answers_where_nothing_matches(lab: Lab):
    """A default service with a fault injection policy is accepted, on the map and in matchers."""
    lab.service()
    body = {**_map(defaultRouteAction=ABORT), "defaultRouteAction": ABORT}
    stored = lab.insert("urlMaps", name="um", **body)
    assert stored["defaultRouteAction"] == ABORT
    assert stored["defaultService"].startswith("https://www.googleapis.com/compute/v1/projects/")


def test_all_services_are_of_one_scheme(lab: Lab):
    """A URL map cannot mix classic and managed backend services."""
    lab.service()
    lab.insert("backendServices", name="old", loadBalancingScheme="EXTERNAL")
    rules = [{"paths": ["/a"], "service": "global/backendServices/old"}]
    message = lab.refused("urlMaps", name="um", **_map(pathRules=rules))[2]
    assert "EXTERNAL, EXTERNAL_MANAGED" in message


def test_a_map_fails_its_own_tests(lab: Lab):
    """A test that expects another service makes the insert fail, and `validate` says why."""
    lab.service()
    lab.service("other")
    rules = [{"paths": ["/a/*"], "service": "global/backendServices/other"}]
    body: dict[str, Any] = _map(pathRules=rules)
    body["tests"] = [{"host": "a.example.com", "path": "/a/b", "service": BS}]
    assert "actually mapped to" in lab.refused("urlMaps", name="um", **body)[2]
    validate = "/global/urlMaps/um/validate"
    result = lab.rest.post(validate, json={"resource": {"name": "um", **body}}).json()["result"]
    assert (result["loadSucceeded"], result["testPassed"]) == (True, False)
    assert result["testFailures"][0]["actualService"].endswith("/other")
    body["tests"][0]["path"] = "/b"
    result = lab.rest.post(validate, json={"resource": {"name": "um", **body}}).json()["result"]
    assert result == {"loadSucceeded": True, "testPassed": True}
    broken = {"resource": {"name": "um", "defaultService": "global/backendServices/none"}}
    result = lab.rest.post(validate, json=broken).json()["result"]
    assert result["loadSucceeded"] is False
    assert "was not found" in result["loadErrors"][0]


def test_the_longest_path_and_the_best_host_win():
    """Routing prefers exact hosts over wildcards and longer paths over shorter ones."""
    url_map = {
        "defaultService": "none",
        "hostRules": [
            {"hosts": ["*"], "pathMatcher": "any"},
            {"hosts": ["*.example.com"], "pathMatcher": "wild"},
            {"hosts": ["a.example.com"], "pathMatcher": "exact"},
        ],
        "pathMatchers": [
            {"name": "any", "defaultService": "any"},
            {"name": "wild", "defaultService": "wild"},
            {
                "name": "exact",
                "defaultService": "exact",
                "pathRules": [
                    {"paths": ["/x/*"], "service": "short"},
                    {"paths": ["/x/y/*", "/x"], "service": "long"},
                ],
            },
        ],
    }
    places = [("q.org", "/"), ("b.example.com", "/"), ("A.example.com", "/z")]
    assert [service_of(url_map, *place) for place in places] == ["any", "wild", "exact"]
    paths = ["/x", "/x/", "/x/y", "/x/y/z", "/xy"]
    found = [service_of(url_map, "a.example.com", path) for path in paths]
    assert found == ["long", "short", "short", "long", "exact"]
