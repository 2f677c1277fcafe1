"""No plan leaves an address without any backend, but that of a deletion."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedingress.domain.graph import GlobalResource, Kind
from fedingress.planning import addresses, backends, warming
from fedingress.planning.stranding import HELD, serving, stranded
from tests.planning.test_backends import MARK, PORTS, applied, wish


def service(name: str, *scalers: float) -> GlobalResource:
    """A backend service whose backends have these capacities."""
    entries = [{"group": f"g-{n}", "capacityScaler": scaler} for n, scaler in enumerate(scalers)]
    return GlobalResource(
        kind=Kind.BACKEND_SERVICE, project="p", name=name, spec={"backends": entries}
    )


MAP = GlobalResource(kind=Kind.URL_MAP, project="p", name="um", spec={})
CASES = {
    "nothing serves yet": ([service("a", 1)], [], (), False),
    "what stands takes no requests": ([service("b")], [service("a", 0)], (), False),
    "another one takes over": ([service("b", 0.1)], [service("a", 1)], (), False),
    "the other one is empty": ([service("b"), MAP], [service("a", 1), MAP], (), True),
    "the other one is drained": ([service("b", 0, 0)], [service("a", 1)], (), True),
    "it would be drained itself": ([service("a", 0)], [service("a", 1)], (), True),
    "it would be emptied, which is held": ([service("a")], [service("a", 1)], (), False),
    "it stays, because it is led to": (
        [service("b")],
        [service("a", 1)],
        (service("a").path, MAP.path),
        False,
    ),
    "a deletion": ([], [service("a", 1)], (), False),
}


@pytest.mark.parametrize("name", CASES)
def test_a_plan_is_held_that_would_leave_nobody_to_take_requests(name):
    """The table."""
    wanted, observed, stay, expected = CASES[name]

    assert stranded(wanted, observed, stay) is expected


def test_it_is_held_as_a_whole_and_told():
    """The Ingress leads to a Service that no member has: nothing changes until one has."""
    observed = built(wish(services=1))
    other = moved(groups=())
    plan = backends.plan(backends.desired(other, observed), observed, MARK)
    back = moved(groups=wish(services=2).groups)

    assert (plan.changes, plan.held) == ((), (HELD,))
    assert backends.plan(backends.desired(back, observed), observed, MARK).held == ()


def moved(**more):
    """A wish for the second Service alone."""
    rule = wish(services=2).ingress.rules[0]
    ingress = dataclasses.replace(
        wish(services=2).ingress,
        rules=(dataclasses.replace(rule, paths=rule.paths[1:]),),
    )
    return wish(ingress=ingress, **more)


def built(wanted):
    """The graph of *wanted*, as observed."""
    observed = ()
    for _ in range(3):
        plan = backends.plan(backends.desired(wanted, observed), observed, MARK)
        observed = applied(plan, observed)
    return observed


@st.composite
def wishes(draw):
    """Some Services, of which each member has some; some members are drained, silent or rising."""
    ports = draw(st.sets(st.sampled_from(PORTS), min_size=1))
    full = wish(services=3, clusters=("a", "b", "c"))
    rule = full.ingress.rules[0]
    paths = tuple(path for path in rule.paths if path.backend in ports)
    groups = draw(st.sets(st.sampled_from(full.groups)))
    clusters = st.frozensets(st.sampled_from("abc"))
    return dataclasses.replace(
        full,
        ingress=dataclasses.replace(full.ingress, rules=(dataclasses.replace(rule, paths=paths),)),
        groups=tuple(sorted((g for g in groups if g.backend in ports), key=lambda g: g.neg)),
        drained=draw(clusters),
        frozen=frozenset(
            group.neg.name for group in full.groups if group.cluster in draw(clusters)
        ),
        steps=draw(st.sampled_from([(), (0.1, 0.5)])),
        rising=draw(clusters),
    )


def taken(observed) -> bool:
    """Whether behind the URL map stands a backend that takes requests, or is warming up to."""
    maps = [item for item in observed if item.kind is Kind.URL_MAP]
    behind = addresses.behind(maps, observed)
    services = [item for item in observed if item.kind is Kind.BACKEND_SERVICE]
    return any(serving(item.spec) for item in services if item.path in behind)


def test_a_silent_member_that_is_alone_is_not_drained():
    """Its endpoints are known from before, so the mark would reach them: nobody would be left."""
    alone = wish(services=1, clusters=("a",))
    observed = built(alone)
    marked = dataclasses.replace(alone, frozen=frozenset({"a-api"}), drained=frozenset({"a"}))
    plan = backends.plan(backends.desired(marked, observed), observed, MARK)

    assert not plan


@settings(max_examples=50)
@given(st.lists(wishes(), min_size=2, max_size=4), st.sets(st.sampled_from(PORTS)))
def test_once_requests_are_taken_no_step_of_any_plan_ends_that(several, cold):
    """Whatever is wanted next, and wherever a plan is broken off between two stages."""
    observed, was = (), False
    for wanted in several:
        for _ in range(3):
            desired = backends.desired(wanted, observed)
            paths = {wanted.service_path(port) for port in cold}
            eased = warming.eased(desired, observed, paths & warming.newcomers(desired, observed))
            stay = warming.still_needed(eased, observed)
            plan = backends.plan(eased, observed, MARK, stay=stay)
            for stage in backends.stages(plan):
                observed = applied(stage, observed)
                assert taken(observed) or not was, [type(each) for each in stage]
                was = taken(observed)
