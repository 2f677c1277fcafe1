"""Zones of two accounts: each keeps its health checks in its own, and one that is shut waits."""

from dataclasses import replace

import pytest

from fedingress.adapters.memory.health_checks import MemoryHealthChecks
from fedingress.domain.errors import Forbidden
from fedingress.domain.outcome import Later, Settled
from fedingress.domain.policy import DnsPolicy
from tests.functions.test_zone_crash import STEPS, Strike, end
from tests.functions.test_zone_route53 import DAMPING, TCP, US, ZONE, NoSource, Zone

THEIRS = replace(ZONE, project="222222222222", name="Z2")
POLICY = DnsPolicy(routing="weighted", damping=DAMPING, health_check=TCP)


def elsewhere():
    """A zone of another account, beside the checks of our own."""
    made = Zone(THEIRS, checks=MemoryHealthChecks(account=f"{THEIRS.project}-"))
    made.ours = MemoryHealthChecks()
    made.ports.health_checks.accounts["self"] = made.ours
    return made


@pytest.fixture
def zone():
    return elsewhere()


def shut(zone):
    """The account's role does not trust us any more: what stands is as it was."""
    port = zone.ports.health_checks
    kept = port.accounts.pop(THEIRS.project)

    def refuse(*_args, **_more):
        raise Forbidden("STS: AccessDenied: sts:AssumeRole")

    zone.records.domain = zone.records.list = zone.records.find = zone.records.change = refuse

    def reopen():
        port.accounts[THEIRS.project] = kept
        for name in ("domain", "list", "find", "change"):
            delattr(zone.records, name)

    return reopen


def test_checks_stand_in_the_zones_account(zone):
    """And none in ours."""
    zone.want("web", replace(US, shared=True), policy=POLICY)
    zone.look()

    assert len(zone.checks.list("fi:")) == 1
    assert zone.ours.calls == []
    named = {each.health_check for each in zone.all() if each.health_check}
    assert named == {each.id for each in zone.checks.list("fi:")}


def test_a_shut_account_is_told_and_forgets_nothing(zone):
    """Its hosts say why; a leaving Ingress waits, and once it is open again all is swept."""
    zone.want("web", replace(US, shared=True), policy=POLICY)
    zone.look()
    stood = zone.all()

    reopen = shut(zone)
    outcome = zone.look("repair")
    assert isinstance(outcome, Later)
    (row,) = zone.report("web").hosts.values()
    assert row["state"] == "failed"
    assert "sts:AssumeRole" in row["message"]
    assert row["zone"] == THEIRS.unit

    zone.ports = replace(zone.ports, sources=NoSource())
    zone.want("web", replace(US, shared=True), policy=POLICY, state="deleting")
    zone.look("repair")
    assert "web" in str(zone.ports.ledger.intents(THEIRS.unit, type(zone.intents["web"])))

    reopen()
    assert zone.all() == stood
    for _ in range(20):
        zone.look("repair", minutes=10.0)
    assert zone.all() == []
    assert zone.checks.list("fi:") == []


def settle(zone):
    """
    Look until nothing is to be done.

    Raises:
        AssertionError: It never ends.
    """
    for _ in range(40):
        zone.look(minutes=2.0)
        quiet = isinstance(zone.outcome, Settled) and zone.outcome.look_again_seconds is None
        if quiet and not zone.batches and not zone.check_calls:
            return
    raise AssertionError(f"still {zone.outcome}")


def run(until, strike=None):
    """The steps up to *until*; gives the end, and how many writes the last step made."""
    zone = elsewhere()
    for step in STEPS[: STEPS.index(until)]:
        step(zone)
        settle(zone)
    before = len(zone.records.calls) + len(zone.checks.calls)
    zone.records.fault = zone.checks.fault = strike or zone.records.fault
    until(zone)
    settle(zone)
    assert zone.ours.calls == []
    return end(zone), len(zone.records.calls) + len(zone.checks.calls) - before


@pytest.mark.parametrize("step", STEPS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_account_that_shuts_at_any_call_ends_as_the_quiet_run(step, moment):
    """No record and no check is missing, doubled or left there, and none is ever made in ours."""
    quiet, calls = run(step)
    struck = 0
    for number in range(calls + 3):
        strike = Strike(moment, number, Forbidden)
        found, _ = run(step, strike)
        struck += strike.struck
        assert found == quiet, f"call {number}"

    assert struck >= calls > 0
