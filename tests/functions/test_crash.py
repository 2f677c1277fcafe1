"""Every outside call of a create, an update and a delete fails once; the end is always the same."""

import json
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest

from fedingress.domain.errors import Unavailable
from tests.functions.world import KEY, Crash, World, ingress_manifest, path

Hook = Callable[[str, str, str], None]
VERBS = ("create", "update", "delete")
LONG_SECONDS = 150.0
"""Longer than an invocation may wait, so that the next one finds the operation pending."""
FAILURES = {
    "crash before": ("before", Crash),
    "crash after": ("after", Crash),
    "refused": ("before", Unavailable),
    "lost reply": ("after", Unavailable),
}


@pytest.fixture(autouse=True)
def _quiet():
    """Thousands of invocations are not worth a line each."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def begun(operation_seconds: float = 0.0) -> World:
    """A world with class and policy, before anything is submitted."""
    world = World()
    world.load_balancers.operation_seconds = operation_seconds
    world.install()
    return world


def prepare(world: World, verb: str) -> None:
    """What comes before the verb, undisturbed."""
    if verb != "create":
        world.submit(ingress_manifest())
        world.settle()


def perform(world: World, verb: str) -> None:
    """The verb itself, to the end."""
    if verb == "create":
        world.submit(ingress_manifest())
    elif verb == "update":
        rules = [{"host": "www.example.com", "http": {"paths": [path("/", "web")]}}]
        world.submit(ingress_manifest(rules=rules))
    else:
        world.delete()
    world.settle()


def hook_up(world: World, hook: Hook) -> None:
    """Let *hook* see every outside call of the product."""
    for port in (world.members, world.load_balancers, world.records, world.sources):
        port.fault = hook
    world.bus.fault = hook


def outcome(world: World) -> str:
    """What the outside sees, with addresses made equal."""
    state: dict[str, Any] = world.end_state()
    state["zone"] = {f"{name} {kind}": values for (name, kind), values in state["zone"].items()}
    state["source"] = world.sources.stored(KEY) is not None
    return re.sub(r"203\.0\.113\.\d+", "VIP", json.dumps(state, sort_keys=True))


def calls_of(verb: str, operation_seconds: float = 0.0) -> list[tuple[str, str, str]]:
    """Every moment of every call of an undisturbed run."""
    seen: list[tuple[str, str, str]] = []
    world = begun(operation_seconds)
    prepare(world, verb)
    hook_up(world, lambda *moment: seen.append(moment))
    perform(world, verb)
    return seen


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("verb", VERBS)
def test_one_failure_at_any_call_changes_nothing_but_the_time(verb: str, failure: str):
    """For each call of *verb*: it fails so once, and the end state is that of the quiet run."""
    quiet = begun()
    prepare(quiet, verb)
    perform(quiet, verb)
    expected = outcome(quiet)
    moment, error = FAILURES[failure]
    moments = calls_of(verb)
    chosen = [number for number, seen in enumerate(moments) if seen[0] == moment]
    for number in chosen:
        world = begun()
        prepare(world, verb)
        strike(world, number, error)
        perform(world, verb)

        assert outcome(world) == expected, f"{failure} at {moments[number]}"
    assert len(chosen) >= 9, "the run made hardly any call"


@pytest.mark.parametrize("failure", ["crash before", "crash after"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_crash_with_operations_pending_changes_nothing_but_the_time(verb: str, failure: str):
    """Each change outlives the invocation that asked for it; one of these fails at each call."""
    quiet = begun()
    prepare(quiet, verb)
    perform(quiet, verb)
    expected = outcome(quiet)
    moment, error = FAILURES[failure]
    moments = calls_of(verb, LONG_SECONDS)
    chosen = [
        number
        for number, (when, _, label) in enumerate(moments)
        if when == moment and label.startswith("lab: ")
    ]
    for number in chosen:
        world = begun(LONG_SECONDS)
        prepare(world, verb)
        strike(world, number, error)
        perform(world, verb)

        assert outcome(world) == expected, f"{failure} at {moments[number]}"
    assert len(chosen) >= 3, "the graph hardly changed"


def test_operations_outlive_invocations_in_that_sweep():
    """Each stage of the graph takes longer than a whole invocation may."""
    world = begun(LONG_SECONDS)
    start = world.clock.now()
    perform(world, "create")

    assert world.queue.lease_seconds < LONG_SECONDS
    assert world.clock.now() - start > 4 * LONG_SECONDS


def strike(world: World, number: int, error: type[BaseException]) -> None:
    """Let the call with that number fail with *error*, once."""
    count = 0

    def hook(*moment: str) -> None:
        nonlocal count
        count += 1
        if count == number + 1:
            raise error(" ".join(moment))

    hook_up(world, hook)


def test_a_leak_would_be_seen():
    """The comparison bites: a member that keeps a companion is another end state."""
    world = begun()
    perform(world, "create")
    before = outcome(world)
    world.members["gke-us"].remove("Service", "shop", world.ours("gke-us")[1].split()[1])

    assert outcome(world) != before
