"""
Reading the body of a write: unknown fields, nulls and wrong types.

Built-in kinds are decoded into structs by a real API server: unknown fields are dropped (refused
with ``fieldValidation=Strict``, told as a warning with ``Warn``) and a wrong type is a bad request.
Custom objects are pruned in the same way; their types are checked later, by their schema.

Source: Kubernetes API concepts, "Field validation".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.kube.errors import ApiError, bad_request
from localcloud.kube.resources import Resource
from localcloud.kube.shapes import Shape

_GO_TYPES = {"integer": "int32", "number": "float64", "boolean": "bool", "list": "slice"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A body without what its type does not know, and the paths of what was dropped."""

    obj: dict[str, Any]
    unknown: tuple[str, ...]


@dataclass(slots=True)
class _Finder:
    """Collects while walking."""

    typed: bool
    unknown: list[str] = field(default_factory=list)

    def walk(self, shape: Shape, value: Any, path: str) -> Any:
        if shape.kind == "any":
            return value
        if self.typed and (fault := _type_fault(shape, value)):
            raise TypeError(f"json: cannot unmarshal {fault} into Go struct field {path}")
        if shape.kind in ("object", "map") and isinstance(value, dict):
            return dict(self._members(shape, value, path))
        if shape.kind == "list" and isinstance(value, list) and shape.item is not None:
            item = shape.item
            return [self.walk(item, x, f"{path}[{i}]") for i, x in enumerate(value)]
        return value

    def _members(
        self, shape: Shape, value: Mapping[str, Any], path: str
    ) -> Iterator[tuple[str, Any]]:
        for name, part in value.items():
            here = f"{path}.{name}" if path else name
            if shape.kind == "object" and name not in shape.fields:
                if shape.open:
                    yield name, part
                else:
                    self.unknown.append(here)
            elif not path and name == "metadata":
                inner = _Finder(typed=True, unknown=self.unknown)
                yield name, inner.walk(shape.child(name), part, here)
            elif part is not None or not self.typed:
                yield name, self.walk(shape.child(name), part, here)


def _type_fault(shape: Shape, value: Any) -> str:
    """Give what is wrong, in the words of Go's JSON decoder; empty when the type fits."""
    kind, fits = shape.kind, True
    if value is None:
        return ""
    if kind in ("object", "map"):
        fits = isinstance(value, dict)
    elif kind == "list":
        fits = isinstance(value, list)
    elif kind == "boolean":
        fits = isinstance(value, bool)
    elif kind in ("string", "time"):
        fits = isinstance(value, str)
    elif kind == "integer":
        fits = isinstance(value, int) and not isinstance(value, bool)
    else:
        fits = isinstance(value, (int, float, str)) and not isinstance(value, bool)
    if fits:
        return ""
    return f"{_json_type(value)} of type {_GO_TYPES.get(kind, kind)}"


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return {"str": "string", "list": "array", "dict": "object"}.get(type(value).__name__, "null")


def decode(resource: Resource, obj: dict[str, Any]) -> Decoded:
    """
    Give *obj* as *resource* understands it.

    Raises:
        ApiError: 400, a value of a built-in kind has the wrong type.
    """
    finder = _Finder(typed=resource.definition is None)
    try:
        walked = finder.walk(resource.shape, obj, "")
    except TypeError as error:
        raise bad_request(f"{_handled(resource)}: {error}") from error
    metadata = walked.get("metadata")
    if isinstance(metadata, dict):
        for name in ("labels", "annotations", "finalizers", "ownerReferences"):
            if not metadata.get(name, True):
                del metadata[name]
    return Decoded(obj=walked, unknown=tuple(finder.unknown))


def refuse_unknown(resource: Resource, unknown: tuple[str, ...]) -> ApiError:
    """Give the 400 of strict field validation."""
    faults = ", ".join(f'unknown field "{path}"' for path in unknown)
    start = _handled(resource) + ": " if resource.definition is None else ""
    return bad_request(f"{start}strict decoding error: {faults}")


def undeclared(resource: Resource, place: str, unknown: tuple[str, ...]) -> ApiError:
    """Give the 500 of a server-side apply that names fields without a type."""
    kind = f"{resource.api_version}, Kind={resource.kind}"
    faults = ", ".join(f".{path}: field not declared in schema" for path in unknown)
    message = f"failed to create typed patch object ({place}; {kind}): {faults}"
    return ApiError(500, message, reason="")  # a real server gives this error no reason


def _handled(resource: Resource) -> str:
    return f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
