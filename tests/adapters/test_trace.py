"""Traces: one id from the event to what is published, with OpenTelemetry and without."""

import json
import re
import sys

import pytest

from fedingress.adapters import trace
from fedingress.adapters.buses.messages import message
from fedingress.domain.errors import Invalid
from fedingress.domain.event import decode
from fedingress.domain.work import Work

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SHAPE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]")
WORK = Work(concern="fanout", unit="shop/shop", cause="changed")


def published():
    return decode(json.loads(message(WORK, "//x").text)).traceparent


def test_what_a_run_publishes_belongs_to_its_trace():
    """The same trace, each time another span, and sampled as the parent is."""
    parent = PARENT[:-2] + "00"
    with trace.span("fanout", parent, {}) as traceparent:
        first, second = published(), published()

    assert trace.trace_id(first) == trace.trace_id(second) == trace.trace_id(parent)
    spans = [trace.span_id(each) for each in (parent, traceparent, first, second)]
    assert len(set(spans)) == 4
    assert first.endswith("-00")


def test_what_nobody_asked_for_begins_a_trace():
    """A watcher's event, or a run without a parent; outside of it nothing is left."""
    with trace.span("tick", "", {}) as traceparent:
        assert trace.trace_id(published()) == trace.trace_id(traceparent)
    assert trace.current() == ""
    one, other = published(), published()
    assert SHAPE.fullmatch(one)
    assert trace.trace_id(one) != trace.trace_id(other)


def test_no_trace_has_no_ids():
    """Empty is empty."""
    assert (trace.trace_id(""), trace.span_id("")) == ("", "")


def test_a_missing_api_is_told(monkeypatch):
    """With the package that is needed."""
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    with pytest.raises(Invalid, match="opentelemetry-api"):
        trace.require_otel()


def test_without_an_exporter_the_trace_goes_on():
    """The API alone makes no spans; events carry their trace all the same."""
    pytest.importorskip("opentelemetry.trace")
    trace.require_otel()
    with trace.span("fanout", PARENT, {}, otel=True) as traceparent:
        assert trace.trace_id(traceparent) == trace.trace_id(PARENT)
        assert trace.span_id(traceparent) != trace.span_id(PARENT)
        assert trace.trace_id(published()) == trace.trace_id(PARENT)
    with trace.span("fanout", "", {}, otel=True) as traceparent:
        assert SHAPE.fullmatch(traceparent)


def test_an_exporter_sees_the_runs(monkeypatch):
    """A span of the concern's name under the event's, from which what is published descends."""
    pytest.importorskip("opentelemetry.sdk.trace")
    from opentelemetry import trace as api
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(api, "get_tracer", provider.get_tracer)
    with trace.span("fanout", PARENT, {"fedingress.unit": "shop/shop"}, otel=True) as traceparent:
        child = published()
    provider.shutdown()

    (found,) = exporter.get_finished_spans()
    assert found.name == "fanout"
    assert found.attributes["fedingress.unit"] == "shop/shop"
    assert f"{found.parent.span_id:016x}" == trace.span_id(PARENT)
    assert f"{found.context.span_id:016x}" == trace.span_id(traceparent)
    assert trace.trace_id(child) == f"{found.context.trace_id:032x}"
