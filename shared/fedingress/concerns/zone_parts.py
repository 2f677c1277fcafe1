"""
What is remembered of a large hosted zone, in parts of which each fits a document of the store.

Called by `zone_memory`. Rows are dealt out by their keys, so a member's new weight changes one part
and not all; a part is called by a digest of what it holds, so it is never written over, and whoever
reads by the list of names in the zone's note finds all parts as they were kept together, or misses
one and knows it.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from zlib import crc32

from fedingress.domain import names

_MOST_BYTES: Final = 300_000
"""Of a note; a store takes 400 KB, and what is not dealt out needs room as well."""
_PART_BYTES: Final = 128_000
"""About what a part has."""
_MOST_PARTS: Final = 1024
"""Their names must fit the zone's note."""
_TABLES: Final = ("checks", "probed", "refused", "released", "shown")
_SETS: Final = ("attached", "elsewhere", "spare", "doomed")
_POOLS: Final = "pools"
_ALIKE: Final = ("beliefs", "apart")
"""Of the weighing: what is believed -> keys, as a text; see `planning.answers.remembered`."""

Body = Mapping[str, Any]


def split(body: Body) -> tuple[dict[str, Any], dict[str, Body]]:
    """
    The zone's note, and its parts by name; none of them while all of it fits the note.

    How it is split follows from the rows alone, whatever else the note holds.
    """
    whole = {name: body[name] for name in (*_TABLES, *_SETS, "weighing")}
    size = _size(whole)
    if size <= _MOST_BYTES:
        return {**body}, {}
    rows = sorted(_rows(whole), key=lambda row: row[:2])
    number = 1 << (size // _PART_BYTES).bit_length()
    while max(map(_size, parts := _dealt(rows, number))) > _MOST_BYTES and number < _MOST_PARTS:
        number *= 2
    named: dict[str, Body] = {
        names.short_hash(_text(each), length=20): each for each in parts if each
    }
    head = {name: value for name, value in body.items() if name not in whole}
    return {**head, "parts": [*named]}, named


def join(head: Body, parts: Iterable[Body]) -> dict[str, Any]:
    """The body that was split, its sets sorted."""
    tables: dict[str, dict[str, Any]] = {name: {} for name in (*_TABLES, _POOLS)}
    sets: dict[str, set[str]] = {name: set() for name in _SETS}
    alike: dict[str, dict[str, list[str]]] = {name: defaultdict(list) for name in _ALIKE}
    for part in parts:
        for name, rows in part.items():
            if name in sets:
                sets[name].update(rows)
            elif name in alike:
                for row, keys in rows.items():
                    alike[name][row] += keys
            else:
                tables[name] |= rows
    weighing: dict[str, Any] = {_POOLS: tables.pop(_POOLS)}
    for name, found in alike.items():
        weighing[name] = {row: " ".join(sorted(keys)) for row, keys in sorted(found.items())}
    body = {name: value for name, value in head.items() if name != "parts"}
    return {
        **body,
        **tables,
        **{name: sorted(each) for name, each in sets.items()},
        "weighing": weighing,
    }


def _rows(whole: Body) -> Iterator[tuple[str, str, Any]]:
    """Table, key and value of all that is dealt out."""
    for name in _TABLES:
        for key, value in whole[name].items():
            yield name, key, value
    for name in _SETS:
        for key in whole[name]:
            yield name, key, None
    weighing = whole["weighing"] or {}
    for key, value in weighing.get(_POOLS, {}).items():
        yield _POOLS, key, value
    for name in _ALIKE:
        for belief, keys in weighing.get(name, {}).items():
            for key in keys.split():
                yield name, key, belief


def _dealt(rows: Iterable[tuple[str, str, Any]], number: int) -> list[dict[str, Any]]:
    """*rows* in *number* parts."""
    parts: list[dict[str, Any]] = [{} for _ in range(number)]
    for name, key, value in rows:
        part = parts[crc32(key.encode()) % number]
        if name in _SETS:
            part.setdefault(name, []).append(key)
        elif name in _ALIKE:
            part.setdefault(name, {}).setdefault(value, []).append(key)
        else:
            part.setdefault(name, {})[key] = value
    return parts


def _size(body: Body) -> int:
    return len(_text(body).encode())


def _text(body: Body) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
