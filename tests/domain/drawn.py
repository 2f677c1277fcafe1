"""Values of any dataclass, drawn from the types of its fields, so that a new field is drawn too."""

import dataclasses
import typing
from collections.abc import Mapping

from hypothesis import strategies as st

_SCALARS = {
    str: st.text(max_size=5),
    int: st.integers(0, 10**6),
    bool: st.booleans(),
    typing.Any: st.booleans() | st.integers() | st.text(max_size=5),
}


def drawn(kind, **known):
    """Values of the dataclass *kind*; *known* strategies stand for fields that are particular."""
    hints = typing.get_type_hints(kind)
    fields = {item.name: of_type(hints[item.name]) for item in dataclasses.fields(kind)}
    return st.builds(kind, **(fields | known))


def of_type(hint):
    """Values of one type: a scalar, a dataclass, a tuple of one type or a mapping of texts."""
    if hint in _SCALARS:
        return _SCALARS[hint]
    if dataclasses.is_dataclass(hint):
        return drawn(hint)
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return st.lists(of_type(inner[0]), max_size=3).map(tuple)
    assert origin is Mapping, hint
    return st.dictionaries(of_type(inner[0]), of_type(inner[1]), max_size=3)
