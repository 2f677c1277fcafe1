"""
When a health check is healthy.

Sources: Route 53 Developer Guide, "How Amazon Route 53 determines whether a health check is
healthy", "Values that you specify when you create or update health checks"; API reference,
HealthCheckConfig.
"""

import pytest

from localcloud.aws.route53.health import Health
from localcloud.aws.route53.health_checks import REGIONS, HealthChecks

SEEN = ("127.1.251.1", "a sentence", 0.0)


class Stage:
    """Health checks and what their checkers are made to find."""

    def __init__(self):
        self.checks = HealthChecks()
        self.health = Health(self.checks)
        self._number = 0

    def check(self, **config):
        self._number += 1
        config = {"Type": "HTTP", "IPAddress": "192.0.2.1", **config}
        if config["Type"] in ("CALCULATED", "CLOUDWATCH_METRIC"):
            del config["IPAddress"]
        made = self.checks.create(
            {"CallerReference": str(self._number), "HealthCheckConfig": config}
        )
        return made["HealthCheck"]["Id"]

    def find(self, check_id, *, good, regions=REGIONS, times=3):
        for _ in range(times):
            for region in regions:
                check = self.checks.checks[check_id]
                self.health.record(check, region, good=good, seen=SEEN)


@pytest.fixture
def stage():
    return Stage()


@pytest.mark.parametrize(("bad", "healthy"), [(0, True), (6, True), (7, False), (8, False)])
def test_eighteen_percent_of_the_checkers_are_enough(stage, bad, healthy):
    """More than 18 % say healthy: two of eight checkers are, one is not."""
    check = stage.check()
    stage.find(check, good=False, regions=REGIONS[:bad])
    assert stage.health.healthy(check) is healthy
    assert stage.health.percentage(check) == 100 * (8 - bad) / 8


def test_only_the_chosen_regions_count(stage):
    """Three regions: one good checker of three is enough."""
    check = stage.check(Regions=list(REGIONS[:3]))
    stage.find(check, good=False, regions=REGIONS[:2])
    assert stage.health.healthy(check)
    stage.find(check, good=False, regions=REGIONS[2:3])
    assert not stage.health.healthy(check)


def test_the_threshold_counts_results_in_a_row_both_ways(stage):
    """A view turns after FailureThreshold equal results; one good result begins the count anew."""
    check = stage.check(FailureThreshold=3)
    stage.find(check, good=False, times=2)
    stage.find(check, good=True, times=1)
    stage.find(check, good=False, times=2)
    assert stage.health.healthy(check)
    stage.find(check, good=False, times=1)
    assert not stage.health.healthy(check)
    stage.find(check, good=True, times=2)
    assert not stage.health.healthy(check)
    stage.find(check, good=True, times=1)
    assert stage.health.healthy(check)


def test_a_new_check_is_healthy_until_there_is_data(stage):
    """Inverted, it is unhealthy until then."""
    assert stage.health.healthy(stage.check())
    assert not stage.health.healthy(stage.check(Inverted=True))


def test_disabled_is_healthy_and_inverted_with_it_is_down(stage):
    """Disabled alone never fails; with Inverted it is the switch that forces a record down."""
    check = stage.check(Disabled=True)
    stage.find(check, good=False)
    assert stage.health.healthy(check)
    stage.checks.update({"HealthCheckId": check, "Inverted": True})
    assert not stage.health.healthy(check)


def test_calculated_checks_count_their_children(stage):
    """Healthy with HealthThreshold healthy children; 0 is always, more than there are is never."""
    children = [stage.check() for _ in range(3)]
    found = [
        stage.check(Type="CALCULATED", HealthThreshold=number, ChildHealthChecks=children)
        for number in (0, 2, 3, 4)
    ]
    assert [stage.health.healthy(each) for each in found] == [True, True, True, False]
    stage.find(children[0], good=False)
    assert [stage.health.healthy(each) for each in found] == [True, True, False, False]
    stage.find(children[1], good=False)
    stage.find(children[2], good=False)
    assert [stage.health.healthy(each) for each in found] == [True, False, False, False]


@pytest.mark.parametrize(
    ("status", "healthy"), [("Healthy", True), ("Unhealthy", False), ("LastKnownStatus", True)]
)
def test_alarms_have_no_data_here(stage, status, healthy):
    """InsufficientDataHealthStatus decides."""
    check = stage.check(
        Type="CLOUDWATCH_METRIC",
        AlarmIdentifier={"Region": "us-east-1", "Name": "a"},
        InsufficientDataHealthStatus=status,
    )
    assert stage.health.healthy(check) is healthy


def test_a_deleted_check_fails_nobody(stage):
    """Record sets that still name it are answered as if it were healthy."""
    check = stage.check()
    stage.find(check, good=False)
    stage.checks.delete(check)
    assert stage.health.healthy(check)
