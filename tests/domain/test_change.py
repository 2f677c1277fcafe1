"""Changes and plans as data."""

import json

import pytest

from fedingress.domain.change import Create, Delete, Plan, Update, as_json
from fedingress.domain.graph import GlobalResource, Kind
from fedingress.domain.member import MemberObject
from fedingress.domain.record import RecordSet


def record(*values):
    """A record set of a.com."""
    return RecordSet(name="a.com", type="A", ttl_seconds=60, values=values)


SERVICE = {"kind": "Service", "metadata": {"namespace": "shop", "name": "web"}}
THINGS = {
    "a record set": (
        record("192.0.2.1"),
        "A a.com",
        {"name": "a.com", "type": "A", "ttl_seconds": 60, "values": ["192.0.2.1"]},
    ),
    "an object in a member": (
        MemberObject(cluster="a", manifest=SERVICE),
        "a: Service shop/web",
        SERVICE,
    ),
    "a global resource": (
        GlobalResource(kind=Kind.URL_MAP, project="p", name="um", spec={"host": None}),
        "p: urlMaps um",
        {"host": None},
    ),
}


@pytest.mark.parametrize("name", THINGS)
def test_every_kind_of_change_is_json_with_its_label_and_reason(name):
    """`--output json` names what is changed, how and why, and shows both sides."""
    thing, what, body = THINGS[name]
    create = Create(desired=thing, why="is missing")
    update = Update(observed=thing, desired=thing, fields=("a", "b"), why="differs")
    delete = Delete(observed=thing, why="is surplus")
    told = json.loads(json.dumps([as_json(each) for each in (create, update, delete)]))

    assert told == [
        {"action": "create", "what": what, "why": "is missing", "desired": body},
        {
            "action": "update",
            "what": what,
            "why": "differs",
            "fields": ["a", "b"],
            "observed": body,
            "desired": body,
        },
        {"action": "delete", "what": what, "why": "is surplus", "observed": body},
    ]


def test_an_update_shows_what_was_observed_and_what_is_desired():
    """The two sides are not mixed up."""
    update = Update(
        observed=record("192.0.2.1"), desired=record("192.0.2.2"), fields=("values",), why="moved"
    )
    told = as_json(update)

    assert told["observed"]["values"] == ["192.0.2.1"]
    assert told["desired"]["values"] == ["192.0.2.2"]


def test_a_plan_is_true_when_it_changes_something():
    """What is held changes nothing; changes come in their order and are counted by kind."""
    create = Create(desired=record("192.0.2.1"), why="x")
    delete = Delete(observed=record("192.0.2.2"), why="y")
    plan = Plan(changes=(create, delete, create), held=("z",))

    assert not Plan(held=("a brake",))
    assert plan
    assert [*plan] == [create, delete, create]
    assert plan.counts() == {"create": 2, "update": 0, "delete": 1}
