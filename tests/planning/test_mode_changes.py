"""A backend service of the other mode takes over when members are healthy in it."""

import dataclasses

import pytest

from fedingress.planning import backends, mode_changes
from tests.planning.nodes import nodes_wish
from tests.planning.test_backends import PORTS, converge, wish

BEFORE, _ = converge(wish(1))
WISH = nodes_wish(1)
PATH = WISH.service_path(PORTS[0])
WANTED = backends.desired(WISH, BEFORE)


def test_both_modes_have_backend_services_and_checks_of_their_own():
    """So that one stands while the other is built."""
    assert WISH.twin_path(PORTS[0]) == wish(1).service_path(PORTS[0])
    assert wish(1).twin_path(PORTS[0]) == PATH
    names = {item.name for item in BEFORE if item.kind.value in {"backendServices", "healthChecks"}}
    assert not names & {item.name for item in WANTED}


@pytest.mark.parametrize(
    ("observed", "more", "coming", "expected"),
    [
        (BEFORE, {}, (), {"a", "b"}),
        (BEFORE, {}, ("c",), {"a", "b", "c"}),
        (BEFORE, {"drained": frozenset("b")}, (), {"a"}),
    ],
)
def test_whom_a_newcomer_waits_for(observed, more, coming, expected):
    """Members that are attached to it or will be, but for the drained."""
    wanted = dataclasses.replace(WISH, **more)
    found = mode_changes.newcomers(wanted, WANTED, observed, coming)
    assert found == {PATH: frozenset(expected)}


def test_the_way_of_each_path_is_foreseen():
    """From which backend service to which mode, and when."""
    (text,) = mode_changes.foreseen(WISH, WANTED, BEFORE)
    empty = dataclasses.replace(WISH, drained=frozenset("ab"))

    assert f"{PORTS[0].service}:{PORTS[0].port} goes over to mode instance-group once a, b" in text
    assert f"{WISH.twin_path(PORTS[0]).rpartition('/')[2]} serves until then" in text
    assert "once a member can answer" in mode_changes.foreseen(empty, WANTED, BEFORE)[0]
    assert mode_changes.foreseen(WISH, WANTED, ()) == ()


def test_nobody_takes_over_where_nobody_served():
    """A graph that is new, one that is in this mode already, and one whose twin is empty."""
    empty = [
        dataclasses.replace(item, spec={**item.spec, "backends": []})
        if "backends" in item.spec
        else item
        for item in BEFORE
    ]
    after, _ = converge(WISH, BEFORE)
    for observed in ((), after, empty):
        assert mode_changes.newcomers(WISH, WANTED, observed, ()) == {}


@pytest.mark.parametrize(
    ("healthy", "expected"),
    [({}, False), ({"a"}, False), ({"a", "b"}, True), ({"a", "b", "c"}, True)],
)
def test_who_is_ready(healthy, expected):
    """All that are waited for are healthy in it."""
    over = {PATH: frozenset("ab")}
    assert bool(mode_changes.ready(over, {PATH: healthy})) == expected
    assert mode_changes.ready({PATH: frozenset()}, {}) == frozenset()


def test_who_cannot_take_over_is_told():
    """With the Service port and the mode."""
    assert mode_changes.problem(WISH, BEFORE, (), "a") == ()
    assert mode_changes.problem(WISH, BEFORE, {PATH}, "x") == (
        (
            "ModeChangeWaits",
            "api:80 stay as they are until some member is healthy in mode instance-group",
        ),
    )
    held = dataclasses.replace(WISH, frozen=frozenset({"a-api"}))
    ((_, text),) = mode_changes.problem(held, BEFORE, {PATH}, {"b", "a"})
    assert text == "api:80 stay as they are while a, b cannot be reached, and may serve"


def test_a_silent_member_holds_only_what_it_serves():
    """One that is behind none of the old backend services holds nothing."""
    held = dataclasses.replace(WISH, frozen=frozenset({"a-api"}))
    assert mode_changes.frozen(held, BEFORE) == {PATH}
    assert mode_changes.frozen(dataclasses.replace(WISH, frozen=frozenset({"x"})), BEFORE) == set()
    assert mode_changes.frozen(held, ()) == frozenset()
