"""The store is wiped at any moment: it costs time, and never a duplicate, a leak or an answer."""

import logging

import pytest

from fedingress.domain.ingress import IngressKey
from tests.functions.test_crash import begun, outcome, perform, prepare
from tests.functions.test_drain import scalers
from tests.functions.test_life import submitted
from tests.functions.test_review_dns import records, run
from tests.functions.world import KEY, ZONE, World, ingress_manifest

OTHER = IngressKey(namespace="shop", name="other")
VERBS = ("create", "update", "delete", "drain")


@pytest.fixture(autouse=True)
def _quiet():
    """Thousands of invocations are not worth a line each."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def start(verb: str) -> World:
    """A world in which *verb* has been asked for, and nothing has happened yet."""
    world = begun()
    prepare(world, verb)
    settle, world.settle = world.settle, lambda: None
    if verb == "drain":
        away = {"annotations": {"fedingress.dev/clusters": "gke-us"}}
        world.submit(ingress_manifest(metadata=away))
    else:
        perform(world, verb)
    world.settle = settle
    return world


def to_rest(world: World) -> None:
    """Ticks for as long as every unit has its turn, and then until nothing waits."""
    run(world, 660)
    world.settle()


def steps_of(verb: str) -> int:
    """How many deliveries the undisturbed verb takes."""
    world = start(verb)
    end, count = world.clock.at + 50.0, 0
    while world.clock.at < end and world.step():
        count += 1
    return count


@pytest.mark.parametrize("verb", VERBS)
def test_a_store_that_is_wiped_between_any_two_deliveries_changes_the_time_only(verb: str):
    """Wiped with what waits on the bus; ticks bring the end state of the quiet run."""
    quiet = start(verb)
    to_rest(quiet)
    expected = outcome(quiet)
    count = steps_of(verb)
    for number in range(count + 1):
        world = start(verb)
        for _ in range(number):
            world.step()
        world.lose_store()
        to_rest(world)

        assert outcome(world) == expected, f"{verb}: wiped after delivery {number} of {count}"
    assert count >= 8, "the verb took hardly any delivery"


def test_a_store_that_is_wiped_in_a_converged_world_costs_no_mutating_call():
    """Two Ingresses at rest, and the store is wiped again and again: no write to any cloud."""
    world = submitted()
    world.submit(ingress_manifest("other", host="other.example.com"))
    world.settle()
    before, mark = outcome(world), world.mark()
    for _ in range(3):
        world.lose_store()
        to_rest(world)

    assert world.since(mark) == []
    assert outcome(world) == before


@pytest.mark.parametrize("members", ["gke-eu", "gke-us", "gke-eu,gke-us"])
def test_a_store_that_is_wiped_while_members_are_drained_costs_no_mutating_call(members: str):
    """The drain stands on its mark alone: wiped again and again, nothing is written anywhere."""
    world = submitted()
    away = {"annotations": {"fedingress.dev/drain": members}}
    undrained = scalers(world)
    world.submit(ingress_manifest(metadata=away))
    world.settle()
    before, drained, mark = outcome(world), scalers(world), world.mark()
    for _ in range(3):
        world.lose_store()
        to_rest(world)

    assert world.since(mark) == []
    assert outcome(world) == before
    assert scalers(world) == drained
    assert (drained == undrained) == ("," in members), "all of them marked: none is drained"


def test_a_wiped_store_is_forgotten_by_everyone_in_time():
    """After the loss the zone is complete again: what nobody wants any more goes."""
    world = submitted()
    world.submit(ingress_manifest("other", host="other.example.com"))
    world.settle()
    found = world.sources.get(OTHER)
    world.delete(OTHER)
    world.sources.set_finalizers(world.sources.get(OTHER), [])
    assert found is not None
    world.lose_store()
    to_rest(world)
    run(world, 1300)

    assert set(records(world)) == {"shop.example.com"}


def test_no_host_is_without_an_answer_while_the_store_is_rebuilt():
    """Only one of two sources was seen since the loss; the other one's record stays."""
    world = submitted()
    world.submit(ingress_manifest("other", host="other.example.com"))
    world.settle()
    before = records(world)
    world.lose_store()
    world.tell("fanout", "shop/other", "resync")
    seen = []
    while world.step():
        seen.append(records(world))

    assert seen
    assert all(found == before for found in seen)


def test_resolvers_are_waited_for_although_the_store_forgot_since_when():
    """Wiped while records expire: the graph outlives them by their TTL and the drain."""
    world = World()
    world.install(deletion={"graceSeconds": 60, "drainSeconds": 120})
    world.submit(ingress_manifest())
    world.settle()
    world.delete()
    run(world, 20, lambda: not records(world))
    gone_at = world.clock.at
    world.lose_store()
    torn_down = []
    world.load_balancers.fault = lambda _moment, verb, _where: torn_down.append(
        (verb, world.clock.at)
    )
    to_rest(world)

    first = min(at for verb, at in torn_down if verb == "delete")
    assert first - gone_at >= 125
    assert world.sources.stored(KEY) is None
    assert [item for item in world.records.list(ZONE) if item.type in {"A", "TXT"}] == []
