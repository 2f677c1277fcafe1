"""
One trace from a watcher's event to its last effect, in the headers of W3C Trace Context.

An event carries its `traceparent`; the run that it starts is a part of that trace, and so is every
event that the run publishes. With `otel` the runs are spans of the OpenTelemetry API too, for
whatever exporter the process was started with; without one, nothing but the header is made.

Source: W3C Trace Context, version 00; OpenTelemetry API, `trace`.
"""

# ruff: noqa: PLC0415  OpenTelemetry is loaded where it is asked for (33 ms)

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from fedingress.domain.errors import Invalid

_CURRENT: Final[ContextVar[str]] = ContextVar("traceparent", default="")
_SAMPLED: Final = "01"


def current() -> str:
    """The traceparent of what this thread does; empty outside of a span."""
    return _CURRENT.get()


def next_traceparent() -> str:
    """A traceparent for an event that is published now: within the current trace, or a new one."""
    return _child(current())


def trace_id(traceparent: str) -> str:
    """The id of the whole trace; empty for none."""
    return traceparent.split("-")[1] if traceparent else ""


def span_id(traceparent: str) -> str:
    """The id of the span; empty for none."""
    return traceparent.split("-")[2] if traceparent else ""


@contextmanager
def span(
    name: str, parent: str, attributes: Mapping[str, str], *, otel: bool = False
) -> Iterator[str]:
    """
    A span within the trace of *parent*, or a new trace; gives its traceparent.

    Args:
        name: What is done.
        parent: The traceparent of whoever asked; decoded, or empty.
        attributes: For the span of OpenTelemetry.
        otel: Whether there is one.
    """
    with _otel(name, parent, attributes) if otel else _plain(parent) as traceparent:
        token = _CURRENT.set(traceparent)
        try:
            yield traceparent
        finally:
            _CURRENT.reset(token)


def require_otel() -> None:
    """
    Return if OpenTelemetry's API is installed.

    Raises:
        Invalid: It is not.
    """
    try:
        import opentelemetry.trace  # noqa: F401
    except ImportError as error:
        raise Invalid("FEDINGRESS_TRACES=otel needs the package opentelemetry-api") from error


@contextmanager
def _plain(parent: str) -> Iterator[str]:
    yield _child(parent)


@contextmanager
def _otel(name: str, parent: str, attributes: Mapping[str, str]) -> Iterator[str]:
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    propagator = TraceContextTextMapPropagator()
    context = propagator.extract({"traceparent": parent} if parent else {})
    tracer = trace.get_tracer("fedingress")
    with tracer.start_as_current_span(
        name, context=context, kind=trace.SpanKind.CONSUMER, attributes=dict(attributes)
    ) as made:
        carrier: dict[str, str] = {}
        propagator.inject(carrier)
        own = made.is_recording() and carrier.get("traceparent")
        yield own or _child(parent)


def _child(parent: str) -> str:
    """A new span of the same trace, sampled as the parent is."""
    if parent:
        version, trace, _, flags = parent.split("-")
        return f"{version}-{trace}-{_id(8)}-{flags}"
    return f"00-{_id(16)}-{_id(8)}-{_SAMPLED}"


def _id(size: int) -> str:
    """Random, and never all zero, which means none."""
    return os.urandom(size - 1).hex() + "01"
