"""Static addresses and IPv6 in the life of an Ingress: adopted, exchanged, never released."""

import json

import pytest

from fedingress.domain.graph import GlobalResource, Kind
from fedingress.domain.ingress import IngressKey
from tests.functions.test_crash import FAILURES, hook_up, outcome, strike
from tests.functions.test_life import conditions
from tests.functions.world import KEY, World, ingress_manifest, path

HOST = "shop.example.com"
THEIRS = GlobalResource(
    kind=Kind.ADDRESS,
    project="lab",
    name="theirs",
    spec={"addressType": "EXTERNAL", "ipVersion": "IPV4", "address": "198.51.100.7"},
)


def named(**annotations):
    """The shop with annotations of ours."""
    held = {f"fedingress.dev/{key.replace('_', '-')}": text for key, text in annotations.items()}
    return ingress_manifest(metadata={"annotations": held})


def begun(*submissions, **policy) -> World:
    world = World()
    world.install(**policy)
    world.load_balancers.put(THEIRS)
    for manifest in submissions:
        world.submit(manifest)
        world.settle()
    return world


def rules(world: World):
    found = world.load_balancers.observe("lab", (Kind.FORWARDING_RULE,), "")
    return sorted(item.spec["IPAddress"] for item in found)


def addresses(world: World):
    return sorted(
        item.name.rpartition("-")[2]
        for item in world.load_balancers.observe("lab", (Kind.ADDRESS,), "")
    )


def shown(world: World):
    listed = world.sources.stored(KEY)["status"]["loadBalancer"].get("ingress") or ()
    return tuple(entry["ip"] for entry in listed)


def answer(world: World, kind: str = "A"):
    found = world.zone().get((HOST, kind))
    return found.values if found else ()


def test_an_adopted_address_is_shown_published_and_left():
    """A5, D1: the named address serves; at the end it is still reserved."""
    world = begun(named(static_ip="theirs"))

    assert rules(world) == ["198.51.100.7"]
    assert shown(world) == answer(world) == ("198.51.100.7",)
    assert addresses(world) == ["theirs"]
    world.delete()
    world.settle()
    assert addresses(world) == ["theirs"]
    assert rules(world) == []


@pytest.mark.parametrize(
    "annotations",
    [
        {"kubernetes.io/ingress.global-static-ip-name": "theirs"},
        {
            "kubernetes.io/ingress.global-static-ip-name": "another",
            "fedingress.dev/static-ip": "theirs",
        },
    ],
)
def test_an_address_named_as_gke_and_federation_v1_have_it_is_adopted(annotations):
    """Read where ours is absent; it reaches no member, whose controller would fight over it."""
    world = begun(ingress_manifest(metadata={"annotations": annotations}))
    (copy,) = world.members["gke-us"].list("Ingress")

    assert rules(world) == ["198.51.100.7"]
    assert not annotations.keys() & (copy["metadata"].get("annotations") or {}).keys()


def test_an_address_is_exchanged_without_a_gap():
    """A5: both serve until every name leads to the new one and resolvers forgot the old one."""
    world = begun(ingress_manifest())
    (old,) = shown(world)
    seen = []
    world.load_balancers.fault = lambda moment, verb, label: seen.append(
        (verb, label.split()[-1].rpartition("-")[2], answer(world), world.clock.at)
    )
    world.submit(named(static_ip="theirs"))
    changed = world.clock.at
    world.settle(within_seconds=900.0)
    deletes = [(answered, at - changed) for verb, _, answered, at in seen if verb == "delete"]

    assert rules(world) == ["198.51.100.7"]
    assert shown(world) == answer(world) == ("198.51.100.7",)
    assert addresses(world) == ["theirs"]
    assert deletes, "the old rule never went"
    assert all(answered == ("198.51.100.7",) and after >= 10 for answered, after in deletes)
    assert old != "198.51.100.7"


def test_and_back_to_a_reserved_address():
    """Without the annotation a new address is reserved; theirs stays theirs."""
    world = begun(named(static_ip="theirs"), ingress_manifest())

    assert addresses(world) == ["theirs", "vip"]
    assert rules(world) == list(shown(world)) == list(answer(world))
    assert shown(world) != ("198.51.100.7",)


def test_an_address_that_is_missing_changes_nothing_of_what_stands():
    """The old one serves, is shown and answered; the condition says what is missing."""
    world = begun(ingress_manifest())
    before = (rules(world), shown(world), answer(world))
    world.submit(named(static_ip="lost"))
    world.settle(within_seconds=120.0)

    assert (rules(world), shown(world), answer(world)) == before
    assert conditions(world)["Degraded"]["reason"] == "AddressMissing"
    world.load_balancers.put(
        GlobalResource(
            kind=Kind.ADDRESS,
            project="lab",
            name="lost",
            spec={**THEIRS.spec, "address": "198.51.100.8"},
        )
    )
    world.settle(within_seconds=1200.0)
    assert rules(world) == ["198.51.100.8"]
    assert conditions(world)["Degraded"]["reason"] == "AsExpected"


def test_ipv6_comes_and_goes_with_the_policy():
    """Two addresses are shown, A and AAAA published; then the AAAA goes before its address."""
    world = begun(ingress_manifest(), addresses={"ipv6": True})
    four, six = shown(world)

    assert (answer(world), answer(world, "AAAA")) == ((four,), (six,))
    assert rules(world) == sorted([four, six])
    assert ":" in six
    before = world.mark()
    world.tell("backends", "shop/shop", "resync")
    world.settle()
    assert world.since(before) == []
    world.install()
    world.tell("fanout", "shop/shop")
    world.settle(within_seconds=900.0)
    assert (answer(world), answer(world, "AAAA")) == ((four,), ())
    assert rules(world) == [four]
    assert addresses(world) == ["theirs", "vip"]


@pytest.mark.parametrize("failure", FAILURES)
def test_one_failure_at_any_call_of_an_exchange_changes_nothing_but_the_time(failure):
    """Each call fails so once, and the end is that of the quiet run."""
    seen: list[tuple[str, str, str]] = []
    quiet = begun(ingress_manifest())
    hook_up(quiet, lambda *moment: seen.append(moment))
    quiet.submit(named(static_ip="theirs"))
    quiet.settle(within_seconds=900.0)
    expected = outcome(quiet)
    moment, error = FAILURES[failure]
    words = ("addresses", "forwardingRules", "example-com")
    chosen = [
        number
        for number, each in enumerate(seen)
        if each[0] == moment and any(word in each[2] for word in words)
    ]
    for number in chosen:
        world = begun(ingress_manifest())
        strike(world, number, error)
        world.submit(named(static_ip="theirs"))
        world.settle(within_seconds=1200.0)

        assert outcome(world) == expected, f"{failure} at {seen[number]}"
    assert len(chosen) >= 3


def hosted(name, **more):
    """An Ingress without hosts, named by annotation."""
    note = {"fedingress.dev/hostname": "a.example.com, b.example.com"}
    meta = {"annotations": note} | more
    return ingress_manifest(name, rules=[{"http": {"paths": [path("/", "web")]}}], metadata=meta)


def test_names_by_annotation_are_published_routed_and_owned():
    """As hosts of a rule are: a second Ingress that names one is told whose it is."""
    world = begun(hosted("shop"), hosted("second", creationTimestamp="2026-02-01T00:00:00Z"))
    second = IngressKey(namespace="shop", name="second")
    stored = world.sources.stored(second)["metadata"]["annotations"]
    accepted = conditions_of(stored)["Accepted"]
    names = {name for name, kind in world.zone() if kind == "A"}
    maps = [spec for name, spec in world.graph().items() if name.startswith("urlMaps")]

    assert names == {"a.example.com", "b.example.com"}
    assert sorted(len(each["hostRules"]) for each in maps) == [1, 3]
    assert (accepted["status"], accepted["reason"]) == ("True", "HostConflict")
    world.delete()
    world.settle()
    assert (
        conditions_of(world.sources.stored(second)["metadata"]["annotations"])["Accepted"]["reason"]
        == "Accepted"
    )


def conditions_of(annotations):
    """Conditions by type."""
    return {each["type"]: each for each in json.loads(annotations["fedingress.dev/conditions"])}
