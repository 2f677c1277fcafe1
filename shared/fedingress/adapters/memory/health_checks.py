"""
Health checks in memory: the strict twin of Route 53's.

What the checkers find is `answers`, by id; one that is not there has no data yet. A `fault` hook
sees each write before and after it happens.

Source: Route 53 API reference, CreateHealthCheck, UpdateHealthCheck; Developer Guide, "Quotas".
"""

import itertools
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from fedingress.adapters.memory.clusters import FaultHook, no_fault
from fedingress.domain.check import Check, CheckConfig
from fedingress.domain.errors import Conflict, Forbidden, Invalid, QuotaExceeded
from fedingress.domain.policy import ZoneRef
from fedingress.ports.guard import Guard
from fedingress.ports.health_checks import HealthChecks

MOST_CHECKS: Final = 200
_LONGEST_REFERENCE: Final = 64
_KINDS: Final = ("HTTP", "HTTPS", "TCP", "CALCULATED")


class MemoryHealthChecks:
    """
    The port `HealthChecks`.

    account: stands in ids, so that those of one account are unknown in another.
    calls: (verb, reference) of every write that reached the provider, in order.
    answers: id -> what the checkers say; one that is forced down fails whatever they say.
    """

    def __init__(self, *, account: str = "", fault: FaultHook = no_fault) -> None:
        self.call_timeout_seconds = 10.0
        self.calls: list[tuple[str, str]] = []
        self.answers: dict[str, bool] = {}
        self.fault = fault
        self._account = account
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._checks: dict[str, Check] = {}
        self._first: dict[str, tuple[str, CheckConfig]] = {}

    def list(self, prefix: str) -> Sequence[Check]:
        """Every one of ours."""
        with self._lock:
            found = [each for each in self._checks.values() if each.reference.startswith(prefix)]
        return sorted(found, key=lambda each: each.reference)

    def create(self, reference: str, config: CheckConfig, guard: Guard) -> Check:
        """Make one, or give the one that the same call made."""
        guard.check(self.call_timeout_seconds)
        self.fault("before", "create", reference)
        with self._lock:
            made = self._made(reference, config)
        self.fault("after", "create", reference)
        return made

    def update(self, check: Check, config: CheckConfig, guard: Guard) -> Check:
        """Change what can be changed."""
        guard.check(self.call_timeout_seconds)
        self.fault("before", "update", check.reference)
        if check.config.fixed != config.fixed:
            raise Invalid(f"{check.label}: kind, address and interval cannot be changed")
        with self._lock:
            if self._checks.get(check.id) != check:
                raise Conflict(f"{check.label} was changed meanwhile")
            self._refuse(config)
            self.calls.append(("update", check.reference))
            made = self._checks[check.id] = replace(check, config=config)
        self.fault("after", "update", check.reference)
        return made

    def delete(self, check: Check, guard: Guard) -> None:
        """Remove one, whoever refers to it."""
        guard.check(self.call_timeout_seconds)
        self.fault("before", "delete", check.reference)
        with self._lock:
            if self._checks.pop(check.id, None) is not None:
                self.calls.append(("delete", check.reference))
        self.fault("after", "delete", check.reference)

    def states(self, ids: Iterable[str]) -> Mapping[str, bool]:
        """What the checkers say."""
        with self._lock:
            return {
                each: self.answers[each] and not self._checks[each].config.forced_down
                for each in ids
                if each in self._checks and each in self.answers
            }

    def _made(self, reference: str, config: CheckConfig) -> Check:
        if (first := self._first.get(reference)) is not None:
            standing = self._checks.get(first[0])
            if standing is None or first[1] != config:
                raise Conflict(f"a health check with the reference {reference} already exists")
            return standing
        if len(self._checks) >= MOST_CHECKS:
            raise QuotaExceeded("Limits Exceeded: MAX_HEALTH_CHECKS")
        if not 0 < len(reference) <= _LONGEST_REFERENCE:
            raise Invalid(f"CallerReference {reference!r} is not of 1 to 64 characters")
        self._refuse(config)
        name = f"check-{self._account}{next(self._numbers)}"
        made = Check(id=name, reference=reference, config=config)
        self.calls.append(("create", reference))
        self._checks[made.id] = made
        self._first[reference] = (made.id, config)
        return made

    def _refuse(self, config: CheckConfig) -> None:
        if reasons := list(self._reasons(config)):
            raise Invalid(reasons)

    def _reasons(self, config: CheckConfig) -> Iterator[str]:
        if config.kind not in _KINDS:
            yield f"Type {config.kind} is none of {', '.join(_KINDS)}"
        if config.interval_seconds not in (10, 30):
            yield "RequestInterval is 10 or 30 seconds"
        if config.kind == "CALCULATED":
            for child in config.children:
                if child not in self._checks:
                    yield f"ChildHealthChecks: no health check {child}"
                elif self._checks[child].config.kind == "CALCULATED":
                    yield f"ChildHealthChecks: {child} is itself a calculated health check"
        elif not config.address:
            yield "one of IPAddress and FullyQualifiedDomainName is required"
        if config.kind == "TCP" and config.path:
            yield "ResourcePath is not permitted for a health check of type TCP"


class MemoryAccounts:
    """
    The port `ZoneHealthChecks` over *accounts*: account or project -> its checks.

    One that is not among them is not for us.
    """

    def __init__(self, accounts: Mapping[str, HealthChecks]) -> None:
        self.call_timeout_seconds = 10.0
        self.accounts = dict(accounts)

    def of(self, zone: ZoneRef) -> HealthChecks:
        """Those of the zone's account."""
        if zone.project not in self.accounts:
            raise Forbidden(f"{zone.unit}: we have no role in the account {zone.project}")
        return self.accounts[zone.project]
