"""TXT values in the master-file form and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedingress.adapters.masterfile import text_rrdata, text_value


@pytest.mark.parametrize(
    ("rrdata", "text"),
    [
        ('"plain"', "plain"),
        ("bare", "bare"),
        ('"one" "two"', "onetwo"),
        ("one two", "onetwo"),
        (r'"a \"quoted\" word"', 'a "quoted" word'),
        (r'"back\\slash"', "back\\slash"),
        (r'"\195\169"', "é"),
        ('""', ""),
    ],
)
def test_txt_is_read_in_every_spelling(rrdata, text):
    """Quotes, several strings and escapes as master files have them."""
    assert text_value(rrdata) == text


def test_long_txt_is_cut_into_strings():
    """A string has at most 255 octets."""
    assert text_rrdata("x" * 300) == f'"{"x" * 255}" "{"x" * 45}"'


@pytest.mark.parametrize("base", [8, 10])
@given(text=st.text(max_size=600).filter(lambda text: text.isprintable() or not text.isascii()))
def test_txt_survives_the_round_trip(base, text):
    """Any text comes back, whatever its quotes, escapes, length and script."""
    octets = text.encode("utf-8", "replace").decode("utf-8")

    rrdata = text_rrdata(octets, base=base)

    assert text_value(rrdata, base=base) == octets
    assert rrdata.isascii()


def test_route_53_counts_its_escapes_in_octal():
    """The same octet has other digits there."""
    assert text_value(r'"\303\251"', base=8) == "é"
    assert text_rrdata("é", base=8) == r'"\303\251"'
