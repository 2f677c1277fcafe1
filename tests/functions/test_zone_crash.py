"""
A hosted zone and its health checks, with every call struck once: the end is that of a quiet run.

A call is struck before its effect (nothing happened) and after it (the reply is lost); the instance
dies there, and another one looks again. Two instances that take turns lose no update.
"""

from contextlib import suppress
from dataclasses import replace

import pytest

from fedingress.domain.errors import Conflict, Unavailable
from fedingress.domain.policy import DnsPolicy
from fedingress.domain.record import RecordSet
from tests.functions.test_zone_route53 import (
    AP,
    DAMPING,
    TCP,
    US,
    ZONE,
    NoSource,
    Zone,
    target,
)
from tests.functions.world import Crash

EU = target("eks-eu", "eu-west-1")
LATENCY = DnsPolicy(routing="latency", damping=DAMPING, health_check=TCP)
ENOUGH = 40


def created(zone):
    """Two Ingresses appear, one over three regions."""
    zone.want("web", US, AP, EU, policy=LATENCY)
    zone.want("api", replace(US, shared=True), policy=replace(LATENCY, routing="weighted"))


def updated(zone):
    """Another check, another member drained, another routing."""
    http = replace(TCP, kind="HTTP", paths=("/a", "/b"))
    drained = replace(AP, multiplier=0.0)
    zone.want("web", US, drained, EU, policy=replace(LATENCY, health_check=http))
    zone.want("api", US, AP, policy=replace(LATENCY, routing="failover", order=("us-east-1",)))


def deleted(zone):
    """Everyone leaves."""
    zone.ports = replace(zone.ports, sources=NoSource())
    for name in ("web", "api"):
        zone.want(name, state="deleting", targets=(), hosts=())


STEPS = (created, updated, deleted)


def settle(zone):
    """
    Look until nothing is to be done.

    Raises:
        AssertionError: It never ends.
    """
    for _ in range(ENOUGH):
        try:
            zone.look(minutes=0.2)
        except (Crash, Unavailable, Conflict):
            continue
        if zone.outcome.look_again_seconds is None and not zone.batches and not zone.check_calls:
            return
    raise AssertionError(f"still {zone.outcome}")


def end(zone):
    """What stands: records with what their checks look at, and those checks."""
    checks = {each.id: each.config for each in zone.checks.list("fi:")}
    said = {key: repr(replace(each, children=())) for key, each in checks.items()}
    records = [
        replace(each, health_check=said.get(each.health_check, each.health_check))
        for each in zone.all() + zone.all("TXT")
    ]
    return records, sorted(said.values())


def run(until, strike=None):
    """The steps up to *until*; gives the end and how many writes the last step made."""
    zone = Zone()
    for step in STEPS[: STEPS.index(until)]:
        step(zone)
        settle(zone)
    before = len(zone.records.calls) + len(zone.checks.calls)
    if strike:
        zone.records.fault = zone.checks.fault = strike
    until(zone)
    settle(zone)
    return end(zone), len(zone.records.calls) + len(zone.checks.calls) - before


class Strike:
    """Kills the instance at the *number*th call of a moment, once."""

    def __init__(self, moment, number, kind):
        self.moment, self.left, self.kind = moment, number, kind
        self.struck = False

    def __call__(self, moment, *_what):
        if moment == self.moment and not self.struck:
            if self.left == 0:
                self.struck = True
                raise self.kind("struck")
            self.left -= 1


@pytest.mark.parametrize("step", STEPS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("kind", [Crash, Unavailable])
def test_every_call_struck_once_ends_as_the_quiet_run(step, moment, kind):
    """No record and no check is missing, doubled or left, whichever call it was."""
    quiet, calls = run(step)
    assert calls
    struck = 0
    for number in range(calls + 3):
        strike = Strike(moment, number, kind)
        found, _ = run(step, strike)
        struck += strike.struck
        assert found == quiet, f"call {number}"

    assert struck >= calls


def joined(zone):
    """One Ingress more, with a member and a check that nobody had."""
    http = replace(TCP, kind="HTTP", paths=("/shop",))
    zone.want("shop", AP, EU, policy=replace(LATENCY, health_check=http))


def withdrawn(zone):
    """It leaves again, and the others stay."""
    zone.ports = replace(zone.ports, sources=NoSource())
    zone.want("shop", state="deleting", targets=(), hosts=())


def all_withdrawn(zone):
    """Everyone leaves."""
    withdrawn(zone)
    deleted(zone)


@pytest.mark.parametrize("leave", [withdrawn, all_withdrawn], ids=lambda each: each.__name__)
def test_who_leaves_after_an_instance_died_leaves_nothing(leave):
    """What was made for an Ingress, and never remembered, goes with it."""
    number, struck = 0, True
    while struck:
        zone = Zone()
        created(zone)
        settle(zone)
        before = end(zone)
        strike = Strike("after", number, Crash)
        zone.records.fault = zone.checks.fault = strike
        joined(zone)
        with suppress(Crash):
            zone.look(minutes=0.2)
        leave(zone)
        settle(zone)
        assert end(zone) == (before if leave is withdrawn else ([], [])), f"call {number}"
        number, struck = number + 1, strike.struck

    assert number > 3


def test_who_leaves_an_empty_zone_after_an_instance_died_leaves_nothing():
    """So it is with the first ones of a zone, of which nothing at all was remembered."""
    number, struck = 0, True
    while struck:
        zone = Zone()
        strike = Strike("after", number, Crash)
        zone.records.fault = zone.checks.fault = strike
        created(zone)
        with suppress(Crash):
            zone.look(minutes=0.2)
        deleted(zone)
        settle(zone)
        assert end(zone) == ([], []), f"call {number}"
        number, struck = number + 1, strike.struck

    assert number > 3


def test_the_end_is_an_empty_zone():
    """What the sweep compares with is what a user expects."""
    assert run(deleted)[0] == ([], [])
    records, checks = run(created)[0]
    assert {each.region for each in records if each.region} == {
        "us-east-1",
        "ap-southeast-1",
        "eu-west-1",
    }
    assert len(checks) == 3


def test_two_instances_lose_no_update():
    """One has looked and is about to write when the other one writes: it looks again."""
    zone = Zone()
    created(zone)
    settle(zone)
    change = zone.records.change
    meanwhile = []

    def late(zone_, *, deletions, additions, guard):
        if not meanwhile:
            meanwhile.append(True)
            zone.want("new", US, policy=LATENCY)
            zone.look(minutes=0)
        return change(zone_, deletions=deletions, additions=additions, guard=guard)

    zone.want("web", US, replace(AP, multiplier=0.0), EU, policy=LATENCY)
    zone.records.change = late
    with pytest.raises(Conflict):
        zone.look()
    settle(zone)

    assert "new.example.com" in {each.name for each in zone.all()}
    weights = {each.weight for each in zone.all() if each.set_identifier == "eks-ap"}
    assert weights == {0}


def test_a_foreign_record_that_came_meanwhile_is_not_touched():
    """Somebody took the name between our look and our write; it is told, and stays theirs."""
    zone = Zone()
    theirs = RecordSet(name="web.example.com", type="A", ttl_seconds=60, values=("198.51.100.1",))
    change = zone.records.change

    def late(zone_, **batch):
        zone.records.put(ZONE, theirs)
        zone.records.change = change
        return change(zone_, **batch)

    zone.records.change = late
    zone.want("web", US, AP)
    with pytest.raises(Conflict):
        zone.look()
    settle(zone)

    assert [each for each in zone.all() if each.name == "web.example.com"] == [theirs]
    assert zone.report("web").hosts["web.example.com"]["state"] == "conflict"
