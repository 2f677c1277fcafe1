"""How members come up, who is filled first, and what GCE is told of both."""

import dataclasses

import pytest

from fedingress.domain.graph import Kind
from fedingress.domain.policy import BackendPolicy, FederationPolicy, RolloutPolicy
from fedingress.planning import backends, capacity
from fedingress.planning.decode import policy as decode
from tests.planning.decode.policy_cases import manifest
from tests.planning.test_backends import MARK, applied, converge, wish

STEPS = (0.1, 0.5)


def observed(**scalers):
    """Backends of one Service port, by member."""
    (backend,) = wish(1, ("a",)).ingress.backends
    return [
        {
            "group": f"projects/p/zones/{name}-1/networkEndpointGroups/{name}-{backend.service}",
            "capacityScaler": scaler,
        }
        for name, scaler in scalers.items()
    ]


def take(cluster, seen, *, members="ab", steps=STEPS, drained=(), rising=()):
    """The scaler of one member."""
    found = capacity.Capacity(
        own=wish(1, tuple(members)).groups,
        observed=seen,
        steps=steps,
        drained=frozenset(drained),
        rising=frozenset(rising),
    )
    return found.scaler(cluster)


CASES = {
    "a drained one takes nothing": (take("b", observed(a=1, b=1), drained="b"), 0),
    "without steps, at once": (take("b", observed(a=1), steps=()), 1),
    "the first of all, at once": (take("a", []), 1),
    "one that joins begins small": (take("b", observed(a=1)), 0.1),
    "one that was drained begins small": (take("b", observed(a=1, b=0)), 0.1),
    "not before its time": (take("b", observed(a=1, b=0.1)), 0.1),
    "one step up": (take("b", observed(a=1, b=0.1), rising="b"), 0.5),
    "the last step": (take("b", observed(a=1, b=0.5), rising="b"), 1),
    "a step as the cloud rounds it": (take("b", observed(a=1, b=0.1000000015), rising="b"), 0.5),
    "between steps": (take("b", observed(a=1, b=0.3), rising="b"), 0.5),
    "the whole stays": (take("b", observed(a=1, b=1)), 1),
    "nobody else carries": (take("b", observed(a=0.5, b=0.1)), 1),
    "who carries is drained": (take("b", observed(a=1, b=0.1), drained="a"), 1),
    "who carries leaves": (take("b", observed(a=1, b=0.1), members="b"), 1),
    "a backend without a scaler carries": (
        take("b", [{k: v for k, v in observed(a=1)[0].items() if k == "group"}]),
        0.1,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_member_comes_up_by_steps_while_others_carry(case):
    """Each step is what the cloud holds; alone, a member takes all at once."""
    found, expected = CASES[case]

    assert found == expected


def test_who_is_on_the_way_up():
    """Between nothing and all, and not drained."""
    assert capacity.rising({"a": 1, "b": 0.5, "c": 0, "d": 0.1}, {"d"}) == {"b"}


def test_a_preference_is_said_where_it_is_or_was():
    """GCE takes an absent one for DEFAULT, so that only a former one has to be taken back."""
    first, other = {"preference": "PREFERRED"}, {"preference": "DEFAULT"}

    assert capacity.preference(preferred=True, before=None) == first
    assert capacity.preference(preferred=False, before=first) == other
    assert capacity.preference(preferred=False, before=other) == {}
    assert capacity.preference(preferred=False, before=None) == {}


def entries(found):
    """(scaler, preference) by member, of the one backend service."""
    (service,) = [item for item in found if item.kind is Kind.BACKEND_SERVICE]
    return {
        entry["group"].split("/")[3][0]: (entry["capacityScaler"], entry.get("preference", ""))
        for entry in service.spec["backends"]
    }


def test_a_member_that_joins_goes_through_every_step():
    """Plans alone take it from nothing to all; the one that is there never moves."""
    stands, _ = converge(wish(1, ("a",)))
    seen = []
    for rising in ("", "", "b", "b", "b"):
        wanted = wish(1, ("a", "b"), steps=STEPS, rising=frozenset(rising))
        stands = applied(backends.plan(backends.desired(wanted, stands), stands, MARK), stands)
        seen.append(entries(stands))

    assert [each["b"][0] for each in seen] == [0.1, 0.1, 0.5, 1, 1]
    assert {each["a"][0] for each in seen} == {1}


def test_another_preference_is_one_change():
    """Given and taken back; a converged one costs nothing."""
    stands, _ = converge(wish(1))
    first, _ = converge(wish(1, preferred=frozenset("b")), stands)
    back, _ = converge(wish(1), first)

    assert entries(first) == {"a": (1, ""), "b": (1, "PREFERRED")}
    assert entries(back) == {"a": (1, ""), "b": (1, "DEFAULT")}
    assert not backends.plan(backends.desired(wish(1), back), back, MARK)


def test_a_policy_names_the_preferred_and_the_steps():
    """By names or labels, as the placement does."""
    found = decode(
        manifest(
            backends={"preferred": {"clusters": ["b"]}}, rollout={"steps": [0.2], "stepSeconds": 5}
        )
    )

    assert isinstance(found, FederationPolicy)
    assert found.backends.preferred is not None
    assert found.backends.preferred.clusters == ("b",)
    assert found.rollout == RolloutPolicy(steps=(0.2,), step_seconds=5)


def test_preferred_members_are_among_the_placed():
    """A name of nobody is told, like any other."""
    from fedingress.domain.cluster import Inventory
    from fedingress.domain.placement import PlacementRule, Selector
    from fedingress.planning import placement
    from tests.planning.shop import member, policy

    first = BackendPolicy(preferred=PlacementRule(clusters=("b", "c", "z")))
    rule = PlacementRule(selector=Selector())
    members = (member("a"), member("b"), member("c", provider="aws"))
    found = placement.decide(
        policy(backends=first, placement=rule),
        placement.Narrowing(),
        Inventory(members=members),
    )
    plain = placement.decide(
        policy(placement=rule), placement.Narrowing(), Inventory(members=members)
    )

    assert (found.placed, found.preferred) == (("a", "b"), ("b",))
    assert found.unknown == ("z",)
    assert plain.preferred == ()


def test_frozen_backends_stay_as_they_are():
    """Those of a member that cannot be read keep scaler and preference."""
    stands, _ = converge(wish(1, preferred=frozenset("b")))
    kept = frozenset({"b-api"})
    alone = wish(1, ("a",), frozen=kept, steps=STEPS)
    (service,) = [
        item for item in backends.desired(alone, stands) if item.kind is Kind.BACKEND_SERVICE
    ]

    assert entries([service])["b"] == (1, "PREFERRED")
    assert dataclasses.replace(service) == service
