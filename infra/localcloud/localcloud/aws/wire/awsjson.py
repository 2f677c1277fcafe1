"""
The AWS JSON protocol: the operation in a header, members as JSON, times as seconds since 1970.

CloudWatch's clients speak it. Source: Smithy's "AWS JSON 1.0 protocol"; shapes from `model`.
"""

import json
from collections.abc import Mapping
from typing import Any

from localcloud.aws.wire.errors import AwsError
from localcloud.aws.wire.model import Operation, operation

CONTENT_TYPE = "application/x-amz-json-1.0"
TARGET = "X-Amz-Target"


def decode(name: str, target: str, body: bytes) -> tuple[Operation, dict[str, Any]]:
    """
    Give the operation of a request to the service *name*, and its members.

    Args:
        name: As botocore names the service.
        target: The header `TARGET`, ``PREFIX.OPERATION``.
        body: As it came.

    Raises:
        AwsError: InvalidAction, SerializationException.
    """
    found = operation(name, target.rpartition(".")[2])
    try:
        values = json.loads(body or b"{}")
    except ValueError as error:
        raise AwsError("SerializationException", f"The body is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise AwsError("SerializationException", "The body is no JSON object")
    return found, values


def encode(values: Mapping[str, Any]) -> bytes:
    """Give the JSON of an answer; members without a value are left out."""
    return json.dumps({key: each for key, each in values.items() if each is not None}).encode()


def error(failure: AwsError) -> bytes:
    """Give the JSON of a refusal."""
    return json.dumps({"__type": failure.code, "message": failure.message}).encode()
