"""
Random schedules of the whole product, at the level of the ports, each from one seed.

A director plays users, transports, clouds and instances. Users submit, change and delete an
Ingress; their events are doubled, delayed, reordered and lost, and strangers' events come between.
Up to four instances run at once, each stopped before and after every call that it makes; there it
may be killed, wait past its lease, be refused or throttled, or lose the reply. Then everything
heals, and what is left must be what a quiet run of the same wishes leaves: every field of every
object, in clouds, members, config cluster and store; and nobody writes any more.

`python -m tests.schedules --level ports --seed N` plays one again.
"""

import contextlib
import dataclasses
import functools
import heapq
import json
import logging
import random
import re

from fedingress.domain.errors import Unavailable
from fedingress.domain.work import DUE, Work
from fedingress.ports import Ports
from fedingress.ports.ledger import Ledger
from fedingress.runtime.dispatch import reconciler
from fedingress.runtime.invoke import invoke
from fedingress.runtime.queue import Acknowledged, WorkQueue
from tests.functions.world import KEY, World, ingress_manifest, member, path
from tests.runtime.stage import Crash, Performer, one_core

MEMBERS = (member("gke-us"), member("eks-us", provider="aws", region="us-east-1"))
CALL_SECONDS, REDELIVERY_SECONDS = 10.0, 10.0
PAUSES = (0.1, 0.5, 2.0, 9.0, 15.0, 61.0, 121.0)
WISHES = (("create",), ("create", "update"), ("create", "delete"), ("create", "update", "delete"))
STRANGERS = (
    Work(concern="fanout", unit="shop/ghost", cause="ingress.changed"),
    Work(concern="backends", unit="shop/ghost", cause="fanout.changed"),
    Work(concern="status", unit="shop/ghost", cause="fanout.changed"),
    Work(concern="status", unit="shop/shop", cause="replayed"),
    Work(concern="dns", unit="cloud-dns:lab/example-com", cause="replayed"),
    Work(concern="backends", unit="shop/shop", cause="replayed"),
)
SILENT = logging.getLogger("fedingress.silent")
SILENT.setLevel(logging.CRITICAL + 1)
_PASSING = re.compile(
    r'203\.0\.113\.\d+|10\.96\.\d+\.\d+|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|"(?:at|time|since)": [\d.]+'
)
_UNTOLD = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")


class Broken(AssertionError):  # noqa: N818  as the product names its errors
    """A schedule ended elsewhere than the quiet run."""


class StagedStore:
    """The store as one instance sees it: each call may fail, and its reply may be lost."""

    def __init__(self, store, moment):
        self._store, self._moment = store, moment

    def __getattr__(self, name):
        call = getattr(self._store, name)

        def staged(*args, **more):
            self._moment("before", "store", name)
            found = call(*args, **more)
            self._moment("after", "store", name)
            return found

        return staged


class Instance:
    """One delivery on the stage, with ports and a queue of its own."""

    def __init__(self, director, number, work):
        world = director.world
        self.number, self.work = number, work
        self.director = director
        store = StagedStore(world.store, director.moment)
        ports = {each.name: getattr(world.ports, each.name) for each in dataclasses.fields(Ports)}
        self.ports = Ports(**{**ports, "ledger": Ledger(store)})
        self.queue = director.queue_type(store, world.clock, lease_seconds=120.0)
        self.performer = Performer(lambda _: self._invoke())

    def _invoke(self):
        reconcile = reconciler(self.work.concern, self.ports)
        name = f"delivery-{self.number}"
        return invoke(
            self.work,
            name,
            queue=self.queue,
            bus=self.ports.bus,
            reconcile=reconcile,
            log=SILENT,
        )


class Director:
    """Plays one seed."""

    def __init__(self, seed, *, queue_type=WorkQueue, begin=None):
        self.chance = random.Random(seed)
        self.queue_type = queue_type
        self.world = (begin or begun)()
        self.lossless = self.chance.random() < 0.5
        self.instances = []
        self.current = None
        self.credit = self.faults = self.deliveries = 0

    def play(self):
        """
        The whole schedule.

        Raises:
            Broken: The end is not that of the quiet run, or does not come.
        """
        world, chance = self.world, self.chance
        wishes = chance.choice(WISHES)
        waiting = list(wishes)
        for port in (world.members, world.load_balancers, world.records, world.sources, world.bus):
            port.fault = self.moment
        try:
            patience = chance.randrange(60, 400)
            while waiting or (patience > 0 and (self.instances or world.bus.heap)):
                patience -= 1
                if waiting and (patience <= 0 or chance.random() < 0.02):
                    self.aside(lambda: wish(world, waiting.pop(0)))
                self._disturb()
            self._let_end()
        finally:
            for instance in self.instances:
                while not instance.performer.ended:
                    instance.performer.step(Crash)
            for port in (world.members, world.load_balancers, world.records, world.sources):
                port.fault = _nothing
            world.bus.fault = _nothing
        world.queue = self.queue_type(world.store, world.clock, lease_seconds=120.0)
        if self.lossless:  # what is due comes back, and that is enough
            finish(world)
            self._compare(wishes, quiet(wishes, resync=False))
        rest(world)  # twice, since some wait for others
        rest(world)
        self._compare(wishes, quiet(wishes))
        mark = world.mark()
        rest(world)
        if world.since(mark):
            raise Broken(f"{wishes} at rest, and still: {world.since(mark)[:5]}")

    def aside(self, act):
        """Something that is no call of the product."""
        current, self.current = self.current, None
        act()
        self.current = current

    def moment(self, when, verb, where):
        """A call of the product begins or has happened: here the director decides."""
        instance = self.current
        if instance is None:
            return
        if self.credit:
            self.credit -= 1
            return
        sent = self.world.clock.at
        fate = instance.performer.pause()
        if fate == "fault":
            raise Unavailable(
                f"{when} {verb} {where}", after_seconds=self.chance.choice((1, 5, 30))
            )
        if when == "before" and self.world.clock.at - sent > CALL_SECONDS:
            raise Unavailable(f"{verb} {where} timed out before it was sent")

    def step(self, instance, cue=None):
        """One step of one instance; what is not acknowledged comes again."""
        self.current = instance
        try:
            instance.performer.step(cue)
        finally:
            self.current, self.credit = None, 0
        performer = instance.performer
        if not performer.ended:
            return
        self.instances.remove(instance)
        error = performer.error
        if isinstance(performer.result, Acknowledged):
            return
        if error is not None and not isinstance(error, (Crash, Unavailable)):
            raise error
        if self.lossless or self.chance.random() < 0.8:  # the others are dead letters
            self.send(instance.work, REDELIVERY_SECONDS, number=instance.number)

    def send(self, work, delay, *, number=0):
        """Put an event on its way, under its old name if it has one."""
        bus = self.world.bus
        entry = (self.world.clock.at + delay, number or next(bus.count), work)
        if all(entry[:2] != other[:2] for other in bus.heap):
            heapq.heappush(bus.heap, entry)

    def _disturb(self):
        world, chance = self.world, self.chance
        dice = chance.random()
        if dice < 0.03:
            world.clock.at += chance.choice(PAUSES)
        elif dice < 0.04:
            self.aside(world.tick)
        elif dice < 0.06:
            self.send(chance.choice(STRANGERS), chance.random() * 20)
        elif len(self.instances) < 4 and world.bus.heap and (dice < 0.25 or not self.instances):
            self._deliver()
        elif self.instances:
            self._go_on(chance.choice(self.instances))

    def _deliver(self):
        world, chance = self.world, self.chance
        due = [entry for entry in world.bus.heap if entry[0] <= world.clock.at]
        if not due:
            world.clock.at = max(world.clock.at, world.bus.heap[0][0])
            return
        entry = chance.choice(due)
        fate = chance.random()
        if fate > 0.06:  # else it is doubled: delivered now, and kept for later
            world.bus.heap.remove(entry)
            heapq.heapify(world.bus.heap)
        if fate > 0.97 and not self.lossless:
            return
        if entry[2].cause == DUE and fate > 0.7:
            return  # lost: what it asks for stands in the store, and comes with a tick
        if fate > 0.9:
            self.send(entry[2], chance.choice(PAUSES), number=entry[1])  # delayed
            return
        self.deliveries += 1
        self.instances.append(Instance(self, entry[1], entry[2]))

    def _go_on(self, instance):
        fate = self.chance.random()
        if fate < 0.015:
            self.faults += 1
            self.step(instance, Crash)
        elif fate < 0.06:
            self.faults += 1
            self.step(instance, "fault")
        else:  # some calls at once, without the director's asking
            self.credit = self.chance.randrange(12)
            self.step(instance)

    def _let_end(self):
        while self.instances:
            self.credit = self.chance.randrange(40)
            self.step(self.chance.choice(self.instances))

    def _compare(self, wishes, expected):
        found = outside(self.world)
        if found != expected:
            more = [line for line in found if line not in expected]
            less = [line for line in expected if line not in found]
            raise Broken(f"{wishes} left\n{_shown(more)}\n  and not\n{_shown(less)}")


def _shown(lines):
    return "\n".join(line[:2000] for line in lines[:5])


def _nothing(*_):
    """No fault."""


def begun():
    """A small world with class and policy."""
    world = World(MEMBERS)
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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What happened in schedules that held."""

    schedules: int = 0
    deliveries: int = 0
    faults: int = 0


@contextlib.contextmanager
def _silence():
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def play_all(seeds, *, queue_type=WorkQueue):
    """
    A schedule for each seed.

    Raises:
        Broken: With the seed to replay.
    """
    tally = Tally()
    with one_core(), _silence():
        for seed in seeds:
            director = Director(seed, queue_type=queue_type)
            try:
                director.play()
            except Broken as error:
                raise Broken(
                    f"seed {seed}: {error}\nreplay: python -m tests.schedules --seed {seed}"
                ) from error
            tally = Tally(
                schedules=tally.schedules + 1,
                deliveries=tally.deliveries + director.deliveries,
                faults=tally.faults + director.faults,
            )
    return tally
