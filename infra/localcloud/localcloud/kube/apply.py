"""
Server-side apply: merge what a manager applies into an object, and keep the books of ownership.

Pure functions over field sets: no store, no clock.

Source: Kubernetes reference, "Server-Side Apply"; messages follow apiserver's
``managedfields/internal/conflict.go``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.kube.errors import ApiError
from localcloud.kube.fields import (
    EMPTY,
    ITEM,
    Manager,
    Managers,
    Owned,
    Path,
    clone,
    find,
    leaves,
    remove,
    shape_at,
    spelled,
)
from localcloud.kube.shapes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who writes, in which API version, at what time (RFC 3339)."""

    manager: Manager
    api_version: str
    time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What an apply gives: the merged object and who owns what in it."""

    obj: dict[str, Any]
    managers: Managers


def apply(
    shape: Shape,
    live: dict[str, Any],
    managers: Managers,
    config: Mapping[str, Any],
    author: Author,
    *,
    force: bool,
) -> Applied:
    """
    Merge *config* into *live* as *author*.

    Fields that the author applied before and leaves out now are removed, unless somebody else
    owns them too. *live* is not changed.

    Raises:
        ApiError: 409, another manager owns a field with another value and *force* is off; the
            causes name each manager and field.
    """
    wanted = leaves(shape, config)
    kept: dict[Manager, Owned] = {}
    conflicts: list[tuple[Manager, Owned, Path]] = []
    for manager, owned in managers.items():
        if manager == author.manager:
            continue
        lost = _contested(shape, live, owned, wanted)
        conflicts += [(manager, owned, path) for path in sorted(lost)]
        kept[manager] = _without(owned, lost) if lost else owned
    if conflicts and not force:
        raise _conflict(conflicts)
    merged = _merge(shape, clone(live), config)
    before = managers.get(author.manager)
    if before is not None:
        others = frozenset[Path]().union(*(owned.paths for owned in kept.values()))
        _prune(shape, merged, before.paths - wanted.keys() - others, others)
    paths = frozenset(wanted)
    same = before is not None and before.paths == paths
    kept[author.manager] = Owned(
        paths=paths,
        api_version=author.api_version,
        time=before.time if before is not None and same else author.time,
    )
    return Applied(obj=merged, managers=kept)


def _contested(
    shape: Shape, live: dict[str, Any], owned: Owned, wanted: Mapping[Path, Any]
) -> frozenset[Path]:
    """Give what is owned and wanted with another value than it has."""
    return frozenset(
        path
        for path in owned.paths.intersection(wanted)
        if path[-1] != ITEM
        and wanted[path] is not EMPTY
        and find(shape, live, path) != wanted[path]
    )


def _prune(
    shape: Shape, obj: dict[str, Any], gone: frozenset[Path], others: frozenset[Path]
) -> None:
    """Remove what nobody wants any more: whole items first, then fields, the deepest first."""
    items = {path for path in gone if path[-1] == ITEM}
    for path in sorted(items, key=len, reverse=True):
        base = path[:-1]
        if not any(other[: len(base)] == base for other in others):
            remove(shape, obj, path)
    for path in sorted(gone - items, key=len, reverse=True):
        # An item that stays keeps its keys: without them nobody could name it.
        if not _is_key(path) and not _holds_others(shape, obj, path):
            remove(shape, obj, path)


def _is_key(path: Path) -> bool:
    above = path[-2] if len(path) > 1 else ""
    return above.startswith("k:") and path[-1].removeprefix("f:") in json.loads(above[2:])


def updated(
    before: Mapping[Path, Any], after: Mapping[Path, Any], managers: Managers, author: Author
) -> Managers:
    """
    Give the ownership after an update or patch that turned the leaves *before* into *after*.

    Changed and new fields go to the author; fields that are gone are nobody's.
    """
    changed = frozenset(
        path for path, value in after.items() if path not in before or before[path] != value
    )
    gone = frozenset(before.keys() - after.keys())
    result = {}
    for manager, owned in managers.items():
        lost = owned.paths & gone
        if manager != author.manager:
            lost |= owned.paths & changed
        result[manager] = _without(owned, lost) if lost else owned
    if changed:
        mine = result.get(author.manager)
        result[author.manager] = Owned(
            paths=changed | (mine.paths if mine is not None else frozenset()),
            api_version=author.api_version,
            time=author.time,
        )
    return {manager: owned for manager, owned in result.items() if owned.paths}


def _holds_others(shape: Shape, obj: Any, path: Path) -> bool:
    """Say whether an empty map or list that was owned has been filled since."""
    return shape_at(shape, path).merges() and bool(find(shape, obj, path))


def _without(owned: Owned, lost: frozenset[Path]) -> Owned:
    return Owned(paths=owned.paths - lost, api_version=owned.api_version, time=owned.time)


def _merge(shape: Shape, live: Any, new: Any) -> Any:
    if isinstance(live, dict) and isinstance(new, Mapping) and shape.granular():
        for name, value in new.items():
            if name in live:
                live[name] = _merge(shape.child(name), live[name], value)
            else:
                live[name] = clone(value)
        return live
    if isinstance(live, list) and isinstance(new, list):
        if shape.unique:
            return live + [item for item in new if item not in live]
        if shape.keys and shape.item is not None:
            return _merge_items(shape, live, new)
    return clone(new)


def _merge_items(shape: Shape, live: list[Any], new: list[Any]) -> list[Any]:
    index = {shape.key_of(item): item for item in live}
    for item in new:
        known = index.get(shape.key_of(item))
        if known is None:
            live.append(clone(item))
        else:
            _merge(shape.item or shape, known, item)
    return live


def _named(manager: Manager, owned: Owned) -> str:
    text = f'"{manager.name}"'
    if manager.subresource:
        text += f' with subresource "{manager.subresource}"'
    if manager.operation == "Update":
        text += f" using {owned.api_version}"
    return text


def _conflict(conflicts: list[tuple[Manager, Owned, Path]]) -> ApiError:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f"conflict with {_named(manager, owned)}",
            "field": spelled(path),
        }
        for manager, owned, path in conflicts
    ]
    if len(causes) == 1:
        text = f"1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    else:
        by_manager: dict[str, list[str]] = {}
        for manager, owned, path in conflicts:
            by_manager.setdefault(_named(manager, owned), []).append(f"- {spelled(path)}")
        blocks = (
            f"conflicts with {name}:\n" + "\n".join(lines)
            for name, lines in sorted(by_manager.items())
        )
        text = f"{len(causes)} conflicts: " + "\n".join(blocks)
    return ApiError(409, f"Apply failed with {text}", details={"causes": causes})
