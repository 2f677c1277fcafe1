"""What an invocation of a door leaves in the log, on both clouds, and what it costs the store."""

import json
import re
import sys
import time

import pytest

from fedingress.adapters.buses.pubsub import PubSubBus
from fedingress.domain.event import rfc3339
from fedingress.runtime import door
from tests.doors.home import UNITS, event, push, records

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def lines(capfd):
    """`lines()` ends the doors and gives what they have told of fan-out, tick and repair."""

    def read():
        door.close()
        found = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
        return [line for line in found if line.get("concern") in {"fanout", "tick", "repair"}]

    return read


def sent(id_="event-1"):
    return event(id_=id_) | {"time": rfc3339(time.time() - 2), "traceparent": TRACE}


def test_google_is_told_what_was_done_and_how_long_it_took(home, google, lines, monkeypatch):
    """Cold once; the time on the bus; calls by kind; the trace of the event, by Google's name."""
    home.submit()
    monkeypatch.setenv("FEDINGRESS_BUS", "pubsub:lab-1/work")
    monkeypatch.setattr(PubSubBus, "publish", lambda _bus, works: list(works))
    client = google("fanout")
    for n in range(2):
        client.post("/", json=push(sent(f"event-{n}")))
    first, second = lines()

    assert (first["cold"], second["cold"]) == (True, False)
    assert 1900 < first["bus_milliseconds"] < 60_000
    phases = [first[f"{name}_milliseconds"] for name in ("queue", "observe", "decide", "act")]
    assert all(isinstance(each, int) for each in phases)
    assert sum(phases) <= first["milliseconds"] + 5
    assert first["calls"]["sources.read"] >= 1
    assert first["calls"]["bus.write"] == 1
    assert first["trace"] == TRACE.split("-")[1]
    assert first["logging.googleapis.com/trace"] == f"projects/lab-1/traces/{first['trace']}"
    assert "_aws" not in first


def test_the_store_is_asked_no_more_than_before(home, google, lines):
    """One read and two writes for the lease of an event that finds its unit free."""
    home.submit()
    google("fanout").post("/", json=push(sent()))
    (line,) = lines()

    assert {name: n for name, n in line["calls"].items() if name.startswith("queue")} == {
        "queue.read": 1,
        "queue.write": 2,
    }


def test_amazon_finds_its_metrics_in_the_line(home, amazon, lines):
    """The line of a batch's record carries them; no call to CloudWatch is made."""
    home.submit()
    amazon("fanout")(records(sent()), None)
    (line,) = lines()

    names = {m["Name"] for d in line["_aws"]["CloudWatchMetrics"] for m in d["Metrics"]}
    assert {"invocations", "bus_milliseconds", "rounds", "creates"} <= names
    assert line["trace"] == TRACE.split("-")[1]


def test_amazon_counts_what_it_refuses(home, amazon, capfd):
    """By door and reason, before anything is wired."""
    amazon("fanout")(records(event("dns")), None)
    (line,) = [json.loads(each) for each in capfd.readouterr().err.splitlines()]

    assert (line["door"], line["reason"], line["refusals"]) == ("fanout", "wrong-concern", 1)
    assert "_aws" in line
    assert not home.store.exists()


@pytest.mark.parametrize("name", ["tick", "repair"])
def test_ticks_and_repairs_are_told_too(home, google, lines, name):
    """Their lines say what they found, and how long it took."""
    home.submit()
    google(name).post("/", json={"concern": "fanout", "unit": UNITS["fanout"]})
    line = next(line for line in lines() if line["concern"] == name)

    assert line["cold"] is True
    assert line["why"]
    assert line["outcome"] == {"tick": "settled", "repair": "planned"}[name]
    assert re.fullmatch("[0-9a-f]{32}", line["trace"])


def test_a_tick_that_fails_is_a_warning(home, google, lines, monkeypatch):
    """With the reason, and the outcome by which it is counted."""
    monkeypatch.setenv("FEDINGRESS_SOURCES", "cluster")
    monkeypatch.setenv("FEDINGRESS_KUBECONFIG", str(home.sources / "missing"))
    google("tick").post("/")
    (line,) = [line for line in lines() if line["concern"] == "tick"]

    assert (line["outcome"], line["severity"]) == ("failed", "WARNING")
    assert "missing" in line["why"]


def test_traces_need_their_package(home, google, monkeypatch):
    """Asked for spans without the API, a door says what is missing."""
    monkeypatch.setenv("FEDINGRESS_TRACES", "otel")
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    answer = google("fanout").post("/", json=push(event()))

    assert answer.status_code == 503
    assert "opentelemetry-api" in answer.text
