"""The fan-out door over the local cloud: real API servers, TLS and the official clients."""

import pytest

from fedingress.runtime import door
from localcloud.world.running import running_world
from localcloud.world.spec import WorldSpec
from tests.doors import shop
from tests.doors.home import TRUST, event, failed, push, records
from tests.doors.shop import GKE, INGRESSES
from tests.localcloud.gce import until, variables

pytestmark = pytest.mark.wire


@pytest.fixture
def world():
    """A config cluster and two members with the example shop in each, and our variables set."""
    with running_world(WorldSpec(members=GKE, operation_seconds=0.02)) as running:
        shop.workloads(running)
        shop.put(running, "config", *shop.documents("Namespace", *shop.PLATFORM, "Ingress"))
        with variables({**running.env(), **TRUST}):
            yield running
            door.close()  # its sockets end before the servers do


def copy(world, cluster):
    return world.clusters[cluster].get(INGRESSES, "shop", "shop")


def source(world):
    return world.clusters["config"].get(INGRESSES, "shop", "shop")


def test_one_push_puts_the_ingress_into_every_member(world, google):
    """A single event makes the copy in each member, with a class that nobody serves there."""
    assert google("fanout").post("/", json=push(event())).status_code == 204

    for member in GKE:
        found = until(lambda m=member: copy(world, m.name), f"the copy in {member.name}")
        assert found["spec"]["ingressClassName"] == "fedingress-member"
        assert found["spec"]["rules"][0]["host"] == "shop.example.com"
        owner = found["metadata"]["labels"]["fedingress.dev/owner-uid"]
        assert owner == source(world)["metadata"]["uid"]


def test_one_record_makes_the_whole_path(world, amazon):
    """The event's consequences follow in the same instance, until the source has its address."""
    assert failed(amazon("fanout")(records(event()), None)) == []

    def address():
        entries = source(world).get("status", {}).get("loadBalancer", {}).get("ingress")
        return entries and entries[0]["ip"]

    assert until(address, "an address", seconds=60).startswith("127.")
