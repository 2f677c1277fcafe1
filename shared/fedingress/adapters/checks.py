"""Health checks of several providers as one port: references and ids say whose they are."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from fedingress.domain.check import Check, CheckConfig
from fedingress.ports.guard import Guard
from fedingress.ports.health_checks import HealthChecks

GOOGLE: Final = "projects/"
"""How references and ids of Compute Engine's begin; Route 53's never do."""


class ChecksByProvider:
    """The port `HealthChecks` over those of *google* and of *amazon*."""

    def __init__(self, *, google: HealthChecks, amazon: HealthChecks) -> None:
        self.call_timeout_seconds = max(each.call_timeout_seconds for each in (google, amazon))
        self._google = google
        self._amazon = amazon

    def list(self, prefix: str) -> Sequence[Check]:
        """Every one of the provider that *prefix* is of."""
        return self._of(prefix).list(prefix)

    def create(self, reference: str, config: CheckConfig, guard: Guard) -> Check:
        """Make one."""
        return self._of(reference).create(reference, config, guard)

    def update(self, check: Check, config: CheckConfig, guard: Guard) -> Check:
        """Change what can be changed."""
        return self._of(check.reference).update(check, config, guard)

    def delete(self, check: Check, guard: Guard) -> None:
        """Remove one."""
        self._of(check.reference).delete(check, guard)

    def states(self, ids: Iterable[str]) -> Mapping[str, bool]:
        """What the checkers of each say."""
        asked: dict[bool, list[str]] = {True: [], False: []}
        for each in ids:
            asked[each.startswith(GOOGLE)].append(each)
        found: dict[str, bool] = {}
        for here, port in ((True, self._google), (False, self._amazon)):
            if asked[here]:
                found |= port.states(asked[here])
        return found

    def _of(self, reference: str) -> HealthChecks:
        return self._google if reference.startswith(GOOGLE) else self._amazon
