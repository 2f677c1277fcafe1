"""
The health check of a backend service, field by field: policy, else readiness probe, else default.

`backends` asks for each Service port. Members that disagree are told, and what stands stays as long
as one of them says so; at first the word of most members counts, then the first in order.

Source: compute v1 HealthCheck (a timeout may not exceed the interval); ingress-gce's defaults for
endpoint groups (15 s, 15 s, 1, 2).
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from fedingress.domain.policy import HealthCheckPolicy
from fedingress.domain.probe import NO_PROBE, Probe
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


def decide(
    policy: HealthCheckPolicy,
    own: Iterable[Group],
    protocol: str,
    observed: Mapping[str, Any] | None,
    *,
    silent: bool = False,
) -> Spec:
    """
    The health check of one backend service.

    Args:
        policy: What it says wins, field by field.
        own: The groups of the backend service, each with its member's word.
        protocol: HTTP, HTTPS or HTTP2.
        observed: The health check that stands under the same name, or None.
        silent: Some member cannot be read now. Where nobody else says anything, what stands stays.
    """
    standing = observed or {}
    words = _words(policy, own, protocol, standing)
    if not words:
        kept = _probe_of(standing, protocol) if silent and standing else NO_PROBE
        return _spec(policy, kept, protocol, standing)
    specs = [json.loads(text) for text in sorted(words, key=lambda text: (-len(words[text]), text))]
    kept_specs = (spec for spec in specs if not differing(standing, spec))
    found: Spec = next(kept_specs, specs[0])
    return found


def disagreement(
    policy: HealthCheckPolicy,
    own: Iterable[Group],
    protocol: str,
    observed: Mapping[str, Any] | None,
) -> Problem | None:
    """Name a Service port whose probe is not the same in all members, each word and the choice."""
    own = tuple(own)
    words = _words(policy, own, protocol, observed or {})
    if len(words) < 2:  # noqa: PLR2004  of two
        return None
    chosen = decide(policy, own, protocol, observed)
    listed = "; ".join(
        f"{_told(json.loads(text), protocol)} in {', '.join(sorted(words[text]))}"
        for text in sorted(words)
    )
    port = own[0].backend
    text = (
        f"readiness probes behind {port.service}:{port.port} disagree: {listed}; the health check "
        f"is {_told(chosen, protocol)} until they agree or the policy says it"
    )
    return "ProbeConflict", text


def _words(
    policy: HealthCheckPolicy, own: Iterable[Group], protocol: str, standing: Mapping[str, Any]
) -> dict[str, set[str]]:
    """The members behind each different health check, as JSON."""
    words: dict[str, set[str]] = {}
    for group in own:
        if group.probe is not None:
            spec = _spec(policy, _fitting(group.probe, protocol), protocol, standing)
            words.setdefault(json.dumps(spec, sort_keys=True), set()).add(group.cluster)
    return words


def _fitting(probe: Probe, protocol: str) -> Probe:
    """*probe*, or none where it was read for another protocol than requests have now."""
    return probe if (probe.scheme == "HTTP") == (protocol == "HTTP") else NO_PROBE


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


def _probe_of(standing: Mapping[str, Any], protocol: str) -> Probe:
    """The probe that a standing health check could have come from."""
    block = standing.get(_block(protocol)) or {}
    return Probe(
        path=str(block.get("requestPath", "")),
        host=str(block.get("host", "")),
        interval_seconds=int(standing.get("checkIntervalSec", 0)),
        timeout_seconds=int(standing.get("timeoutSec", 0)),
    )


def _told(spec: Spec, protocol: str) -> str:
    block = spec[_block(protocol)]
    host = f" of {block['host']}" if block["host"] else ""
    interval, timeout = spec["checkIntervalSec"], spec["timeoutSec"]
    return f"{block['requestPath']}{host} every {interval} s within {timeout} s"
