"""
The envelope of an event on each transport: Pub/Sub push, SQS bare or through SNS, plain text.

Everything here is hostile until decoded: whatever comes in, a decoder gives an event or raises
`Invalid`, and nothing else. Called by the doors.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fedingress.domain.errors import Invalid
from fedingress.domain.event import LIMIT, Event, decode

_ENVELOPE: Final = 4 * LIMIT
"""Characters of an event with what a transport wraps around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """
    An event and what its transport says of it.

    via: the subscription or topic that delivered it; empty for a bare SQS record, which only the
    installation's own identities may send.   notification: what SNS signed, if it came by SNS.
    """

    event: Event
    via: str
    notification: Mapping[str, Any] | None = None


class Oversized(Invalid):
    """The text is longer than any of ours."""


def from_push(envelope: Any) -> Arrival:
    """
    The event in a Pub/Sub push body: `{"message": {"data": BASE64, "messageId"}, "subscription"}`.

    Raises:
        Invalid: It is no such envelope, or its data is no event.

    Source: Google Cloud, "Push subscriptions", wrapped messages.
    """
    message = envelope.get("message") if isinstance(envelope, Mapping) else None
    data = message.get("data") if isinstance(message, Mapping) else None
    if not isinstance(data, str):
        raise Invalid("the push has no message.data")
    if len(data) > _ENVELOPE:
        raise Oversized(f"message.data is longer than {_ENVELOPE}")
    try:
        text = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("message.data is not base64") from error
    return Arrival(event=from_text(text), via=_way(envelope.get("subscription")))


def from_sqs(record: Any) -> Arrival:
    """
    The event in an SQS record, bare or wrapped by an SNS subscription.

    Raises:
        Invalid: It is no such record, or its body is no event.

    Source: AWS Lambda, "Using Lambda with Amazon SQS"; Amazon SNS, "message formats".
    """
    body = record.get("body") if isinstance(record, Mapping) else None
    if not isinstance(body, str):
        raise Invalid("the record has no body")
    inner = parse(body, _ENVELOPE)
    if isinstance(inner, Mapping) and inner.get("Type") == "Notification":
        message = inner.get("Message")
        if not isinstance(message, str):
            raise Invalid("the notification has no Message")
        return Arrival(
            event=from_text(message), via=_way(inner.get("TopicArn")), notification=inner
        )
    return Arrival(event=decode(inner), via="")


def from_text(text: bytes | str) -> Event:
    """
    The event in JSON text.

    Raises:
        Invalid: It is not JSON, too long, or no event.
    """
    return decode(parse(text, LIMIT))


def _way(name: Any) -> str:
    """A subscription or topic; never empty, which means none."""
    return name if isinstance(name, str) and name else "?"


def parse(text: bytes | str, limit: int) -> Any:
    """
    The JSON value in *text*, of at most *limit* bytes or characters.

    Raises:
        Invalid: It is longer, not JSON, or nested too deeply to be read.
    """
    if len(text) > limit:
        raise Oversized(f"the text is longer than {limit}")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid("the text is not JSON") from error
