"""
A hosted zone of which two instances look at once: one final state, and no update lost.

One looks; at each of its calls to the provider, before it or after it, the other one looks as a
whole, with what the Ingresses want by then, and the first goes on with what it saw, or dies there.
"""

from contextlib import suppress
from dataclasses import replace

import pytest

from fedingress.concerns import zone_memory, zone_parts
from fedingress.domain.errors import Conflict, Unavailable
from tests.functions.test_zone_crash import AP, EU, LATENCY, US, created, end, settle
from tests.functions.test_zone_route53 import TCP, Zone
from tests.functions.world import Crash


def drained(zone):
    """What the first one sees: a member drained, another check, one Ingress more."""
    http = replace(TCP, kind="HTTP", paths=("/a",))
    policy = replace(LATENCY, health_check=http)
    zone.want("web", US, replace(AP, multiplier=0.0), EU, policy=policy)
    zone.want("shop", AP, EU, policy=policy)


def moved(zone):
    """What is wanted a moment later, which only the other one sees: the last word."""
    zone.want("web", US, AP, policy=LATENCY)
    zone.want("shop", EU, policy=LATENCY)
    zone.want("new", US, AP, EU, policy=LATENCY)


class Meanwhile:
    """At the *number*th call of a moment another instance looks; then the first one may die."""

    def __init__(self, zone, moment, number, *, dies):
        self.zone, self.moment, self.left, self.dies = zone, moment, number, dies
        self.met = False

    def __call__(self, moment, *_what):
        if moment != self.moment or self.met:
            return
        self.left -= 1
        if self.left >= 0:
            return
        self.met = True
        moved(self.zone)
        with suppress(Conflict, Unavailable):
            self.zone.look(minutes=0.2)
        if self.dies:
            raise Crash("died, after another had looked")


@pytest.fixture(params=[False, True], ids=["one note", "in parts"])
def parted(request, monkeypatch):
    """What is remembered is in one note, or too much for one."""
    if request.param:
        monkeypatch.setattr(zone_parts, "_MOST_BYTES", 600)
        monkeypatch.setattr(zone_parts, "_PART_BYTES", 400)
    return request.param


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("dies", [False, True])
def test_at_whatever_call_another_instance_looks_the_end_is_the_last_wish(moment, dies, parted):
    """Records and checks are those of a zone in which only one instance ever looked."""
    quiet = Zone()
    for step in (created, drained, moved):
        step(quiet)
        settle(quiet)
    number = 0
    while True:
        zone = Zone()
        created(zone)
        settle(zone)
        meanwhile = Meanwhile(zone, moment, number, dies=dies)
        zone.records.fault = zone.checks.fault = meanwhile
        drained(zone)
        with suppress(Crash, Conflict, Unavailable):
            zone.look(minutes=0.2)
        if not meanwhile.met:
            break
        settle(zone)
        for _ in range(15):
            zone.look()
        settle(zone)
        assert end(zone) == end(quiet), f"call {number}"
        kept = zone_memory.recall(zone.ref.unit, zone.ports.ledger)
        assert (bool(kept.parts), kept.strays) == (parted, ()), f"call {number}"
        number += 1

    assert number > 3
