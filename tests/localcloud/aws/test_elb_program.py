"""What reaches HAProxy's configuration of load balancers: ids of ours, never users' text."""

from dataclasses import replace

import pytest

from localcloud.aws.elb.balancers import HealthCheck, Listener, LoadBalancer, Rule, TargetGroup
from localcloud.aws.elb.program import compile_balancers

GROUP = TargetGroup(
    name="g",
    region="us-east-1",
    port=8080,
    check=HealthCheck(path="/ready?x=1"),
    targets={("10.1.1.5", 8080): "us-east-1a"},
    tags={},
)
BALANCER = LoadBalancer(
    name="b",
    region="us-east-1",
    zones=("us-east-1a",),
    scheme="internal",
    address="127.1.250.1",
    listeners=(Listener(port=80), Listener(port=9000)),
    rules=(Rule(host="shop.example.com", path="/user-text", exact=False, group="g"),),
    groups={"g": GROUP},
    tags={},
    created=0.0,
)


def test_users_text_stands_in_map_files_only():
    """Hosts, paths and check paths are looked up; the text holds none of them."""
    program = compile_balancers([BALANCER], 1.0)
    assert program.problems == ()
    everything = "".join(program.files.values())
    for word in ("user-text", "shop.example.com", "/ready?x=1"):
        assert word in everything
        assert word not in program.text
    assert "bind 127.1.250.1:8080" in program.text
    assert "bind 127.1.250.1:9000" in program.text


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"path": "/a b"}, "path"),
        ({"path": "/a\nbackend evil"}, "path"),
        ({"path": "no-slash"}, "path"),
        ({"host": "a;b"}, "host"),
        ({"host": "a.example.com\nx"}, "host"),
    ],
)
def test_odd_rules_are_left_out_and_named(rule, reason):
    """One bad rule does not cost the others, and never becomes a row of a file."""
    odd = replace(BALANCER.rules[0], **rule)
    program = compile_balancers([replace(BALANCER, rules=(odd, BALANCER.rules[0]))], 1.0)
    (problem,) = program.problems
    assert reason in problem
    assert "evil" not in "".join(program.files.values())
    assert any("user-text" in text for text in program.files.values())


@pytest.mark.parametrize(
    ("check", "targets", "reason"),
    [
        ({"path": "/x y"}, None, "health check path"),
        ({"codes": "200\n  server evil 127.0.0.1:1"}, None, "success codes"),
        ({"port": "9"}, None, "health check port"),
        ({}, {("192.0.2.1", 80): "z"}, "192.0.2.1"),
    ],
)
def test_odd_target_groups_are_left_out_and_named(check, targets, reason):
    """A group that cannot be checked as asked is not served, and said to be so."""
    group = replace(GROUP, check=replace(GROUP.check, **check), targets=targets or GROUP.targets)
    program = compile_balancers([replace(BALANCER, groups={"g": group})], 1.0)
    assert any(reason in problem for problem in program.problems)
    assert "evil" not in program.text
    assert program.servers == {}


def test_balancers_outside_the_lab_are_not_bound():
    """Only loopback addresses are."""
    program = compile_balancers([replace(BALANCER, address="0.0.0.0")], 1.0)
    assert "0.0.0.0" not in program.text
    assert program.problems
