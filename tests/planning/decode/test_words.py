"""How values are shown in sentences."""

import pytest

from fedingress.planning.decode.words import quoted

SHOWN = {
    "an object": ({"a": 1}, "an object"),
    "a list": ([1, 2], "a list"),
    "a tuple": ((), "a list"),
    "nothing": (None, "nothing"),
    "true as JSON has it": (True, "true"),
    "a number": (-7, "-7"),
    "a number that nobody reads": (10**5000, "a number of very many digits"),
    "a text": ("web", "'web'"),
    "control characters": ("a\n\x1b[31m", r"'a\n\x1b[31m'"),
    "just short enough": ("x" * 78, "'" + "x" * 78 + "'"),
    "too long": ("x" * 79, "'" + "x" * 75 + "...'"),
    "much too long": ("x" * 10**6, "'" + "x" * 75 + "...'"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_value_is_shown_in_at_most_80_characters(name):
    """Nothing that a user wrote breaks a line, floods a log or colours a terminal."""
    value, expected = SHOWN[name]

    assert quoted(value) == expected
    assert len(quoted(value)) <= 80
