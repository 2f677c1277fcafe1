"""
What every deployed function does: decode its envelope, run its concern, answer its transport.

The doors in `functions/` call `push` or `batch`; `tick` and `repair` have doors of their own here.
One instance wires itself at its first event and keeps that for the next ones.
"""

import json
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol

from fedingress.domain.errors import FederationError, Invalid, Unavailable, Untrusted
from fedingress.domain.event import Event, decode_work
from fedingress.domain.publisher import Publishers
from fedingress.domain.work import REPAIR, Work
from fedingress.planning.publishing import STALE
from fedingress.runtime import event
from fedingress.runtime.clock import SystemClock
from fedingress.runtime.gate import Gate
from fedingress.runtime.home import Home, log_to_stderr
from fedingress.runtime.invoke import Delivery
from fedingress.runtime.queue import Acknowledged
from fedingress.runtime.settings import read
from fedingress.runtime.telling import QUIET, Voice, refusal, tell

_LOCK: Final = threading.Lock()
_HOMES: Final[dict[str, Home]] = {}
_GATES: Final[dict[str, Gate]] = {}
_UNAUTHENTICATED: Final = frozenset({"no-token", "bad-token"})
_EMF: Final = Voice(emf=True)
_WHY: Final = 256
_BODY: Final = 65_536
"""Bytes of a call; a push wraps its event in attributes, ids and the subscription."""

Answer = tuple[str, int, dict[str, str]]


class Request(Protocol):
    """As much of an HTTP request as the doors read; Flask's has more."""

    @property
    def headers(self) -> Mapping[str, str]:
        """By names in any case."""
        ...

    def get_data(self) -> bytes:
        """The body."""
        ...


def push(concern: str, request: Request) -> Answer:
    """
    Google Cloud: one Pub/Sub push.

    Returns:
        204 acknowledges; 429 asks for a redelivery; 401 and 403 refuse a caller or publisher, 400
        an envelope that cannot be decoded: these end as dead letters; 503 when the store or a
        registry does not answer or a setting is wrong.
    """
    try:
        gate = _admitted(concern, request)
        arrived = gate.pushed(_json(request.get_data()))
    except FederationError as error:
        return _turned_away(concern, error)
    try:
        answer = _home(concern).run(arrived.work, arrived.delivery, _about(arrived))
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
        arrived = _gate(concern).delivered(record)
        answer = _home(concern, _EMF).run(arrived.work, arrived.delivery, _about(arrived))
    except FederationError as error:
        _fail(concern, error, _EMF)
        return isinstance(error, Untrusted) and error.reason == STALE
    return isinstance(answer, Acknowledged)


def _identifier(record: Any) -> str:
    """The record's id; an empty one makes SQS deliver the whole batch again, which is safe."""
    return str(record.get("messageId", "")) if isinstance(record, Mapping) else ""


def tick_push(request: Request) -> Answer:
    """Google Cloud: one tick of the scheduler."""
    try:
        _admitted("tick", request)
    except FederationError as error:
        return _turned_away("tick", error)
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
    return {"summary": _home("tick", _EMF).tick()}


def repair_push(request: Request) -> Answer:
    """Google Cloud: `{"concern", "unit", "dry_run"}` over HTTP, by hand."""
    try:
        _admitted("repair", request)
        work, dry_run = _call(_json(request.get_data()))
    except FederationError as error:
        return _turned_away("repair", error)
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
    return _home("repair", _EMF).repair(work, dry_run=dry_run)


def _call(call: Any) -> tuple[Work, bool]:
    """What a repair call asks for; without `dry_run` it only looks."""
    if not isinstance(call, Mapping):
        raise Invalid("the call is no JSON object")
    dry_run = call.get("dry_run", True)
    if not isinstance(dry_run, bool):
        raise Invalid("dry_run is neither true nor false")
    return decode_work({**call, "cause": REPAIR}), dry_run


def _home(concern: str, voice: Voice = QUIET) -> Home:
    """This instance, wired once; the lock keeps two first events apart."""
    with _LOCK:
        if concern not in _HOMES:
            settings = read()
            log_to_stderr(settings.log_level)
            _HOMES[concern] = Home(settings, concern=concern, emf=voice.emf)
        return _HOMES[concern]


def _about(arrived: Event) -> Delivery:
    return Delivery(published=arrived.seconds, traceparent=arrived.traceparent)


def close() -> None:
    """End every home of this process, for tests and orderly shutdowns."""
    with _LOCK:
        for home in _HOMES.values():
            home.close()
        _HOMES.clear()
        _GATES.clear()


def _gate(concern: str) -> Gate:
    """
    The checks of this instance, made once and without a home: what is refused wires nothing.

    Raises:
        Unavailable: A setting is wrong; what came must come again when it is mended.
    """
    with _LOCK:
        if concern not in _GATES:
            with _as_unavailable():
                settings = read()
            log_to_stderr(settings.log_level)
            _GATES[concern] = Gate(settings, concern, lambda: _publishers(concern), SystemClock())
        return _GATES[concern]


def _admitted(concern: str, request: Request) -> Gate:
    """
    The gate, after it has let the caller in.

    Raises:
        Untrusted, Unavailable: It has not, or cannot say.
    """
    gate = _gate(concern)
    with _as_unavailable():
        gate.admit(request.headers)
    return gate


def _publishers(concern: str) -> Publishers:
    with _as_unavailable():
        return _home(concern).ports.sources.publishers()


@contextmanager
def _as_unavailable() -> Iterator[None]:
    """A fault of ours, such as a wrong setting, is no fault of the event that came meanwhile."""
    try:
        yield
    except Invalid as error:
        raise Unavailable(str(error)) from error


def _turned_away(concern: str, error: FederationError) -> Answer:
    """What a caller is answered whose call or event goes no further."""
    why = _fail(concern, error)
    match error:
        case Untrusted(reason=reason) if reason == STALE:
            return "", 204, {}  # it grows no younger; the resync has looked there since
        case Untrusted(reason=reason):
            return _text(why, 401 if reason in _UNAUTHENTICATED else 403)
        case Invalid():
            return _text(why, 400)
        case _:
            return _text(why, 503)


def _json(body: bytes) -> Any:
    return event.parse(body, _BODY)


def _fail(concern: str, error: FederationError, voice: Voice = QUIET) -> str:
    """What went wrong, in one line for the log and the caller."""
    tell(refusal(concern, error), logging.WARNING, voice=voice)
    return str(error)[:_WHY]


def _text(text: str, status: int) -> Answer:
    return text, status, {"Content-Type": "text/plain; charset=utf-8"}
