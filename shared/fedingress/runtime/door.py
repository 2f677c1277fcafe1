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

from fedingress.domain.errors import FederationError, Invalid, Unavailable
from fedingress.domain.work import Work
from fedingress.runtime import event
from fedingress.runtime.home import Home
from fedingress.runtime.queue import Acknowledged
from fedingress.runtime.settings import read

_LOG: Final = logging.getLogger("fedingress")
_LOCK: Final = threading.Lock()
_HOMES: Final[dict[str, Home]] = {}

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
        which ends as a dead letter; 503 when the store does not answer.
    """
    try:
        arrived = event.from_push(_json(request.get_data()))
        _check(concern, arrived.work)
        answer = _home(concern).run(arrived.work, arrived.delivery)
    except Invalid as error:
        return _refuse(concern, error)
    except Unavailable as error:
        return _text(str(error), 503)
    return ("", 204, {}) if isinstance(answer, Acknowledged) else _text(answer.why, 429)


def batch(concern: str, records: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """
    AWS: a batch of SQS records.

    Returns:
        `batchItemFailures`: what SQS shall deliver again; undecodable records are among them, so
        that they end as dead letters.

    Source: AWS Lambda, "Reporting batch item failures".
    """
    failures = []
    for record in records.get("Records", ()):
        try:
            arrived = event.from_sqs(record)
            _check(concern, arrived.work)
            done = isinstance(_home(concern).run(arrived.work, arrived.delivery), Acknowledged)
        except (Invalid, Unavailable) as error:
            _LOG.warning(json.dumps({"door": concern, "refused": str(error)[:256]}))
            done = False
        if not done:
            failures.append({"itemIdentifier": str(record.get("messageId", ""))})
    return {"batchItemFailures": failures}


def tick_push(_request: Request) -> Answer:
    """Google Cloud: one tick of the scheduler."""
    try:
        return _text(_home("tick").tick(), 200)
    except FederationError as error:
        return _text(str(error), 503)


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
        found = _repair(_json(request.get_data()))
    except Invalid as error:
        return _refuse("repair", error)
    except FederationError as error:
        return _text(str(error), 503)
    return json.dumps(found), 200, {"Content-Type": "application/json"}


def repair_invoke(call: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """
    AWS: the same by invocation.

    Raises:
        Invalid: The call is wrong; the reasons say how.
    """
    return _repair(call)


def _repair(call: Any) -> dict[str, Any]:
    if not isinstance(call, Mapping):
        raise Invalid("the call is no JSON object")
    dry_run = call.get("dry_run", True)
    if not isinstance(dry_run, bool):
        raise Invalid("dry_run is neither true nor false")
    work = event.decode_work({**call, "cause": "repair"})
    return _home("repair").repair(work, dry_run=dry_run)


def _home(concern: str) -> Home:
    """This instance, wired once; the lock keeps two first events apart."""
    with _LOCK:
        if concern not in _HOMES:
            _HOMES[concern] = Home(read(), concern=concern)
        return _HOMES[concern]


def close() -> None:
    """End every home of this process, for tests and orderly shutdowns."""
    with _LOCK:
        for home in _HOMES.values():
            home.close()
        _HOMES.clear()


def _check(concern: str, work: Work) -> None:
    if work.concern != concern:
        raise Invalid(f"an event for {work.concern} came to the door of {concern}")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise Invalid("the body is not JSON") from error


def _refuse(concern: str, error: Invalid) -> Answer:
    _LOG.warning(json.dumps({"door": concern, "refused": str(error)[:256]}))
    return _text(str(error), 400)


def _text(text: str, status: int) -> Answer:
    return text, status, {"Content-Type": "text/plain; charset=utf-8"}
