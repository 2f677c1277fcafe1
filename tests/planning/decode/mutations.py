"""Manifests with any value at any place, for the law that a decoder never fails otherwise."""

import copy

from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def spots(value, at=()):
    """The way to every value within *value*, itself left out."""
    if at:
        yield at
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in inner:
            yield from spots(each, (*at, key))


def mutated(whole):
    """Copies of *whole* with one value replaced."""
    return st.builds(
        lambda at, value: _replaced(whole, at, value), st.sampled_from([*spots(whole)]), JSON
    )


def _replaced(whole, at, value):
    changed = copy.deepcopy(whole)
    holder = changed
    for key in at[:-1]:
        holder = holder[key]
    holder[at[-1]] = value
    return changed
