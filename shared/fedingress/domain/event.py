"""
The event that carries work from one instance to another: a CloudEvent, written and read.

The attributes are those of CloudEvents 1.0; the data is JSON with `concern`, `unit` and `cause`.
Of its extensions three are used: `traceparent`, and for a cluster's own events `keyid` and
`signature`, which cover everything else that is read here (`Event.signed`).
What arrives is hostile until decoded: a decoder gives an event or raises `Invalid`, and nothing
else. Written by the remote buses; read by the decoders of `runtime.event`, one per transport.

Source: CloudEvents 1.0, JSON format and its extension "Distributed Tracing"; W3C Trace Context;
Kubernetes "Object Names and IDs"; the discovery documents of compute v1 and dns v1 for names.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from fedingress.domain.errors import Invalid
from fedingress.domain.work import CONCERNS, Work

TYPE: Final = "dev.fedingress.work.requested.v1"
LIMIT: Final = 4096
"""Bytes of an event; ours have a few hundred."""
_WORD: Final = 256
_PROJECT: Final = r"([a-z0-9][-a-z0-9.]{0,62}:)?[a-z0-9][-a-z0-9]{0,62}"
_NAME: Final = r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
_INGRESS: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
_ZONE: Final = rf"cloud-dns:{_PROJECT}/{_NAME}"
_NETWORK: Final = rf"firewall:{_PROJECT}/(projects/{_PROJECT}/global/networks/)?{_NAME}"
_UNITS: Final[Mapping[str, re.Pattern[str]]] = {
    "fanout": re.compile(_INGRESS),
    "backends": re.compile(f"{_INGRESS}|{_NETWORK}"),
    "dns": re.compile(_ZONE),
    "status": re.compile(_INGRESS),
}
_SHAPES: Final[Mapping[str, str]] = {
    "fanout": "NAMESPACE/NAME",
    "backends": "NAMESPACE/NAME or firewall:PROJECT/NETWORK",
    "dns": "cloud-dns:PROJECT/ZONE",
    "status": "NAMESPACE/NAME",
}
_CAUSE: Final = re.compile(r"[a-z][a-z0-9.-]{0,63}\Z")
_SECOND: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z"
_OPTIONAL: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    "time": (re.compile(_SECOND), "a time as 2026-11-22T21:00:00.000Z"),
    "traceparent": (
        re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"),
        "a traceparent of W3C Trace Context, version 00",
    ),
    "keyid": (re.compile(r"[0-9a-f]{16}"), "16 hexadecimal digits"),
    "signature": (re.compile(r"[A-Za-z0-9+/]{86}=="), "64 bytes in base64"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """
    One event.

    id: unique within *source*; the same in every redelivery.   source: who published it.
    time: when, as RFC 3339 in UTC; empty when the publisher did not say.
    traceparent: what it is a part of.   keyid, signature: of a cluster's key (`domain.publisher`).
    Each of the last four may be empty.
    """

    id: str
    source: str
    work: Work
    time: str = ""
    traceparent: str = ""
    keyid: str = ""
    signature: str = ""

    @property
    def delivery(self) -> str:
        """The key by which a redelivery is known."""
        return f"{self.source}#{self.id}"

    @property
    def seconds(self) -> float | None:
        """*time* in Unix seconds; None when there is none."""
        return datetime.fromisoformat(self.time).timestamp() if self.time else None

    @property
    def signed(self) -> bytes:
        """What a signature covers: every part that a door reads, in one unambiguous form."""
        parts = [TYPE, self.id, self.source, self.time, self.traceparent, self.keyid]
        parts += [self.work.concern, self.work.unit, self.work.cause]
        return json.dumps(parts, separators=(",", ":")).encode()

    def encode(self) -> dict[str, Any]:
        """A structured CloudEvent."""
        optional = {name: getattr(self, name) for name in _OPTIONAL}
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
        } | {name: value for name, value in optional.items() if value}


def rfc3339(seconds: float) -> str:
    """Unix *seconds* as an event's time, to the millisecond."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


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
        if not _is_word(body.get(name)):
            reasons.append(f"{name} is not a printable text of 1 to 256 characters")
    optional = {name: body.get(name, "") for name in _OPTIONAL}
    reasons += [
        f"{name} is not {_OPTIONAL[name][1]}"
        for name, value in optional.items()
        if value != "" and not _is_optional(name, value)
    ]
    try:
        work = decode_work(body.get("data"))
    except Invalid as error:
        raise Invalid([*reasons, *error.reasons]) from error
    if reasons:
        raise Invalid(reasons)
    return Event(id=body["id"], source=body["source"], work=work, **optional)


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
    elif not isinstance(unit, str) or not _UNITS[concern].fullmatch(unit):
        reasons.append(f"data.unit of {concern} is not {_SHAPES[concern]}")
    cause = data.get("cause", "event")
    if not isinstance(cause, str) or not _CAUSE.match(cause):
        reasons.append("data.cause is not a short lower-case word")
    if reasons:
        raise Invalid(reasons)
    return Work(concern=concern, unit=str(unit), cause=cause)  # type: ignore[arg-type]


def _is_word(value: Any) -> bool:
    """Whether *value* may stand in a log and a store: short, without control characters."""
    return isinstance(value, str) and 0 < len(value) <= _WORD and value.isprintable()


def _is_optional(name: str, value: Any) -> bool:
    """Whether *value* has the shape of the attribute *name*; a time must also be one."""
    if not isinstance(value, str) or not _OPTIONAL[name][0].fullmatch(value):
        return False
    try:
        return name != "time" or bool(datetime.fromisoformat(value))
    except ValueError:
        return False
