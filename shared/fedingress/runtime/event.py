"""
The event that carries work, and its envelope on each transport.

The attributes are those of CloudEvents 1.0; the data is JSON with `concern`, `unit` and `cause`.
Everything here is hostile until decoded.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fedingress.domain.errors import Invalid
from fedingress.domain.work import CONCERNS, Work

TYPE: Final = "dev.fedingress.work.requested.v1"
_LIMIT: Final = 4096
_UNIT: Final = re.compile(r"[a-z0-9][-a-z0-9.]*(:[a-z][-a-z0-9:.]*)?/[a-z0-9][-a-z0-9.]*\Z")
_CAUSE: Final = re.compile(r"[a-z][a-z0-9.-]{0,63}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """
    One event.

    id: unique within *source*; the same in every redelivery.   source: who published it.
    """

    id: str
    source: str
    work: Work

    @property
    def delivery(self) -> str:
        """The key by which a redelivery is known."""
        return f"{self.source}#{self.id}"

    def encode(self) -> dict[str, Any]:
        """A structured CloudEvent."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": TYPE,
            "subject": f"{self.work.concern}/{self.work.unit}",
            "datacontenttype": "application/json",
            "data": {
                "concern": self.work.concern,
                "unit": self.work.unit,
                "cause": self.work.cause,
            },
        }


def decode(body: Any) -> Event:
    """
    The event in a structured CloudEvent.

    Raises:
        Invalid: With every reason.
    """
    if not isinstance(body, Mapping):
        raise Invalid("the event is no JSON object")
    reasons = []
    if body.get("type") != TYPE:
        reasons.append(f"type is not {TYPE}")
    for name in ("id", "source"):
        if not isinstance(body.get(name), str) or not 0 < len(body[name]) <= 256:  # noqa: PLR2004
            reasons.append(f"{name} is not a text of 1 to 256 characters")
    try:
        work = decode_work(body.get("data"))
    except Invalid as error:
        raise Invalid([*reasons, *error.reasons]) from error
    if reasons:
        raise Invalid(reasons)
    return Event(id=body["id"], source=body["source"], work=work)


def decode_work(data: Any) -> Work:
    """
    The work that an event's data, or a repair call, asks for.

    Raises:
        Invalid: With every reason.
    """
    if not isinstance(data, Mapping):
        raise Invalid("data is no JSON object")
    reasons = []
    concern, unit = data.get("concern"), data.get("unit")
    if concern not in CONCERNS:
        reasons.append(f"data.concern is none of {', '.join(CONCERNS)}")
    if not isinstance(unit, str) or len(unit) > 600 or not _UNIT.match(unit):  # noqa: PLR2004
        reasons.append("data.unit is neither NAMESPACE/NAME nor KIND:PLACE/NAME")
    cause = data.get("cause", "event")
    if not isinstance(cause, str) or not _CAUSE.match(cause):
        reasons.append("data.cause is not a short lower-case word")
    if reasons:
        raise Invalid(reasons)
    return Work(concern=concern, unit=str(unit), cause=cause)  # type: ignore[arg-type]


def from_push(envelope: Any) -> Event:
    """
    The event in a Pub/Sub push body: `{"message": {"data": BASE64, "messageId"}, "subscription"}`.

    Raises:
        Invalid: It is no such envelope, or its data is no event.

    Source: Google Cloud, "Push subscriptions", wrapped messages.
    """
    message = envelope.get("message") if isinstance(envelope, Mapping) else None
    data = message.get("data") if isinstance(message, Mapping) else None
    if not isinstance(data, str) or len(data) > 2 * _LIMIT:
        raise Invalid("the push has no message.data within the limit")
    try:
        text = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("message.data is not base64") from error
    return from_text(text)


def from_sqs(record: Any) -> Event:
    """
    The event in an SQS record, bare or wrapped by an SNS subscription.

    Raises:
        Invalid: It is no such record, or its body is no event.

    Source: AWS Lambda, "Using Lambda with Amazon SQS"; Amazon SNS, "message formats".
    """
    body = record.get("body") if isinstance(record, Mapping) else None
    if not isinstance(body, str) or len(body) > 4 * _LIMIT:
        raise Invalid("the record has no body within the limit")
    try:
        inner = json.loads(body)
    except ValueError as error:
        raise Invalid("the record's body is not JSON") from error
    if isinstance(inner, Mapping) and inner.get("Type") == "Notification":
        return from_text(str(inner.get("Message", "")).encode())
    return decode(inner)


def from_text(text: bytes) -> Event:
    """
    The event in JSON text.

    Raises:
        Invalid: It is not JSON, too long, or no event.
    """
    if len(text) > _LIMIT:
        raise Invalid(f"the event is longer than {_LIMIT} bytes")
    try:
        return decode(json.loads(text))
    except ValueError as error:
        raise Invalid("the event is not JSON") from error
