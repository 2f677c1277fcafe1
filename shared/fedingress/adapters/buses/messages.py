"""What every remote bus sends for a work: an event as text, and attributes to filter by."""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from fedingress.adapters.trace import next_traceparent
from fedingress.domain.event import TYPE, Event, rfc3339
from fedingress.domain.work import Work

T = TypeVar("T")
Sign = Callable[[Event], Event]
"""Puts a signature on an event, as `adapters.signing.Signer.sign` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """
    One message.

    id: of the event, the same in each redelivery.   text: the structured CloudEvent.
    attributes: `concern`, by which subscriptions choose, and the event's own, for people.
    """

    id: str
    work: Work
    text: str
    attributes: Mapping[str, str]


def message(work: Work, source: str, sign: Sign | None = None) -> Message:
    """
    A new event that asks for *work*.

    *source* names the instance that publishes it, *sign* makes a cluster's events its own.
    """
    event = Event(
        id=str(uuid.uuid4()),
        source=source,
        work=work,
        time=rfc3339(time.time()),
        traceparent=next_traceparent(),
    )
    if sign is not None:
        event = sign(event)
    return Message(
        id=event.id,
        work=work,
        text=json.dumps(event.encode(), separators=(",", ":")),
        attributes={
            "concern": work.concern,
            "ce-type": TYPE,
            "ce-id": event.id,
            "ce-source": source,
        },
    )


def chunks(items: Iterable[T], size: int) -> Iterable[list[T]]:
    """The items in lists of at most *size*."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
