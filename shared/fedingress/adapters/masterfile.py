"""
TXT values between plain text and the master-file form, which DNS providers take.

Called by the record forms of each provider; pure.

Source: RFC 1035 section 5.1 (quotes, escapes, strings of 255 octets).
"""

import re
from collections.abc import Iterator
from typing import Final

_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)', re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\(\d{3}|.)", re.DOTALL)
_LONGEST_STRING: Final = 255
_OCTAL: Final = 8
_OCTAL_DIGITS: Final = re.compile(rb"[0-7]{3}")
_DECIMAL_DIGITS: Final = re.compile(rb"[0-9]{3}")
_PRINTABLE: Final = range(0x20, 0x7F)


def text_value(rrdata: str, *, base: int = 10) -> str:
    """
    The text of a TXT value: its strings joined, without quotes and escapes.

    Args:
        rrdata: In the master-file form.
        base: Of the three digits of an escape: 10 as in the standard, 8 with Route 53.
    """
    found = (quoted or bare for quoted, bare in _STRING.findall(rrdata))
    return b"".join(_unescaped(each, base) for each in found).decode("utf-8", "replace")


def text_rrdata(value: str, *, base: int = 10) -> str:
    """A TXT value as quoted strings of at most 255 octets; *base* as in `text_value`."""
    octets = value.encode()
    starts = range(0, max(len(octets), 1), _LONGEST_STRING)
    return " ".join(f'"{"".join(_escaped(octets, start, base))}"' for start in starts)


def _unescaped(text: str, base: int) -> bytes:
    digits = _OCTAL_DIGITS if base == _OCTAL else _DECIMAL_DIGITS

    def octet(found: re.Match[bytes]) -> bytes:
        word = found[1]
        return bytes([int(word, base) % 256]) if digits.fullmatch(word) else word

    return _ESCAPE.sub(octet, text.encode())


def _escaped(octets: bytes, start: int, base: int) -> Iterator[str]:
    for octet in octets[start : start + _LONGEST_STRING]:
        if octet not in _PRINTABLE:
            yield f"\\{octet:03o}" if base == _OCTAL else f"\\{octet:03}"
        else:
            yield f"\\{chr(octet)}" if chr(octet) in '"\\' else chr(octet)
