"""
One delivery of one request: take the lease, run the concern, settle. Every door ends here.

An invocation is told on one JSON line of the logger `fedingress`, by `telling`.
"""

import logging
import traceback
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from fedingress.adapters import trace
from fedingress.domain.errors import Conflict, FederationError, LeaseLost, Unavailable
from fedingress.domain.outcome import Later, Outcome, Refused, Settled
from fedingress.domain.work import DUE, FORCE, REPAIR, Work
from fedingress.ports.bus import Bus
from fedingress.ports.guard import Guard
from fedingress.runtime.metering import Meter
from fedingress.runtime.queue import Acknowledged, Lease, NotYet, Released, WorkQueue, reason
from fedingress.runtime.telling import QUIET, Voice, tell, text

LOG: Final = logging.getLogger("fedingress")
Reconcile = Callable[[Work, Guard], Outcome]
_CONFLICTS: Final = 3
_TROUBLE: Final = {"crashed", "failed", "lease-lost", "store-unavailable"}
_FRAMES: Final = 30
_FIRST_DELAY: Final = 2.0
_LAST_DELAY: Final = 240.0
_JITTER: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """
    What is known of a delivery beside its work.

    published: when its event was, in Unix seconds, if that is known.
    traceparent: what it is a part of, or empty.   cold: whether it is the first of its instance.
    """

    published: float | None = None
    traceparent: str = ""
    cold: bool = False


UNKNOWN: Final = Delivery()


def invoke(
    work: Work,
    delivery: str,
    *,
    queue: WorkQueue,
    bus: Bus,
    reconcile: Reconcile,
    log: logging.Logger = LOG,
    about: Delivery = UNKNOWN,
    voice: Voice = QUIET,
    meter: Meter | None = None,
) -> Acknowledged | NotYet:
    """
    Run *reconcile* for *work* unless another run covers it.

    A run that ends while requests came in is followed by another, up to the queue's rounds and the
    half of the lease; then the lease is freed and a continuation published. An error of *reconcile*
    becomes a `Later` with a delay that grows with each failure in a row (`failure_delay`).

    Args:
        work: The request; the cause `repair` does not wait for the end of a back-off.
        delivery: The event's id, the same in each of its redeliveries.
        queue: Its store holds the unit's document.
        bus: Takes the continuation or the return after a `Later`.
        reconcile: Observes, decides, acts; gets the guard of its writes. `Conflict` runs it again,
            three times at most; `LeaseLost` ends the invocation, which is due again when the lease
            would have ended, unless another has the unit by now.
        log: Gets the line.
        about: For the line: when the event was published, and of which trace.
        voice: How the line is told.
        meter: Has counted what *queue* and *reconcile* call; one that counts nothing if left out.

    Returns:
        `NotYet` for the holder's own redelivery and where another took the unit over: the transport
        delivers again.

    Raises:
        Unavailable: The store cannot be read or written.
    """
    meter = meter or Meter(queue.clock.now)
    line = _line(work, delivery) | {"cold": about.cold}
    began = queue.clock.now()
    if about.published is not None:
        line["bus_milliseconds"] = _milliseconds(max(0.0, began - about.published))
    attributes = {"fedingress.unit": work.unit, "fedingress.cause": work.cause}
    with trace.span(work.concern, about.traceparent, attributes, otel=voice.otel) as traceparent:
        try:
            return _deliver(work, delivery, queue, bus, _Run(reconcile, meter, line))
        except LeaseLost as error:
            line |= {"outcome": "lease-lost", "why": str(error)}
            return NotYet(why=str(error))
        except Unavailable as error:
            line |= {"outcome": "store-unavailable", "why": str(error)}
            raise
        finally:
            line["milliseconds"] = _milliseconds(queue.clock.now() - began)
            line |= measured(meter)
            tell(line, _level(line), voice=voice, traceparent=traceparent, log=log)


@dataclass(frozen=True, slots=True)
class _Run:
    """What one invocation runs, counts and tells."""

    reconcile: Reconcile
    meter: Meter
    line: dict[str, Any]


def _deliver(
    work: Work, delivery: str, queue: WorkQueue, bus: Bus, run: _Run
) -> Acknowledged | NotYet:
    line = run.line
    with run.meter.phase("queue"):
        taken = queue.take(work, delivery, ahead=work.cause in {REPAIR, FORCE})
    if not isinstance(taken, Lease):
        line |= {"outcome": _word(taken), "why": taken.why}
        return taken
    back = _rounds(taken, queue, run)
    if back is not None:
        line["back_after_seconds"] = back
        _publish(bus, taken.work, delay_seconds=back, line=line)
    return Acknowledged(why=str(line["why"]))


def failure_delay(work: Work, attempts: int, *, at_least: float = 0.0) -> float:
    """
    Seconds to wait after *attempts* failures in a row: 2 to 300, doubling, or *at_least*.

    Units that fail together come back apart: up to a quarter is added, by a hash of unit and
    attempts, so equal arguments give an equal delay.
    """
    grown = min(_FIRST_DELAY * 2.0 ** min(attempts, 16), _LAST_DELAY)
    chance = zlib.crc32(f"{work.concern}/{work.unit}/{attempts}".encode()) / 2**32
    return float(max(grown, at_least) * (1 + _JITTER * chance))


def _line(work: Work, delivery: str) -> dict[str, Any]:
    """What the log says of an invocation that tells nothing more."""
    return {
        "concern": work.concern,
        "unit": work.unit,
        "cause": work.cause,
        "delivery": delivery,
        "attempt": 0,
        "rounds": 0,
        "outcome": "crashed",
        "why": "",
    }


def _rounds(lease: Lease, queue: WorkQueue, run: _Run) -> float | None:
    """
    Run until a run covers every request, at most for the rounds and the time that there are.

    Returns:
        In how many seconds the unit must come back; None when it is quiet.
    """
    conflicts, line, meter = iter(range(_CONFLICTS)), run.line, run.meter
    line["attempt"] = lease.state.attempts + 1
    while True:
        line["rounds"] += 1
        with meter.phase("run"):
            ended = _run(lease, run.reconcile, conflicts)
        failed = isinstance(ended, Exception)
        outcome = _after_failure(lease, ended, line) if isinstance(ended, Exception) else ended
        line |= {"outcome": _failure(ended) if failed else _word(outcome), "why": reason(outcome)}
        line["held"] = _held(outcome)
        with meter.phase("queue"):
            settled = queue.settle(lease, outcome, failed=failed)
        if isinstance(settled, Released):
            return _seconds_to_return(outcome)
        lease = settled.lease
        if (
            line["rounds"] >= queue.max_rounds
            or lease.remaining_seconds() < queue.lease_seconds / 2
        ):
            with meter.phase("queue"):
                queue.release_due(lease)
            return 0.0
        with meter.phase("queue"):
            lease = queue.start(lease)


def _held(outcome: Outcome) -> int:
    """How much was kept back: changes, or every reason of a refusal."""
    match outcome:
        case Settled(held=held):
            return held
        case Refused(reasons=reasons):
            return len(reasons)
        case _:
            return 0


def _seconds_to_return(outcome: Outcome) -> float | None:
    match outcome:
        case Later(after_seconds=seconds) | Settled(look_again_seconds=seconds):
            return seconds
        case _:
            return None


def _run(lease: Lease, reconcile: Reconcile, conflicts: Iterator[int]) -> Outcome | Exception:
    """One run, again after a conflict while *conflicts* lasts; raises nothing."""
    while True:
        try:
            return reconcile(lease.work, lease)
        except Conflict as error:
            if next(conflicts, None) is None:
                return error
        except Exception as error:  # noqa: BLE001  whatever broke, the need must be kept
            return error


def _after_failure(lease: Lease, error: Exception, line: dict[str, Any]) -> Later:
    at_least = error.after_seconds if isinstance(error, Unavailable) else 0.0
    if isinstance(
        error, LeaseLost
    ):  # too slow, or replaced; nobody works before it would have ended
        at_least = lease.remaining_seconds() + 2 * lease.skew_seconds
    if not isinstance(error, FederationError):
        line["traceback"] = _frames(error)
    return Later(
        after_seconds=failure_delay(lease.work, lease.state.attempts, at_least=at_least),
        why=text(f"{type(error).__name__}: {error}"),
    )


def _publish(bus: Bus, work: Work, *, delay_seconds: float, line: dict[str, Any]) -> None:
    """Send the unit back to the queue; the tick does it when the bus cannot."""
    try:
        bus.publish(
            [Work(concern=work.concern, unit=work.unit, cause=DUE, delay_seconds=delay_seconds)]
        )
    except FederationError as error:
        line["not_published"] = str(error)


def _word(what: object) -> str:
    """`Settled` is settled, `NotYet` is not-yet."""
    return "not-yet" if isinstance(what, NotYet) else type(what).__name__.lower()


def _failure(error: object) -> str:
    return "lease-lost" if isinstance(error, LeaseLost) else "failed"


def _level(line: dict[str, Any]) -> int:
    if "traceback" in line:
        return logging.ERROR
    return logging.WARNING if line["outcome"] in _TROUBLE else logging.INFO


def measured(meter: Meter) -> dict[str, Any]:
    """Phases, calls by kind and changes; of a delivery that ran nothing, only what there was."""
    found: dict[str, Any] = {
        f"{phase}_milliseconds": _milliseconds(meter.seconds(phase))
        for phase in ("queue", "observe", "decide", "act")
    }
    changes = {f"{name}s": meter.changes[name] for name in ("create", "update", "delete")}
    return found | changes | {"calls": dict(sorted(meter.calls.items()))}


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _frames(error: Exception) -> list[str]:
    """The traceback by place, innermost last, without the texts that a frame may hold."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
