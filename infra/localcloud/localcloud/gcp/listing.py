"""
Lists: filters, order, pages, and lists over all scopes.

Filters: ``=``, ``!=``, ``:`` (AIP-160, with ``*`` and ``field:*``), ``eq`` and ``ne`` (regular
expressions that match the whole value), several terms in parentheses joined by AND.

Not modelled: ``OR``, ``NOT``, ``<`` and ``>`` in filters; they are refused, not ignored.

Source: compute v1 reference, parameters of ``list``.
"""

import base64
import binascii
import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from localcloud.gcp.errors import GoogleError, invalid
from localcloud.gcp.references import BASE

Json = Mapping[str, Any]
Test = Callable[[Json], bool]

DEFAULT_PAGE = 500

_TERM = re.compile(
    r"""\s*(?P<field>[A-Za-z][\w.-]*)\s*
    (?:(?P<word>\b(?:eq|ne)\b)|(?P<sign>!=|=|:))\s*
    (?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'()][^"]*?))\s*""",
    re.VERBOSE,
)


def select(items: Iterable[Json], expression: str) -> list[Json]:
    """
    Give the *items* that match a filter; an empty one matches all.

    Raises:
        GoogleError: 400 for an expression that cannot be read.
    """
    if not expression.strip():
        return list(items)
    tests = [_test(term, expression) for term in _terms(expression)]
    regular = [test for test, is_regular in tests if is_regular]
    if regular and len(regular) != len(tests):
        raise _unreadable(expression)
    return [item for item in items if all(test(item) for test, _ in tests)]


def page(
    items: Sequence[Json], query: Mapping[str, str], default: int = DEFAULT_PAGE
) -> tuple[list[Json], str]:
    """
    Give one page of *items* and the token of the next page, empty after the last one.

    The token holds the position of the last item of the page in the given order; *items* that are
    made or deleted meanwhile may be seen twice or not at all, as in the real service.

    Raises:
        GoogleError: 400 for a size or token that cannot be.
    """
    text = query.get("maxResults") or str(default)
    if not text.isdigit() or int(text) > DEFAULT_PAGE:
        why = f"Must be less than or equal to {DEFAULT_PAGE}"
        raise invalid("maxResults", text, why)
    size = int(text) or default
    start = _start(query.get("pageToken", ""))
    token = base64.urlsafe_b64encode(f"after:{start + size}".encode()).decode()
    return list(items[start : start + size]), token if start + size < len(items) else ""


def ordered(items: Sequence[Json], order: str) -> list[Json]:
    """
    Give *items* in the order that ``orderBy`` asks for.

    Raises:
        GoogleError: 400 for any but ``name`` and ``creationTimestamp desc``.
    """
    if order in ("", "name"):
        return list(items)
    if order == "creationTimestamp desc":
        return sorted(items, key=lambda item: str(item["creationTimestamp"]), reverse=True)
    raise invalid("orderBy", order, "Only name and creationTimestamp desc are supported.")


def list_answer(
    path: str, kind: str, items: Iterable[Json], query: Mapping[str, str]
) -> dict[str, Any]:
    """
    Give the answer of a ``list`` method of compute v1.

    Args:
        path: Of the collection.
        kind: Of its objects, as in ``compute#kind``.
        items: All of them, in order of names.
        query: The parameters of the request.

    Raises:
        GoogleError: 400 for parameters that cannot be.
    """
    chosen = ordered(select(items, query.get("filter", "")), query.get("orderBy", ""))
    shown, token = page(chosen, query)
    found: dict[str, Any] = {"kind": f"compute#{kind}List", "id": path, "selfLink": BASE + path}
    if shown:
        found["items"] = shown
    return found | ({"nextPageToken": token} if token else {})


def _terms(expression: str) -> list[str]:
    text = expression.strip()
    if not text.startswith("("):
        return [text]
    pieces: list[str] = []
    while text:
        inner, rest = _parenthesised(text, expression)
        pieces.append(inner)
        text = re.sub(r"^AND\b\s*", "", rest.strip())
        if text and not text.startswith("("):
            raise _unreadable(expression)
    return pieces


def _parenthesised(text: str, expression: str) -> tuple[str, str]:
    quote = ""
    depth = 0
    for index, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "()":
            depth += 1 if letter == "(" else -1
            if depth == 0:
                return text[1:index], text[index + 1 :]
    raise _unreadable(expression)


def _test(term: str, expression: str) -> tuple[Test, bool]:
    found = _TERM.fullmatch(term)
    if found is None:
        raise _unreadable(expression)
    value = next((found[k] for k in ("double", "single", "bare") if found[k] is not None), "")
    if found["bare"] is not None and re.search(r"\s(AND|OR|NOT)\s", value):
        raise _unreadable(expression)
    name, regular = found["field"], found["word"] is not None
    negative = found["word"] == "ne" or found["sign"] == "!="
    matches = _regular(value, expression) if regular else _simple(value)

    def test(item: Json) -> bool:
        read = _field(item, name)
        return (read is not None and matches(_text(read))) != negative

    return test, regular


def _regular(value: str, expression: str) -> Callable[[str], bool]:
    try:
        pattern = re.compile(value)
    except re.error as error:
        raise _unreadable(expression) from error
    return lambda text: pattern.fullmatch(text) is not None


def _simple(value: str) -> Callable[[str], bool]:
    if "*" in value:
        glob = value.replace("[", "[[]").replace("?", "[?]")
        return lambda text: fnmatch.fnmatchcase(text, glob)
    return lambda text: text == value


def _field(item: Any, name: str) -> Any:
    for part in name.split("."):
        item = item.get(part) if isinstance(item, dict) else None
    return item


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _start(token: str) -> int:
    if not token:
        return 0
    try:
        text = base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise _bad_token(token) from error
    if re.fullmatch(r"after:\d+", text) is None:
        raise _bad_token(token)
    return int(text.removeprefix("after:"))


def _bad_token(token: str) -> GoogleError:
    return invalid("pageToken", token, "The page token is not valid.")


def _unreadable(expression: str) -> GoogleError:
    return invalid("filter", expression, "Invalid list filter expression.")
