"""
Field sets: which fields of an object somebody owns, and ``metadata.managedFields``.

A path is a tuple of elements as ``FieldsV1`` writes them: ``f:NAME`` for a field, ``k:{...}`` for
an item of an associative list, ``v:...`` for a member of a set; a last ``.`` is the item itself.

Source: Kubernetes reference, "Server-Side Apply", and sigs.k8s.io/structured-merge-diff.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.kube.shapes import Shape

Path = tuple[str, ...]

ITEM = "."

# Stands for an empty map or list whose members would be owned one by one.
EMPTY = object()

# Nobody owns what identifies an object or is written by the server alone.
_UNOWNED = frozenset({"apiVersion", "kind"})
_UNOWNED_METADATA = frozenset(
    {
        *("creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation"),
        *("managedFields", "name", "namespace", "resourceVersion", "selfLink", "uid"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """Who owns fields: a name, how it writes (``Apply``, ``Update``), by which subresource."""

    name: str
    operation: str
    subresource: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """What a manager owns, in which API version it wrote it, and when it last changed that."""

    paths: frozenset[Path]
    api_version: str
    time: str


Managers = Mapping[Manager, Owned]


def clone(value: Any) -> Any:
    """Give a deep copy of a JSON value; several times faster than ``copy.deepcopy``."""
    if isinstance(value, dict):
        return {key: clone(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clone(item) for item in value]
    return value


def leaves(shape: Shape, obj: Mapping[str, Any], *, skip: Iterable[str] = ()) -> dict[Path, Any]:
    """
    Give every path of *obj* that can be owned, with the value that stands there.

    Args:
        shape: Type of the object.
        obj: A whole object.
        skip: Top-level fields to leave out, such as ``status``.
    """
    out: dict[Path, Any] = {}
    left_out = _UNOWNED.union(skip)
    for name, value in obj.items():
        if name in left_out:
            continue
        if name == "metadata" and isinstance(value, dict):
            kept = {k: v for k, v in value.items() if k not in _UNOWNED_METADATA}
            for key, item in kept.items():
                _walk(shape.child(name).child(key), item, ("f:metadata", "f:" + key), out)
        else:
            _walk(shape.child(name), value, ("f:" + name,), out)
    return out


def _walk(shape: Shape, value: Any, path: Path, out: dict[Path, Any]) -> None:
    if isinstance(value, dict) and value and shape.granular():
        for name, item in value.items():
            _walk(shape.child(name), item, (*path, "f:" + name), out)
    elif isinstance(value, list) and value and shape.unique:
        for item in value:
            out[(*path, "v:" + json.dumps(item))] = item
    elif isinstance(value, list) and value and shape.keys and shape.item is not None:
        for item in value:
            base = (*path, shape.key_of(item))
            out[(*base, ITEM)] = None
            for name, part in item.items():
                _walk(shape.item.child(name), part, (*base, "f:" + name), out)
    elif value in ({}, []) and shape.merges():
        out[path] = EMPTY
    else:
        out[path] = value


def shape_at(shape: Shape, path: Path) -> Shape:
    """Give the type of what stands at *path*."""
    for element in path:
        if element[:2] == "f:":
            shape = shape.child(element[2:])
        elif element != ITEM:
            shape = shape.item or shape
    return shape


def find(shape: Shape, obj: Any, path: Path) -> Any:
    """Give the value at *path* of *obj*; None when nothing stands there."""
    for element in path:
        if element == ITEM or obj is None:
            return obj
        tag, rest = element[:2], element[2:]
        if tag == "f:":
            obj = obj.get(rest) if isinstance(obj, dict) else None
            shape = shape.child(rest)
        elif tag == "k:":
            obj = _item(shape, obj, element)
            shape = shape.item or shape
        else:
            wanted = json.loads(rest)
            obj = wanted if isinstance(obj, list) and wanted in obj else None
    return obj


def _item(shape: Shape, items: Any, element: str) -> Any:
    if not isinstance(items, list):
        return None
    return next((item for item in items if shape.key_of(item) == element), None)


def remove(shape: Shape, obj: dict[str, Any], path: Path) -> None:
    """
    Delete what stands at *path* of *obj*, and the containers that become empty by it.

    ``metadata``, ``spec`` and ``status`` themselves stay.
    """
    if path[-1] == ITEM:
        path = path[:-1]
    parents: list[tuple[Any, Shape, str]] = []
    value: Any = obj
    for element in path:
        parents.append((value, shape, element))
        if value is None:
            return
        value = find(shape, value, (element,))
        if element[:2] == "f:":
            shape = shape.child(element[2:])
        elif shape.item is not None:
            shape = shape.item
    for depth in range(len(parents) - 1, -1, -1):
        parent, parent_shape, element = parents[depth]
        _delete(parent, parent_shape, element)
        if parent or depth <= 1:
            return


def _delete(parent: Any, shape: Shape, element: str) -> None:
    tag, rest = element[:2], element[2:]
    if tag == "f:":
        parent.pop(rest, None)
    elif tag == "k:":
        parent[:] = [item for item in parent if shape.key_of(item) != element]
    else:
        gone = json.loads(rest)
        parent[:] = [item for item in parent if item != gone]


def decode(entries: Iterable[Mapping[str, Any]]) -> dict[Manager, Owned]:
    """Read ``metadata.managedFields``."""
    managers: dict[Manager, Owned] = {}
    for entry in entries:
        if not entry.get("manager") and not entry.get("fieldsV1"):
            continue
        manager = Manager(
            name=entry.get("manager", ""),
            operation=entry.get("operation", "Update"),
            subresource=entry.get("subresource", ""),
        )
        managers[manager] = Owned(
            paths=frozenset(_paths(entry.get("fieldsV1") or {})),
            api_version=entry.get("apiVersion", ""),
            time=entry.get("time", ""),
        )
    return managers


def _paths(tree: Mapping[str, Any], base: Path = ()) -> Iterator[Path]:
    for element, below in tree.items():
        if below:
            yield from _paths(below, (*base, element))
        else:
            yield (*base, element)


def encode(managers: Managers) -> list[dict[str, Any]]:
    """Write ``metadata.managedFields``; managers that own nothing are left out."""
    entries = []
    for manager, owned in managers.items():
        if not owned.paths:
            continue
        entry: dict[str, Any] = {
            "manager": manager.name,
            "operation": manager.operation,
            "apiVersion": owned.api_version,
            "time": owned.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": _tree(owned.paths),
        }
        if manager.subresource:
            entry["subresource"] = manager.subresource
        entries.append(entry)
    return entries


def _tree(paths: Iterable[Path]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for path in sorted(paths):
        node = root
        for element in path:
            node = node.setdefault(element, {})
    return root


def spelled(path: Path) -> str:
    """Give *path* as conflict messages write it: ``.spec.ports[port=80,protocol="TCP"].name``."""
    parts = []
    for element in path:
        tag, rest = element[:2], element[2:]
        if tag == "f:":
            parts.append("." + rest)
        elif tag == "k:":
            pairs = (f"{key}={json.dumps(value)}" for key, value in json.loads(rest).items())
            parts.append(f"[{','.join(pairs)}]")
        elif tag == "v:":
            parts.append(f"[={rest}]")
    return "".join(parts)
