"""Where things of ours may be, as the source remembers it."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedingress.domain import footprint
from fedingress.domain.footprint import Footprint
from fedingress.domain.policy import DeletionPolicy, ZoneRef
from tests.domain.drawn import drawn
from tests.planning.decode.mutations import JSON, mutated
from tests.planning.shop import source

PLACES = [
    item.name
    for item in dataclasses.fields(Footprint)
    if item.default == () and item.name != "zones"
]
words = st.sampled_from(["a", "b", "c", ""])
seconds = st.integers(0, 10**6)
zones = st.builds(ZoneRef, provider=words, project=words, name=words, domain=words)
places = st.lists(words, max_size=3, unique=True).map(tuple)
footprints = drawn(
    Footprint,
    zones=st.lists(zones, max_size=3, unique_by=lambda zone: zone.unit).map(tuple),
    **dict.fromkeys(PLACES, places),
)


def carried(text):
    """What a source with *text* in its annotation carries."""
    return footprint.of(source(annotations={"fedingress.dev/footprint": text}))


def everywhere(one):
    """Every place that a footprint knows; a zone is known by its unit."""
    return [{zone.unit for zone in one.zones}, *(set(getattr(one, name)) for name in PLACES)]


@given(footprints, footprints)
def test_growing_forgets_no_place(one, other):
    """All places of both, sorted; everything else, a zone's domain too, as the newer one says."""
    grown = one.grown(other)

    assert everywhere(grown) == [
        mine | theirs for mine, theirs in zip(everywhere(one), everywhere(other), strict=True)
    ]
    assert set(other.zones) <= set(grown.zones)
    assert [zone.unit for zone in grown.zones] == sorted(zone.unit for zone in grown.zones)
    assert all([*getattr(grown, name)] == sorted(getattr(grown, name)) for name in PLACES)
    assert grown.accelerator == (one.accelerator or other.accelerator)
    places = {"accelerator", "zones", *PLACES}
    scalars = {item.name for item in dataclasses.fields(Footprint)} - places
    assert all(getattr(grown, name) == getattr(other, name) for name in scalars)


def test_what_a_source_had_and_has_is_what_is_torn_down():
    """Places of both passes, and the way to leave as the policy says now."""
    zone = ZoneRef(provider="cloud-dns", project="p", name="z", domain="a.com")
    before = Footprint(topology="gcp", members=("b",), zones=(zone,), mode="orphan")
    now = Footprint(topology="gcp", members=("a",), networks=("p/n",))
    grown = before.grown(now).under(DeletionPolicy(grace_seconds=5))

    assert grown == dataclasses.replace(
        now, members=("a", "b"), zones=(zone,), mode="cascade", grace_seconds=5
    )


@given(footprints, footprints, footprints)
def test_growing_is_idempotent_and_associative(one, two, three):
    """A crash between two writes, and a repetition, change nothing."""
    once = one.grown(two)

    assert once.grown(two) == once
    assert once.grown(three) == one.grown(two.grown(three))


@given(footprints, st.sampled_from(["cascade", "orphan"]), seconds, seconds)
def test_a_policy_sets_how_things_leave_and_not_where_they_are(one, mode, grace, drain):
    """Its deletion settings replace the older ones; places stay."""
    deletion = DeletionPolicy(mode=mode, grace_seconds=grace, drain_seconds=drain)

    assert one.under(deletion) == dataclasses.replace(
        one, mode=mode, grace_seconds=grace, drain_seconds=drain
    )


GOOD = json.loads(
    Footprint(
        topology="gcp",
        zones=(ZoneRef(provider="cloud-dns", project="p", name="z", domain="a.com"),),
        networks=("p/n",),
        members=("a",),
    ).encode()
)


def without(name):
    """The good one without a field."""
    return {key: value for key, value in GOOD.items() if key != name}


NOT_OURS = {
    "empty": "",
    "not JSON": "{",
    "a number": "5",
    "null": "null",
    "a list": "[]",
    "nothing in it": "{}",
    "no zones": json.dumps(without("zones")),
    "no networks": json.dumps(without("networks")),
    "no members": json.dumps(without("members")),
    "a zone that is a text": json.dumps({**GOOD, "zones": ["z"]}),
    "a zone with a field more": json.dumps({**GOOD, "zones": [{**GOOD["zones"][0], "x": 1}]}),
    "a zone of numbers": json.dumps({**GOOD, "zones": [{**GOOD["zones"][0], "name": 5}]}),
    "seconds that are none": json.dumps({**GOOD, "ttl_seconds": "60"}),
    "a mode that is none": json.dumps({**GOOD, "mode": 5}),
    "members that are a number": json.dumps({**GOOD, "members": 5}),
    "too deep": "[" * 100_000,
}


@pytest.mark.parametrize("name", NOT_OURS)
def test_an_annotation_that_is_no_footprint_is_none(name):
    """A teardown finds out here, and not in the middle."""
    assert carried(NOT_OURS[name]) is None


def test_a_field_of_a_newer_version_is_left_out():
    """An older instance can still tear down what a newer one built."""
    found = carried(json.dumps({**GOOD, "of a newer version": 1}))

    assert found is not None
    assert json.loads(found.encode()) == GOOD


def test_a_source_without_the_annotation_has_no_footprint():
    """Nothing was ever made for it."""
    assert footprint.of(source()) is None


@given(mutated(GOOD) | JSON)
def test_whatever_stands_there_is_none_or_a_footprint_that_can_grow(value):
    """Any JSON is read without an error, and what is read can be used and written again."""
    found = carried(json.dumps(value))
    if found is not None:
        assert carried(found.grown(Footprint()).encode()) == found.grown(Footprint())
