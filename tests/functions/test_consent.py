"""Resources that lost our mark, or never had one: told, adopted by consent, never deleted."""

import dataclasses
import re

import pytest

from fedingress.domain.errors import Conflict
from fedingress.domain.graph import GlobalResource, Kind
from fedingress.planning import backends
from fedingress.ports.guard import Unguarded
from fedingress.runtime.previews import of_source
from tests.functions.test_life import conditions
from tests.functions.world import KEY, World, ingress_manifest, path

WORD = re.compile(r"annotate fedingress\.dev/adopt: (\S+@[0-9a-f]{8})")


@pytest.fixture
def world():
    """The shop, served by two members."""
    made = World()
    made.install()
    made.submit(ingress_manifest())
    made.settle()
    return made


def see(world: World, kind: Kind) -> list[GlobalResource]:
    """Everything of that kind."""
    return list(world.load_balancers.observe("lab", (kind,), ""))


def unmark(world: World, kind: Kind, **fields: object) -> GlobalResource:
    """Somebody writes another description, and these fields."""
    found = see(world, kind)[0]
    spec = {**found.spec, **fields}
    return world.load_balancers.put(dataclasses.replace(found, mark=None, spec=spec))


def look(world: World) -> None:
    """The resync."""
    world.tell("backends", str(KEY), "resync")
    world.settle(within_seconds=120)


def consent(world: World, *words: str) -> None:
    """The user says these words."""
    meta = {"annotations": {"fedingress.dev/adopt": ", ".join(words)}}
    world.submit(ingress_manifest(metadata=meta))
    world.settle(within_seconds=120)


@pytest.mark.parametrize("kind", [Kind.BACKEND_SERVICE, Kind.URL_MAP, Kind.HEALTH_CHECK])
def test_the_condition_shows_the_diff_and_its_word_is_the_consent(world, kind):
    """Told by condition and plan alike; said once, the resource is ours again and as desired."""
    field = {"timeoutSec": 5} if kind is not Kind.URL_MAP else {"hostRules": []}
    unmark(world, kind, **field)
    look(world)
    before, degraded = see(world, kind)[0], conditions(world)["Degraded"]
    (word,) = set(WORD.findall(degraded["message"]))
    planned = of_source(KEY, world.ports)
    consent(world, word)
    after = next(item for item in see(world, kind) if item.name == before.name)

    assert (degraded["status"], degraded["reason"]) == ("True", "NameTaken")
    assert f"{next(iter(field))}: " in degraded["message"]
    assert any(word in text for plan in planned.plans.values() for text in plan.held)
    assert before.mark is None
    assert after.mark is not None
    assert after.spec != before.spec
    assert conditions(world)["Degraded"]["status"] == "False"
    assert conditions(world)["Programmed"]["status"] == "True"


def test_a_word_for_something_else_changes_nothing(world):
    """Nor does the name without the digest."""
    found = unmark(world, Kind.BACKEND_SERVICE, timeoutSec=5)
    consent(world, f"backendServices/{found.name}", f"backendServices/{found.name}@00000000")

    assert see(world, Kind.BACKEND_SERVICE)[0].spec["timeoutSec"] == 5
    assert conditions(world)["Degraded"]["reason"] == "NameTaken"


def test_what_is_not_ours_survives_update_and_deletion(world):
    """Under our prefix and even under our names; the rest goes."""
    begin = backends.prefix(world.sources.stored(KEY)["metadata"]["uid"])
    spec = see(world, Kind.HEALTH_CHECK)[0].spec
    theirs = world.load_balancers.put(
        GlobalResource(kind=Kind.HEALTH_CHECK, project="lab", name=f"{begin}theirs", spec=spec)
    )
    rules = [{"host": "shop.example.com", "http": {"paths": [path("/", "web")]}}]
    world.submit(ingress_manifest(rules=rules))
    world.settle()
    lost = unmark(world, Kind.HEALTH_CHECK)
    world.delete()
    world.settle()

    assert world.sources.stored(KEY) is None
    assert sorted(world.graph()) == sorted(
        {f"healthChecks/{theirs.name}", f"healthChecks/{lost.name}"}
    )


ABORT = {"faultInjectionPolicy": {"abort": {"httpStatus": 403, "percentage": 100}}}
MEDDLED = {
    Kind.BACKEND_SERVICE: ({"timeoutSec": 7}, {"enableCDN": True}),
    Kind.URL_MAP: ({"hostRules": [], "pathMatchers": []}, {"defaultRouteAction": ABORT}),
}
"""What drifted before, and what somebody writes in the moment of our write."""


@pytest.mark.parametrize("kind", MEDDLED)
def test_a_change_by_others_in_the_same_moment_is_observed_again(world, kind):
    """Their fingerprint wins, we look again: what is ours is as desired, what is theirs stays."""
    drift, theirs = MEDDLED[kind]
    before = world.graph()
    for item in see(world, kind):
        world.load_balancers.put(dataclasses.replace(item, spec={**item.spec, **drift}))
    struck = []

    def meddle(moment, verb, label):
        if (moment, verb) == ("before", "update") and kind.value in label and not struck:
            struck.append(label)
            found = next(item for item in see(world, kind) if item.label == label)
            wish = dataclasses.replace(found, spec={**found.spec, **theirs})
            world.load_balancers.update(found, wish, Unguarded())

    world.load_balancers.fault = meddle
    look(world)
    (label,) = struck
    name = f"{kind.value}/{label.rpartition(' ')[2]}"
    kept = theirs if kind is Kind.BACKEND_SERVICE else {}

    assert world.graph() == {**before, name: {**before[name], **kept}}


def test_a_conflict_is_not_forgotten_with_the_event_that_found_it(world):
    """Whoever comes again looks again, although nothing that we know of has changed."""
    service = see(world, Kind.BACKEND_SERVICE)[0]
    spec = {**service.spec, "timeoutSec": 7}
    world.load_balancers.put(dataclasses.replace(service, spec=spec))

    def refuse(moment, verb, label):
        if (moment, verb) == ("before", "update"):
            world.load_balancers.fault = lambda *_: None
            raise Conflict(f"{label} has changed since it was observed")

    world.load_balancers.fault = refuse
    look(world)

    assert {item.spec["timeoutSec"] for item in see(world, Kind.BACKEND_SERVICE)} == {30}
