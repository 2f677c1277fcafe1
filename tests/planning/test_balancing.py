"""From one balancing mode to the other: member by member, and never the last one."""

import pytest

from fedingress.domain.policy import BackendPolicy
from fedingress.planning import backends, balancing
from fedingress.planning.balancing import Holder, ModeChange, Service
from tests.planning.nodes import RATE, entry, group, nodes_wish
from tests.planning.test_backends import MARK, applied, converge

BUSY = BackendPolicy(mode="instance-group", max_utilization=0.6)
MEASURES = {
    "pods": (BackendPolicy(), {"balancingMode": "RATE", "maxRatePerEndpoint": 1e14}),
    "pods by rate": (
        BackendPolicy(max_rate_per_endpoint=5.0),
        {"balancingMode": "RATE", "maxRatePerEndpoint": 5.0},
    ),
    "nodes": (RATE, {"balancingMode": "RATE", "maxRatePerInstance": 1e14}),
    "nodes by rate": (
        BackendPolicy(mode="instance-group", max_rate_per_instance=50.0),
        {"balancingMode": "RATE", "maxRatePerInstance": 50.0},
    ),
    "nodes by use": (BUSY, {"balancingMode": "UTILIZATION", "maxUtilization": 0.6}),
}


@pytest.mark.parametrize("name", MEASURES)
def test_one_measure_for_each_policy(name):
    """Never two of them, and never one of the other kind of group."""
    policy, expected = MEASURES[name]
    assert balancing.measure(policy) == expected


def service(*observed, own="ab"):
    return Service(own=[group(name) for name in own], observed=observed)


A, B, A_NEW = entry("a"), entry("b"), entry("a", "UTILIZATION")
CASES = {
    "all is new": ([service()], "", {}, "", "ab"),
    "all is done": ([service(A_NEW)], "ab", {}, "", ""),
    "the first goes": ([service(A, B)], "ab", "ab", "a", ""),
    "the second, when the first is back": ([service(A_NEW, B)], "ab", "b", "b", ""),
    "not before the first is back": ([service(B)], "b", "b", "", "a"),
    "not before the first is healthy": ([service(A_NEW, B)], "b", "b", "", "a"),
    "not the last": ([service(A, own="a")], "a", "a", "", ""),
    "not while the other is ill": ([service(A, B)], "a", "ab", "b", ""),
    "not while the other is drained": (
        [service(A, {**B, "capacityScaler": 0})],
        "ab",
        "ab",
        "b",
        "",
    ),
    "not while the other comes up": (
        [service(A_NEW, B), service({**A_NEW, "capacityScaler": 0.1}, B)],
        "ab",
        "b",
        "",
        "",
    ),
    "not where it is alone elsewhere": ([service(A, B), service(A)], "ab", "ab", "b", ""),
    "others' backends do not count": ([service(A, entry("x"))], "ax", "a", "", "b"),
    "a service without it does not hold it": ([service(A, B), service(B)], "ab", "ab", "a", ""),
}


@pytest.mark.parametrize("name", CASES)
def test_who_is_detached(name):
    """See the table of the module."""
    services, serving, kept, detached, awaited = CASES[name]
    found = balancing.change(services, "UTILIZATION", set(serving))
    assert (set(found.kept), found.detached, found.awaited) == (
        set(kept),
        detached,
        tuple(awaited),
    )


def test_what_is_kept_is_the_measure_that_is_observed():
    """So that a backend which stays does not change on the way."""
    found = balancing.change([service({**A, "capacityScaler": 1}, B)], "UTILIZATION", "ab")
    assert found.kept["b"] == {"balancingMode": "RATE", "maxRatePerInstance": 1e14}


def test_nobody_is_detached_while_others_hold_a_group():
    """It could not be attached again; a group in the wanted mode holds nobody."""
    who = "RATE by Ingress shop/blog (policy other)"
    found = balancing.change([service(A, B)], "UTILIZATION", "ab", {"x": "-", "b": who})
    assert (found.detached, found.bound) == ("", {"b": who})
    ((reason, text),) = balancing.told(found, "UTILIZATION")
    assert reason == "BalancingModeKept"
    assert text.endswith(f"others lead to the instance groups of b too ({who})")


def test_who_binds_a_member_is_named():
    """The first holder in another mode; not one that comes to the wanted mode by itself."""
    both = [group("a"), group("b")]
    first = Holder(who="first", entries=[entry("b"), entry("x"), A_NEW])
    second = Holder(who="second", entries=[entry("b")], wants="RATE")
    coming = Holder(who="third", entries=[entry("a")], wants="UTILIZATION")
    silent = Holder(who="fourth", entries=[{"group": A["group"]}])
    found = balancing.bound(both, [first, second, coming, silent], "UTILIZATION")

    assert found == {"b": "RATE by first"}
    reason, text = balancing.taken(found["b"], "UTILIZATION")
    assert reason == balancing.TAKEN
    assert "balanced in RATE by first" in text
    assert "give both the same mode" in text


def test_the_whole_way_is_foreseen_member_by_member():
    """Whoever is detached now comes first; what cannot begin says why, and nothing is nothing."""
    way = ModeChange(kept={"a": {}, "b": {}}, detached="b")
    first, second = balancing.foreseen(way, "UTILIZATION")
    (waits,) = balancing.foreseen(ModeChange(kept={"a": {}}, awaited=("b",)), "UTILIZATION")
    (bound,) = balancing.foreseen(
        ModeChange(kept={"a": {}}, awaited=("b",), bound={"a": "RATE by x"}), "UTILIZATION"
    )
    (stuck,) = balancing.foreseen(ModeChange(kept={"a": {}}), "UTILIZATION")

    assert first.startswith("balancing mode, step 1 of 2: b is detached from every backend")
    assert second.startswith("balancing mode, step 2 of 2: a is detached from every backend")
    assert waits.startswith("balancing mode, step 1 of 1: a")
    assert "(RATE by x)" in bound
    assert "while no other member serves" in stuck
    assert balancing.foreseen(ModeChange(), "UTILIZATION") == ()


TOLD = {
    "nothing": (ModeChange(), ()),
    "under way": (ModeChange(kept={"b": {}, "a": {}}, detached="a"), "BalancingModeChanging"),
    "waiting": (ModeChange(kept={"b": {}}, awaited=("a",)), "BalancingModeChanging"),
    "stuck": (ModeChange(kept={"a": {}}), "BalancingModeKept"),
}


@pytest.mark.parametrize("name", TOLD)
def test_a_change_is_never_silent(name):
    """It is told while anybody is in the other mode."""
    found, reason = TOLD[name]
    told = balancing.told(found, "UTILIZATION")
    assert [each for each, _ in told] == ([reason] if reason else [])
    assert all("UTILIZATION" in text for _, text in told)


def test_a_change_of_two_services_goes_through_in_both_at_once():
    """A member leaves all backend services in one step and returns to all in the next one."""
    observed, _ = converge(nodes_wish(2))
    wanted = nodes_wish(2, policy=BUSY, serving=frozenset("ab"))
    seen = []
    for _ in range(6):
        plan = backends.plan(backends.desired(wanted, observed), observed, MARK)
        observed = applied(plan, observed)
        specs = [item.spec for item in observed if "backends" in item.spec]
        seen.append([[each["group"][-1] for each in spec["backends"]] for spec in specs])
        modes = {each["group"]: set() for spec in specs for each in spec["backends"]}
        for spec in specs:
            for each in spec["backends"]:
                modes[each["group"]].add(each["balancingMode"])
        assert all(len(found) == 1 for found in modes.values())
    assert seen[:4] == [[["b"], ["b"]], [["a", "b"]] * 2, [["a"], ["a"]], [["a", "b"]] * 2]
    assert {each["balancingMode"] for s in specs for each in s["backends"]} == {"UTILIZATION"}
    assert backends.problems(wanted, observed) == ()
