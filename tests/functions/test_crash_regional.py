"""
Every outside call of a create, an update and a delete in topology `aws` fails once.

The whole story: copies, health checks from outside, pools and trees, the accelerator, finalizers
and status. The end is that of a quiet run, nothing is leaked, and another look writes nothing.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from fedingress.domain.accelerator import EndpointGroup
from fedingress.domain.errors import Unavailable
from fedingress.domain.record import RecordSet
from fedingress.ports.guard import Unguarded
from tests.functions.regions import HOST, HOSTED, POLICY, Regions
from tests.functions.world import KEY, Crash, ingress_manifest, path

Hook = Callable[[str, str, str], None]
VERBS = ("create", "update", "delete")
FAILURES = {
    "crash before": ("before", Crash),
    "crash after": ("after", Crash),
    "refused": ("before", Unavailable),
    "lost reply": ("after", Unavailable),
}
WINDOWS = 15
CHECKED = {"dns": POLICY["dns"] | {"healthCheck": {"protocol": "TCP", "port": 80}}}
STORIES = {"names": CHECKED, "accelerator": {"aws": {"accelerator": True}}}
SWEEPS = [
    *(("names", verb, failure) for verb in VERBS for failure in FAILURES),
    *(("accelerator", verb, each) for verb in VERBS for each in ("crash before", "lost reply")),
]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of invocations are not worth a line each."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def begun(story: str) -> Regions:
    """A world with class and policy, before anything is submitted."""
    world = Regions()
    world.install(**STORIES[story])
    return world


def prepare(world: Regions, verb: str) -> None:
    """What comes before the verb, undisturbed."""
    if verb != "create":
        perform(world, "create")


def perform(world: Regions, verb: str) -> None:
    """The verb itself, to the end: an update drains a member and names another host."""
    if verb == "delete":
        world.delete()
    elif verb == "update":
        rules = [{"host": f"www.{HOSTED.domain}", "http": {"paths": [path("/", "web")]}}]
        drained = {"annotations": {"fedingress.dev/drain": "eks-us"}}
        world.submit(ingress_manifest(rules=rules, metadata=drained))
    else:
        world.submit(ingress_manifest(host=HOST))
        world.settle(within_seconds=1, ticks=False)  # controllers do not wait for ours to be idle
        world.play()
        world.tell("fanout", str(KEY))
    world.quiet()


def hook_up(world: Regions, hook: Hook) -> None:
    """Let *hook* see every outside call of the product."""
    for port in (
        *(world.members, world.records, world.sources, world.bus),
        *(world.checks, world.accelerators, world.load_balancers),
    ):
        port.fault = hook


def strike(world: Regions, number: int, error: type[BaseException]) -> None:
    """Let the call with that number fail with *error*, once."""
    count = 0

    def hook(*moment: str) -> None:
        nonlocal count
        count += 1
        if count == number + 1:
            raise error(" ".join(moment))

    hook_up(world, hook)


def outcome(world: Regions) -> str:
    """What the outside sees, with ids made equal."""
    checks = {each.id: each for each in world.checks.list("fi:")}

    def named(record: RecordSet) -> str:
        check = checks.get(record.health_check)
        said = check.config.address if check else record.health_check and "dangling"
        return repr(replace(record, health_check=said))

    def told(group: EndpointGroup) -> tuple[Any, ...]:
        return (group.region, group.dial, group.weights)

    accelerators = world.accelerators.found.values()
    state: dict[str, Any] = {
        "members": {name: world.ours(name) for name in world.inventory},
        "zone": sorted(named(each) for each in world.records.list(HOSTED)),
        "checks": sorted(each.config.address for each in checks.values()),
        "accelerators": [
            (each.name, each.enabled, each.ports, sorted(map(told, each.groups)))
            for each in accelerators
        ],
        "intents": len(world.store.list("intent", f"{HOSTED.unit}/")),
        "source": world.sources.stored(KEY) is not None,
    }
    return re.sub(r"192\.0\.2\.\d+", "STATIC", json.dumps(state, sort_keys=True))


def ended(world: Regions, expected: str) -> str:
    """The end; who came late because of the failure climbs for some windows more."""
    for _ in range(WINDOWS):
        if outcome(world) == expected:
            break
        world.clock.at += 120
        world.tick()
        world.quiet()
    return outcome(world)


def calls_of(story: str, verb: str) -> list[tuple[str, str, str]]:
    """Every moment of every call of an undisturbed run."""
    seen: list[tuple[str, str, str]] = []
    world = begun(story)
    prepare(world, verb)
    hook_up(world, lambda *moment: seen.append(moment))
    perform(world, verb)
    return seen


def writes(world: Regions) -> int:
    """Mutating calls to anything."""
    more = len(world.checks.calls) + len(world.accelerators.calls)
    return sum(world.mark()) + more


def look_again(world: Regions) -> int:
    """Look at everything thoroughly once more; gives how many writes that made."""
    before = writes(world)
    hook_up(world, lambda *_: None)
    for concern, unit in (("fanout", str(KEY)), ("backends", str(KEY)), ("dns", HOSTED.unit)):
        world.tell(concern, unit, "repair")
    world.quiet()
    return writes(world) - before


@pytest.mark.parametrize(("story", "verb", "failure"), SWEEPS)
def test_one_failure_at_any_call_changes_nothing_but_the_time(story, verb, failure):
    """For each call of *verb*: it fails so once; the end is the quiet one, and nothing is left."""
    quiet = begun(story)
    prepare(quiet, verb)
    perform(quiet, verb)
    expected = ended(quiet, "")
    assert "dangling" not in expected
    moment, error = FAILURES[failure]
    moments = calls_of(story, verb)
    chosen = [
        number
        for number, (when, what, _) in enumerate(moments)
        if when == moment and (error is Crash or what != "publish")  # news are kept until told
    ]
    for number in chosen:
        world = begun(story)
        prepare(world, verb)
        strike(world, number, error)
        perform(world, verb)

        assert ended(world, expected) == expected, f"{failure} at {moments[number]}"
        assert look_again(world) == 0, f"{failure} at {moments[number]}"
    assert len(chosen) >= 5, "the run made hardly any call"


def test_a_leak_would_be_seen():
    """The comparison bites: a health check that nobody needs is another end."""
    world = begun("names")
    perform(world, "create")
    before = outcome(world)
    (first, *_) = world.checks.list("fi:")
    world.checks.create(f"{first.reference}x", first.config, Unguarded())

    assert outcome(world) != before
