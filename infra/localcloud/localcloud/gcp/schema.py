"""
Read JSON against the schemas of a discovery document, as strictly as Google's front end does.

Unknown fields, wrong types, words outside an enum and broken patterns are refused; numeric strings
are taken for numbers, as proto3 JSON does; what is marked as output only is dropped in silence.

Not modelled: enum values that a newer service knows and the document does not.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.gcp.errors import GoogleError, bad_request, invalid

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_OUTPUT_ONLY = re.compile(r"\s*\[?output[ -]only", re.IGNORECASE)
_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """
    What one value may be.

    Attributes:
        kind: ``object``, ``array``, ``string``, ``integer``, ``number``, ``boolean``, ``any``, or
            ``ref`` for another schema.
        ref: Name of that schema.
        format: Of strings and numbers: ``int32``, ``uint64``, ``byte``, ``float``, ...
        output_only: Ignored in requests.
    """

    kind: str
    ref: str = ""
    format: str = ""
    enum: frozenset[str] = frozenset()
    pattern: str = ""
    output_only: bool = False
    properties: Mapping[str, "Shape"] = field(default_factory=dict)
    values: "Shape | None" = None
    items: "Shape | None" = None


def shape(raw: Mapping[str, Any]) -> Shape:
    """Give the shape that one schema of a discovery document describes."""
    values, items = raw.get("additionalProperties"), raw.get("items")
    output_only = bool(raw.get("readOnly")) or _OUTPUT_ONLY.match(raw.get("description", ""))
    return Shape(
        kind="ref" if "$ref" in raw else raw.get("type", "any"),
        ref=raw.get("$ref", ""),
        format=raw.get("format", ""),
        enum=frozenset(raw.get("enum", ())),
        pattern=raw.get("pattern", ""),
        output_only=bool(output_only),
        properties={name: shape(each) for name, each in raw.get("properties", {}).items()},
        values=None if values is None else shape(values),
        items=None if items is None else shape(items),
    )


def references(one: Shape) -> set[str]:
    """Give the names of all schemas that *one* mentions itself."""
    found = {one.ref} if one.ref else set()
    for each in (*one.properties.values(), one.values, one.items):
        if each is not None:
            found |= references(each)
    return found


class Schemas:
    """The schemas of one API that requests can carry."""

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self._shapes = shapes

    def decode(self, name: str, value: Any, field_path: str) -> Any:
        """
        Give *value* as the schema *name* understands it, output-only fields left out.

        Raises:
            GoogleError: 400, naming the field from *field_path* on.
        """
        return self._value(self._shapes[name], value, field_path)

    def _value(self, one: Shape, value: Any, at: str) -> Any:
        if value is None or one.kind == "any":
            return value
        if one.kind == "ref":
            return self._value(self._shapes[one.ref], value, at)
        if one.kind == "object":
            return self._object(one, value, at)
        if one.kind == "array":
            if not isinstance(value, list):
                raise _wrong_type(at, "array", value)
            item = one.items or Shape(kind="any")
            return [self._value(item, each, f"{at}[{i}]") for i, each in enumerate(value)]
        return _scalar(one, value, at)

    def _object(self, one: Shape, value: Any, at: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong_type(at, "object", value)
        found = {}
        for name, each in value.items():
            inner = one.properties.get(name) or one.values
            if inner is None:
                raise bad_request(
                    f"Invalid JSON payload received. Unknown name \"{name}\" at '{at}': "
                    "Cannot find field."
                )
            declared_kind = name == "kind" and name in one.properties
            if not declared_kind and not inner.output_only:
                found[name] = self._value(inner, each, f"{at}.{name}")
        return found


def _scalar(one: Shape, value: Any, at: str) -> Any:
    if one.kind == "boolean":
        if not isinstance(value, bool):
            raise _wrong_type(at, "TYPE_BOOL", value)
        return value
    if one.kind in {"integer", "number"}:
        return _number(one, value, at)
    if one.format in _RANGES:
        return str(_number(one, value, at))  # 64 bits do not fit a JSON number everywhere
    if not isinstance(value, str):
        raise _wrong_type(at, "TYPE_STRING", value)
    if one.enum and value not in one.enum:
        words = ", ".join(sorted(one.enum))
        raise invalid(at, value, f"Acceptable values are [{words}]")
    if one.pattern and re.fullmatch(one.pattern, value) is None:
        raise invalid(at, value, f"Must be a match of regex '{one.pattern}'")
    return _bytes(value, at) if one.format == "byte" else value


def _number(one: Shape, value: Any, at: str) -> int | float:
    kind = f"TYPE_{(one.format or one.kind).upper()}"
    number: int | float | None = None
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        number = float(value) if set(value) & set(".eE") else int(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = value
    if number is None:
        raise _wrong_type(at, kind, value)
    if one.kind == "number":
        return number
    low, high = _RANGES.get(one.format, _RANGES["int64"])
    if not low <= number <= high or number != int(number):
        raise _wrong_type(at, kind, value)
    return int(number)


def _bytes(value: str, at: str) -> str:
    """Give base64 in one form; clients send the URL-safe one too (gcloud), with or without pads."""
    text = value.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        found = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise bad_request(
            f"Invalid value at '{at}' (TYPE_BYTES), Base64 decoding failed for \"{value}\""
        ) from error
    return base64.b64encode(found).decode()


def _wrong_type(at: str, kind: str, value: Any) -> GoogleError:
    return bad_request(f"Invalid value at '{at}' ({kind}), {value!r}")
