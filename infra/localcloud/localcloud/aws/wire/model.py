"""
Operations and shapes of an AWS service, read from the models that its own clients are made of.

So a request is decoded, checked and answered by the very text boto3 was generated from. The rest of
`wire` walks the shapes; `localcloud.aws.server` finds the operation.

Source: botocore's ``data/SERVICE/*/service-2.json``; the form of the complaints is that of AWS's
request validation ("1 validation error detected: Value '..' at '..' failed to satisfy constraint").
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import unquote

from botocore.loaders import Loader
from botocore.model import ServiceModel

from localcloud.aws.wire.errors import AwsError

Operation = Any  # botocore.model.OperationModel; botocore ships no types
Shape = Any

_NUMBERS = ("integer", "long", "float", "double")


@cache
def service(name: str) -> Any:
    """Give the model of a service by botocore's name, for instance ``route53``."""
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


def operation(name: str, word: str) -> Operation:
    """
    Give an operation of a service by its own name.

    Raises:
        AwsError: InvalidAction.
    """
    if word not in service(name).operation_names:
        raise AwsError("InvalidAction", f"Could not find operation {word[:256]}")
    return service(name).operation_model(word)


def find_route(name: str, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """Give the operation of a REST service at *path*, and the values in the path."""
    segments = path.strip("/").split("/")
    for verb, template, word in _routes(name):
        if verb == method and len(template) == len(segments):
            values = _values(template, segments)
            if values is not None:
                return service(name).operation_model(word), values
    return None


@cache
def _routes(name: str) -> tuple[tuple[str, tuple[str, ...], str], ...]:
    found = []
    for word in service(name).operation_names:
        http = service(name).operation_model(word).http
        template = tuple(http["requestUri"].strip("/").split("/"))
        found.append((http["method"], template, word))
    return tuple(found)


def _values(template: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    values = {}
    for wanted, given in zip(template, segments, strict=True):
        if wanted.startswith("{"):
            values[wanted.strip("{}")] = unquote(given)
        elif wanted != given:
            return None
    return values


def scalar(shape: Shape, text: str) -> Any:
    """
    Give the value of one word on a wire; times as seconds since 1970.

    Raises:
        AwsError: MalformedInput, the word is no number where one must be.
    """
    kind = shape.type_name
    try:
        if kind in ("integer", "long"):
            return int(text)
        if kind in ("float", "double"):
            return float(text)
        if kind == "timestamp":
            return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise AwsError("MalformedInput", f"Unexpected value '{text}' for {shape.name}") from error
    if kind == "boolean":
        return text.strip().lower() == "true"
    return text


def check(shape: Shape, values: Mapping[str, Any], code: str = "InvalidInput") -> None:
    """
    Hold a decoded request to the constraints of its shape.

    Args:
        shape: Of the operation's input.
        values: Decoded.
        code: The error code that the service uses for it.

    Raises:
        AwsError: With every fault.
    """
    faults = [
        f"Value {shown} at '{place}' failed to satisfy constraint: {rule}"
        for shown, place, rule in _faults(shape, values, "")
    ]
    if faults:
        noun = "error" if len(faults) == 1 else "errors"
        raise AwsError(code, f"{len(faults)} validation {noun} detected: " + "; ".join(faults))


def _faults(shape: Shape, value: Any, place: str) -> Iterator[tuple[str, str, str]]:
    kind = shape.type_name
    if kind == "structure":
        for name, member in shape.members.items():
            inner = f"{place}.{_camel(name)}" if place else _camel(name)
            if name in value:
                yield from _faults(member, value[name], inner)
            elif name in shape.required_members:
                yield "null", inner, "Member must not be null"
    elif kind == "list":
        yield from _sized(shape, len(value), f"'{value}'", place, "length")
        for number, item in enumerate(value, start=1):
            yield from _faults(shape.member, item, f"{place}.{number}.member")
    elif kind == "string":
        yield from _sized(shape, len(value), f"'{value}'", place, "length")
        if shape.enum and value not in shape.enum:
            words = ", ".join(shape.enum)
            yield f"'{value}'", place, f"Member must satisfy enum value set: [{words}]"
    elif kind in _NUMBERS:
        yield from _sized(shape, value, f"'{value}'", place, "value")


def _sized(
    shape: Shape, size: float, shown: str, place: str, what: str
) -> Iterator[tuple[str, str, str]]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield shown, place, f"Member must have {what} greater than or equal to {least}"
    if most is not None and size > most:
        yield shown, place, f"Member must have {what} less than or equal to {most}"


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]
