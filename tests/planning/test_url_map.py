"""Hosts and paths of an Ingress in GCE's words."""

import pytest

from fedingress.domain.ingress import Ingress, Path, Rule, ServiceBackend
from fedingress.planning.url_map import NOT_FOUND, merged, spec

WEB, API = ServiceBackend(service="web", number=80), ServiceBackend(service="api", number=80)
SERVICES = {WEB: "p/web", API: "p/api"}


def ingress(*rules: Rule, default: ServiceBackend | None = None) -> Ingress:
    """An Ingress of these rules."""
    return Ingress(class_name="federated", rules=rules, default_backend=default)


def rule(host: str, *paths: tuple[str, str, ServiceBackend]) -> Rule:
    """A rule of (path, type, backend)."""
    listed = tuple(Path(path=at, path_type=kind, backend=to) for at, kind, to in paths)
    return Rule(host=host, paths=listed)


def patterns(found, matcher=0):
    """Pattern -> service of one path matcher."""
    return {
        pattern: entry["service"]
        for entry in found["pathMatchers"][matcher].get("pathRules", ())
        for pattern in entry["paths"]
    }


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("/", "Prefix", ["/*"]),
        ("/a", "Prefix", ["/a", "/a/*"]),
        ("/a/", "Prefix", ["/a", "/a/*"]),
        ("/a/b/", "Prefix", ["/a/b", "/a/b/*"]),
        ("/a/*", "ImplementationSpecific", ["/a", "/a/*"]),
        ("/*", "ImplementationSpecific", ["/*"]),
        ("/a", "Exact", ["/a"]),
        ("/a/", "Exact", ["/a/"]),
        ("/", "Exact", ["/"]),
    ],
)
def test_each_path_type_has_its_patterns(path, kind, expected):
    """Prefix goes by whole elements, Exact is itself, a trailing /* means no more than none."""
    found = spec(ingress(rule("a.com", (path, kind, WEB))), SERVICES)

    assert sorted(patterns(found)) == expected


def test_an_exact_path_goes_before_the_prefix_of_the_same_words():
    """Exact /a is api's, everything below /a is web's."""
    found = spec(ingress(rule("a.com", ("/a", "Prefix", WEB), ("/a", "Exact", API))), SERVICES)

    assert patterns(found) == {"/a": "p/api", "/a/*": "p/web"}


def test_what_nothing_matches_is_answered_by_404_or_by_the_default_backend():
    """GCE insists on a default service; the abort answers in its place."""
    without = spec(ingress(rule("a.com", ("/x", "Prefix", WEB))), SERVICES)
    given = spec(ingress(rule("a.com", ("/x", "Prefix", WEB)), default=API), SERVICES)

    assert without["defaultRouteAction"] == NOT_FOUND
    assert without["pathMatchers"][0]["defaultRouteAction"] == NOT_FOUND
    assert given["defaultService"] == given["pathMatchers"][0]["defaultService"] == "p/api"
    assert given["defaultRouteAction"] is given["pathMatchers"][0]["defaultRouteAction"] is None


def test_rules_of_hosts_that_others_own_are_left_out_and_hostless_rules_stay():
    """A lost host has no rule; the rule for all hosts has."""
    found = spec(
        ingress(
            rule("lost.com", ("/", "Prefix", WEB)),
            rule("mine.com", ("/", "Prefix", WEB)),
            rule("", ("/any", "Prefix", API)),
        ).limited_to(("mine.com",)),
        SERVICES,
    )

    assert [entry["hosts"] for entry in found["hostRules"]] == [["*"], ["mine.com"]]


def test_rules_of_one_host_are_merged_because_gce_allows_one():
    """Kubernetes lets a host appear twice."""
    rules = [rule("a.com", ("/x", "Prefix", WEB)), rule("a.com", ("/y", "Prefix", API))]

    assert [len(each.paths) for each in merged(rules)] == [2]


def test_a_default_backend_alone_needs_no_host_rule():
    """An Ingress without rules is one default service."""
    found = spec(ingress(default=WEB), {WEB: "p/web"})

    assert found == {
        "defaultService": "p/web",
        "defaultRouteAction": None,
        "hostRules": [],
        "pathMatchers": [],
    }
