"""Desired is contained in observed."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedingress.planning.diff import contains, differing, fingerprint

CONTAINED = {
    "equal scalars": (1, 1, True),
    "other scalars": (1, 2, False),
    "text is no list": ("ab", ["a", "b"], False),
    "more keys observed": ({"a": 1, "b": 2}, {"a": 1}, True),
    "a key is missing": ({"b": 2}, {"a": 1}, False),
    "a key differs below": ({"a": {"b": 1}}, {"a": {"b": 2}}, False),
    "an object where a scalar is": (7, {"a": 1}, False),
    "an empty object and nothing": (None, {}, True),
    "an empty object and any object": ({"a": 1}, {}, True),
    "an empty object and a scalar": (7, {}, False),
    "an empty list and nothing": (None, [], True),
    "an empty list and items": ([1], [], False),
    "a list and nothing": (None, [1], False),
    "a list and a scalar": (7, [1], False),
    "a tuple and a list": ([1, 2], (1, 2), True),
    "another order": ([2, 1], [1, 2], False),
    "a longer list": ([1, 2], [1], False),
    "items with more keys": ([{"a": 1, "b": 2}], [{"a": 1}], True),
    "an empty text and nothing": (None, "", True),
    "an empty text and a text": ("x", "", False),
    "None must be absent": (1, None, False),
    "None and nothing": (None, None, True),
    "zero is not nothing": (None, 0, False),
}


@pytest.mark.parametrize("name", CONTAINED)
def test_what_counts_as_contained(name):
    """Defaults of others are allowed, what API servers drop is equal, lists are whole."""
    observed, desired, expected = CONTAINED[name]

    assert contains(observed, desired) is expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=10,
)
objects = st.dictionaries(st.text(max_size=2), JSON, max_size=4)


@given(JSON)
def test_everything_contains_itself(value):
    """plan(x, x) is empty because of this."""
    assert contains(copy.deepcopy(value), value)


@given(objects, objects)
def test_an_applied_object_contains_what_was_applied(observed, desired):
    """What desired says, over what others say, leaves no difference."""
    assert differing({**observed, **desired}, desired) == ()


@given(objects, objects)
def test_the_fields_that_differ_are_those_that_are_not_contained(observed, desired):
    """Sorted, and just enough: putting them right puts everything right."""
    fields = differing(observed, desired)

    assert list(fields) == sorted(fields)
    assert bool(fields) is not contains(observed, desired)
    assert contains({**observed, **{name: desired[name] for name in fields}}, desired)


@given(objects, st.randoms())
def test_a_fingerprint_ignores_the_order_of_keys_and_nothing_else(value, random):
    """Equal objects have equal digests; one more key changes them."""
    items = list(value.items())
    random.shuffle(items)

    assert fingerprint(dict(items)) == fingerprint(value)
    assert fingerprint({**value, "one more": 1}) != fingerprint(value)


def test_a_fingerprint_takes_sets_of_values_as_lists():
    """Tuples and sets of one item are JSON lists; the digest is 16 hex digits."""
    digest = fingerprint({"a": ["x"]})

    assert fingerprint({"a": ("x",)}) == fingerprint({"a": frozenset({"x"})}) == digest
    assert len(digest) == 16
    assert int(digest, 16) >= 0
