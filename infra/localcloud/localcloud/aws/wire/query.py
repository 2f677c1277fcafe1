"""
The Query protocol: form fields in, XML out.

Elastic Load Balancing speaks it. Source: Smithy's "AWS query protocol"; shapes from `model`.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree as ET

from localcloud.aws.wire import restxml
from localcloud.aws.wire.model import Operation, Shape, scalar
from localcloud.aws.wire.model import operation as operation_of


def decode(name: str, body: str) -> tuple[Operation, dict[str, Any]]:
    """
    Give the operation of a request to the service *name*, and its members.

    Raises:
        AwsError: InvalidAction, or a value that is none.
    """
    fields = {key: found[-1] for key, found in parse_qs(body, keep_blank_values=True).items()}
    operation = operation_of(name, fields.get("Action", ""))
    if operation.input_shape is None:
        return operation, {}
    return operation, _structure(operation.input_shape, fields, "")


def encode(operation: Operation, values: Mapping[str, Any], request_id: str) -> bytes:
    """Give the XML of an answer."""
    namespace = operation.service_model.metadata["xmlNamespace"]
    root = ET.Element(f"{operation.name}Response", xmlns=namespace)
    shape = operation.output_shape
    if shape is not None:
        wrapper = shape.serialization.get("resultWrapper", f"{operation.name}Result")
        restxml.write(ET.SubElement(root, wrapper), shape.members, values)
    metadata = ET.SubElement(root, "ResponseMetadata")
    ET.SubElement(metadata, "RequestId").text = request_id
    return restxml.document(root)


def _structure(shape: Shape, fields: Mapping[str, str], prefix: str) -> dict[str, Any]:
    found = {}
    for name, member in shape.members.items():
        word = prefix + member.serialization.get("name", name)
        value = _value(member, fields, word)
        if value is not None:
            found[name] = value
    return found


def _value(shape: Shape, fields: Mapping[str, str], word: str) -> Any:
    """The value at *word*, None when nothing was sent there."""
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape, fields, word + ".") or None
    if kind == "list":
        return _list(shape, fields, word)
    return scalar(shape, fields[word]) if word in fields else None


def _list(shape: Shape, fields: Mapping[str, str], word: str) -> list[Any] | None:
    inner = word if shape.serialization.get("flattened") else f"{word}.member"
    found: list[Any] = []
    while (value := _value(shape.member, fields, f"{inner}.{len(found) + 1}")) is not None:
        found.append(value)
    return found or None
