"""
Whether a health check is healthy: what its checkers found, combined as Route 53 does.

Pure but for the counters of each checker. `checkers` records what probes find; the name servers and
CloudWatch ask.

Source: Route 53 Developer Guide, "How Amazon Route 53 determines whether a health check is healthy"
(18 percent of the checkers), "Values that you specify when you create or update health checks"
(failure threshold, inverted, disabled); API reference, HealthCheckConfig (HealthThreshold).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from localcloud.aws.route53.health_checks import PROBING, REGIONS, HealthCheck, HealthChecks

LEAST_SHARE = 0.18

Observation = tuple[str, str, float]  # the checker's address, its sentence, when


@dataclass(slots=True, kw_only=True)
class Checker:
    """
    What one checker holds of one endpoint: healthy until it was found otherwise often enough.

    Attributes:
        healthy: Its own view.
        streak: How many of the last results say otherwise, one after the other.
        last: Its latest result.
        failure: Its latest bad result.
    """

    healthy: bool = True
    streak: int = 0
    last: Observation | None = None
    failure: Observation | None = None

    def record(self, *, good: bool, seen: Observation, threshold: int) -> None:
        """Take one result in; the view turns after *threshold* of the other kind in a row."""
        self.last = seen
        if not good:
            self.failure = seen
        self.streak = 0 if good == self.healthy else self.streak + 1
        if self.streak >= threshold:
            self.healthy, self.streak = good, 0


class Health:
    """What is known of every health check."""

    def __init__(self, checks: HealthChecks) -> None:
        self._checks = checks
        self._checkers: dict[str, dict[str, Checker]] = {}

    def record(self, check: HealthCheck, region: str, *, good: bool, seen: Observation) -> None:
        """Take in what the checker of a region found."""
        checker = self._checkers.setdefault(check.id, {}).setdefault(region, Checker())
        threshold = int(check.config.get("FailureThreshold", 3))
        checker.record(good=good, seen=seen, threshold=threshold)

    def healthy(self, check_id: str) -> bool:
        """Say whether a health check counts as healthy; one that was deleted always does."""
        check = self._checks.checks.get(check_id)
        if check is None:
            return True
        found = check.config["Disabled"] or self._found(check)
        return bool(found != check.config["Inverted"])

    def percentage(self, check_id: str) -> float:
        """Give the percentage of checkers that hold the endpoint healthy."""
        return self._share(self._checks.get(check_id)) * 100.0

    def observations(self, check_id: str) -> Mapping[str, Observation]:
        """Give the latest result of each region."""
        known = self._checkers.get(check_id, {})
        return {region: each.last for region, each in known.items() if each.last is not None}

    def failures(self, check_id: str) -> Mapping[str, Observation]:
        """Give the latest bad result of each region."""
        known = self._checkers.get(check_id, {})
        return {region: each.failure for region, each in known.items() if each.failure is not None}

    def known(self) -> frozenset[str]:
        """Give the ids of all checks of which something is known."""
        return frozenset(self._checkers)

    def forget(self, gone: frozenset[str]) -> None:
        """Drop what is known of deleted checks."""
        for check_id in gone:
            self._checkers.pop(check_id, None)

    def _found(self, check: HealthCheck) -> bool:
        kind = check.config["Type"]
        if kind in PROBING:
            return self._share(check) > LEAST_SHARE
        if kind == "CALCULATED":
            children = check.config.get("ChildHealthChecks", ())
            return sum(map(self.healthy, children)) >= int(check.config["HealthThreshold"])
        # No alarm has data in the lab; the last known status of what never had one is healthy.
        return check.config.get("InsufficientDataHealthStatus") != "Unhealthy"

    def _share(self, check: HealthCheck) -> float:
        regions = regions_of(check)
        known = self._checkers.get(check.id, {})
        views = [known[region].healthy if region in known else True for region in regions]
        return sum(views) / len(views)


def regions_of(check: HealthCheck) -> tuple[str, ...]:
    """Give the regions whose checkers look."""
    return tuple(dict.fromkeys(check.config.get("Regions") or REGIONS))
