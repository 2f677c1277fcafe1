"""
Custom objects against the schema of their CRD: defaults, types, values, and CEL rules.

Pruning of unknown fields happens before, in `decode`. The words of the causes follow
go-openapi/validate, as a real API server's do.

Not modelled: ``format`` beyond those in `_FORMATS`, estimated CEL cost.

Source: Kubernetes documentation, "Extend the Kubernetes API with CustomResourceDefinitions".
"""

import ipaddress
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from localcloud.kube import errors, rules
from localcloud.kube.errors import Cause, Causes
from localcloud.kube.fields import clone
from localcloud.kube.resources import Resource

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_FORMATS: Mapping[str, Callable[[str], Any]] = {
    "date-time": datetime.fromisoformat,
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
    "cidr": lambda text: ipaddress.ip_network(text, strict=False),
    "uuid": uuid.UUID,
}


def schema_of(resource: Resource) -> Mapping[str, Any]:
    """Give the structural schema of a custom resource's version."""
    definition = resource.definition or {}
    return dict((definition.get("schema") or {}).get("openAPIV3Schema") or {})


def defaults(resource: Resource, obj: dict[str, Any]) -> None:
    """Drop nulls that the schema does not allow and fill in its defaults, in place."""
    _defaults(schema_of(resource), obj)


def _defaults(schema: Mapping[str, Any], value: Any) -> None:
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        for name, part in properties.items():
            _default_field(part, value, name)
        more = schema.get("additionalProperties")
        if isinstance(more, Mapping):
            for name in value.keys() - properties.keys():
                _defaults(more, value[name])
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for item in value:
            _defaults(schema["items"], item)


def _default_field(schema: Mapping[str, Any], parent: dict[str, Any], name: str) -> None:
    if name in parent and parent[name] is None and not schema.get("nullable"):
        del parent[name]
    if name not in parent and "default" in schema:
        parent[name] = clone(schema["default"])
    if name in parent:
        _defaults(schema, parent[name])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A value, the value it replaces, and where they stand."""

    value: Any
    old: Any
    path: str

    def below(self, name: str, value: Any, old: Any) -> "_Place":
        return _Place(value=value, old=old, path=f"{self.path}.{name}" if self.path else name)

    def item(self, index: int, value: Any, old: Any) -> "_Place":
        return _Place(value=value, old=old, path=f"{self.path}[{index}]")


def causes(
    resource: Resource, obj: Mapping[str, Any], old: Mapping[str, Any] | None
) -> list[Cause]:
    """Give everything in which *obj* breaks its schema."""
    schema = schema_of(resource)
    place = _Place(value=obj, old=old, path="")
    found = list(_walk(schema, place))
    return found or list(_rules(schema, place))


def _walk(schema: Mapping[str, Any], place: _Place) -> Causes:
    value = place.value
    if value is None:
        if not schema.get("nullable") and "type" in schema:
            yield _wrong_type(place, schema["type"])
        return
    if schema.get("x-kubernetes-int-or-string"):
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            yield _wrong_type(place, "integer,string")
            return
    elif "type" in schema and not _fits(schema["type"], value):
        yield _wrong_type(place, schema["type"])
        return
    yield from _value_causes(schema, place)
    if isinstance(value, dict):
        yield from _object_causes(schema, place)
    elif isinstance(value, list):
        yield from _array_causes(schema, place)


def _fits(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(kind, ()))


def _wrong_type(place: _Place, wanted: str) -> Cause:
    names = {"dict": "object", "list": "array", "str": "string", "int": "integer"}
    names |= {"float": "number", "bool": "boolean", "NoneType": "null"}
    got = names.get(type(place.value).__name__, "null")
    message = f'Invalid value: "{got}": {place.path} in body must be of type {wanted}: "{got}"'
    return Cause(field=place.path, reason="FieldValueTypeInvalid", message=message)


def _bad(place: _Place, why: str) -> Cause:
    return errors.value_invalid(place.path, place.value, f"{place.path} in body {why}")


def _value_causes(schema: Mapping[str, Any], place: _Place) -> Causes:
    value = place.value
    if "enum" in schema and value not in schema["enum"]:
        yield errors.value_unsupported(place.path, value, (str(word) for word in schema["enum"]))
    if isinstance(value, str):
        yield from _string_causes(schema, place)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _number_causes(schema, place)
    yield from _combined_causes(schema, place)


def _string_causes(schema: Mapping[str, Any], place: _Place) -> Causes:
    value = place.value
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        yield errors.too_long(place.path, schema["maxLength"])
    if len(value) < schema.get("minLength", 0):
        yield _bad(place, f"should be at least {schema['minLength']} chars long")
    if "pattern" in schema and not _pattern(schema["pattern"]).search(value):
        yield _bad(place, f"should match '{schema['pattern']}'")
    known = _FORMATS.get(schema.get("format", ""))
    if known is not None:
        try:
            known(value)
        except ValueError:
            yield _bad(place, f"must be of type {schema['format']}: {value!r}")


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


def _number_causes(schema: Mapping[str, Any], place: _Place) -> Causes:
    value = place.value
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and (value < low or (schema.get("exclusiveMinimum") and value == low)):
        yield _bad(place, f"should be greater than or equal to {low}")
    if high is not None and (value > high or (schema.get("exclusiveMaximum") and value == high)):
        yield _bad(place, f"should be less than or equal to {high}")
    if "multipleOf" in schema and value % schema["multipleOf"]:
        yield _bad(place, f"should be a multiple of {schema['multipleOf']}")


def _combined_causes(schema: Mapping[str, Any], place: _Place) -> Causes:
    for part in schema.get("allOf") or ():
        yield from _walk(part, place)
    if "anyOf" in schema and not any(_passes(part, place) for part in schema["anyOf"]):
        yield _bad(place, "must validate at least one schema (anyOf)")
    if "oneOf" in schema and sum(_passes(part, place) for part in schema["oneOf"]) != 1:
        yield _bad(place, "must validate one and only one schema (oneOf)")
    if "not" in schema and _passes(schema["not"], place):
        yield _bad(place, "must not validate the schema (not)")


def _passes(schema: Mapping[str, Any], place: _Place) -> bool:
    return next(iter(_walk(schema, place)), None) is None


def _object_causes(schema: Mapping[str, Any], place: _Place) -> Causes:
    value, old = place.value, place.old if isinstance(place.old, dict) else {}
    for name in schema.get("required") or ():
        if name not in value:
            yield errors.value_required(f"{place.path}.{name}" if place.path else name)
    if len(value) < schema.get("minProperties", 0):
        yield _bad(place, f"should have at least {schema['minProperties']} properties")
    if "maxProperties" in schema and len(value) > schema["maxProperties"]:
        yield _bad(place, f"should have at most {schema['maxProperties']} properties")
    properties, more = schema.get("properties") or {}, schema.get("additionalProperties")
    for name, part in value.items():
        below = properties.get(name) or (more if isinstance(more, Mapping) else None)
        if below is not None:
            yield from _walk(below, place.below(name, part, old.get(name)))


def _array_causes(schema: Mapping[str, Any], place: _Place) -> Causes:
    value = place.value
    if len(value) < schema.get("minItems", 0):
        yield _bad(place, f"should have at least {schema['minItems']} items")
    if "maxItems" in schema and len(value) > schema["maxItems"]:
        message = f"Too many: {len(value)}: must have at most {schema['maxItems']} items"
        yield Cause(field=place.path, reason="FieldValueTooMany", message=message)
    yield from _duplicate_causes(schema, place)
    items = schema.get("items")
    if isinstance(items, Mapping):
        olds = _counterparts(schema, value, place.old)
        for index, item in enumerate(value):
            yield from _walk(items, place.item(index, item, olds[index]))


def _duplicate_causes(schema: Mapping[str, Any], place: _Place) -> Causes:
    kind = schema.get("x-kubernetes-list-type")
    if kind not in ("set", "map"):
        return
    seen: list[Any] = []
    for index, item in enumerate(place.value):
        key = _key(schema, item)
        if key in seen:
            yield errors.value_duplicate(f"{place.path}[{index}]", key)
        seen.append(key)


def _key(schema: Mapping[str, Any], item: Any) -> Any:
    keys = schema.get("x-kubernetes-list-map-keys")
    if not keys or not isinstance(item, Mapping):
        return item
    return {key: item.get(key) for key in keys}


def _counterparts(schema: Mapping[str, Any], new: Sequence[Any], old: Any) -> list[Any]:
    """Give for each new item the old one of the same key; only associative lists have them."""
    if schema.get("x-kubernetes-list-type") != "map" or not isinstance(old, list):
        return [None] * len(new)
    known = [(_key(schema, item), item) for item in old]
    return [next((o for k, o in known if k == _key(schema, item)), None) for item in new]


def _rules(schema: Mapping[str, Any], place: _Place) -> Causes:
    """Give the CEL rules that do not hold, here and below."""
    value = place.value
    if value is None:
        return
    for rule in schema.get("x-kubernetes-validations") or ():
        yield from rules.causes(rule, place.path, value, place.old)
    if isinstance(value, dict):
        old = place.old if isinstance(place.old, dict) else {}
        properties, more = schema.get("properties") or {}, schema.get("additionalProperties")
        for name, part in value.items():
            below = properties.get(name) or (more if isinstance(more, Mapping) else None)
            if below is not None:
                yield from _rules(below, place.below(name, part, old.get(name)))
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        olds = _counterparts(schema, value, place.old)
        for index, item in enumerate(value):
            yield from _rules(schema["items"], place.item(index, item, olds[index]))
