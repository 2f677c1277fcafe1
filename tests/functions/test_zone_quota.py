"""An account that may have no more health checks: told, in nobody's way, and good by itself."""

from dataclasses import replace

import pytest

from fedingress.adapters.memory import health_checks
from fedingress.domain.policy import DnsPolicy
from tests.functions.test_zone_route53 import AP, DAMPING, TCP, US, Zone

POLICY = DnsPolicy(routing="weighted", damping=DAMPING, health_check=TCP)
OTHER = replace(POLICY, health_check=replace(TCP, port=8443))
ROOM = 2


@pytest.fixture
def zone(monkeypatch):
    """A zone whose one Ingress has used up the quota, and a second one that needs two more."""
    made = Zone()
    monkeypatch.setattr(health_checks, "MOST_CHECKS", ROOM)
    made.want("web", US, AP, policy=POLICY)
    made.look()
    made.want("late", US, AP, policy=OTHER)
    return made


def asked(zone, monkeypatch):
    """How often a check is asked for from now on."""
    found, create = [], zone.checks.create
    monkeypatch.setattr(
        zone.checks, "create", lambda *given: found.append(given[0]) or create(*given)
    )
    return found


def test_who_finds_no_room_waits_and_is_told_why(zone, monkeypatch):
    """The provider's words stand at the host, and it is asked once in a look and not for each."""
    tries = asked(zone, monkeypatch)
    zone.look()
    (row,) = zone.report("late").hosts.values()

    assert row["state"] == "waiting"
    assert "waiting for the health check tcp://" in row["message"]
    assert "2 health checks cannot be made: Limits Exceeded: MAX_HEALTH_CHECKS" in row["message"]
    assert len(tries) == 1


def test_the_others_go_on(zone):
    """A member of another Ingress is drained meanwhile."""
    before = zone.weights()
    zone.want("web", US, replace(AP, multiplier=0.0), policy=POLICY)
    for _ in range(10):
        zone.look()

    assert before["eks-ap"] > 0
    assert zone.weights() == before | {"eks-ap": 0}
    assert [row["state"] for row in zone.report("web").hosts.values()] == ["published"]


def test_with_room_again_nobody_has_to_help(zone, monkeypatch):
    """What was missing is made in the next look, and the words go."""
    zone.look()
    monkeypatch.setattr(health_checks, "MOST_CHECKS", ROOM + 2)
    zone.look()
    (row,) = zone.report("late").hosts.values()

    assert row["state"] == "published"
    assert "health check" not in row["message"]
    assert len(zone.checks.list("fi:")) == ROOM + 2
