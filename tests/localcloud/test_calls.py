"""Counting of mutating requests."""

import pytest

from localcloud.calls import Call, Calls, caller_of


def _record(calls: Calls, caller: str, verb: str = "patch", resource: str = "services") -> None:
    calls.record(caller=caller, service="kubernetes", place="c1", verb=verb, resource=resource)


def test_calls_are_counted_by_what_they_were():
    """Equal calls add up, different ones stand apart, in sorted order."""
    calls = Calls()
    for caller in ("b", "a", "b"):
        _record(calls, caller)
    _record(calls, "b", verb="delete")
    assert [(c.caller, c.verb, c.count) for c in calls.list()] == [
        ("a", "patch", 1),
        ("b", "delete", 1),
        ("b", "patch", 2),
    ]
    assert calls.list()[0] == Call(
        caller="a", service="kubernetes", place="c1", verb="patch", resource="services", count=1
    )


def test_the_total_of_callers_with_a_prefix():
    """An empty prefix takes everybody."""
    calls = Calls()
    for caller in ("fedingress-fanout", "fedingress-dns", "kubectl"):
        _record(calls, caller)
    assert (calls.total(), calls.total("fedingress-"), calls.total("nobody")) == (3, 2, 0)


def test_clear_forgets_everything():
    """After a clear the count begins again."""
    calls = Calls()
    _record(calls, "a")
    calls.clear()
    assert (calls.total(), calls.list()) == (0, ())


@pytest.mark.parametrize(
    ("agent", "caller"),
    [
        ("kubectl/v1.32.4 (linux/amd64) kubernetes/4cb5f07", "kubectl"),
        ("fedingress-dns/0.1", "fedingress-dns"),
        ("curl", "curl"),
        ("  spaced/1 x", "spaced"),
        ("", "unknown"),
        ("/1.0", "unknown"),
        (None, "unknown"),
    ],
)
def test_the_caller_is_the_first_product(agent: str | None, caller: str):
    """The name stands before the first slash of the User-Agent."""
    assert caller_of(agent) == caller
