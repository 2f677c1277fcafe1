"""Every way to leave an address without any backend: refused and told, but for a deletion."""

import dataclasses

import pytest

from fedingress.domain.graph import Kind
from tests.functions.test_life import conditions
from tests.functions.world import KEY, MEMBERS, ingress_manifest, path, policy_manifest
from tests.gce.world import GOOD, GceWorld, gce_world, serve

pytestmark = pytest.mark.wire


def drain(world: GceWorld) -> None:
    """Every member is marked."""
    meta = {"annotations": {"fedingress.dev/drain": "gke-us,gke-eu"}}
    world.submit(ingress_manifest(metadata=meta))


def select_none(world: GceWorld) -> None:
    """The policy's selector matches nobody."""
    selector = {"matchLabels": {"region": "moon"}}
    world.sources.put(policy_manifest(placement={"clusterSelector": selector}))
    world.tell("fanout", str(KEY), "policy.changed")


def none_eligible(world: GceWorld) -> None:
    """Every member is in another project now."""
    moved = tuple(dataclasses.replace(each, project="elsewhere") for each in MEMBERS)
    world.sources.members = moved
    world.tell("fanout", str(KEY), "resync")


def no_services(world: GceWorld) -> None:
    """Somebody deletes the Services in every member."""
    for name in ("gke-us", "gke-eu"):
        for service in ("web", "api"):
            world.members[name].remove("Service", "shop", service)
    world.tell("fanout", str(KEY), "resync")


def unknown_service(world: GceWorld) -> None:
    """All routes go over to a Service that no member has."""
    rules = [{"host": "shop.example.com", "http": {"paths": [path("/", "nobody")]}}]
    world.submit(ingress_manifest(rules=rules))


WAYS = {
    drain: "keeps its last members",
    select_none: "no member cluster is both chosen and eligible",
    none_eligible: "no member cluster is both chosen and eligible",
    no_services: "Service web does not exist",
    unknown_service: "would be left without any backend; it keeps what it has",
}


def back(world: GceWorld) -> None:
    """Everything as it was."""
    world.sources.members = MEMBERS
    for name in ("gke-us", "gke-eu"):
        world.add_shop(name)
    world.sources.put(policy_manifest())
    world.submit(ingress_manifest())
    world.settle()


@pytest.fixture(scope="module")
def world():
    """The shop; each test leaves it served."""
    with gce_world() as made:
        yield serve(made)


def serving(world: GceWorld) -> list[float]:
    """The capacities of all backends behind the shop's routes."""
    (routes,) = world.see(Kind.URL_MAP)
    led = {rule.service for matcher in routes.path_matchers for rule in matcher.path_rules}
    services = [item for item in world.see(Kind.BACKEND_SERVICE) if item.self_link in led]
    return [entry.capacity_scaler for item in services for entry in item.backends]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_the_address_keeps_its_backends_and_says_why(world, way):
    """All of them, with what they take; and when the cause is gone all is well."""
    before = serving(world)
    way(world)
    world.settle(within_seconds=900)
    world.look(within_seconds=300)
    during = serving(world)
    message = " ".join(each["message"] for each in conditions(world).values())
    back(world)

    assert before == [1.0] * 8
    assert during
    assert all(during), "nobody takes requests"
    assert WAYS[way] in message
    assert world.verdicts() == GOOD
    assert serving(world) == before


def test_a_deletion_takes_them_all(world):
    """It is the one plan that may."""
    no_services(world)
    world.delete()
    world.settle()

    assert world.sources.stored(KEY) is None
    assert world.graph() == {}
