"""Filters, order, pages and aggregated lists of compute v1."""

import pytest

from localcloud.gcp import GoogleError
from localcloud.gcp.listing import select
from tests.localcloud.gcp.lab import PROJECT, Lab, refusal

ITEMS = [
    {"name": "a1", "size": 1, "disabled": False, "labels": {"env": "dev"}},
    {"name": "a2", "size": 2, "disabled": True, "labels": {"env": "prod"}},
    {"name": "b1", "size": 1, "disabled": True},
]


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("", "a1 a2 b1"),
        ("name = a1", "a1"),
        ('name="a1"', "a1"),
        ("name != a1", "a2 b1"),
        ("name = a*", "a1 a2"),
        ("name eq a.*", "a1 a2"),
        ("name eq 'a[12]'", "a1 a2"),
        ('name eq "a"', ""),
        ("name ne a.*", "b1"),
        ("labels.env:*", "a1 a2"),
        ("labels.env:prod", "a2"),
        ("(size = 1) (disabled = true)", "b1"),
        ("(size = 1) AND (disabled = false)", "a1"),
        ('(name eq "a.*") (name ne ".*2")', "a1"),
        ("labels.none = x", ""),
    ],
)
def test_filters(expression: str, names: str):
    """Each form of filter selects what the reference says."""
    assert " ".join(item["name"] for item in select(ITEMS, expression)) == names


@pytest.mark.parametrize(
    "expression",
    [
        "name",
        "name > a",
        "(name = a",
        "(name = a1) OR (name = a2)",
        "name = a1 AND size = 1",
        "name eq [",
        "(name eq a1) (size = 1)",
        "= a",
    ],
)
def test_unreadable_filters_are_refused(expression: str):
    """What is not understood is refused, never ignored."""
    with pytest.raises(GoogleError, match="Invalid list filter expression"):
        select(ITEMS, expression)


@pytest.mark.wire
def test_pages_have_tokens_and_limits(lab: Lab):
    """Pages follow one another by token; sizes above 500 and broken tokens are refused."""
    for name in ("a", "b", "c"):
        lab.insert("healthChecks", name=name, type="TCP")
    first = lab.get("global/healthChecks?maxResults=2")
    assert first["kind"] == "compute#healthCheckList"
    rest = lab.get(f"global/healthChecks?maxResults=2&pageToken={first['nextPageToken']}")
    assert [i["name"] for i in first["items"] + rest["items"]] == ["a", "b", "c"]
    assert "nextPageToken" not in rest
    assert "items" not in lab.get("global/healthChecks?filter=name=x")
    for query in ("maxResults=501", "maxResults=x", "pageToken=x", "orderBy=size"):
        assert refusal(lab.rest.get(f"/global/healthChecks?{query}"))[:2] == (400, "invalid")
    newest = lab.get("global/healthChecks?orderBy=creationTimestamp desc")
    assert {i["name"] for i in newest["items"]} == {"a", "b", "c"}


@pytest.mark.wire
def test_an_aggregated_list_names_every_scope(lab: Lab):
    """Scopes with objects hold them; the others carry a warning that clients must pass over."""
    lab.neg("n1")
    lab.neg("n2", "europe-west1-b")
    items = lab.get("aggregated/networkEndpointGroups")["items"]
    found = {
        scope: [n["name"] for n in v.get("networkEndpointGroups", ())] for scope, v in items.items()
    }
    assert found["zones/us-central1-a"] == ["n1"]
    assert found["zones/europe-west1-b"] == ["n2"]
    assert items["zones/us-central1-b"]["warning"]["code"] == "NO_RESULTS_ON_PAGE"
    client = lab.client("NetworkEndpointGroups").aggregated_list(project=PROJECT)
    seen = [neg.name for _, scoped in client for neg in scoped.network_endpoint_groups]
    assert sorted(seen) == ["n1", "n2"]
    only = lab.get('aggregated/networkEndpointGroups?filter=name eq "n2"')["items"]
    assert "warning" in only["zones/us-central1-a"]
