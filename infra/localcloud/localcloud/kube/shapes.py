"""
The types of API objects, as far as merging, pruning and describing them needs.

A `Shape` says what stands where: which fields a struct has, whether a map or list is replaced as
a whole or merged, and by which keys. Server-side apply (`fields`, `apply`), strategic merge
patches (`strategic`), decoding (`decode`) and the OpenAPI documents all walk the same shapes.

``types.json`` holds those of the built-in kinds, in one word per field, with the facts of
Kubernetes' published OpenAPI v1.35 (``x-kubernetes-list-type``, ``-list-map-keys``, ``-map-type``,
``-patch-strategy``, ``-patch-merge-key``): ``@Name`` another type, ``[x]`` a list, ``{x}`` a map;
then ``set``, ``map KEYS``, ``atomic``, ``merge KEY`` (``-`` for plain values), ``retain``,
``= DEFAULT``; a name ending in ``!`` is required. `crds` makes shapes from a CRD's own schema.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

SCALARS = frozenset({"string", "integer", "number", "boolean", "int-or-string", "quantity", "time"})

_NOTATION = re.compile(
    r"(?P<what>\S+?)"
    r"(?: (?P<list>set|atomic)| map (?P<keys>\S+))?"
    r"(?: merge (?P<patch>\S+))?"
    r"(?P<retain> retain)?"
    r"(?: = (?P<default>\S+))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """
    The type of one value.

    Attributes:
        kind: ``object``, ``map``, ``list``, ``any`` (anything) or one of `SCALARS`.
        name: Name of the struct type, for references in OpenAPI; empty elsewhere.
        fields: Fields of an object.
        required: Names of the fields that must be there.
        item: Type of a map's or list's values.
        atomic: Replaced as a whole by server-side apply (of maps, objects and lists).
        unique: List of distinct scalars that are owned one by one (list type ``set``).
        keys: Names of the key fields of an associative list (list type ``map``).
        patch_key: Merge key of a strategic merge patch; ``-`` merges scalars; empty replaces.
        retain: Strategic merge patches may name the keys to keep (``$retainKeys``).
        default: Value that an absent field of this type takes; None for none.
        open: Unknown fields are kept.
    """

    kind: str
    name: str = ""
    fields: Mapping[str, "Shape"] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    item: "Shape | None" = None
    atomic: bool = False
    unique: bool = False
    keys: tuple[str, ...] = ()
    patch_key: str = ""
    retain: bool = False
    default: Any = None
    open: bool = False

    def child(self, name: str) -> "Shape":
        """Give the type of the field or map value called *name*."""
        if self.item is not None:
            return self.item
        return self.fields.get(name, ANY)

    def granular(self) -> bool:
        """Say whether the parts of a struct or map are owned one by one."""
        return self.kind in ("object", "map", "any") and not self.atomic

    def merges(self) -> bool:
        """Say whether two values of this type are merged, and not the one put for the other."""
        return self.granular() or self.unique or bool(self.keys)

    def key_of(self, item: Mapping[str, Any]) -> str:
        """Give the path element ``k:{...}`` of an associative list's *item*."""
        pairs = {}
        for key in self.keys:
            value = item.get(key)
            if value is None and self.item is not None:
                value = self.item.child(key).default
            pairs[key] = value
        return "k:" + json.dumps(pairs, separators=(",", ":"), sort_keys=True)


# What no type describes: apply deduces that maps are owned key by key, lists as a whole.
ANY = Shape(kind="any", open=True)


@cache
def builtin(name: str) -> Shape:
    """
    Give the shape of a built-in type, by its name in ``types.json``.

    Raises:
        KeyError: No such type.
    """
    return builtins()[name]


@cache
def builtins() -> Mapping[str, Shape]:
    """Give all built-in shapes by name."""
    text = resources.files("localcloud.kube").joinpath("types.json").read_text(encoding="utf-8")
    table: dict[str, dict[str, str]] = json.loads(text)
    members: dict[str, dict[str, Shape]] = {name: {} for name in table}
    shapes = {
        name: Shape(
            kind="object",
            name=name,
            fields=members[name],  # filled below: types refer to one another and to themselves
            required=frozenset(key[:-1] for key in entry if key.endswith("!")),
            atomic=entry.get("") == "atomic",
        )
        for name, entry in table.items()
    }
    for name, entry in table.items():
        for key, notation in entry.items():
            if key:
                members[name][key.removesuffix("!")] = _read(notation, shapes)
    return shapes


def _read(notation: str, shapes: Mapping[str, Shape]) -> Shape:
    inner = notation
    if notation[0] in "[{":
        end = notation.rindex("]" if notation[0] == "[" else "}")
        inner = notation[0] + notation[end:]
    match = _NOTATION.fullmatch(inner)
    if match is None:
        raise ValueError(f"types.json: {notation!r}")
    words = match.groupdict()
    if notation[0] == "[":
        return Shape(
            kind="list",
            item=_read(notation[1:end], shapes),
            atomic=words["list"] != "set" and not words["keys"],
            unique=words["list"] == "set",
            keys=tuple((words["keys"] or "").split(",")) if words["keys"] else (),
            patch_key=words["patch"] or "",
            retain=bool(words["retain"]),
        )
    if notation[0] == "{":
        item = _read(notation[1:end], shapes)
        return Shape(kind="map", item=item, atomic=words["list"] == "atomic")
    if words["what"].startswith("@"):
        struct = shapes[words["what"][1:]]
        return Shape(
            kind="object",
            name=struct.name,
            fields=struct.fields,
            required=struct.required,
            atomic=struct.atomic or words["list"] == "atomic",
            retain=bool(words["retain"]),
        )
    if words["what"] == "any":
        return ANY
    return Shape(kind=words["what"], default=words["default"])
