"""
The filters of subscriptions: which messages of a topic they get, by the messages' attributes.

    attributes:KEY   attributes.KEY = "V"   attributes.KEY != "V"   hasPrefix(attributes.KEY, "V")
    NOT X   -X   (X)   X AND Y   X OR Y

A message without the key differs from every value. AND and OR do not stand beside each other
without parentheses. Not modelled: octal and hexadecimal escapes in strings.

Source: Pub/Sub, "Filter messages from a subscription".
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

LONGEST: Final = 256
"""Bytes of a filter."""

Predicate = Callable[[Mapping[str, str]], bool]

_KEY: Final = r'(?P<key>[\w-]+|"(?:[^"\\]|\\.)*")'
_VALUE: Final = r'(?P<value>"(?:[^"\\]|\\.)*")'
_HAS: Final = re.compile(rf"attributes\s*:\s*{_KEY}")
_COMPARED: Final = re.compile(rf"attributes\s*\.\s*{_KEY}\s*(?P<operator>=|!=)\s*{_VALUE}")
_PREFIXED: Final = re.compile(rf"hasPrefix\s*\(\s*attributes\s*\.\s*{_KEY}\s*,\s*{_VALUE}\s*\)")
_NOT: Final = re.compile(r"NOT\b|-")
_BOOLEAN: Final = re.compile(r"(AND|OR)\b")
_BLANK: Final = re.compile(r"\s*")


class FilterError(ValueError):
    """The text is no filter."""


def parse(text: str) -> Predicate:
    """
    What *text* says of a message's attributes.

    Raises:
        FilterError: It is no filter, or too long.
    """
    if len(text.encode()) > LONGEST:
        raise FilterError(f"Filter is longer than {LONGEST} bytes.")
    reading = _Reading(text)
    found = reading.expression()
    reading.end()
    return found


class _Reading:
    """A recursive descent over one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def expression(self) -> Predicate:
        """Read terms joined by AND, or by OR."""
        terms = [self._term()]
        operators = set()
        while (joined := self._take(_BOOLEAN)) is not None:
            operators.add(joined.group(1))
            terms.append(self._term())
        if len(operators) > 1:
            raise FilterError("Filter mixes AND and OR without parentheses.")
        together = any if "OR" in operators else all
        return terms[0] if len(terms) == 1 else _joined(together, terms)

    def end(self) -> None:
        """Refuse what is left."""
        self._skip()
        if self._at < len(self._text):
            raise self._fault()

    def _term(self) -> Predicate:
        if self._take(_NOT):
            inner = self._term()
            return lambda attributes: not inner(attributes)
        if self._take(re.compile(r"\(")):
            inner = self.expression()
            if not self._take(re.compile(r"\)")):
                raise self._fault()
            return inner
        return self._atom()

    def _atom(self) -> Predicate:
        if found := self._take(_PREFIXED):
            key, value = _plain(found["key"]), _plain(found["value"])
            return lambda attributes: attributes.get(key, "").startswith(value)
        if found := self._take(_COMPARED):
            key, value = _plain(found["key"]), _plain(found["value"])
            equal = found["operator"] == "="
            return lambda attributes: (attributes.get(key) == value) is equal
        if found := self._take(_HAS):
            key = _plain(found["key"])
            return lambda attributes: key in attributes
        raise self._fault()

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        self._skip()
        found = pattern.match(self._text, self._at)
        if found:
            self._at = found.end()
        return found

    def _skip(self) -> None:
        blank = _BLANK.match(self._text, self._at)
        assert blank is not None
        self._at = blank.end()

    def _fault(self) -> FilterError:
        return FilterError(f"Filter cannot be read from {self._text[self._at :][:20]!r} on.")


def _joined(together: Callable[..., bool], terms: list[Predicate]) -> Predicate:
    return lambda attributes: together(term(attributes) for term in terms)


def _plain(word: str) -> str:
    """The text of a bare word or a quoted string."""
    if not word.startswith('"'):
        return word
    try:
        return str(json.loads(word))
    except ValueError as error:
        raise FilterError(f"Filter has an escape that cannot be read in {word}.") from error
