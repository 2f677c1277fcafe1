"""A zone that many Ingresses share: what one change costs, and what is told of each of them."""

from collections import Counter

import pytest

from fedingress.adapters.stores.memory import MemoryStore
from fedingress.concerns.dns import report_name
from fedingress.domain.ingress import IngressKey
from fedingress.domain.report import DnsReport
from tests.functions.world import ZONE, World, class_manifest, ingress_manifest, member

TEN_MINUTES = 600.0


def shared(count: int) -> World:
    """So many Ingresses at rest, each with a host of its own in one zone."""
    world = World((member("gke-us"),))
    world.install()
    for n in range(count):
        world.submit(ingress_manifest(f"shop-{n}", host=f"shop-{n}.example.com"))
    world.settle()
    return world


def looked(world: World) -> None:
    """A resync's look at the zone."""
    world.tell("dns", ZONE.unit, "resync")
    world.settle()


def told(world: World, name: str) -> DnsReport | None:
    """What dns said of an Ingress."""
    return world.ports.ledger.report(report_name(ZONE.unit), f"shop/{name}", DnsReport)


@pytest.mark.parametrize("cause", ["backends.settled", "resync"])
def test_a_look_at_a_zone_costs_the_same_however_many_share_it(monkeypatch, cause: str):
    """Seven Ingresses cost the store no more requests than two."""
    requests: Counter[int] = Counter()
    for count in (2, 7):
        world = shared(count)
        with monkeypatch.context() as patch:
            for name in ("get", "list", "put"):
                call = getattr(MemoryStore, name)

                def counted(*args, call=call, count=count, **more):
                    requests[count] += 1
                    return call(*args, **more)

                patch.setattr(MemoryStore, name, counted)
            world.tell("dns", ZONE.unit, cause)
            world.step()

    assert requests[2] == requests[7] > 0


def test_only_those_who_hear_something_new_are_told():
    """The deletion of one Ingress tells status nothing of the others."""
    world = shared(3)
    world.delete(IngressKey(namespace="shop", name="shop-0"))
    published = []
    publish = world.bus.publish

    def noting(works):
        listed = list(works)
        published.extend(listed)
        publish(listed)

    world.bus.publish = noting
    world.settle()

    assert told(world, "shop-0") is None
    assert not {work.unit for work in published} & {"shop/shop-1", "shop/shop-2"}


def test_what_a_late_instance_overwrote_is_said_anew_within_ten_minutes():
    """A report that is not what was told last is found by the first resync of the next window."""
    world = shared(2)
    said = told(world, "shop-1")
    world.ports.ledger.drop_reports("shop/shop-1")
    looked(world)
    before = told(world, "shop-1")
    world.clock.at += TEN_MINUTES
    looked(world)

    assert said is not None
    assert (before, told(world, "shop-1")) == (None, said)


def test_who_leaves_the_zone_and_comes_back_is_told_again():
    """Another class and back: the same uid, and its hosts are reported as at first."""
    world = shared(2)
    first = told(world, "shop-1")
    nginx = class_manifest()
    nginx["metadata"]["name"] = "nginx"
    nginx["spec"] = {"controller": "k8s.io/ingress-nginx"}
    world.sources.put(nginx)
    away = ingress_manifest("shop-1", host="shop-1.example.com", ingressClassName="nginx")
    world.submit(away)
    world.settle()
    gone = told(world, "shop-1")
    world.submit(ingress_manifest("shop-1", host="shop-1.example.com"))
    world.settle()
    again = told(world, "shop-1")

    assert gone is None
    assert first is not None
    assert again is not None
    assert set(again.hosts) == set(first.hosts)
