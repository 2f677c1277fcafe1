"""
The REST-XML protocol: values in path, query and an XML body; answers in XML.

Route 53 speaks it. Source: Smithy's "AWS restXml protocol"; shapes from `model`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

from localcloud.aws.wire.errors import AwsError
from localcloud.aws.wire.model import Operation, Shape, scalar


def decode(
    operation: Operation, path: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> dict[str, Any]:
    """
    Give the members of a request that were sent.

    Raises:
        AwsError: MalformedXML or MalformedInput.
    """
    shape = operation.input_shape
    if shape is None:
        return {}
    found: dict[str, Any] = {}
    inside: dict[str, Shape] = {}
    for name, member in shape.members.items():
        place = member.serialization.get("location")
        word = member.serialization.get("name", name)
        if place == "uri":
            found[name] = scalar(member, path[word])
        elif place == "querystring":
            if word in query:
                found[name] = scalar(member, query[word])
        elif place is None:
            inside[name] = member
    if inside and body.strip():
        found.update(_structure(inside, _parsed(body)))
    return found


def encode(operation: Operation, values: Mapping[str, Any]) -> bytes:
    """Give the XML of an answer."""
    shape = operation.output_shape
    uri = operation.service_model.metadata.get("xmlNamespace", _namespace(operation))
    root = ET.Element(f"{operation.name}Response", xmlns=uri)
    if shape is not None:
        body = {
            name: member
            for name, member in shape.members.items()
            if member.serialization.get("location") is None
        }
        write(root, body, values)
    return document(root)


def error(failure: AwsError, request_id: str, namespace: str) -> bytes:
    """Give the XML of a refusal."""
    root = ET.Element("ErrorResponse", xmlns=namespace)
    inner = ET.SubElement(root, "Error")
    ET.SubElement(inner, "Type").text = "Sender" if failure.status < 500 else "Receiver"  # noqa: PLR2004
    ET.SubElement(inner, "Code").text = failure.code
    ET.SubElement(inner, "Message").text = failure.message
    ET.SubElement(root, "RequestId").text = request_id
    return document(root)


def document(root: ET.Element) -> bytes:
    """Give a whole document in UTF-8."""
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def write(parent: ET.Element, members: Mapping[str, Shape], values: Mapping[str, Any]) -> None:
    """Put the *values* that are there below *parent*, in the order of *members*."""
    for name, member in members.items():
        if values.get(name) is not None:
            _write(parent, member.serialization.get("name", name), member, values[name])


def _write(parent: ET.Element, tag: str, shape: Shape, value: Any) -> None:
    kind = shape.type_name
    if kind == "list" and shape.serialization.get("flattened"):
        for item in value:
            _write(parent, tag, shape.member, item)
        return
    node = ET.SubElement(parent, tag)
    if kind == "structure":
        write(node, shape.members, value)
    elif kind == "list":
        for item in value:
            _write(node, shape.member.serialization.get("name", "member"), shape.member, item)
    elif kind == "boolean":
        node.text = "true" if value else "false"
    elif kind == "timestamp":
        node.text = timestamp(value)
    else:
        node.text = str(value)


def timestamp(seconds: float) -> str:
    """Give ISO 8601 in UTC with milliseconds, for seconds since 1970."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _namespace(operation: Operation) -> str:
    # Route 53's model names the namespace on its inputs with a body only; it is one for all.
    version = operation.service_model.metadata["apiVersion"]
    return f"https://route53.amazonaws.com/doc/{version}/"


def _parsed(body: bytes) -> ET.Element:
    try:
        # A lab's own clients; expat refuses entities that blow up by itself.
        return ET.fromstring(body)  # noqa: S314
    except ET.ParseError as error_:
        raise AwsError("MalformedXML", f"The XML you provided was not well-formed: {error_}") from (
            error_
        )


def _structure(members: Mapping[str, Shape], node: ET.Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, member in members.items():
        word = member.serialization.get("name", name)
        children = [child for child in node if _local(child) == word]
        if member.type_name == "list" and member.serialization.get("flattened"):
            if children:
                found[name] = [_value(member.member, child) for child in children]
        elif children:
            found[name] = _value(member, children[0])
    return found


def _value(shape: Shape, node: ET.Element) -> Any:
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape.members, node)
    if kind == "list":
        return [_value(shape.member, child) for child in node]
    return scalar(shape, node.text or "")


def _local(node: ET.Element) -> str:
    return node.tag.rpartition("}")[2]
