"""The doors on Google Cloud: what a push is answered, behind the real functions framework."""

import json
import threading

import pytest

from fedingress.domain.work import CONCERNS, Work
from fedingress.runtime import door
from tests.doors.home import EVENTS, NO_EVENTS, UNITS, event, push
from tests.localcloud.gce import until


@pytest.mark.parametrize("concern", CONCERNS)
def test_each_door_runs_its_concern(home, google, concern):
    """A push for the door's concern is acknowledged, and its unit's run is over."""
    home.submit()
    answer = google(concern).post("/", json=push(event(concern)))

    assert (answer.status_code, answer.data) == (204, b"")
    assert home.done(concern) >= 1


def test_the_concern_says_what_it_found(home, google):
    """Fan-out refuses the Ingress, and status, which follows, writes why upon it."""
    home.submit()
    golden = json.loads((EVENTS / "pubsub_push.json").read_text(encoding="utf-8"))
    assert google("fanout").post("/", json=golden).status_code == 204

    accepted = until(lambda: home.conditions().get("Accepted"), "a condition")
    assert accepted["status"] == "False"
    assert "global" in accepted["message"]


def test_the_door_of_another_concern_refuses(home, google):
    """An event for dns is no work of fanout; nothing is kept of it."""
    answer = google("fanout").post("/", json=push(event("dns")))

    assert answer.status_code == 403
    assert answer.text == "an event for dns came to the door of fanout"
    assert not home.store.exists()


@pytest.mark.parametrize("data", NO_EVENTS.values(), ids=NO_EVENTS)
def test_what_is_no_event_is_refused(home, google, data):
    """A push that cannot be decoded is answered 400, with the reason, and wires nothing."""
    answer = google("fanout").post("/", json={"message": {"data": data}})

    assert answer.status_code == 400
    assert answer.text
    assert not home.store.exists()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 50_000, b" " * 70_000, b"\xff"])
def test_what_is_no_push_is_refused(home, google, body):
    """Bodies of any kind are answered 400, however long or deep."""
    assert google("fanout").post("/", data=body).status_code == 400


@pytest.mark.parametrize(
    "unit", ["../../etc/passwd", "shop/shop;x", "cloud-dns:lab/zone", "a" * 900]
)
def test_hostile_units_are_refused(home, google, unit):
    """A unit in another shape never reaches a concern."""
    assert google("fanout").post("/", json=push(event(unit=unit))).status_code == 400
    assert not home.store.exists()


def test_the_holders_own_redelivery_is_put_off(home, google):
    """While a run lasts, its own event is asked for again, and another one is remembered."""
    home.submit()
    work = Work(concern="fanout", unit=UNITS["fanout"], cause="ingress.changed")
    home.store.parent.mkdir()
    home.queue().take(work, "//fedingress.dev/tests#event-1")
    client = google("fanout")

    assert client.post("/", json=push(event())).status_code == 429
    assert client.post("/", json=push(event(id_="event-2"))).status_code == 204
    assert home.queue().state("fanout", UNITS["fanout"]).wanted == 2


def test_a_store_that_does_not_answer_is_told(home, google):
    """A store that cannot be opened is answered 503, so that the event comes again."""
    home.store.mkdir(parents=True)
    answer = google("fanout").post("/", json=push(event()))

    assert answer.status_code == 503
    assert str(home.store) in answer.text


def test_wrong_settings_are_told_until_they_are_mended(home, google, monkeypatch):
    """Every fault is in the answer; with the setting mended the next push is served."""
    home.submit()
    client = google("fanout")
    monkeypatch.setenv("FEDINGRESS_WORKERS", "many")
    monkeypatch.setenv("FEDINGRESS_FANOUT", "3")
    broken = client.post("/", json=push(event()))
    assert broken.status_code == 503
    assert "FEDINGRESS_WORKERS" in broken.text
    assert "FEDINGRESS_FAN_OUT meant" in broken.text

    monkeypatch.setenv("FEDINGRESS_WORKERS", "2")
    monkeypatch.delenv("FEDINGRESS_FANOUT")
    assert client.post("/", json=push(event())).status_code == 204


def test_first_pushes_at_the_same_time_wire_once(home, google, monkeypatch):
    """Eight first pushes at once share one instance."""
    home.submit()
    made, real = [], door.Home
    monkeypatch.setattr(door, "Home", lambda *a, **k: made.append(real(*a, **k)) or made[-1])
    client = google("fanout").application
    codes = []

    def post(number):
        answer = client.test_client().post("/", json=push(event(id_=f"event-{number}")))
        codes.append(answer.status_code)

    threads = [threading.Thread(target=post, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert codes == [204] * 8
    assert len(made) == 1


def test_one_line_of_json_per_invocation(home, google, capfd):
    """The log says concern, unit, delivery and outcome on one line at the level that is set."""
    home.submit()
    google("fanout").post("/", json=push(event()))
    door.close()

    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    (line,) = [line for line in lines if line.get("concern") == "fanout"]
    assert line["unit"] == "shop/shop"
    assert line["delivery"] == "//fedingress.dev/tests#event-1"
    assert line["outcome"] == "refused"
