"""Short names for long ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedingress.domain import names

parts_of = st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), max_size=3)


@given(parts_of, st.integers(1, 64))
def test_a_short_hash_is_lower_case_hex_of_the_length_asked_for(parts, length):
    """It fits in every kind of name."""
    found = names.short_hash(*parts, length=length)

    assert len(found) == length
    assert set(found) <= set("0123456789abcdef")
    assert names.short_hash(*parts, length=64).startswith(found)


@given(parts_of, parts_of)
def test_parts_are_kept_apart(one, other):
    """("ab", "c") and ("a", "bc") differ, since no part holds the separator."""
    joined = ["\0".join(parts) for parts in (one, other)]

    assert (names.short_hash(*one) == names.short_hash(*other)) is (joined[0] == joined[1])


@pytest.mark.parametrize(
    ("parts", "expected"), [((), "e3b0c44298"), (("a",), "ca978112ca"), (("ab", "c"), "6c032e631d")]
)
def test_hashes_never_change_between_versions(parts, expected):
    """Names in clouds are made of them: another digest would rename everything."""
    assert names.short_hash(*parts) == expected


def test_finalizers_leave_from_the_outside_to_the_inside():
    """First nobody is sent to us, then nobody is let in, then the pods may go."""
    assert list(names.FINALIZERS) == ["dns", "backends", "fanout"]
    assert all(text.endswith(".fedingress.dev") for text in names.FINALIZERS.values())
