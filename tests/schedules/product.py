"""
Random schedules of the whole product, each from one seed, over the store in memory or a real one.

A director plays users, transports, clouds and instances. Users submit, change and delete an
Ingress; their events are doubled, delayed, reordered and lost, and strangers' events come between.
Up to four instances run at once, each stopped before and after every call that it makes; there it
may be killed, wait past its lease, be refused or throttled, or lose the reply. Then everything
heals, and what is left must be what a quiet run of the same wishes leaves: every field of every
object, in clouds, members, config cluster and store; and nobody writes any more.

Over a real store some of its faults are on the wire: the server throttles, or a request or a reply
is lost between it and its client, after the client's own tries.

`python -m tests.schedules --level ports --seed N` plays one again, `--level product-stores` over
each real store.
"""

import contextlib
import dataclasses
import heapq
import logging
import random

from fedingress.domain.errors import Unavailable
from fedingress.domain.work import DUE, Work
from fedingress.ports import Ports
from fedingress.ports.ledger import Ledger
from fedingress.runtime.dispatch import reconciler
from fedingress.runtime.invoke import invoke
from fedingress.runtime.queue import Acknowledged, WorkQueue
from tests.runtime.stage import Crash, Performer, one_core
from tests.schedules.quiet_run import WISHES, Broken, begun, finish, outside, quiet, rest, wish

CALL_SECONDS, REDELIVERY_SECONDS = 10.0, 10.0
PAUSES = (0.1, 0.5, 2.0, 9.0, 15.0, 61.0, 121.0)
STRANGERS = (
    Work(concern="fanout", unit="shop/ghost", cause="ingress.changed"),
    Work(concern="backends", unit="shop/ghost", cause="fanout.changed"),
    Work(concern="status", unit="shop/ghost", cause="fanout.changed"),
    Work(concern="status", unit="shop/shop", cause="replayed"),
    Work(concern="dns", unit="cloud-dns:lab/example-com", cause="replayed"),
    Work(concern="backends", unit="shop/shop", cause="replayed"),
)
TROUBLES = ("throttled", "request lost", "reply lost")
TROUBLED = 0.02
"""How often a call of a real store meets one of them."""
SILENT = logging.getLogger("fedingress.silent")
SILENT.setLevel(logging.CRITICAL + 1)


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
    """Plays one seed; *trouble(kind)* lets the store's next call meet it on the wire."""

    def __init__(self, seed, *, queue_type=WorkQueue, store=None, trouble=None):
        self.chance = random.Random(seed)
        self.queue_type = queue_type
        self.trouble = trouble
        self.world = begun(store)
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
        else:
            self._ask(instance, when, f"{verb} {where}")
        if self.trouble and (when, verb) == ("before", "store") and self.chance.random() < TROUBLED:
            self.faults += 1
            self.trouble(self.chance.choice(TROUBLES))  # the call follows at once

    def _ask(self, instance, when, what):
        sent = self.world.clock.at
        fate = instance.performer.pause()
        if fate == "fault":
            raise Unavailable(f"{when} {what}", after_seconds=self.chance.choice((1, 5, 30)))
        if when == "before" and self.world.clock.at - sent > CALL_SECONDS:
            raise Unavailable(f"{what} timed out before it was sent")

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


def play_all(seeds, *, queue_type=WorkQueue, stores=lambda: None, trouble=None, level="ports"):
    """
    A schedule for each seed, over the store that *stores* gives; in memory when it gives none.

    Raises:
        Broken: With the seed to replay.
    """
    tally = Tally()
    with one_core(), _silence():
        for seed in seeds:
            director = Director(seed, queue_type=queue_type, store=stores(), trouble=trouble)
            try:
                director.play()
            except Broken as error:
                again = f"python -m tests.schedules --level {level} --seed {seed}"
                raise Broken(f"seed {seed}: {error}\nreplay: {again}") from error
            tally = Tally(
                schedules=tally.schedules + 1,
                deliveries=tally.deliveries + director.deliveries,
                faults=tally.faults + director.faults,
            )
    return tally
