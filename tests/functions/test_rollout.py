"""Members that come up by steps, and members that are filled first, through the concerns."""

import pytest

from tests.functions.test_drain import drained, scalers
from tests.functions.test_life import conditions, table
from tests.functions.world import KEY, World, ingress_manifest, policy_manifest

ROLLOUT = {"steps": [0.1, 0.5], "stepSeconds": 60}


@pytest.fixture
def world():
    """The shop, served by two members that come up by steps."""
    made = World()
    made.install(rollout=ROLLOUT)
    made.submit(ingress_manifest())
    made.settle()
    return made


def europe(world: World) -> set[float]:
    """What gke-eu takes."""
    return scalers(world).get("europe-west1", set())


def watched(world: World, minutes: int = 6) -> list[float]:
    """The scalers of gke-eu as time goes by, each once."""
    seen: list[float] = []
    for _ in range(minutes * 6):
        world.settle(within_seconds=10, ticks=False)
        world.clock.at = max(world.clock.at, world.clock.at + 10)
        world.tick()
        world.settle(within_seconds=0, ticks=False)
        found = sorted(europe(world))
        if found and (not seen or seen[-1] != found[-1]):
            assert len(found) == 1
            seen.append(found[0])
    return seen


def test_a_new_ingress_serves_with_all_at_once(world):
    """Nobody else would carry its requests."""
    assert scalers(world) == {"us-central1": {1}, "europe-west1": {1}}


def test_a_member_that_is_no_longer_drained_comes_up_by_steps(world):
    """From nothing over each step to all; the row says so on the way, and the other stays."""
    world.submit(drained("gke-eu"))
    world.settle()
    before = europe(world)
    world.submit(ingress_manifest())
    world.settle(within_seconds=5, ticks=False)
    row, degraded = table(world)["gke-eu"], conditions(world)["Degraded"]
    seen = watched(world)

    assert before == {0}
    assert (row["reason"], row["capacity"], row["drained"]) == ("Rising", 0.1, False)
    assert "takes 10 % of its capacity" in row["message"]
    assert degraded["status"] == "False"
    assert seen == [0.1, 0.5, 1]
    assert scalers(world)["us-central1"] == {1}
    assert table(world)["gke-eu"]["reason"] == "Applied"


def test_a_step_lasts_as_long_as_the_policy_says(world):
    """Looks in between change nothing."""
    world.submit(drained("gke-eu"))
    world.settle()
    world.submit(ingress_manifest())
    world.settle(within_seconds=5, ticks=False)
    begun = world.clock.at
    for _ in range(5):
        world.clock.at += 8
        world.tell("backends", str(KEY), "repair")
        world.settle(within_seconds=0, ticks=False)
        assert europe(world) == {0.1}, world.clock.at - begun
    world.clock.at = begun + 61
    world.tell("backends", str(KEY), "repair")
    world.settle(within_seconds=0, ticks=False)

    assert europe(world) == {0.5}


def test_a_lost_store_costs_time_only(world):
    """The step is what the cloud holds; nobody jumps."""
    world.submit(drained("gke-eu"))
    world.settle()
    world.submit(ingress_manifest())
    world.settle(within_seconds=5, ticks=False)
    world.lose_store()
    world.tell("fanout", str(KEY))
    world.settle(within_seconds=5, ticks=False)
    during = europe(world)

    assert during == {0.1}
    assert watched(world) == [0.1, 0.5, 1]


def test_a_sick_member_does_not_come_up(world):
    """Half of its endpoints must be healthy for the next step."""
    world.submit(drained("gke-eu"))
    world.settle()
    for neg in world.load_balancers.negs():
        if neg.zone.startswith("europe"):
            world.load_balancers.add_neg(neg.project, neg.zone, neg.name, 2, 0)
    world.submit(ingress_manifest())
    world.settle(within_seconds=5, ticks=False)
    sick = watched(world, minutes=4)
    for neg in world.load_balancers.negs():
        if neg.zone.startswith("europe"):
            world.load_balancers.add_neg(neg.project, neg.zone, neg.name, 2, 1)

    assert sick == [0.1]
    assert watched(world) == [0.5, 1]  # the first step has lasted long enough


def test_a_member_that_is_chosen_later_comes_up_by_steps():
    """It joins beside one that carries everything."""
    world = World()
    world.install(rollout=ROLLOUT, placement={"clusters": ["gke-us"]})
    world.submit(ingress_manifest())
    world.settle()
    world.sources.put(policy_manifest(rollout=ROLLOUT))
    world.tell("fanout", str(KEY), "policy.changed")

    assert watched(world, minutes=8) == [0.1, 0.5, 1]


def preferences(world: World) -> dict[str, set[str]]:
    """The preferences of all groups of each region."""
    found: dict[str, set[str]] = {}
    for spec in world.graph().values():
        for entry in spec.get("backends", ()):
            region = entry["group"].split("/")[3].rpartition("-")[0]
            found.setdefault(region, set()).add(entry.get("preference", "DEFAULT"))
    return found


def test_the_policy_says_who_is_filled_first_and_takes_it_back(world):
    """Both changes of the policy are followed; a converged world costs nothing."""
    plain = preferences(world)
    world.sources.put(policy_manifest(backends={"preferred": {"clusters": ["gke-eu"]}}))
    world.tell("fanout", str(KEY), "policy.changed")
    world.settle()
    first, mark = preferences(world), world.mark()
    world.tell("backends", str(KEY), "resync")
    world.settle()
    quiet = world.since(mark)
    world.sources.put(policy_manifest())
    world.tell("fanout", str(KEY), "policy.changed")
    world.settle()

    assert plain == {"us-central1": {"DEFAULT"}, "europe-west1": {"DEFAULT"}}
    assert first == {"us-central1": {"DEFAULT"}, "europe-west1": {"PREFERRED"}}
    assert quiet == []
    assert preferences(world) == plain


def test_a_misspelt_preferred_member_is_told(world):
    """In the table, as any other name of nobody."""
    world.sources.put(policy_manifest(backends={"preferred": {"clusters": ["gke-euu"]}}))
    world.tell("fanout", str(KEY), "policy.changed")
    world.settle()

    assert table(world)["gke-euu"]["reason"] == "UnknownCluster"
