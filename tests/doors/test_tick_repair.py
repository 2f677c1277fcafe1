"""The doors of the scheduler and of repair by hand, both ways."""

import json

import pytest

from fedingress.domain.errors import FederationError, Invalid
from fedingress.domain.outcome import Later
from fedingress.domain.work import Work
from tests.doors.home import EVENTS, UNITS
from tests.localcloud.gce import until

FANOUT = {"concern": "fanout", "unit": "shop/shop"}
SCHEDULED = json.loads((EVENTS / "eventbridge_schedule.json").read_text(encoding="utf-8"))


def fall_due(home):
    """Somebody's run of fan-out was put off, and its time has come."""
    home.store.parent.mkdir()
    queue = home.queue()
    lease = queue.take(Work(concern="fanout", unit=UNITS["fanout"], cause="test"), "earlier")
    queue.settle(lease, Later(after_seconds=0.0, why="test"))


def test_a_tick_brings_back_what_is_due(home, google):
    """On Google Cloud: the tick says how much is due, and that is run."""
    home.submit()
    fall_due(home)
    answer = google("tick").post("/")

    assert (answer.status_code, answer.text[:5]) == (200, "1 due")
    until(lambda: home.done("fanout"), "fan-out to run")


def test_a_scheduled_tick_brings_back_what_is_due(home, amazon):
    """On AWS: the scheduler's event starts the same."""
    home.submit()
    fall_due(home)

    assert amazon("tick")(SCHEDULED, None)["summary"].startswith("1 due")
    until(lambda: home.done("fanout"), "fan-out to run")


def test_a_tick_that_cannot_list_fails(home, google, amazon, monkeypatch):
    """Sources that cannot be read are an error of the tick, never an empty list."""
    monkeypatch.setenv("FEDINGRESS_SOURCES", "cluster")
    monkeypatch.setenv("FEDINGRESS_KUBECONFIG", str(home.sources / "missing"))

    assert google("tick").post("/").status_code == 503
    with pytest.raises(FederationError, match="missing"):
        amazon("tick")(SCHEDULED, None)


def test_repair_looks_unless_it_is_told_to_act(home, google):
    """Without dry_run set to false, the plan comes back and nothing is leased."""
    home.submit()
    answer = google("repair").post("/", json=FANOUT)

    assert answer.status_code == 200
    assert answer.json == FANOUT | {"dry_run": True, "changes": [], "held": answer.json["held"]}
    assert any("global" in text for text in answer.json["held"])
    assert home.queue().state("fanout", "shop/shop").wanted == 0


def test_repair_acts_under_the_lease(home, amazon):
    """With dry_run false the concern runs through the queue, and what is left is told."""
    home.submit()
    found = amazon("repair")(FANOUT | {"dry_run": False}, None)

    assert (found["dry_run"], found["left"]) == (False, [])
    assert home.done("fanout") == 1


def test_repair_goes_ahead_of_a_back_off(home, amazon):
    """A unit that waits after failures is run at once."""
    home.submit()
    home.store.parent.mkdir()
    queue = home.queue()
    lease = queue.take(Work(concern="fanout", unit=UNITS["fanout"], cause="test"), "earlier")
    queue.settle(lease, Later(after_seconds=900.0, why="test"))
    amazon("repair")(FANOUT | {"dry_run": False}, None)

    assert home.done("fanout") == 2


@pytest.mark.parametrize(
    "call",
    [
        [],
        None,
        {},
        FANOUT | {"dry_run": "false"},
        FANOUT | {"dry_run": None},
        FANOUT | {"unit": "shop"},
        FANOUT | {"concern": "tick"},
        {"concern": "dns", "unit": "shop/shop"},
    ],
)
def test_wrong_calls_are_refused_with_reasons(home, google, amazon, call):
    """A call that asks for nothing known is answered 400, or raises, and wires nothing."""
    answer = google("repair").post("/", json=call)
    assert answer.status_code == 400
    assert answer.text

    with pytest.raises(Invalid):
        amazon("repair")(call, None)
    assert not home.store.exists()


def test_repair_of_what_is_not_there_has_no_changes(home, google):
    """An Ingress that does not exist needs nothing."""
    answer = google("repair").post("/", json={"concern": "fanout", "unit": "shop/other"})

    assert answer.status_code == 200
    assert answer.json["changes"] == []


def test_repair_without_sources_is_told(home, google, monkeypatch):
    """Sources that cannot be read are answered 503, with the reason."""
    monkeypatch.setenv("FEDINGRESS_SOURCES", "cluster")
    monkeypatch.setenv("FEDINGRESS_KUBECONFIG", str(home.sources / "missing"))
    answer = google("repair").post("/", json=FANOUT)

    assert answer.status_code == 503
    assert "missing" in answer.text
