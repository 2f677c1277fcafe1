"""Filters: what they choose, and what is no filter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.pubsub.filters import FilterError, parse

MESSAGES = {
    1: {"lang": "en", "name": "com"},
    2: {"lang": "en", "name": "net"},
    3: {"lang": "jp"},
    4: {"name": "co"},
    5: {"みんな": "x"},
    6: {},
}


def chosen(text):
    wants = parse(text)
    return [number for number, attributes in MESSAGES.items() if wants(attributes)]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ('attributes.name = "com"', [1]),
        ('attributes.name="com"', [1]),
        ('attributes.name != "com"', [2, 3, 4, 5, 6]),
        ("attributes:name", [1, 2, 4]),
        ("NOT attributes:name", [3, 5, 6]),
        ("-attributes:name", [3, 5, 6]),
        ('hasPrefix(attributes.name, "co")', [1, 4]),
        ('attributes.lang = "en" AND attributes.name = "net"', [2]),
        ('attributes.lang = "jp" OR attributes.name = "net" OR attributes:"みんな"', [2, 3, 5]),
        ('attributes.lang = "jp" OR (attributes:lang AND attributes.name = "com")', [1, 3]),
        ('NOT (attributes:name OR attributes.lang = "jp")', [5, 6]),
        (r'attributes."みんな" = "\u0078"', [5]),
    ],
)
def test_filters_choose(text, numbers):
    """Each operator does what the documentation says, a missing key differs from every value."""
    assert chosen(text) == numbers


@pytest.mark.parametrize(
    "text",
    [
        "",
        "attributes",
        "attributes.name",
        "attributes.name = com",
        "attributes.name = 'com'",
        'attributes.name == "com"',
        'data = "x"',
        'attributes.a = "b" AND',
        '(attributes.a = "b"',
        'attributes.a = "b")',
        'attributes.a = "b" attributes.c = "d"',
        'attributes.a = "b" AND attributes.c = "d" OR attributes:e',
        r'attributes.a = "\q"',
        f'attributes.a = "{"x" * 256}"',
    ],
)
def test_others_are_refused(text):
    """Halves, other languages, mixed operators and long texts are no filters."""
    with pytest.raises(FilterError):
        parse(text)


@given(st.text(max_size=300))
def test_any_text_is_a_filter_or_refused(text):
    """Whatever comes in, nothing but `FilterError` comes out."""
    try:
        parse(text)({"a": "b"})
    except FilterError:
        return
