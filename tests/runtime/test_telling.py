"""The line: what each cloud understands of it, what Prometheus is told, what nobody forges."""

import json
import logging
import time

import pytest

from fedingress.domain.errors import Invalid, Unavailable, Untrusted
from fedingress.runtime.event import Oversized
from fedingress.runtime.figures import FIGURES, Figures
from fedingress.runtime.telling import Voice, refusal, tell
from fedingress.watcher.exposition import exposition

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
LINE = {
    "concern": "fanout",
    "outcome": "settled",
    "rounds": 2,
    "milliseconds": 250,
    "bus_milliseconds": 1500,
    "act_milliseconds": 20,
    "creates": 3,
    "updates": 0,
    "deletes": 0,
    "held": 1,
    "calls": {"clusters.read": 4, "queue.write": 2},
}


@pytest.fixture
def told(caplog):
    """`told(line, ...)` gives the JSON that it leaves."""
    caplog.set_level(logging.DEBUG, "fedingress")

    def call(line, level=logging.INFO, **more):
        caplog.clear()
        tell(line, level, **more)
        return json.loads(caplog.records[-1].getMessage())

    return call


def test_google_knows_severity_and_trace(told):
    """The fields by which Cloud Logging joins lines of one trace."""
    line = told(LINE, logging.WARNING, voice=Voice(project="lab-1"), traceparent=TRACE)

    assert line["severity"] == "WARNING"
    assert line["trace"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert line["logging.googleapis.com/trace"] == f"projects/lab-1/traces/{line['trace']}"
    assert line["logging.googleapis.com/spanId"] == "00f067aa0ba902b7"
    assert "_aws" not in line


def test_elsewhere_no_field_of_google_is_told(told):
    """Without a project the trace's id stands alone, and without a trace nothing does."""
    line = told(LINE, traceparent=TRACE)
    assert not [name for name in line if name.startswith("logging.")]
    assert "trace" not in told(LINE)


def test_amazon_extracts_metrics_from_the_line(told):
    """Each metric and dimension that is named stands at the top of the line."""
    line = told(LINE, voice=Voice(emf=True))
    directives = line["_aws"]["CloudWatchMetrics"]
    names = {each["Name"]: each["Unit"] for d in directives for each in d["Metrics"]}

    assert abs(line["_aws"]["Timestamp"] / 1000 - time.time()) < 60
    assert {d["Namespace"] for d in directives} == {"Fedingress"}
    assert all(isinstance(line[name], int) for name in names)
    assert names["milliseconds"] == names["bus_milliseconds"] == "Milliseconds"
    assert names["held"] == names["creates"] == names["invocations"] == "Count"
    dimensions = {name for d in directives for group in d["Dimensions"] for name in group}
    assert dimensions == {"concern", "outcome"}
    assert all(isinstance(line[name], str) for name in dimensions)
    assert "queue_milliseconds" not in names  # what the line does not say


def test_amazon_counts_refusals(told):
    """By door and reason; what is no refusal and no invocation carries no metric."""
    line = told(refusal("fanout", Untrusted("forged", "x")), voice=Voice(emf=True))
    (directive,) = line["_aws"]["CloudWatchMetrics"]

    assert line["refusals"] == 1
    assert directive["Dimensions"] == [["door", "reason"]]
    assert "_aws" not in told(refusal("fanout", Unavailable("down")), voice=Voice(emf=True))


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (Untrusted("forged", "x"), "refused-event", "forged"),
        (Invalid("x"), "refused-event", "malformed"),
        (Oversized("x"), "refused-event", "oversized"),
        (Unavailable("x"), "unavailable", None),
    ],
)
def test_a_refusal_has_a_word(error, outcome, reason):
    """What is wrong with an event is counted by it; what is wrong with us is not."""
    line = refusal("fanout", error)
    assert (line["outcome"], line.get("reason")) == (outcome, reason)


def test_prometheus_is_told_the_sum(told):
    """Lines add up, by concern and outcome, action, kind and phase; zeros are not shown."""
    figures = Figures()
    figures.count(LINE)
    figures.count(LINE | {"outcome": "later"})
    figures.count(refusal("fanout", Untrusted("forged", "x")))
    page = exposition(figures.metrics())

    for sample in (
        'fedingress_invocations_total{concern="fanout",outcome="later"} 1',
        'fedingress_refusals_total{door="fanout",reason="forged"} 1',
        'fedingress_rounds_total{concern="fanout"} 4',
        'fedingress_changes_total{action="create",concern="fanout"} 6',
        'fedingress_held_total{concern="fanout"} 2',
        'fedingress_calls_total{concern="fanout",kind="clusters.read"} 8',
        'fedingress_seconds_total{concern="fanout",phase="bus"} 3',
    ):
        assert f"\n{sample}\n" in page
    assert 'action="delete"' not in page


def test_lines_are_counted_though_nobody_reads_them():
    """A level above the line's drops its text and not its figures."""
    log = logging.getLogger("fedingress-quiet")
    log.setLevel(logging.ERROR)

    def count():
        page = exposition(FIGURES.metrics())
        return page.count('fedingress_refusals_total{door="test-of-counting"')

    before = count()
    tell(refusal("test-of-counting", Invalid("x")), logging.WARNING, log=log)
    assert (before, count()) == (0, 1)


def test_foreign_text_is_escaped(told, caplog):
    """No text of others ends the line or fills the log."""
    line = told({"concern": "fanout", "outcome": "x", "why": "\n\x1b[31m" + "y" * 1000})

    assert len(caplog.records[-1].getMessage().splitlines()) == 1
    assert line["why"].startswith("\\u000a\\u001b[31m")
    assert len(line["why"]) == 256
