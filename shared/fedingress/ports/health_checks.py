"""
Health checks of DNS providers: Route 53's, and Compute Engine's for Cloud DNS.

A reference (and a prefix of some) says whose it is: see `planning.checks.prefix`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from fedingress.domain.check import Check, CheckConfig
from fedingress.domain.policy import ZoneRef
from fedingress.ports.guard import Guard


class HealthChecks(Protocol):
    """
    One account's. Every method may raise `Unavailable` or `Forbidden`.

    References and ids of one account are unknown in every other one.
    """

    call_timeout_seconds: float

    def list(self, prefix: str) -> Sequence[Check]:
        """Every one whose reference begins with *prefix*, by reference."""
        ...

    def create(self, reference: str, config: CheckConfig, guard: Guard) -> Check:
        """
        Make one; made before with this reference and config, it is given again.

        Raises:
            Conflict: The reference was used for another config, or for one that is deleted.
            Invalid: The provider refuses it, or its quota is used up; the reasons are its words.
        """
        ...

    def update(self, check: Check, config: CheckConfig, guard: Guard) -> Check:
        """
        Change what can be changed; `CheckConfig.fixed` is the same in both.

        Raises:
            Conflict: It is gone, or was changed meanwhile.
            Invalid: As with `create`.
        """
        ...

    def delete(self, check: Check, guard: Guard) -> None:
        """Remove one; that it is gone is no error. Nothing may refer to it any more."""
        ...

    def states(self, ids: Iterable[str]) -> Mapping[str, bool]:
        """What the checkers say now, in bulk; one of which nothing is known is left out."""
        ...


class ZoneHealthChecks(Protocol):
    """The health checks of all accounts, found by the zone whose records name them."""

    call_timeout_seconds: float

    def of(self, zone: ZoneRef) -> HealthChecks:
        """
        Those of the account or project that *zone* is in.

        Raises:
            Forbidden: We may do nothing there.
            Unavailable: It cannot be told which account that is.
            Invalid: There is no such provider.
        """
        ...
