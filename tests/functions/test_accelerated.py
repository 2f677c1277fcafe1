"""
An Ingress behind a Global Accelerator.

Aspects: set-up; static addresses; a converged world; drain; a region that comes; silence; a
refusal; crash between steps; turned off; the end.
"""

import dataclasses

import pytest

from fedingress.domain.accelerator import Accelerator
from fedingress.domain.change import as_json
from fedingress.domain.errors import QuotaExceeded, Unavailable
from fedingress.runtime.previews import of_source
from tests.functions.regions import EKS, HOST, POLICY, Regions
from tests.functions.test_life import conditions
from tests.functions.world import KEY, ingress_manifest, member

BEHIND = {"aws": {"accelerator": True}}


def accelerated(**more) -> Regions:
    """The shop in both EKS members, behind an accelerator that is deployed."""
    world = Regions()
    world.accelerators.slow = 2
    world.install(**BEHIND, **more)
    world.submit_shop()
    return world


def standing(world) -> Accelerator:
    """The one that stands."""
    (found,) = world.accelerators.found.values()
    return found


def dials(world) -> dict[str, int]:
    """By region."""
    return {group.region: group.dial for group in standing(world).groups}


def test_zones_lead_to_its_static_addresses_once_it_is_deployed():
    """Its groups hold every member's load balancer; the status shows the addresses."""
    world = accelerated()
    found = standing(world)

    assert dials(world) == {"ap-southeast-1": 100, "us-east-1": 100}
    assert [group.weights for group in found.groups] == [
        (("arn:eks-ap", 255),),
        (("arn:eks-us", 255),),
    ]
    assert found.ports == (80,)
    assert world.intent().addresses == {"A": found.addresses}
    assert world.intent().targets == ()
    assert world.intent().hosts == (HOST, world.built().address)
    assert world.built().static == found.addresses


def test_the_status_shows_the_static_addresses():
    """As soon as the own name leads to them."""
    world = accelerated()
    shown = world.sources.stored(KEY)["status"]["loadBalancer"]["ingress"]
    assert shown == [{"ip": address} for address in standing(world).addresses]
    assert conditions(world)["Programmed"]["status"] == "True"


def test_a_converged_world_writes_nothing():
    """However often it is looked at."""
    world = accelerated()
    before = len(world.accelerators.calls)
    world.tell("backends", str(KEY))
    world.settle()
    assert len(world.accelerators.calls) == before


def test_a_drained_region_is_dialled_down_at_once_and_up_in_steps():
    """The zone is not touched; 10, 20, 40, 80, 100 percent on the way back."""
    world = accelerated()
    drained = {"annotations": {"fedingress.dev/drain": "eks-us"}}
    world.submit(ingress_manifest(host=HOST, metadata=drained))
    world.settle()
    assert dials(world) == {"ap-southeast-1": 100, "us-east-1": 0}

    world.submit(ingress_manifest(host=HOST))
    seen, began = [0], world.clock.at
    for _ in range(60):
        if dials(world)["us-east-1"] != seen[-1]:
            seen.append(dials(world)["us-east-1"])
        if seen[-1] == 100 or not world.step():
            break
    assert seen == [0, 10, 20, 40, 80, 100]
    assert world.clock.at - began >= 4 * 2 * 60
    assert world.intent().addresses == {"A": standing(world).addresses}


def test_members_that_are_all_drained_go_on():
    """An accelerator never leads nowhere."""
    world = accelerated()
    everyone = {"annotations": {"fedingress.dev/drain": "eks-us,eks-ap"}}
    world.submit(ingress_manifest(host=HOST, metadata=everyone))
    world.settle()
    assert dials(world) == {"ap-southeast-1": 100, "us-east-1": 100}


def test_weights_follow_damped_shares_and_not_the_readiness_of_a_visit():
    """Two members of a region: less is taken at once, more given in steps, and nothing leaks."""
    members = (*EKS[:2], member("eks-twin", provider="aws", region="us-east-1"))
    world = Regions(members)
    world.install(**BEHIND)
    world.submit_shop()
    assert weights(world) == {"arn:eks-twin": 255, "arn:eks-us": 255}

    world.endpoints("eks-twin", "web", ready=1, wanted=2)
    low = a_window_later(world)
    assert low < 160
    world.endpoints("eks-twin", "web", ready=2, wanted=2)
    assert [a_window_later(world) for _ in range(4)] == [low] * 4
    seen = [a_window_later(world) for _ in range(20)]
    assert seen == sorted(seen)
    assert seen[-1] == 255
    world.delete()
    world.settle()
    assert [note.key.name for note in world.store.list("note", "endpoints/")] == []


def a_window_later(world) -> int:
    """The weight of eks-twin after one window more."""
    world.clock.at += 60
    world.tell("fanout", str(KEY))
    world.settle(within_seconds=1, ticks=False)
    return weights(world)["arn:eks-twin"]


def weights(world) -> dict[str, int]:
    """Of the endpoints in us-east-1."""
    groups = {group.region: group.weights for group in standing(world).groups}
    return dict(groups["us-east-1"])


def test_a_silent_region_takes_nothing_out():
    """Its load balancers look as if they were gone."""
    world = accelerated()
    find = world.balancers.find

    def broken(region, names):
        if region == "us-east-1":
            raise Unavailable("no answer")
        return find(region, names)

    world.balancers.find = broken
    before = list(world.accelerators.calls)
    world.tell("backends", str(KEY))
    world.settle(within_seconds=20)

    assert world.accelerators.calls == before
    assert world.intent().addresses == {"A": standing(world).addresses}


def test_a_used_up_quota_is_told_and_members_answer_themselves():
    """The zone leads to their load balancers, as without an accelerator."""

    def refused(moment, verb, _name):
        if (moment, verb) == ("before", "create"):
            raise QuotaExceeded("The accelerators of the account are used up")

    world = Regions()
    world.accelerators.fault = refused
    world.install(**BEHIND)
    world.submit_shop()

    assert set(world.targets()) == {"eks-us", "eks-ap"}
    assert world.intent().addresses == {}
    assert "used up" in dict(world.built().problems)["AcceleratorRefused"]


@pytest.mark.parametrize("verb", ["create", "listen", "group"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_call_that_breaks_off_is_made_up_for(moment, verb):
    """Before or after it took effect: one accelerator, whole."""
    world, left = Regions(), [True]

    def broken(when, what, _name):
        if (when, what) == (moment, verb) and left:
            left.clear()
            raise Unavailable("no answer")

    world.accelerators.fault = broken
    world.install(**BEHIND)
    world.submit_shop()

    assert not left
    assert dials(world) == {"ap-southeast-1": 100, "us-east-1": 100}
    assert world.intent().addresses == {"A": standing(world).addresses}


def test_turned_off_it_goes_when_nobody_remembers_it():
    """Zones lead to the members first."""
    world = accelerated()
    addresses = standing(world).addresses
    world.install(**POLICY)
    world.tell("fanout", str(KEY))
    world.settle(within_seconds=3, ticks=False)
    assert set(world.targets()) == {"eks-us", "eks-ap"}
    assert standing(world).addresses == addresses
    assert standing(world).enabled

    world.settle()
    assert world.accelerators.found == {}
    assert world.built().static == ()


def test_the_end_takes_it_away_after_the_records():
    """Nothing is left, and the source goes."""
    world = accelerated()
    world.delete()
    world.settle()

    assert world.accelerators.found == {}
    assert world.sources.stored(KEY) is None


def test_a_preview_shows_what_would_change_and_writes_nothing():
    """A converged one: nothing. A drain: one dial. Turned off, or deleted: the accelerator."""
    world = accelerated()
    assert of_source(KEY, world.ports).changes == 0  # no pools of before are left in the zone
    calls = list(world.accelerators.calls)

    drained = {"annotations": {"fedingress.dev/drain": "eks-us"}}
    world.sources.put(ingress_manifest(host=HOST, metadata=drained))
    found = of_source(KEY, world.ports).plans["backends"]
    assert [as_json(each)["what"] for each in found] == ["endpoint group us-east-1"]
    world.sources.put(ingress_manifest(host=HOST))
    world.install(aws={})
    found = of_source(KEY, world.ports).plans["backends"]
    assert [as_json(each)["action"] for each in found] == ["delete"]
    world.sources.delete(KEY)
    found = of_source(KEY, world.ports).plans["backends"]
    assert [as_json(each)["what"][:11] for each in found] == ["accelerator"]
    assert world.accelerators.calls == calls


def test_an_accelerator_of_others_is_not_touched():
    """The same name, another owner's mark."""
    world = accelerated()
    world.accelerators.tags[standing(world).name] = {"fedingress.dev/owner": "other"}
    before = dataclasses.replace(standing(world))
    world.delete()
    world.settle()

    assert standing(world) == before
    assert world.sources.stored(KEY) is None
