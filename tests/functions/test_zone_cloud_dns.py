"""
A zone of Cloud DNS and its health checks, with every call struck once; and what a look costs.

The end is that of a quiet run, whichever call it was: no record and no check is missing, doubled or
left.
"""

from dataclasses import replace

import pytest

from fedingress.adapters.memory.gce_checks import MemoryGceHealthChecks
from fedingress.domain.errors import Forbidden, Unavailable
from fedingress.domain.policy import DnsHealthCheck, DnsPolicy, ZoneRef
from fedingress.domain.record import RecordSet
from fedingress.planning.answers.marks import is_node
from tests.functions.test_zone_crash import Strike, settle
from tests.functions.test_zone_route53 import DAMPING, NoSource, Zone, target
from tests.functions.world import Crash

CLOUD = ZoneRef(provider="cloud-dns", project="p", name="z", domain="example.com")
EU = target("site-eu", "eu-central-1", address="203.0.113.1", hosted_zone="")
AP = target("site-ap", "ap-southeast-1", address="203.0.113.2", hosted_zone="")
LATENCY = DnsPolicy(routing="latency", damping=DAMPING)
WEIGHTED = replace(LATENCY, routing="weighted")
HTTP = DnsHealthCheck(kind="HTTP", paths=("/ok",))


def created(zone):
    """Two Ingresses appear."""
    zone.want("web", EU, AP, policy=LATENCY)
    zone.want("api", EU, AP, policy=WEIGHTED)


def updated(zone):
    """Another check, another routing, a member drained, one gone."""
    zone.want("web", EU, replace(AP, multiplier=0.0), policy=replace(WEIGHTED, health_check=HTTP))
    zone.want("api", EU, policy=WEIGHTED)


def deleted(zone):
    """Everyone leaves."""
    zone.ports = replace(zone.ports, sources=NoSource())
    for name in ("web", "api"):
        zone.want(name, state="deleting", targets=(), hosts=())


STEPS = (created, updated, deleted)


def end(zone):
    """What stands: records with what their checks ask for, and those checks."""
    checks = {each.id: repr(each.config) for each in zone.checks.list("projects/p/")}
    records = [
        replace(each, health_check=checks.get(each.health_check, each.health_check))
        for kind in ("A", "CNAME", "TXT")
        for each in zone.all(kind)
    ]
    return records, sorted(checks.values())


def run(until, strike=None):
    """The steps up to *until*; gives the end and how many writes the last step made."""
    zone = Zone(CLOUD, MemoryGceHealthChecks())
    for step in STEPS[: STEPS.index(until)]:
        step(zone)
        settle(zone)
    before = len(zone.records.calls) + len(zone.checks.calls)
    if strike:
        zone.records.fault = zone.checks.fault = strike
    until(zone)
    settle(zone)
    return end(zone), len(zone.records.calls) + len(zone.checks.calls) - before


@pytest.mark.parametrize("step", STEPS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("kind", [Crash, Unavailable])
def test_every_call_struck_once_ends_as_the_quiet_run(step, moment, kind):
    """Whichever call it was, before its effect or after it."""
    quiet, calls = run(step)
    assert calls
    struck = 0
    for number in range(calls + 3):
        strike = Strike(moment, number, kind)
        found, _ = run(step, strike)
        struck += strike.struck
        assert found == quiet, f"call {number}"

    assert struck >= calls


def test_the_ends_are_what_a_user_expects():
    """Two policies by one check; then one, by another check, beside a plain address; nothing."""
    records, checks = run(created)[0]
    assert len([each for each in records if each.policy]) == 2
    assert len(checks) == 1
    records, checks = run(updated)[0]
    (policy,) = [each for each in records if each.policy]
    assert "HTTP" in policy.health_check
    assert len(checks) == 1
    assert [each.values for each in records if each.name == "api.example.com"] == [("203.0.113.1",)]
    assert run(deleted)[0] == ([], [])


def test_who_may_not_see_health_checks_can_lead_to_one_member():
    """It needs none; two members do, and the host tells which right is missing."""

    class Closed(MemoryGceHealthChecks):
        def list(self, prefix):
            raise Forbidden(f"compute.healthChecks.list is missing for {prefix}")

    zone = Zone(CLOUD, Closed())
    zone.want("web", EU, policy=WEIGHTED)
    zone.look("repair")
    assert zone.report("web").hosts["web.example.com"]["state"] == "published"

    zone.want("web", EU, AP, policy=WEIGHTED)
    zone.look()
    row = zone.report("web").hosts["web.example.com"]
    assert (row["state"], "healthChecks.list" in row["message"]) == ("failed", True)
    assert [each.values for each in zone.all()] == [(EU.address,)]


def test_a_quiet_window_reads_and_writes_nothing():
    """And a weight is one write however many hosts lead there."""
    zone = Zone(CLOUD, MemoryGceHealthChecks())
    for number in range(40):
        zone.want(f"web{number}", EU, AP, policy=WEIGHTED)
    zone.look()
    for _ in range(DAMPING.up_windows + 1):
        zone.look()
    for _ in range(3):
        zone.look()
        assert (zone.records.reads, zone.batches, zone.check_calls) == ([], 0, [])

    for number in range(40):
        zone.want(f"web{number}", EU, replace(AP, multiplier=0.0), policy=WEIGHTED)
    zone.look()
    assert (zone.records.reads, zone.batches) == ([("find", 2)], 1)


def test_who_writes_between_look_and_write_loses_nothing():
    """Somebody else's weights are found to differ, and are put right by the next look."""
    zone = Zone(CLOUD, MemoryGceHealthChecks())
    created(zone)
    settle(zone)
    ours = next(each for each in zone.all() if "wrr" in each.policy)
    theirs = replace(ours, policy=ours.policy.replace("255", "7"))
    zone.records.put(CLOUD, theirs)
    alien = RecordSet(name="alien.example.com", type="CNAME", ttl_seconds=5, values=(ours.name,))
    zone.records.put(CLOUD, alien)
    zone.look("repair")
    assert ours in zone.all()

    deleted(zone)
    settle(zone)
    zone.look("repair")
    left = {each.name for kind in ("A", "CNAME") for each in zone.all(kind)}
    assert left == {alien.name, ours.name}, "a node stays while any record leads to it"
    assert is_node(ours.name)
    assert len(zone.checks.list("projects/p/")) == 1
