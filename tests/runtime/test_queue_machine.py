"""The queue under schedules that hypothesis chooses, and shortens when one fails."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from fedingress.adapters.stores.memory import MemoryStore
from tests.runtime.queue_world import SKEW, Cue, World

ENDINGS = ("settled", "refused", "later", "unavailable", "conflict", "lost", "bug")
FAULTS = ("", "refused", "unheard", "echoed")


class QueueMachine(RuleBasedStateMachine):
    """Each rule is one step; `World` raises when a rule of the queue is broken."""

    def __init__(self):
        super().__init__()
        self.world = World(MemoryStore())

    @rule(cause=st.sampled_from(("ingress.changed", "resync", "repair")))
    def change(self, cause):
        self.world.change(cause)

    @precondition(lambda self: self.world.arrived() and len(self.world.playing) < 4)
    @rule(data=st.data(), keep=st.booleans(), offset=st.sampled_from((0.0, SKEW / 2, -SKEW / 2)))
    def deliver(self, data, keep, offset):
        envelope = data.draw(st.sampled_from(self.world.arrived()))
        self.world.deliver(envelope, keep=keep, offset=offset)

    @precondition(lambda self: self.world.playing)
    @rule(data=st.data(), ending=st.sampled_from(ENDINGS), fault=st.sampled_from(FAULTS))
    def step(self, data, ending, fault):
        self.world.step(self.pick(data), Cue(fault=fault, ending=ending))

    @precondition(lambda self: self.world.playing)
    @rule(data=st.data(), redeliver=st.booleans())
    def crash(self, data, redeliver):
        self.world.crash(self.pick(data), redeliver=redeliver)

    @precondition(lambda self: self.world.flying)
    @rule(data=st.data())
    def lose(self, data):
        self.world.lose(data.draw(st.sampled_from(self.world.flying)))

    @rule(seconds=st.sampled_from((0.1, 4.0, 9.5, 49.0, 57.5, 61.0)))
    def wait(self, seconds):
        self.world.now += seconds

    @rule(lost=st.booleans())
    def tick(self, lost):
        self.world.tick(lost=lost)

    def pick(self, data):
        """One of the invocations on the stage, by its place so that failures shrink."""
        return self.world.playing[data.draw(st.integers(0, len(self.world.playing) - 1))]

    def teardown(self):
        try:
            if not self.world.broken:
                self.world.finish(lambda items: items[0])
        finally:
            self.world.leave()


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
