"""What concerns leave for one another, through the store and back."""

import dataclasses
import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedingress.domain import report
from fedingress.domain.report import BackendsReport, FanoutReport, HostClaim, Report
from tests.domain.drawn import drawn

KINDS = [
    each
    for each in vars(report).values()
    if isinstance(each, type) and issubclass(each, Report) and each is not Report
]


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_a_report_survives_json(kind, data):
    """decode(JSON of encode(x)) is x, tuples and all; fields of a newer version are left out."""
    said = data.draw(drawn(kind))
    body = json.loads(json.dumps(said.encode()))

    assert kind.decode(body) == said
    assert kind.decode({**body, "of a newer version": 1}) == said


def test_sequences_are_tuples_again_however_deep_they_stand():
    """JSON knows lists only; a report that was kept equals the one that is made anew."""
    made = FanoutReport(
        uid="u", generation=1, hosts=("a.com",), addresses={"m": ("192.0.2.1",)}, negs=({"a": "b"},)
    )

    assert made.encode()["addresses"] == {"m": ("192.0.2.1",)}
    assert FanoutReport.decode(json.loads(json.dumps(made.encode()))) == made


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_of_an_older_version_has_the_defaults_and_needs_the_rest(kind):
    """A field without a default must be there; the others come from the class."""
    needed = [
        item.name
        for item in dataclasses.fields(kind)
        if item.default is item.default_factory is dataclasses.MISSING
    ]
    body = dict.fromkeys(needed, "x")

    assert kind.decode(body) == kind(**body)
    for name in needed:
        with pytest.raises(TypeError, match=name):
            kind.decode({key: value for key, value in body.items() if key != name})


def counted(*pairs):
    """A report over members with (endpoints, healthy) each."""
    clusters: Mapping = {
        f"m{number}": {"endpoints": pair[0], "healthy": pair[1]}
        for number, pair in enumerate(pairs)
    }
    return BackendsReport(uid="u", generation=1, clusters={**clusters, "silent": {}})


WELL = {
    "no endpoints": (counted(), (0, 0), False),
    "the only one is healthy": (counted((1, 1)), (1, 1), True),
    "all healthy": (counted((2, 2), (1, 1)), (3, 3), True),
    "one sick": (counted((2, 2), (1, 0)), (3, 2), False),
    "all sick": (counted((2, 0)), (2, 0), False),
}


@pytest.mark.parametrize("name", WELL)
def test_endpoints_are_counted_over_all_members(name):
    """Well means that there are some and that all are healthy."""
    found, counts, well = WELL[name]

    assert (found.endpoints, found.healthy) == counts
    assert found.well is well


def test_claims_sort_by_age_and_then_by_uid():
    """The first one wins the host."""
    claims = [
        HostClaim(uid=uid, generation=1, source="s", created=created)
        for created, uid in (("2026-02", "a"), ("2026-01", "c"), ("2026-01", "b"))
    ]

    assert [each.uid for each in sorted(claims, key=lambda each: each.order)] == ["b", "c", "a"]


def test_addresses_are_known_by_their_record_type():
    """IPv4 first; what is not known is left out."""
    both = BackendsReport(uid="u", generation=1, address="203.0.113.1", address6="2001:db8::1")
    none = BackendsReport(uid="u", generation=1)

    assert both.addresses == ("203.0.113.1", "2001:db8::1")
    assert both.by_type == {"A": ("203.0.113.1",), "AAAA": ("2001:db8::1",)}
    assert (none.addresses, none.by_type) == ((), {})


def test_members_that_wait_and_members_that_are_silent():
    """By the rows of fan-out's report."""
    rows = {
        "a": {"state": "placed", "reason": "Waiting", "message": ""},
        "b": {"state": "unreachable", "reason": "Unreachable", "message": ""},
        "c": {"state": "placed", "reason": "Applied", "message": ""},
    }
    found = FanoutReport(uid="u", generation=1, clusters=rows)
    assert (found.waiting, found.silent) == ({"a"}, {"b"})
