"""
What an accelerator shall hold, and the steps there.

Aspects: regions and weights; drain; a region that comes; small differences; nobody left; steps.
"""

import pytest

from fedingress.domain.accelerator import Accelerator, EndpointGroup
from fedingress.domain.change import as_json
from fedingress.domain.target import Target
from fedingress.planning import accelerators as planning
from fedingress.planning.accelerators import DeleteGroup, Listen, PutGroup

ARNS = {f"{name}.elb": f"arn:{name}" for name in "abcd"}


def target(cluster, region="us", **more):
    """A member whose load balancer is `CLUSTER.elb`."""
    return Target(cluster=cluster, region=region, address=f"{cluster}.elb", **more)


def group(region, dial=100, *, arn="", **weights):
    """Weights by member."""
    rows = tuple((f"arn:{name}", weight) for name, weight in sorted(weights.items()))
    return EndpointGroup(region=region, dial=dial, weights=rows, arn=arn or f"arn:{region}")


def made(*targets, observed=(), step=False):
    """Rows region -> (dial, weights)."""
    found = planning.groups(targets, ARNS, observed, step=step)
    return {each.region: (each.dial, dict(each.weights)) for each in found}


def test_each_region_has_its_members_by_what_they_deserve():
    """Capacity and readiness; the strongest has 255."""
    found = made(
        target("a", capacity=100, ready=0.5),
        target("b", capacity=100),
        target("c", "eu", ready=0.0),
    )
    assert found == {
        "us": (100, {"arn:a": 128, "arn:b": 255}),
        "eu": (100, {"arn:c": 255}),
    }


def test_a_member_without_a_load_balancer_of_the_account_is_left_out():
    """It is told."""
    stranger = target("x", "eu")
    assert made(target("a"), stranger) == {"us": (100, {"arn:a": 255})}
    assert planning.beyond([target("a"), stranger], ARNS) == ("x",)


def test_two_members_of_one_load_balancer_are_one_endpoint():
    """As in a group of Ingresses."""
    both = [target("a"), Target(cluster="z", region="us", address="a.elb"), target("b")]
    assert made(*both) == {"us": (100, {"arn:a": 255, "arn:b": 128})}


@pytest.mark.parametrize("step", [False, True])
def test_a_drained_member_gets_nothing_at_once(step):
    """Weight 0 beside others; a dial of 0 where it is alone, so that it helps when all fail."""
    observed = [group("us", a=255, b=255), group("eu", c=255)]
    found = made(
        target("a"),
        target("b", multiplier=0.0),
        target("c", "eu", multiplier=0.0),
        observed=observed,
        step=step,
    )
    assert found == {"us": (100, {"arn:a": 255, "arn:b": 0}), "eu": (0, {"arn:c": 255})}


@pytest.mark.parametrize(
    ("dial", "step", "after"),
    [
        (None, False, 10),
        (0, False, 0),
        (0, True, 10),
        (10, False, 10),
        (10, True, 20),
        (20, True, 40),
        (80, True, 100),
        (100, True, 100),
    ],
)
def test_a_region_comes_slowly(dial, step, after):
    """Ten percent first, then at most twice as much with each step."""
    observed = [group("us", a=255)]
    if dial is not None:
        observed.append(group("eu", dial, c=255))
    found = made(target("a"), target("c", "eu"), observed=observed, step=step)
    assert found["eu"][0] == after
    assert found["us"][0] == 100


def test_the_first_regions_take_all_from_the_beginning():
    """Nobody else does; nor where what stands takes nothing."""
    assert made(target("a"), target("c", "eu"), observed=[group("us", 0, a=255)]) == {
        "us": (100, {"arn:a": 255}),
        "eu": (100, {"arn:c": 255}),
    }


def test_regions_on_their_way_carry_all_when_the_others_go():
    """A drain of the only full region lifts them; a drained one stays down."""
    observed = [group("us", a=255), group("eu", 20, c=255)]
    gone = target("a", multiplier=0.0)
    assert made(gone, target("c", "eu"), observed=observed) == {
        "us": (0, {"arn:a": 255}),
        "eu": (100, {"arn:c": 255}),
    }


def test_when_nobody_deserves_anything_what_stands_stays():
    """Never an accelerator that leads nowhere."""
    observed = [group("us", a=7)]
    drained = target("a", multiplier=0.0)
    assert planning.groups([drained], ARNS, observed, step=True) == tuple(observed)


@pytest.mark.parametrize(
    ("last", "ready", "weight"), [(120, 0.5, 120), (100, 0.5, 128), (0, 0.01, 3), (3, 0.0, 3)]
)
def test_small_differences_are_not_written(last, ready, weight):
    """Three percent; but nobody stays at 0 for them."""
    observed = [group("us", a=255, b=last)]
    found = made(target("a"), target("b", ready=ready), observed=observed)
    assert found["us"][1]["arn:b"] == weight


def test_the_steps_lead_from_what_stands_to_what_shall():
    """The listener first, regions that come before those that go; nothing when nothing differs."""
    us, eu, ap = group("us", a=255), group("eu", c=255), group("ap", d=255)
    observed = Accelerator(name="fi", ports=(80,), groups=(ap, us))
    changed = group("us", 50, a=255)

    assert planning.plan(observed, (80, 443), [eu, changed]) == (
        Listen(ports=(80, 443)),
        PutGroup(group=eu),
        PutGroup(group=changed),
        DeleteGroup(group=ap),
    )
    assert planning.plan(observed, (80,), [ap, us]) == ()
    assert planning.climbing([changed])
    assert not planning.climbing([us, group("eu", 0, c=1)])


def test_people_are_shown_the_same_steps():
    """One that is not there yet is created whole; else each difference with its reason."""
    us, eu, ap = group("us", a=255), group("eu", c=255), group("ap", d=255)
    (made,) = planning.changes(Accelerator(name="fi"), (80,), [us])
    assert made.desired == Accelerator(name="fi", ports=(80,), groups=(us,))

    observed = Accelerator(name="fi", arn="arn:fi", ports=(80,), groups=(ap, us))
    found = planning.changes(observed, (80, 443), [eu, group("us", 50, a=255)])
    assert [as_json(each)["what"] for each in found] == [
        "accelerator fi",
        "endpoint group eu",
        "endpoint group us",
        "endpoint group ap",
    ]
    assert found.counts() == {"create": 1, "update": 2, "delete": 1}
    assert as_json(found.changes[2])["fields"] == ["dial"]
    assert not planning.changes(observed, (80,), [ap, us])


def test_names_and_tags_tell_whose_it_is():
    """Short enough for the API, and another for each installation."""
    assert planning.name_of("one", "uid") != planning.name_of("two", "uid")
    assert len(planning.name_of("o" * 40, "u" * 64)) <= 64
    assert planning.tags_of("one", "uid", "shop/web") == {
        "fedingress.dev/owner": "one",
        "fedingress.dev/owner-uid": "uid",
        "fedingress.dev/source": "shop/web",
    }
