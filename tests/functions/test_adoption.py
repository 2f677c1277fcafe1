"""Records that others left at a host are replaced by consent, after it was told by what."""

from fedingress.domain import names
from fedingress.domain.record import RecordSet
from tests.functions.test_life import conditions, submitted
from tests.functions.world import KEY, ZONE, World, ingress_manifest

HOST = "shop.example.com"
FOREIGN = RecordSet(name=HOST, type="A", ttl_seconds=300, values=("198.51.100.7",))


def taken() -> World:
    """A world in which the shop's host was somebody else's before."""
    world = submitted()
    world.delete()
    world.settle()
    world.records.put(ZONE, FOREIGN)
    return world


def answer(world: World):
    """What is answered at the host."""
    (found,) = [r for r in world.records.list(ZONE) if (r.name, r.type) == (HOST, "A")]
    return found


def test_the_replacement_is_told_and_made_by_the_next_look():
    """Without consent the record stays for good; with it, it stays until it was told."""
    world = taken()
    world.submit(ingress_manifest())
    world.settle()
    world.tell("dns", ZONE.unit, "resync")
    world.settle()
    assert answer(world) == FOREIGN
    assert names.ADOPT in conditions(world)["Published"]["message"]
    agreed = {"annotations": {names.ADOPT: "dns"}}
    world.submit(ingress_manifest(metadata=agreed))
    world.settle()
    assert answer(world) == FOREIGN
    assert (
        f"A {HOST} (198.51.100.7) will be replaced by A ("
        in conditions(world)["Published"]["message"]
    )
    world.tell("dns", ZONE.unit, "repair")
    world.settle()
    (entry,) = world.sources.stored(KEY)["status"]["loadBalancer"]["ingress"]
    assert answer(world).values == (entry["ip"],)
    assert conditions(world)["Published"]["status"] == "True"
