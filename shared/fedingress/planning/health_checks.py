"""
The health check of a backend service, field by field: policy, else readiness probe, else default.

`backends` asks for each Service port. Members that disagree are told, and what stands stays as long
as one of them says so; at first the word of most members counts, then the first in order.

Source: compute v1 HealthCheck (a timeout may not exceed the interval); ingress-gce's defaults for
endpoint groups (15 s, 15 s, 1, 2) and for instance groups (60 s, 60 s, 1, 10), whose nodes are
asked on a port of their own and 60 s less often than a probe says: every node is asked, and passes
it on to some pod.
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

_GROUPED_SECONDS: Final = 60
_MOST_SECONDS: Final = 300

Spec = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What nobody says; *added_seconds* to the interval that a probe says."""

    interval_seconds: int = 15
    timeout_seconds: int = 15
    healthy_threshold: int = 1
    unhealthy_threshold: int = 2
    added_seconds: int = 0


_GROUPED: Final = Defaults(
    interval_seconds=_GROUPED_SECONDS,
    timeout_seconds=_GROUPED_SECONDS,
    unhealthy_threshold=10,
    added_seconds=_GROUPED_SECONDS,
)


def defaults(*, grouped: bool) -> Defaults:
    """Those of endpoint groups, or, *grouped*, of instance groups."""
    return _GROUPED if grouped else Defaults()


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
    grouped: whether these are instance groups.   node_port: of theirs; 0 while none is known.
    """

    policy: HealthCheckPolicy
    own: tuple[Group, ...]
    protocol: str
    standing: Mapping[str, Any]
    grouped: bool = False
    node_port: int = 0

    def spec(self, probe: Probe) -> Spec:
        """The health check if all pods said *probe*."""
        fits = (probe.scheme == "HTTP") == (self.protocol == "HTTP")
        return _spec(self, probe if fits else Probe())

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


def _spec(question: Question, probe: Probe) -> Spec:
    policy, standing = question.policy, question.standing
    default = defaults(grouped=question.grouped)
    asked = probe.interval_seconds and probe.interval_seconds + default.added_seconds
    interval = policy.interval_seconds or asked or default.interval_seconds
    interval = min(interval, _MOST_SECONDS)
    timeout = policy.timeout_seconds or probe.timeout_seconds or default.timeout_seconds
    if timeout > interval and policy.timeout_seconds and not policy.interval_seconds:
        interval = timeout
    return {
        "type": question.protocol,
        "checkIntervalSec": interval,
        "timeoutSec": min(timeout, interval),
        "healthyThreshold": policy.healthy_threshold
        or standing.get("healthyThreshold", default.healthy_threshold),
        "unhealthyThreshold": policy.unhealthy_threshold
        or standing.get("unhealthyThreshold", default.unhealthy_threshold),
        _block(question.protocol): {
            "requestPath": policy.path or probe.path or "/",
            **_port(question.node_port),
            "host": policy.host or probe.host or None,
        },
    }


def _port(node_port: int) -> Spec:
    if node_port:
        return {"portSpecification": "USE_FIXED_PORT", "port": node_port}
    return {"portSpecification": "USE_SERVING_PORT"}


def _block(protocol: str) -> str:
    return f"{protocol.lower()}HealthCheck"


def _probe_of(question: Question) -> Probe:
    """The probe that the standing health check could have come from."""
    standing = question.standing
    block = standing.get(_block(question.protocol)) or {}
    added = defaults(grouped=question.grouped).added_seconds
    return Probe(
        path=str(block.get("requestPath") or ""),
        host=str(block.get("host") or ""),
        scheme="HTTP" if question.protocol == "HTTP" else "HTTPS",
        interval_seconds=max(0, int(standing.get("checkIntervalSec", 0)) - added),
        timeout_seconds=int(standing.get("timeoutSec", 0)),
    )


def _told(spec: Spec, protocol: str) -> str:
    block = spec[_block(protocol)]
    host = f" of {block['host']}" if block["host"] else ""
    interval, timeout = spec["checkIntervalSec"], spec["timeoutSec"]
    return f"{block['requestPath']}{host} every {interval} s within {timeout} s"
