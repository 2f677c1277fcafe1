"""Firewalls of members in several networks: as narrow as members tell, and in time."""

import pytest

from fedingress.domain.errors import Forbidden
from fedingress.domain.graph import GlobalResource, Kind
from tests.functions.test_life import conditions
from tests.functions.world import KEY, World, ingress_manifest, member

BLUE, GREEN = "projects/host-1/global/networks/blue", "projects/host-2/global/networks/green"
UNITS = {"blue": "firewall:host-1/blue", "green": "firewall:host-2/green"}
MEMBERS = (
    member("gke-us", node_tags=("us-nodes",)),
    member("gke-twin", node_tags=("twin-nodes",)),
    member("gke-eu", region="europe-west1", network=BLUE, node_tags=("eu-nodes",)),
    member("gke-asia", region="asia-east1", network=GREEN),
)


@pytest.fixture
def world():
    """Two members in one network, and one in each of two shared ones; nothing is refused."""
    made = World(MEMBERS)
    made.closed = frozenset()

    def fault(moment, verb, label):
        project, _, rest = label.partition(": ")
        if moment == "before" and project in made.closed and rest.startswith("firewalls"):
            raise Forbidden(f"Required 'compute.firewalls.{verb}' permission for {project}")

    made.load_balancers.fault = fault
    made.install()
    return made


def tags(world):
    """Target tags of every rule, by network."""
    return {
        item.spec["network"].rpartition("/")[2]: item.spec.get("targetTags")
        for item in rules(world)
    }


def rules(world):
    """Every rule of the three projects."""
    projects = ("lab", "host-1", "host-2")
    return [
        item
        for project in projects
        for item in world.load_balancers.observe(project, (Kind.FIREWALL,), "")
    ]


def submit(world, **annotations):
    """The shop, with annotations of ours."""
    notes = {f"fedingress.dev/{name}": text for name, text in annotations.items()}
    world.submit(ingress_manifest(metadata={"annotations": notes}))
    world.settle()


def test_each_network_is_opened_for_the_nodes_of_its_members(world):
    """Where every member of a network names its tags, only these nodes; else all of them."""
    submit(world)

    assert tags(world) == {
        "default": ["twin-nodes", "us-nodes"],
        "blue": ["eu-nodes"],
        "green": None,
    }
    assert not any(item.name.endswith("6") for item in rules(world))


def test_ipv6_opens_each_network_for_the_probers_of_ipv6(world):
    """A second rule beside the first, as long as it is asked for."""
    world.sources.remove("FederationPolicy", "global")
    world.install(addresses={"ipv6": True})
    submit(world)
    ranges = {tuple(item.spec["sourceRanges"]) for item in rules(world)}

    assert len(rules(world)) == 6
    assert ranges == {
        ("130.211.0.0/22", "35.191.0.0/16"),
        ("2600:2d00:1:1::/64", "2600:2d00:1:b029::/64"),
    }
    world.sources.remove("FederationPolicy", "global")
    world.install()
    submit(world)

    assert len(rules(world)) == 3


def test_a_rule_gets_narrower_only_after_the_endpoints_are_detached(world):
    """A member that leaves keeps its firewall for as long as it gets requests."""
    submit(world)
    seen = []

    def watch(moment, verb, label):
        if moment == "before" and "firewalls" in label:
            attached = {
                entry["group"]
                for name, spec in world.graph().items()
                if name.startswith("backendServices")
                for entry in spec["backends"]
            }
            seen.append((verb, len(attached)))

    world.load_balancers.fault = watch
    submit(world, clusters="gke-us")

    assert tags(world) == {"default": ["us-nodes"]}
    assert sorted(seen) == [("delete", 4), ("delete", 4), ("update", 4)]  # two Services, two zones


def test_rules_of_others_survive(world):
    """What carries no mark of ours stays, under whatever name."""
    for name in ("fedingress-", "fedingress-theirs-probes", "allow-all"):
        spec = {
            "network": "projects/host-1/global/networks/blue",
            "allowed": [{"IPProtocol": "tcp"}],
        }
        theirs = GlobalResource(kind=Kind.FIREWALL, project="host-1", name=name, spec=spec)
        world.load_balancers.put(theirs)
    before = [item.spec for item in rules(world)]
    submit(world)
    world.delete()
    world.settle()

    assert world.sources.stored(KEY) is None
    assert [item.spec for item in rules(world)] == before


def test_a_network_that_is_closed_to_us_does_not_hold_the_others(world):
    """The other networks are open; the condition has a command for each that is not."""
    world.closed = frozenset({"host-1", "host-2"})
    submit(world)
    message = conditions(world)["Degraded"]["message"]

    assert tags(world) == {"default": ["twin-nodes", "us-nodes"]}
    assert conditions(world)["Programmed"]["status"] == "True"
    for project, network in (("host-1", "blue"), ("host-2", "green")):
        assert f"--project={project}" in message
        assert f"--network={network}" in message
    assert "--target-tags=eu-nodes" in message
    world.closed = frozenset({"host-2"})
    world.tell("backends", UNITS["blue"], "repair")
    world.settle()

    assert tags(world)["blue"] == ["eu-nodes"]
    assert "network blue" not in conditions(world)["Degraded"]["message"]
    assert "network green" in conditions(world)["Degraded"]["message"]


def test_a_deletion_waits_for_a_closed_network_only_so_long(world):
    """What only somebody else can do is told, and after ten minutes the Ingress goes."""
    submit(world)
    world.closed = frozenset({"host-1"})
    world.delete()
    world.settle(within_seconds=300.0)
    left = [(item.project, item.mark is not None) for item in rules(world)]

    assert world.sources.stored(KEY) is not None
    assert left == [("host-1", True)]
    world.settle(within_seconds=1200.0)

    assert world.sources.stored(KEY) is None


def test_a_lost_store_narrows_nothing_before_it_knows(world):
    """While an Ingress cannot say what it needs, its rules stay as they are."""
    submit(world)
    before = tags(world)
    world.lose_store()
    world.sources.remove("FederationPolicy", "global")
    world.tick()
    world.tell("backends", "firewall:lab/default", "repair")
    world.settle()

    assert tags(world) == before
    assert {item.mark.owner for item in rules(world)} == {"test"}
