"""Protocols of Services, from the members to the graph and the conditions."""

import pytest

from tests.functions.test_life import conditions, table
from tests.functions.world import KEY, World, ingress_manifest, policy_manifest, service_manifest

NAME = "cloud.google.com/app-protocols"


def say(world: World, cluster: str, text: str) -> None:
    """Somebody annotates the web Service of one member; its watcher tells fan-out."""
    manifest = service_manifest("web")
    manifest["metadata"]["annotations"] = {NAME: text}
    world.members[cluster].put(manifest)
    world.tell("fanout", str(KEY), "member.changed")


def spoken(world: World) -> dict[str, str]:
    """Of each backend service: its protocol; the type of its check must be the same."""
    graph = world.graph()
    found = {}
    for name, spec in graph.items():
        if name.startswith("backendServices/"):
            check = spec["healthChecks"][0].rpartition("/")[2]
            assert graph[f"healthChecks/{check}"]["type"] == spec["protocol"]
            found[name] = spec["protocol"]
    assert len(found) == sum(name.startswith("healthChecks/") for name in graph)
    return found


@pytest.fixture
def world():
    """The shop, served by two members."""
    made = World()
    made.install()
    made.submit(ingress_manifest())
    made.settle()
    return made


def test_the_members_word_is_followed_once_they_agree(world):
    """One alone is told and changes nothing; both change service and check together."""
    before = spoken(world)
    say(world, "gke-us", '{"http": "HTTPS"}')
    world.settle(within_seconds=120)
    alone, degraded = spoken(world), conditions(world)["Degraded"]
    say(world, "gke-eu", '{"http": "HTTPS"}')
    world.settle(within_seconds=120)

    assert set(before.values()) == {"HTTP"}
    assert alone == before
    assert (degraded["status"], degraded["reason"]) == ("True", "ProtocolConflict")
    assert "web:80 is HTTP in gke-eu and HTTPS in gke-us" in degraded["message"]
    assert sorted(spoken(world).values()) == ["HTTP", "HTTPS"]
    assert conditions(world)["Degraded"]["status"] == "False"


def test_a_silent_members_word_stays_known(world):
    """A member that cannot be read keeps what it said last."""
    for cluster in ("gke-us", "gke-eu"):
        say(world, cluster, '{"http": "HTTP2"}')
    world.settle()
    before = spoken(world)
    world.members["gke-eu"].down = True
    world.tell("fanout", str(KEY), "resync")
    world.settle(within_seconds=120)

    assert sorted(before.values()) == ["HTTP", "HTTP2"]
    assert spoken(world) == before


def test_a_broken_annotation_is_told_in_the_members_row_and_changes_nothing(world):
    """The row names Service and annotation."""
    before = spoken(world)
    say(world, "gke-us", "HTTPS")
    world.settle(within_seconds=120)

    assert table(world)["gke-us"]["reason"] == "AppProtocolInvalid"
    assert spoken(world) == before


def test_the_policy_is_above_services(world):
    """And its change alone is followed."""
    say(world, "gke-us", '{"http": "HTTPS"}')
    world.sources.put(policy_manifest(backends={"protocol": "HTTP2"}))
    world.tell("fanout", str(KEY), "policy.changed")
    world.settle()

    assert set(spoken(world).values()) == {"HTTP2"}
    assert conditions(world)["Degraded"]["status"] == "False"
