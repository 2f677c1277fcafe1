"""The doors on AWS: batches of SQS records, bare and through SNS, and what is delivered again."""

import json

import pytest

from fedingress.domain.errors import Invalid
from fedingress.domain.work import CONCERNS, Work
from tests.doors.home import EVENTS, NO_EVENTS, UNITS, event, failed, notification, records
from tests.localcloud.gce import until


def golden(name):
    return json.loads((EVENTS / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("concern", CONCERNS)
def test_each_door_runs_its_concern(home, amazon, concern):
    """A record for the door's concern is taken, and its unit's run is over."""
    home.submit()

    assert failed(amazon(concern)(records(event(concern)), None)) == []
    assert home.done(concern) >= 1


@pytest.mark.parametrize("name", ["sqs_bare.json", "sqs_sns.json"])
def test_records_come_bare_and_through_sns(home, amazon, name):
    """Both golden records start fan-out, and status writes what came of it."""
    home.submit()

    assert failed(amazon("fanout")({"Records": [golden(name)]}, None)) == []
    assert until(lambda: home.conditions().get("Accepted"), "a condition")["status"] == "False"


def test_only_what_failed_comes_again(home, amazon):
    """Of a mixed batch exactly the records that no door takes are failures, in their order."""
    home.submit()
    batch = records(
        event(),
        "not JSON",
        event("dns"),
        notification(event(id_="event-2")),
        event(unit="../../etc/passwd"),
        json.dumps({"Type": "Notification", "Message": "\ud800"}),
        "[" * 16_000,
        event(id_="event-3"),
    )

    assert failed(amazon("fanout")(batch, None)) == ["m1", "m2", "m4", "m5", "m6"]
    assert home.done("fanout") == 3


@pytest.mark.parametrize("data", NO_EVENTS.values(), ids=NO_EVENTS)
def test_what_is_no_event_comes_again(home, amazon, data):
    """Undecodable records are failures, so that they end among the dead letters."""
    assert failed(amazon("fanout")(records(data), None)) == ["m0"]
    assert not home.store.exists()


@pytest.mark.parametrize("record", [None, 7, "x", {}, {"body": None}, {"body": {}}])
def test_records_without_an_id_fail_the_batch(home, amazon, record):
    """An empty id makes SQS deliver all again, and the others were taken all the same."""
    home.submit()
    batch = {"Records": [record, *records(event())["Records"]]}

    assert failed(amazon("fanout")(batch, None)) == [""]
    assert home.done("fanout") == 1


@pytest.mark.parametrize("call", [{}, {"Records": None}, {"Records": {}}, [], None, "x"])
def test_what_is_no_batch_is_an_error(home, amazon, call):
    """An invocation without records is told to whoever made it, not passed over."""
    with pytest.raises(Invalid, match="no Records"):
        amazon("fanout")(call, None)


def test_an_empty_batch_has_no_failures(home, amazon):
    """No records, no failures, nothing wired."""
    assert failed(amazon("fanout")({"Records": []}, None)) == []
    assert not home.store.exists()


def test_the_holders_own_redelivery_is_put_off(home, amazon):
    """While a run lasts, its own record comes again later, and another's is remembered."""
    home.submit()
    work = Work(concern="fanout", unit=UNITS["fanout"], cause="ingress.changed")
    home.store.parent.mkdir()
    home.queue().take(work, "//fedingress.dev/tests#event-1")

    assert failed(amazon("fanout")(records(event(), event(id_="event-2")), None)) == ["m0"]


def test_a_store_that_does_not_answer_fails_every_record(home, amazon):
    """Everything comes again when the store cannot be opened, and the door does not break."""
    home.store.mkdir(parents=True)

    assert failed(amazon("fanout")(records(event(), event(id_="event-2")), None)) == ["m0", "m1"]


def test_wrong_settings_fail_every_record(home, amazon, monkeypatch):
    """With a wrong setting everything comes again, and nothing is lost."""
    monkeypatch.setenv("FEDINGRESS_STORE", "redis:")

    assert failed(amazon("fanout")(records(event()), None)) == ["m0"]
