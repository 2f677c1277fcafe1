"""
The health check of a backend service, field by field: policy, else readiness probe, else default.

`backends` asks for each Service port. Members that disagree are told, and what stands stays as long
as one of them says so; at first the word of most members counts, then the first in order.

Source: compute v1 HealthCheck (a timeout may not exceed the interval); ingress-gce's defaults for
endpoint groups (15 s, 15 s, 1, 2).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fedingress.domain.ingress import ServiceBackend
from fedingress.domain.policy import HealthCheckPolicy
from fedingress.domain.probe import Probe
from fedingress.planning.diff import differing
from fedingress.planning.groups import Group, Problem

INTERVAL_SECONDS: Final = 15
TIMEOUT_SECONDS: Final = 15
HEALTHY_THRESHOLD: Final = 1
UNHEALTHY_THRESHOLD: Final = 2

Spec = dict[str, Any]


def asks_probes(policy: HealthCheckPolicy) -> bool:
    """Whether anything is left to readiness probes, so that pods have to be looked at."""
    said = (policy.path, policy.host, policy.interval_seconds, policy.timeout_seconds)
    return not all(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    All that the health check of one backend service follows from.

    policy: what it says wins, field by field.
    own: the groups of the backend service, each with its member's word.
    protocol: HTTP, HTTPS or HTTP2.
    standing: the health check that is observed under the same name; empty when there is none.
    """

    policy: HealthCheckPolicy
    own: tuple[Group, ...]
    protocol: str
    standing: Mapping[str, Any]

    def spec(self, probe: Probe) -> Spec:
        """The health check if all pods said *probe*."""
        fits = (probe.scheme == "HTTP") == (self.protocol == "HTTP")
        return _spec(self.policy, probe if fits else Probe(), self.protocol, self.standing)

    def words(self) -> dict[str, set[str]]:
        """The members behind each different health check, as JSON."""
        found: dict[str, set[str]] = {}
        for group in self.own:
            if group.probe is not None:
                text = json.dumps(self.spec(group.probe), sort_keys=True)
                found.setdefault(text, set()).add(group.cluster)
        return found


def decide(question: Question, *, silent: bool = False) -> Spec:
    """
    The health check of one backend service.

    *silent*: some member cannot be read now. Where nobody else says anything, what stands stays.
    """
    words = question.words()
    if not words:
        kept = silent and question.standing
        return question.spec(_probe_of(question) if kept else Probe())
    ranked = sorted(words, key=lambda text: (-len(words[text]), text))
    specs: list[Spec] = [json.loads(text) for text in ranked]
    return next((spec for spec in specs if not differing(question.standing, spec)), specs[0])


def disagreement(question: Question, backend: ServiceBackend) -> Problem | None:
    """Say that the members' probes are not the same, with the word of each and the choice."""
    words = question.words()
    if len(words) < 2:  # noqa: PLR2004  of two
        return None
    protocol = question.protocol
    listed = "; ".join(
        f"{_told(json.loads(text), protocol)} in {', '.join(sorted(words[text]))}"
        for text in sorted(words)
    )
    chosen = _told(decide(question), protocol)
    text = (
        f"readiness probes behind {backend.service}:{backend.port} disagree: {listed}; the health "
        f"check is {chosen} until they agree or the policy says it"
    )
    return "ProbeConflict", text


def _spec(
    policy: HealthCheckPolicy, probe: Probe, protocol: str, standing: Mapping[str, Any]
) -> Spec:
    interval = policy.interval_seconds or probe.interval_seconds or INTERVAL_SECONDS
    timeout = policy.timeout_seconds or probe.timeout_seconds or TIMEOUT_SECONDS
    if timeout > interval and policy.timeout_seconds and not policy.interval_seconds:
        interval = timeout
    return {
        "type": protocol,
        "checkIntervalSec": interval,
        "timeoutSec": min(timeout, interval),
        "healthyThreshold": policy.healthy_threshold
        or standing.get("healthyThreshold", HEALTHY_THRESHOLD),
        "unhealthyThreshold": policy.unhealthy_threshold
        or standing.get("unhealthyThreshold", UNHEALTHY_THRESHOLD),
        _block(protocol): {
            "requestPath": policy.path or probe.path or "/",
            "portSpecification": "USE_SERVING_PORT",
            "host": policy.host or probe.host or None,
        },
    }


def _block(protocol: str) -> str:
    return f"{protocol.lower()}HealthCheck"


def _probe_of(question: Question) -> Probe:
    """The probe that the standing health check could have come from."""
    standing = question.standing
    block = standing.get(_block(question.protocol)) or {}
    return Probe(
        path=str(block.get("requestPath") or ""),
        host=str(block.get("host") or ""),
        scheme="HTTP" if question.protocol == "HTTP" else "HTTPS",
        interval_seconds=int(standing.get("checkIntervalSec", 0)),
        timeout_seconds=int(standing.get("timeoutSec", 0)),
    )


def _told(spec: Spec, protocol: str) -> str:
    block = spec[_block(protocol)]
    host = f" of {block['host']}" if block["host"] else ""
    interval, timeout = spec["checkIntervalSec"], spec["timeoutSec"]
    return f"{block['requestPath']}{host} every {interval} s within {timeout} s"
