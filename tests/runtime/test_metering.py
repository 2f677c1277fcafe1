"""Metering: calls by kind, changes that went through, and phases of calls side by side."""

import threading
from dataclasses import fields

import pytest

from fedingress.adapters.stores.memory import MemoryStore
from fedingress.domain.errors import Conflict
from fedingress.domain.outcome import Settled
from fedingress.domain.record import RecordSet
from fedingress.domain.work import Work
from fedingress.ports import Ports
from fedingress.ports.guard import Unguarded
from fedingress.ports.ledger import Ledger
from fedingress.runtime.metering import Meter
from fedingress.runtime.queue import WorkQueue
from tests.runtime.clocks import HandClock

GUARD = Unguarded()


class Port:
    """Anything that a concern calls; each call takes a second."""

    call_timeout_seconds = 7.0

    def __init__(self, clock):
        self.clock = clock
        self.error = None

    def __getattr__(self, name):
        def call(*args, **kwargs):
            self.clock.move(1.0)
            if self.error:
                raise self.error
            return name

        return call


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def meter(clock):
    return Meter(clock.now)


@pytest.fixture
def port(meter, clock):
    return meter.wrap(Port(clock), "clusters")


def record(name, value="1"):
    return RecordSet(name=name, type="A", ttl_seconds=60, values=(value,))


def test_reads_and_writes_are_counted_apart(meter, port):
    """A call with a guard is a write, by position or by name; so are the known ones without."""
    assert port.list("x") == "list"
    port.apply("m", observed=None, guard=GUARD)
    port.create("m", GUARD)
    port.write_status("m")

    assert meter.calls == {"clusters.read": 1, "clusters.write": 3}
    assert (meter.seconds("observe"), meter.seconds("act")) == (1.0, 3.0)


@pytest.mark.parametrize(
    ("call", "changes"),
    [
        (lambda p: p.apply("m", observed=None, guard=GUARD), {"create": 1}),
        (lambda p: p.apply("m", observed="o", guard=GUARD), {"update": 1}),
        (lambda p: p.create("m", GUARD), {"create": 1}),
        (lambda p: p.update("o", "m", GUARD), {"update": 1}),
        (lambda p: p.delete("o", GUARD), {"delete": 1}),
        (lambda p: p.put_tombstone("t"), {"create": 1}),
        (lambda p: p.drop_tombstone("t"), {"delete": 1}),
        (lambda p: p.set_finalizers("s", []), {"update": 1}),
        (lambda p: p.publish([]), {}),
        (lambda p: p.notify("s", "n"), {}),
        (lambda p: p.wait([], seconds=1), {}),
        (lambda p: p.list("x"), {}),
    ],
)
def test_what_each_call_changes(meter, port, call, changes):
    """One kind of change a call; publishing, Events and waiting change nothing."""
    call(port)
    assert +meter.changes == changes


def test_a_batch_of_records_is_many_changes(meter, port):
    """One that is deleted and added again is replaced."""
    port.change(
        "zone",
        deletions=[record("a"), record("gone")],
        additions=[record("a", "2"), record("b"), record("c")],
        guard=GUARD,
    )
    assert meter.changes == {"create": 2, "update": 1, "delete": 1}


def test_what_failed_changed_nothing(meter, clock):
    """The call is counted, its change is not, and its time is."""
    broken = Port(clock)
    broken.error = Conflict("x")
    with pytest.raises(Conflict):
        meter.wrap(broken, "clusters").create("m", GUARD)

    assert (meter.calls, +meter.changes) == ({"clusters.write": 1}, {})
    assert meter.seconds("act") == 1.0


def test_a_counted_port_looks_like_itself(port):
    """To isinstance, and by its attributes."""
    assert isinstance(port, Port)
    assert port.call_timeout_seconds == 7.0
    with pytest.raises(TypeError):
        port.__class__ = Port


def test_calls_side_by_side_are_counted_once(meter, clock):
    """A phase lasts while any of its calls is under way, and what is left of the run is decide."""
    inside, leave = threading.Barrier(3), threading.Barrier(3)

    def call():
        with meter.phase("outside", "observe"):
            inside.wait(10)
            leave.wait(10)

    with meter.phase("run"):
        clock.move(2.0)
        threads = [threading.Thread(target=call) for _ in range(2)]
        for thread in threads:
            thread.start()
        inside.wait(10)
        clock.move(5.0)
        leave.wait(10)
        for thread in threads:
            thread.join(10)

    assert meter.seconds("observe") == 5.0
    assert meter.seconds("decide") == 2.0
    assert meter.seconds("act") == 0.0


def test_the_ledger_and_the_queue_are_counted_apart(meter, clock):
    """Both speak to the store; what they write there is no change of the world."""
    store = MemoryStore()
    nothing = {each.name: Port(clock) for each in fields(Ports)}
    ports = meter.ports(Ports(**nothing | {"ledger": Ledger(store)}))
    queue = meter.queue(WorkQueue(store, clock))
    lease = queue.take(Work(concern="dns", unit="z", cause="x"), "event-1")
    ports.ledger.put_note("n", {})
    assert ports.ledger.note("n") == {}
    queue.settle(lease, Settled())

    assert meter.calls == {"queue.read": 1, "queue.write": 2, "store.read": 1, "store.write": 1}
    assert +meter.changes == {}
    assert meter.seconds("queue") == 0.0  # the invocation times that itself


def test_every_port_is_counted(meter, clock):
    """Those that are added later, too; names, clocks and pools are left as they are."""
    nothing = {each.name: Port(clock) for each in fields(Ports)}
    ports = meter.ports(Ports(**nothing | {"ledger": Ledger(MemoryStore())}))
    for each in fields(ports):
        if each.name not in {"ledger", "owner", "clock", "parallel"}:
            getattr(ports, each.name).anything()
            assert meter.calls[f"{each.name}.read"] == 1
    assert type(ports.clock) is Port
