"""Targets of records: which members answer, where, and how well."""

import pytest

from fedingress.domain.balancer import Balancer
from fedingress.domain.cluster import Inventory
from fedingress.domain.policy import AwsPolicy, ZoneRef
from fedingress.domain.report import FanoutReport
from fedingress.domain.target import Target
from fedingress.planning import targets
from tests.planning.shop import member, policy

ALB = "k8s-shop-1.us-east-1.elb.amazonaws.com"
EKS = member("eks", provider="aws", region="us-east-1")
HERE = member("here", provider="onprem", region="eu-west-1", capacity=7.5)


def fanned(**fields):
    """A report of fan-out in which both members are placed."""
    row = {"state": "placed", "reason": "Applied", "message": ""}
    known = {
        "uid": "u",
        "generation": 1,
        "clusters": {"eks": row, "here": row},
        "addresses": {"eks": (ALB,), "here": ("203.0.113.7",)},
        "ready": {"eks": (3, 4)},
    }
    return FanoutReport(**(known | fields))


def made(report=None, aws=None, balancers=None, kept=None, members=(HERE, EKS)):
    return targets.of(
        policy(topology="aws", aws=aws or AwsPolicy()),
        report or fanned(),
        members,
        balancers or {},
        kept or {},
    )


def test_the_own_name_is_in_the_first_zone():
    """It does not change with the hosts; without a zone there is none."""
    zones = [
        ZoneRef(provider="route53", project="self", name="Z", domain=each) for each in ("a", "b")
    ]
    assert targets.own_name("u", zones).endswith(".a")
    assert targets.own_name("u", zones).startswith("fed-")
    assert targets.own_name("u", ()) == ""


@pytest.mark.parametrize(
    ("listed", "chosen"),
    [
        ((), ""),
        (("203.0.113.7", "203.0.113.8"), "203.0.113.7"),
        (("2001:db8::1", "a.example"), "a.example"),
        (("203.0.113.7", "1.2.3.example"), "1.2.3.example"),
    ],
)
def test_a_name_is_taken_before_an_address(listed, chosen):
    """A load balancer's addresses may change behind its name."""
    assert targets.address_of(fanned(addresses={"eks": listed}), "eks") == chosen


@pytest.mark.parametrize(
    ("row", "answers"),
    [
        ({"state": "placed", "reason": "Applied"}, True),
        ({"state": "unreachable", "reason": "Unreachable"}, True),
        ({"state": "failed", "reason": "ServiceMissing"}, True),
        ({"state": "failed", "reason": "NothingToServe"}, False),
        ({"state": "removing", "reason": "Removing"}, False),
        ({"state": "ineligible", "reason": "Leaving"}, False),
    ],
)
def test_who_answers(row, answers):
    """A member that nobody can look into serves on; one that shall leave does not answer."""
    report = fanned(clusters={"eks": row})
    found = targets.answering(report, Inventory(members=(EKS, HERE)))
    assert found == ((EKS,) if answers else ())
    assert targets.answering(fanned(addresses={}), Inventory(members=(EKS,))) == ()


def test_a_target_says_what_the_member_offers():
    """Capacity by the profile or by its endpoints; drained ones get nothing."""
    balancer = Balancer(
        name=ALB, region="us-east-1", hosted_zone="Z35", dual_stack=True, healthy=True
    )
    eks, here = made(fanned(drained=("here",)), balancers={ALB: balancer})

    assert eks == Target(
        cluster="eks",
        region="us-east-1",
        address=ALB,
        hosted_zone="Z35",
        dual_stack=True,
        capacity=4.0,
        ready=0.75,
        balancer=True,
    )
    assert (here.address, here.capacity, here.multiplier) == ("203.0.113.7", 7.5, 0.0)
    assert (here.hosted_zone, here.ready, here.balancer) == ("", None, None)


def test_a_member_without_endpoints_is_not_ready_and_still_counts():
    """One unit of capacity: what it deserves is decided by its health."""
    (eks,) = made(fanned(ready={"eks": (0, 0)}), members=(EKS,))
    assert (eks.capacity, eks.ready) == (1.0, 0.0)


def test_a_region_that_cannot_be_asked_keeps_its_targets():
    """Its zone and families stay; its health is not known."""
    before = Target(
        cluster="eks", region="us-east-1", address=ALB, hosted_zone="Z35", dual_stack=True
    )
    (eks,) = made(kept={ALB: before}, members=(EKS,))
    assert (eks.hosted_zone, eks.dual_stack, eks.balancer) == ("Z35", True, None)


def test_only_the_controllers_group_shares_a_load_balancer():
    """Another controller's class has an address of its own."""
    aws = AwsPolicy(load_balancer="group")
    assert [each.shared for each in made(aws=aws, members=(EKS,))] == [True]
    nginx = AwsPolicy(load_balancer="group", ingress_class="nginx")
    assert [each.shared for each in made(aws=nginx, members=(EKS,))] == [False]


@pytest.mark.parametrize(
    ("balancer", "ready", "expected"),
    [(True, None, True), (False, 1.0, False), (None, 0.5, True), (None, 0.0, False)],
)
def test_health_is_the_load_balancers_word_or_else_the_endpoints(balancer, ready, expected):
    """A host is first published when somebody can answer."""
    target = Target(cluster="a", region="r", address="x", balancer=balancer, ready=ready)
    assert targets.healthy([target]) is expected
    assert not targets.healthy([])
