"""
The functions that Kubernetes adds to CEL, for cel-python; imported by `rules` only.

Method calls have their receiver as first argument: ``self.hosts.isSorted()``.

Source: Kubernetes reference, "Common Expression Language in Kubernetes", library tables.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from celpy import celtypes


def _bool(value: object) -> Any:
    return celtypes.BoolType(value)


def _sorted(items: Any) -> Any:
    return _bool(all(a <= b for a, b in pairwise(items)))


def _sum(items: Any) -> Any:
    total = celtypes.IntType(0)
    for index, item in enumerate(items):
        total = item if index == 0 else total + item
    return total


def _index(value: Any, part: Any) -> Any:
    if isinstance(value, str):
        return celtypes.IntType(value.find(part))
    return celtypes.IntType(value.index(part) if part in value else -1)


def _last_index(value: Any, part: Any) -> Any:
    if isinstance(value, str):
        return celtypes.IntType(value.rfind(part))
    places = [i for i, item in enumerate(value) if item == part]
    return celtypes.IntType(places[-1] if places else -1)


def _find(value: Any, pattern: Any) -> Any:
    match = re.search(pattern, value)
    return celtypes.StringType(match.group(0) if match else "")


def _find_all(value: Any, pattern: Any) -> Any:
    return celtypes.ListType(
        [celtypes.StringType(match.group(0)) for match in re.finditer(pattern, value)]
    )


def _split(value: Any, separator: Any) -> Any:
    parts = value.split(separator) if separator else list(value)
    return celtypes.ListType([celtypes.StringType(part) for part in parts])


def _join(items: Any, separator: Any = "") -> Any:
    return celtypes.StringType(separator.join(items))


def _substring(value: Any, start: Any, end: Any = None) -> Any:
    return celtypes.StringType(value[int(start) : None if end is None else int(end)])


def _is(parse: Callable[[str], object]) -> Callable[[Any], Any]:
    def test(value: Any) -> Any:
        try:
            parse(str(value))
        except ValueError:
            return _bool(value=False)
        return _bool(value=True)

    return test


def _url(text: str) -> object:
    parts = urlsplit(text)
    if not parts.scheme and not text.startswith("/"):
        raise ValueError("neither absolute nor a path")
    return parts


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "charAt": lambda value, at: celtypes.StringType(value[int(at) : int(at) + 1]),
    "find": _find,
    "findAll": _find_all,
    "indexOf": _index,
    "isCIDR": _is(lambda text: ipaddress.ip_network(text, strict=False)),
    "isIP": _is(ipaddress.ip_address),
    "isSorted": _sorted,
    "isURL": _is(_url),
    "join": _join,
    "lastIndexOf": _last_index,
    "lowerAscii": lambda value: celtypes.StringType(value.lower()),
    "replace": lambda value, old, new: celtypes.StringType(value.replace(old, new)),
    "split": _split,
    "substring": _substring,
    "sum": _sum,
    "trim": lambda value: celtypes.StringType(value.strip()),
    "upperAscii": lambda value: celtypes.StringType(value.upper()),
}
