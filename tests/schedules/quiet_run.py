"""
What users wish for in a schedule, and the quiet run of the same wishes, whose end must be its end.

For the schedules of the whole product (`product`), over whatever store they are played.
"""

import functools
import json
import re

from tests.functions.world import KEY, World, ingress_manifest, member, path

MEMBERS = (member("gke-us"), member("eks-us", provider="aws", region="us-east-1"))
WISHES = (("create",), ("create", "update"), ("create", "delete"), ("create", "update", "delete"))
_PASSING = re.compile(
    r'203\.0\.113\.\d+|10\.96\.\d+\.\d+|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|"(?:at|time|since)": [\d.]+'
)
_UNTOLD = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")


class Broken(AssertionError):  # noqa: N818  as the product names its errors
    """A schedule ended elsewhere than the quiet run."""


def begun(store=None):
    """A small world with class and policy; in memory unless a *store* is given."""
    world = World(MEMBERS, store)
    world.install()
    return world


def wish(world, verb):
    """What a user wants."""
    if verb == "create":
        world.submit(ingress_manifest())
    elif verb == "update":
        rules = [{"host": "www.example.com", "http": {"paths": [path("/", "web")]}}]
        world.submit(ingress_manifest(rules=rules))
    else:
        world.delete()


def finish(world):
    """Without a resync: ticks bring only what the store says is due."""
    for _ in range(60):
        world.ports.ledger.put_note("tick/last", {"at": world.clock.at})  # nobody's turn is now
        world.tick()
        next_tick = world.clock.at + 60.0
        while world.bus.heap and world.bus.heap[0][0] <= next_tick:
            world.step()
        world.clock.at = max(world.clock.at, next_tick)
        if not world.bus.heap and not world._waiting():
            return
    raise Broken(f"an hour later there waits {world.bus.heap[:3]}")


def rest(world):
    """Ticks for as long as every unit has its turn, and then until nothing waits."""
    end = world.clock.at + 605.0
    while world.clock.at < end:
        world.tick()
        next_tick = world.clock.at + 60.0
        while world.bus.heap and world.bus.heap[0][0] <= next_tick:
            world.step()
        world.clock.at = max(world.clock.at, next_tick)
    try:
        world.settle()
    except AssertionError as error:
        raise Broken(str(error)) from None


@functools.cache
def quiet(wishes, *, resync=True):
    """What an undisturbed run of *wishes* leaves, also after everybody had a turn."""
    world = begun()
    for verb in wishes:
        wish(world, verb)
        finish(world)
    if resync:
        rest(world)
        rest(world)
    return outside(world)


def outside(world):
    """Everything that is there, as lines of JSON without times, addresses and counters."""
    lines = [("graph", name, spec) for name, spec in world.graph().items()]
    lines += [("zone", *name, found.values) for name, found in world.zone().items()]
    for name in world.inventory:
        for kind in ("Ingress", "Service"):
            lines += [("member", name, kind, told(item)) for item in world.members[name].list(kind)]
    source = world.sources.stored(KEY)
    lines.append(("source", told(source) if source else None))
    lines += [("tombstone", str(stone)) for stone in world.sources.tombstones()]
    for family in ("report", "intent"):
        lines += [("store", family, each.key.name) for each in world.store.list(family)]
    for document in world.store.list("work"):
        if document.due_at is not None:
            lines.append(("waits", document.key.name))
    return sorted(
        _PASSING.sub("_", json.dumps(line, sort_keys=True, default=str)) for line in lines
    )


def told(manifest):
    """An object without what its server counts."""
    meta = {key: value for key, value in manifest["metadata"].items() if key not in _UNTOLD}
    return {**manifest, "metadata": meta}
