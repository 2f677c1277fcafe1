"""The health check of a Service port: policy, else probe, else default, field by field."""

import dataclasses

import pytest

from fedingress.domain.graph import Kind, NegRef
from fedingress.domain.policy import BackendPolicy, HealthCheckPolicy
from fedingress.domain.probe import Probe
from fedingress.planning import backends, health_checks
from fedingress.planning.groups import Group
from fedingress.planning.health_checks import Question
from tests.planning.test_backends import PORTS, converge, wish

SAID = Probe(path="/ready", host="a.com", interval_seconds=20, timeout_seconds=3)
OTHER = Probe(path="/other", interval_seconds=10, timeout_seconds=1)
WHOLE = HealthCheckPolicy(path="/p", host="p.com", interval_seconds=9, timeout_seconds=8)


def question(*said, policy=None, protocol="HTTP", standing=None):
    """One member for each probe: a, b, c and so on."""
    own = tuple(
        Group(
            cluster=cluster,
            backend=PORTS[0],
            neg=NegRef(project="p", zone="z", name=cluster),
            probe=probe,
        )
        for cluster, probe in zip("abcd", said, strict=False)
    )
    policy = policy or HealthCheckPolicy()
    return Question(policy=policy, own=own, protocol=protocol, standing=standing or {})


def decided(asked, **more):
    """(path, host, interval, timeout, healthy, unhealthy) of the health check."""
    spec = health_checks.decide(asked, **more)
    block = spec[f"{spec['type'].lower()}HealthCheck"]
    times = spec["checkIntervalSec"], spec["timeoutSec"]
    counts = spec["healthyThreshold"], spec["unhealthyThreshold"]
    return (block["requestPath"], block["host"], *times, *counts)


STOOD = health_checks.decide(question(OTHER))
TUNED = {"healthyThreshold": 4, "unhealthyThreshold": 5, "logConfig": {"enable": True}}
CASES = {
    "nothing is known": (question(None), ("/", None, 15, 15, 1, 2)),
    "no probe": (question(Probe()), ("/", None, 15, 15, 1, 2)),
    "no probe any more": (question(Probe(), standing=STOOD), ("/", None, 15, 15, 1, 2)),
    "a probe": (question(SAID), ("/ready", "a.com", 20, 3, 1, 2)),
    "an edited probe": (question(SAID, standing=STOOD), ("/ready", "a.com", 20, 3, 1, 2)),
    "one alone knows": (question(SAID, None), ("/ready", "a.com", 20, 3, 1, 2)),
    "the policy": (question(SAID, policy=WHOLE), ("/p", "p.com", 9, 8, 1, 2)),
    "a path of the policy": (
        question(SAID, policy=HealthCheckPolicy(path="/p")),
        ("/p", "a.com", 20, 3, 1, 2),
    ),
    "a short interval of the policy": (
        question(SAID, policy=HealthCheckPolicy(interval_seconds=2)),
        ("/ready", "a.com", 2, 2, 1, 2),
    ),
    "a long timeout of the policy": (
        question(OTHER, policy=HealthCheckPolicy(timeout_seconds=14)),
        ("/other", None, 14, 14, 1, 2),
    ),
    "a probe that waits longer than it pauses": (
        question(dataclasses.replace(SAID, timeout_seconds=60)),
        ("/ready", "a.com", 20, 20, 1, 2),
    ),
    "thresholds of an operator": (
        question(SAID, standing=TUNED),
        ("/ready", "a.com", 20, 3, 4, 5),
    ),
    "thresholds of the policy": (
        question(
            standing=TUNED, policy=HealthCheckPolicy(healthy_threshold=2, unhealthy_threshold=3)
        ),
        ("/", None, 15, 15, 2, 3),
    ),
    "a probe of another protocol": (
        question(SAID, protocol="HTTPS"),
        ("/", None, 15, 15, 1, 2),
    ),
    "a probe by TLS": (
        question(dataclasses.replace(SAID, scheme="HTTPS"), protocol="HTTP2"),
        ("/ready", "a.com", 20, 3, 1, 2),
    ),
    "most members": (question(OTHER, SAID, SAID), ("/ready", "a.com", 20, 3, 1, 2)),
    "what stands": (question(OTHER, SAID, SAID, standing=STOOD), ("/other", None, 10, 1, 1, 2)),
    "the first in order": (question(SAID, OTHER), ("/other", None, 10, 1, 1, 2)),
}


@pytest.mark.parametrize("case", CASES)
def test_each_field_comes_from_the_first_that_says_it(case):
    """Policy, readiness probe, what stands (thresholds), default."""
    asked, expected = CASES[case]

    assert decided(asked) == expected


@pytest.mark.parametrize("protocol", ["HTTP", "HTTPS", "HTTP2"])
def test_what_stands_stays_while_nobody_can_be_asked(protocol):
    """A member that cannot be read has not taken its probe back; the policy counts all the same."""
    scheme = "HTTP" if protocol == "HTTP" else "HTTPS"
    stood = health_checks.decide(
        question(dataclasses.replace(SAID, scheme=scheme), protocol=protocol)
    )
    asked = question(None, protocol=protocol, standing=stood)
    policy = HealthCheckPolicy(path="/p")

    assert decided(asked, silent=True) == ("/ready", "a.com", 20, 3, 1, 2)
    assert decided(asked) == ("/", None, 15, 15, 1, 2)
    assert decided(dataclasses.replace(asked, policy=policy), silent=True)[0] == "/p"
    assert decided(question(None), silent=True) == ("/", None, 15, 15, 1, 2)


def test_members_that_disagree_are_named_with_their_words_and_the_choice():
    """Nothing is told where they agree, or where the policy says what they differ in."""
    found = health_checks.disagreement(question(SAID, OTHER, SAID), PORTS[0])

    assert found is not None
    assert found[0] == "ProbeConflict"
    assert found[1] == (
        "readiness probes behind api:80 disagree: /other every 10 s within 1 s in b; "
        "/ready of a.com every 20 s within 3 s in a, c; the health check is "
        "/ready of a.com every 20 s within 3 s until they agree or the policy says it"
    )
    assert health_checks.disagreement(question(SAID, SAID, None), PORTS[0]) is None
    assert health_checks.disagreement(question(SAID, OTHER, policy=WHOLE), PORTS[0]) is None


@pytest.mark.parametrize(
    ("policy", "asked"),
    [
        (HealthCheckPolicy(), True),
        (WHOLE, False),
        (dataclasses.replace(WHOLE, host=""), True),
        (dataclasses.replace(WHOLE, timeout_seconds=None), True),
    ],
)
def test_pods_are_looked_at_only_where_the_policy_leaves_something_open(policy, asked):
    """Thresholds are no matter of probes."""
    assert health_checks.asks_probes(policy) is asked


def test_a_graph_follows_an_edited_probe_and_keeps_what_an_operator_set():
    """Only the fields of the probe change, and what the operator set is not in the plan."""
    first = wish(services=1)
    first = dataclasses.replace(
        first, groups=tuple(dataclasses.replace(each, probe=OTHER) for each in first.groups)
    )
    observed, _ = converge(first)
    tuned = tuple(
        dataclasses.replace(item, spec={**item.spec, **TUNED})
        if item.kind is Kind.HEALTH_CHECK
        else item
        for item in observed
    )
    edited = dataclasses.replace(
        first, groups=tuple(dataclasses.replace(each, probe=SAID) for each in first.groups)
    )
    half = dataclasses.replace(first, groups=(edited.groups[0], first.groups[1]))
    changes = backends.plan(backends.desired(edited, tuned), tuned, first.mark).changes

    assert not backends.plan(backends.desired(first, tuned), tuned, first.mark)
    assert not backends.plan(backends.desired(half, tuned), tuned, first.mark)
    assert [reason for reason, _ in backends.problems(half, tuned)] == ["ProbeConflict"]
    assert [change.fields for change in changes] == [
        ("checkIntervalSec", "httpHealthCheck", "timeoutSec")
    ]
    assert backends.problems(edited, tuned) == ()


def test_a_policy_may_say_nothing_of_health_checks():
    """Then everything is left to others."""
    assert BackendPolicy().health_check == HealthCheckPolicy()
