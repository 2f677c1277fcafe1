"""
Health checks of Cloud DNS in memory: the strict twin of `adapters.gcp.health_checks`.

A `fault` hook sees each write before and after it happens.

Source: compute v1 HealthCheck (sourceRegions and what they forbid); names of RFC 1035.
"""

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from fedingress.adapters.memory.clusters import FaultHook, no_fault
from fedingress.domain.check import Check, CheckConfig
from fedingress.domain.errors import Conflict, Invalid
from fedingress.ports.guard import Guard

_PATH: Final = re.compile(r"projects/[^/]+/global/healthChecks/[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_KINDS: Final = ("HTTP", "HTTPS", "TCP")
_LEAST_INTERVAL_SECONDS: Final = 30
_LONGEST_INTERVAL_SECONDS: Final = 300
_HIGHEST_THRESHOLD: Final = 10


class MemoryGceHealthChecks:
    """
    The port `HealthChecks`.

    calls: (verb, reference) of every write that reached the provider, in order.
    """

    def __init__(self, *, fault: FaultHook = no_fault) -> None:
        self.call_timeout_seconds = 10.0
        self.calls: list[tuple[str, str]] = []
        self.fault = fault
        self._lock = threading.Lock()
        self._checks: dict[str, Check] = {}

    def list(self, prefix: str) -> Sequence[Check]:
        """Every one whose reference begins with *prefix*."""
        with self._lock:
            found = [each for each in self._checks.values() if each.reference.startswith(prefix)]
        return sorted(found, key=lambda each: each.reference)

    def create(self, reference: str, config: CheckConfig, guard: Guard) -> Check:
        """Make one, or give the one that the same call made."""
        guard.check(self.call_timeout_seconds)
        self.fault("before", "create", reference)
        with self._lock:
            made = Check(id=reference, reference=reference, config=config)
            if self._checks.get(reference, made) != made:
                raise Conflict(f"a health check {reference} stands already, and is another one")
            if reference not in self._checks:
                self._write("create", made)
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
            made = replace(check, config=config)
            self._write("update", made)
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
        """Nothing: no API tells what the checkers find."""
        del ids
        return {}

    def _write(self, verb: str, check: Check) -> None:
        if reasons := list(_reasons(check)):
            raise Invalid(reasons)
        self.calls.append((verb, check.reference))
        self._checks[check.id] = check


def _reasons(check: Check) -> Iterator[str]:
    config = check.config
    if not _PATH.fullmatch(check.reference):
        yield f"Invalid value for field 'resource.name': '{check.reference}'"
    if config.kind not in _KINDS:
        yield f"type {config.kind} is not supported with sourceRegions"
    if not _LEAST_INTERVAL_SECONDS <= config.interval_seconds <= _LONGEST_INTERVAL_SECONDS:
        yield "checkIntervalSec is 30 to 300 with sourceRegions"
    if not 1 <= config.threshold <= _HIGHEST_THRESHOLD:
        yield "a threshold is 1 to 10"
    if config.address or config.children or config.forced_down:
        yield "no address, no children, and nothing is told to fail"
    if config.path[:1] != ("" if config.kind == "TCP" else "/"):
        yield f"requestPath does not fit type {config.kind}"
