"""Security policies through the concerns: waited for, put on, told, taken off."""

import pytest

from fedingress.domain.graph import GlobalResource, Kind
from tests.functions.test_life import conditions
from tests.functions.world import KEY, World, ingress_manifest, path, policy_manifest

ARMOR = "projects/lab/global/securityPolicies/armor"


def keep(world: World) -> None:
    """The security team makes its policy."""
    spec = {"type": "CLOUD_ARMOR"}
    world.load_balancers.put(
        GlobalResource(kind=Kind.SECURITY_POLICY, project="lab", name="armor", spec=spec)
    )


def say(world: World, **backends: object) -> None:
    """The platform team changes the policy."""
    world.sources.put(policy_manifest(backends=backends))
    world.tell("fanout", str(KEY), "policy.changed")
    world.settle(within_seconds=600)


def worn(world: World) -> set[str | None]:
    """The security policies of all backend services."""
    graph = world.graph()
    return {
        spec.get("securityPolicy")
        for name, spec in graph.items()
        if name.startswith("backendServices/")
    }


@pytest.fixture
def world():
    """Class and policy; the policy names a security policy."""
    made = World()
    made.install(backends={"securityPolicy": "armor"})
    return made


def test_a_new_ingress_waits_for_its_security_policy_and_then_serves(world):
    """Nothing leads to it before; the condition says what is missing."""
    world.submit(ingress_manifest())
    world.settle(within_seconds=120)
    before, waiting = conditions(world), world.graph()
    keep(world)
    world.settle(within_seconds=600)

    assert not any(name.startswith(("urlMaps/", "forwardingRules/")) for name in waiting)
    assert before["Programmed"]["status"] == "False"
    assert before["Degraded"]["reason"] == "SecurityPolicyMissing"
    assert worn(world) == {ARMOR}
    assert conditions(world)["Programmed"]["status"] == "True"
    assert conditions(world)["Degraded"]["status"] == "False"


def test_requests_are_never_led_to_a_service_without_it(world):
    """In no moment of a create, nor of an update with a new Service."""
    keep(world)
    bare = []

    def look(moment, verb, label):
        if (
            moment == "before"
            and verb != "delete"
            and "urlMaps" in label
            and worn(world) != {ARMOR}
        ):
            bare.append((verb, label))

    world.load_balancers.fault = look
    world.submit(ingress_manifest())
    world.settle()
    world.add_shop("gke-us")
    rules = [{"host": "shop.example.com", "http": {"paths": [path("/", "web"), path("/n", "api")]}}]
    world.submit(ingress_manifest(rules=rules))
    world.settle()

    assert worn(world) == {ARMOR}
    assert bare == []


def test_it_goes_with_the_policys_word_and_another_ones_stays(world):
    """What we put there is taken off; what somebody put there by hand is not."""
    keep(world)
    world.submit(ingress_manifest())
    world.settle()
    say(world)
    without = worn(world)
    for item in world.load_balancers.observe("lab", (Kind.BACKEND_SERVICE,), ""):
        spec = {**item.spec, "securityPolicy": ARMOR}
        by_hand = GlobalResource(
            kind=item.kind, project="lab", name=item.name, spec=spec, mark=item.mark
        )
        world.load_balancers.put(by_hand)
    say(world, timeoutSeconds=45)

    assert without == {None}
    assert worn(world) == {ARMOR}
