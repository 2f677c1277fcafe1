"""Topology `gcp` with a zone of Route 53: the one address, in plain records."""

from fedingress.adapters.memory.record_sets import MemoryRecordSets
from tests.functions.regions import HOST, HOSTED
from tests.functions.test_life import conditions
from tests.functions.world import World, ingress_manifest

ZONES = {
    "zones": [{"provider": "route53", "name": "Z1", "domain": "aws.example.com"}],
    "ttlSeconds": 5,
}


def test_the_address_of_the_global_load_balancer_is_published_in_route_53():
    """One A record with a mark beside it; both go with the Ingress."""
    world = World()
    world.records = MemoryRecordSets((HOSTED,))
    world._wire()
    world.install(dns=ZONES)
    world.submit(ingress_manifest(host=HOST))
    world.settle()

    records = {item.type: item for item in world.records.list(HOSTED) if item.name == HOST}
    vip = world.sources.list()[0].addresses
    assert {kind: item.values for kind, item in records.items()} == {"A": vip}
    assert records["A"].set_identifier == ""
    assert conditions(world)["Published"]["status"] == "True"

    mark = world.mark()
    world.tell("dns", HOSTED.unit, "resync")
    world.settle()
    assert world.since(mark) == []

    world.delete()
    world.settle()
    assert {item.type for item in world.records.list(HOSTED)} == {"NS", "SOA"}
