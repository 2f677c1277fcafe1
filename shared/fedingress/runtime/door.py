"""
What every deployed function does: decode its envelope, run its concern, answer its transport.

The doors in `functions/` call `push` or `batch`; `tick` and `repair` have doors of their own here.
One instance wires itself at its first event and keeps that for the next ones.
"""

import json
import logging
import threading
from collections.abc import Mapping
from typing import Any, Final, Protocol

from fedingress.domain.errors import FederationError, Invalid
from fedingress.domain.event import Event, decode_work
from fedingress.domain.work import REPAIR, Work
from fedingress.runtime import event
from fedingress.runtime.home import Home, log_to_stderr
from fedingress.runtime.queue import Acknowledged
from fedingress.runtime.settings import read

_LOG: Final = logging.getLogger("fedingress")
_LOCK: Final = threading.Lock()
_HOMES: Final[dict[str, Home]] = {}
_WHY: Final = 256
_BODY: Final = 65_536
"""Bytes of a call; a push wraps its event in attributes, ids and the subscription."""

Answer = tuple[str, int, dict[str, str]]


class Request(Protocol):
    """As much of an HTTP request as the doors read; Flask's has more."""

    def get_data(self) -> bytes:
        """The body."""
        ...


def push(concern: str, request: Request) -> Answer:
    """
    Google Cloud: one Pub/Sub push.

    Returns:
        204 acknowledges; 429 asks for a redelivery; 400 refuses an envelope that cannot be decoded,
        which ends as a dead letter; 503 when the store does not answer or a setting is wrong.
    """
    try:
        arrived = _for(concern, event.from_push(_json(request.get_data())))
    except Invalid as error:
        return _refuse(concern, error)
    try:
        answer = _home(concern).run(arrived.work, arrived.delivery)
    except FederationError as error:
        return _text(_fail(concern, error), 503)
    return ("", 204, {}) if isinstance(answer, Acknowledged) else _text(answer.why, 429)


def batch(concern: str, records: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """
    AWS: a batch of SQS records.

    Returns:
        `batchItemFailures`: what SQS shall deliver again; undecodable records are among them, so
        that they end as dead letters.

    Raises:
        Invalid: This is no batch of records at all.

    Source: AWS Lambda, "Reporting batch item failures".
    """
    listed = records.get("Records") if isinstance(records, Mapping) else None
    if not isinstance(listed, list):
        raise Invalid("the invocation holds no Records of SQS")
    return {
        "batchItemFailures": [
            {"itemIdentifier": _identifier(record)}
            for record in listed
            if not _taken(concern, record)
        ]
    }


def _taken(concern: str, record: Any) -> bool:
    """Whether SQS may forget *record*."""
    try:
        arrived = _for(concern, event.from_sqs(record))
        answer = _home(concern).run(arrived.work, arrived.delivery)
    except FederationError as error:
        _fail(concern, error)
        return False
    return isinstance(answer, Acknowledged)


def _identifier(record: Any) -> str:
    """The record's id; an empty one makes SQS deliver the whole batch again, which is safe."""
    return str(record.get("messageId", "")) if isinstance(record, Mapping) else ""


def tick_push(_request: Request) -> Answer:
    """Google Cloud: one tick of the scheduler."""
    try:
        return _text(_home("tick").tick(), 200)
    except FederationError as error:
        return _text(_fail("tick", error), 503)


def tick_invoke(_event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """
    AWS: one tick of the scheduler.

    Raises:
        FederationError: Nothing could be listed; the scheduler tries again.
    """
    return {"summary": _home("tick").tick()}


def repair_push(request: Request) -> Answer:
    """Google Cloud: `{"concern", "unit", "dry_run"}` over HTTP, by hand."""
    try:
        work, dry_run = _call(_json(request.get_data()))
    except Invalid as error:
        return _refuse("repair", error)
    try:
        found = _home("repair").repair(work, dry_run=dry_run)
    except FederationError as error:
        return _text(_fail("repair", error), 503)
    return json.dumps(found), 200, {"Content-Type": "application/json"}


def repair_invoke(call: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """
    AWS: the same by invocation.

    Raises:
        Invalid: The call is wrong; the reasons say how.
    """
    work, dry_run = _call(call)
    return _home("repair").repair(work, dry_run=dry_run)


def _call(call: Any) -> tuple[Work, bool]:
    """What a repair call asks for; without `dry_run` it only looks."""
    if not isinstance(call, Mapping):
        raise Invalid("the call is no JSON object")
    dry_run = call.get("dry_run", True)
    if not isinstance(dry_run, bool):
        raise Invalid("dry_run is neither true nor false")
    return decode_work({**call, "cause": REPAIR}), dry_run


def _home(concern: str) -> Home:
    """This instance, wired once; the lock keeps two first events apart."""
    with _LOCK:
        if concern not in _HOMES:
            settings = read()
            log_to_stderr(settings.log_level)
            _HOMES[concern] = Home(settings, concern=concern)
        return _HOMES[concern]


def close() -> None:
    """End every home of this process, for tests and orderly shutdowns."""
    with _LOCK:
        for home in _HOMES.values():
            home.close()
        _HOMES.clear()


def _for(concern: str, arrived: Event) -> Event:
    if arrived.work.concern != concern:
        raise Invalid(f"an event for {arrived.work.concern} came to the door of {concern}")
    return arrived


def _json(body: bytes) -> Any:
    return event.parse(body, _BODY)


def _refuse(concern: str, error: Invalid) -> Answer:
    return _text(_fail(concern, error), 400)


def _fail(concern: str, error: FederationError) -> str:
    """What went wrong, in one line for the log and the caller."""
    why = str(error)[:_WHY]
    _LOG.warning(json.dumps({"door": concern, "refused": why}))
    return why


def _text(text: str, status: int) -> Answer:
    return text, status, {"Content-Type": "text/plain; charset=utf-8"}
