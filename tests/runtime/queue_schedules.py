"""
Random schedules of the queue, each from one seed.

`python -m tests.schedules --level queue --seed SEED` plays one again, `--count` more of them.
"""

import random
from dataclasses import dataclass

from fedingress.adapters.stores.memory import MemoryStore
from fedingress.runtime.queue import WorkQueue
from tests.runtime.queue_world import SKEW, Broken, Cue, World
from tests.runtime.stage import one_core

PAUSES = (0.1, 0.1, 1.0, 4.0, 9.5, 20.0, 50.0, 61.0)
ENDINGS = ("settled",) * 12 + (
    "refused",
    "later",
    "later",
    "unavailable",
    "conflict",
    "lost",
    "bug",
)
FAULTS = ("refused", "unheard", "echoed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What happened in schedules that held."""

    schedules: int = 0
    events: int = 0
    runs: int = 0
    writes: int = 0


def play(seed, store, queue_type=WorkQueue):
    """
    One schedule, the same for the same seed; the world after it.

    Raises:
        Broken: A rule did not hold.
    """
    chance, world = random.Random(seed), World(store, queue_type)
    try:
        _play(world, chance)
    finally:
        world.leave()
    return world


def _play(world, chance):
    steps = chance.randrange(20, 120)
    calm = chance.randrange(10, steps)  # nothing changes from here on, so no new event heals
    for step in range(steps):
        _disturb(world, chance, changing=step < calm)
    world.finish(chance.choice)
    # An event that was lost before its first step is healed by the resync, not by the queue.
    world.change("resync")
    world.finish(chance.choice)
    if world.covered[True] < world.born:
        raise Broken(f"the resync covered nothing: {world.state}")


def _disturb(world, chance, *, changing):
    dice = chance.random()
    if dice < 0.25 and changing:
        world.change(chance.choice(("ingress.changed",) * 7 + ("resync", "repair")))
    if dice > 0.82:
        world.now += chance.choice(PAUSES)
    elif dice > 0.8 and world.state.owner:  # to the edge of the lease, where guards decide
        world.now = max(world.now, world.state.until - chance.uniform(-3.0, 13.0))
    if dice > 0.95:
        world.tick(lost=chance.random() < 0.3)
    arrived = world.arrived()
    if arrived and len(world.playing) < 6 and chance.random() < 0.4:
        offset = chance.uniform(-SKEW, SKEW) / 2
        world.deliver(chance.choice(arrived), keep=chance.random() < 0.1, offset=offset)
    if world.flying and chance.random() < 0.02:
        world.lose(chance.choice(world.flying))
    if world.playing:
        invocation, redeliver = chance.choice(world.playing), chance.random() < 0.75
        fate = chance.random()
        if fate < 0.04:
            world.crash(invocation, redeliver=redeliver)
        else:
            fault = chance.choice(FAULTS) if fate < 0.07 else ""
            cue = Cue(fault=fault, ending=chance.choice(ENDINGS))
            world.step(invocation, cue, redeliver=redeliver)


def play_all(seeds, make_store=MemoryStore, queue_type=WorkQueue):
    """
    A schedule for each seed.

    Raises:
        Broken: With the seed to replay.
    """
    tally = Tally()
    with one_core():
        for seed in seeds:
            try:
                world = play(seed, make_store(), queue_type)
            except Broken as error:
                again = f"python -m tests.schedules --level queue --seed {seed}"
                raise Broken(f"seed {seed}: {error}\nreplay: {again}") from error
            tally = Tally(
                schedules=tally.schedules + 1,
                events=tally.events + world.events,
                runs=tally.runs + world.runs,
                writes=tally.writes + world.writes,
            )
    return tally
