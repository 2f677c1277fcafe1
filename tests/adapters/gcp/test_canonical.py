"""Compute JSON in one form, and the fields to write."""

import pytest

from fedingress.adapters.gcp import canonical
from fedingress.domain.errors import Unsupported
from fedingress.domain.graph import Kind, Mark
from tests.contract.load_balancers_lab import MARK, changed, firewall, proxy, rule, service

LINK = "https://www.googleapis.com/compute/v1/"


def test_what_gce_adds_is_dropped_or_put_aside():
    """Output-only fields go; name, mark, fingerprint and outputs have places of their own."""
    path = "projects/lab/global/addresses/vip"
    body = {
        "kind": "compute#address",
        "id": "7",
        "creationTimestamp": "2026-11-01T00:00:00.000-07:00",
        "name": "vip",
        "description": MARK.encode(),
        "address": "203.0.113.9",
        "addressType": "EXTERNAL",
        "status": "IN_USE",
        "users": [LINK + "projects/lab/global/forwardingRules/fr"],
        "labelFingerprint": "x=",
        "selfLink": LINK + path,
    }

    found = canonical.resource(Kind.ADDRESS, "lab", body)

    assert found.spec == {"address": "203.0.113.9", "addressType": "EXTERNAL"}
    assert found.mark == MARK
    assert found.path == path
    assert found.output == {"id": "7", "selfLink": LINK + path, "address": "203.0.113.9"}


@pytest.mark.parametrize(
    "text",
    [
        "https://www.googleapis.com/compute/v1/projects/p/global/urlMaps/m",
        "https://compute.googleapis.com/compute/beta/projects/p/global/urlMaps/m",
        "http://127.0.0.1:8080/compute/v1/projects/p/global/urlMaps/m",
        "projects/p/global/urlMaps/m",
    ],
)
def test_references_are_paths(text):
    """Every form of a link becomes the same path, at any depth."""
    found = canonical.canonical({"a": [{"b": text}]})

    assert found == {"a": [{"b": "projects/p/global/urlMaps/m"}]}


def test_other_urls_stay():
    """A redirect's target or a sentence is no reference."""
    text = "https://example.com/compute"

    assert canonical.canonical({"x": text}) == {"x": text}


def test_a_description_of_others_is_no_mark():
    """People write what they like."""
    found = canonical.resource(Kind.URL_MAP, "lab", {"name": "m", "description": "hands off"})

    assert found.mark is None


def test_none_is_not_sent():
    """The body of a new resource has no absent fields at any depth."""
    item = changed(proxy(), more=None, deep={"a": None, "b": [{"c": None, "d": 1}]})

    assert canonical.body(item) == {
        "name": item.name,
        "description": MARK.encode(),
        "urlMap": item.spec["urlMap"],
        "deep": {"b": [{"d": 1}]},
    }


def test_only_what_differs_is_written():
    """Defaults that GCE filled in are no difference."""
    observed = changed(service(), sessionAffinity="NONE", timeoutSec=99)

    assert canonical.changes(observed, service()) == {"timeoutSec": 30}


def test_the_mark_is_written_as_description():
    """A resource that changes hands."""
    wanted = service()
    observed = canonical.resource(Kind.BACKEND_SERVICE, "lab", {"name": "x", **wanted.spec})

    assert canonical.changes(observed, wanted) == {"description": MARK.encode()}


@pytest.mark.parametrize(
    ("item", "fields"),
    [
        (rule("203.0.113.1"), {"portRange": "81-81"}),
        (proxy(), {"httpKeepAliveTimeoutSec": 10}),
        (firewall(), {"direction": "EGRESS"}),
        (service(), {"loadBalancingScheme": "EXTERNAL"}),
    ],
    ids=lambda each: "",
)
def test_what_gce_cannot_change_is_unsupported(item, fields):
    """The sentence names the field."""
    with pytest.raises(Unsupported, match=next(iter(fields))):
        canonical.changes(item, changed(item, **fields))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": None}, True),
        ({"a": []}, True),
        ({"a": {"b": None}}, True),
        ({"a": {}}, False),
        ({"a": 0, "b": "", "c": False}, False),
        ({"a": [{"b": None, "c": []}]}, False),
    ],
)
def test_what_takes_away_needs_a_put(value, expected):
    """Lists are replaced as a whole, so what their items leave out needs no saying."""
    assert canonical.clears(value) is expected


def test_merging_keeps_replaces_and_takes_away():
    """Objects are merged, lists and values replaced, None removes."""
    current = {"keep": 1, "go": 2, "deep": {"a": 1, "b": 2, "go": 3}, "list": [1, 2]}
    fields = {"go": None, "deep": {"b": 9, "go": None}, "list": [{"x": None, "y": 1}], "new": {}}

    assert canonical.merged(current, fields) == {
        "keep": 1,
        "deep": {"a": 1, "b": 9},
        "list": [{"y": 1}],
        "new": {},
    }


def test_marks_compare_whole():
    """Another source under the same uid is another mark."""
    other = Mark(owner=MARK.owner, uid=MARK.uid, source="other/web")
    observed = canonical.resource(
        Kind.HEALTH_CHECK, "lab", {"name": "hc", "description": other.encode()}
    )

    assert observed.mark == other != MARK
