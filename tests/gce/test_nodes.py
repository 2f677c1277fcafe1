"""
Instance groups over the wire: a lost race for named ports, and two Ingresses of different modes.

A group is shared by everything that its cluster serves: others name ports on it, and others
balance it.
"""

import re

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import compute_v1

from fedingress.domain.graph import Kind
from fedingress.domain.ingress import IngressKey
from tests.functions.test_life import conditions
from tests.functions.world import (
    class_manifest,
    ingress_manifest,
    member,
    path,
    policy_manifest,
)
from tests.gce.world import GOOD, PROJECT, GceWorld, gce_world, serve

pytestmark = pytest.mark.wire

MEMBERS = (
    member("gke-us"),
    member("gke-eu", region="europe-west1", zones=("europe-west1-b", "europe-west1-c")),
)
RATE = {"mode": "instance-group", "maxRatePerInstance": 10}
BUSY = {"mode": "instance-group", "maxUtilization": 0.6}
BLOG = IngressKey(namespace="shop", name="blog")
ONE = [{"host": "shop.example.com", "http": {"paths": [path("/", "web")]}}]


def names(world: GceWorld) -> dict[str, dict[str, int]]:
    """The named ports of each instance group by `zone/name`, as Google's client reads them."""
    options = {"api_endpoint": world.running.endpoint}
    client = compute_v1.InstanceGroupsClient(
        credentials=AnonymousCredentials(), client_options=options
    )
    return {
        f"{zone.removeprefix('zones/')}/{item.name}": {p.name: p.port for p in item.named_ports}
        for zone, listed in client.aggregated_list(project=PROJECT)
        for item in listed.instance_groups
    }


def name_port(world: GceWorld, group: str, name: str, port: int) -> None:
    """Somebody else names a port of `zone/name`, beside those that stand."""
    zone, _, short = group.partition("/")
    options = {"api_endpoint": world.running.endpoint}
    client = compute_v1.InstanceGroupsClient(
        credentials=AnonymousCredentials(), client_options=options
    )
    place = {"project": PROJECT, "zone": zone, "instance_group": short}
    found = client.get(**place)
    body = compute_v1.InstanceGroupsSetNamedPortsRequest(
        fingerprint=found.fingerprint,
        named_ports=[*found.named_ports, compute_v1.NamedPort(name=name, port=port)],
    )
    client.set_named_ports_unary(**place, instance_groups_set_named_ports_request_resource=body)


def modes(world: GceWorld) -> list[str]:
    """The balancing mode of every backend of every backend service."""
    found = world.see(Kind.BACKEND_SERVICE)
    return sorted(entry.balancing_mode for item in found for entry in item.backends)


def test_a_412_for_named_ports_is_observed_again_and_names_of_others_survive():
    """Somebody names a port in the moment of our write, and once the cloud says 412 by itself."""
    with gce_world(members=MEMBERS) as world:
        world.sources.put(policy_manifest(backends=RATE))
        serve(world, rules=ONE)
        group, *rest = sorted(names(world))
        ours = names(world)[group]
        met = []

        def meddle(moment: str, verb: str, label: str) -> None:
            if (moment, verb) == ("before", "update") and label.endswith(group):
                met.append(label)
                if len(met) == 1:
                    name_port(world, group, "theirs", 8080)

        world.load_balancers.fault = meddle
        world.strike(method="POST", path=rf"{group.partition('/')[2]}/setNamedPorts", status=412)
        world.submit(ingress_manifest())
        world.settle()
        world.load_balancers.fault = lambda *_: None
        found = names(world)
        added, *more = sorted(found[group].keys() - ours.keys() - {"theirs"})

        assert world.waiting() == 0, "the product sent no such request"
        assert len(met) >= 2, "the change was not planned again"
        assert found[group]["theirs"] == 8080
        assert more == []
        assert all(found[each] == {**ours, added: found[group][added]} for each in rest)
        assert world.verdicts() == GOOD


def other_class(world: GceWorld, **backends: object) -> None:
    """A second class, whose policy `busy` reaches the same nodes."""
    made, policy = class_manifest(), policy_manifest(backends=backends)
    made["metadata"]["name"] = "busy"
    made["spec"]["parameters"]["name"] = policy["metadata"]["name"] = "busy"
    world.sources.put(made)
    world.sources.put(policy)


def blog() -> dict[str, object]:
    """An Ingress of that class."""
    made = ingress_manifest("blog", host="blog.example.com")
    made["spec"]["ingressClassName"] = "busy"
    return made


def told(world: GceWorld) -> str:
    """What the blog's conditions say is wrong."""
    found = conditions(world, BLOG)
    return f"{found['Programmed']['message']}; {found['Degraded']['message']}"


def test_whoever_is_first_keeps_the_balancing_mode_of_a_group_and_the_next_one_is_told():
    """No write is tried meanwhile; it goes on by itself when the first one leaves."""
    with gce_world(members=MEMBERS) as world:
        world.sources.put(policy_manifest(backends=RATE))
        other_class(world, **BUSY)
        serve(world)
        first, before = world.graph(), modes(world)
        world.submit(blog())
        world.settle(within_seconds=300)
        said, calls = told(world), list(world.load_balancers.calls)
        world.tell("backends", "shop/blog", "resync")
        world.settle(within_seconds=900)
        stood = {name: world.graph()[name] for name in first if "instanceGroups" not in name}
        kept, mode = world.graph().keys(), modes(world)
        tried = world.load_balancers.calls[len(calls) :]
        world.delete()
        world.settle(within_seconds=3600)

        assert set(before) == {"RATE"} == set(mode)
        assert stood == {name: spec for name, spec in first.items() if name in stood}
        assert not [name for name in kept - first.keys() if "backendServices" in name]
        assert tried == []
        assert "balanced in RATE by Ingress shop/shop (policy global)" in said
        assert "cannot be in UTILIZATION too; give both the same mode" in said
        assert set(modes(world)) == {"UTILIZATION"}
        assert conditions(world, BLOG)["Programmed"]["status"] == "True"
        assert conditions(world, BLOG)["Degraded"]["status"] == "False"


def test_a_change_of_mode_waits_while_another_ingress_keeps_the_old_one():
    """Nobody is detached who could not come back; it goes on once the other's policy agrees."""
    with gce_world(members=MEMBERS) as world:
        world.sources.put(policy_manifest(backends=RATE))
        other_class(world, **RATE)
        serve(world)
        world.submit(blog())
        world.settle()
        calls = len(world.load_balancers.calls)
        other_class(world, **BUSY)
        world.tell("fanout", "shop/blog")
        world.settle(within_seconds=900)
        tried = world.load_balancers.calls[calls:]
        said, kept = told(world), set(modes(world))
        world.sources.put(policy_manifest(backends=BUSY))
        world.tell("fanout", "shop/shop")
        world.settle(within_seconds=3600)

        assert (tried, kept) == ([], {"RATE"})
        assert re.search(r"others lead to the instance groups of gke-eu, gke-us too", said)
        assert "(RATE by Ingress shop/shop (policy global))" in said
        assert (set(modes(world)), len(modes(world))) == ({"UTILIZATION"}, 16)
        assert conditions(world, BLOG)["Degraded"]["status"] == "False"
