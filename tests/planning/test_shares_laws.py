"""What holds for every sequence of health and capacity, by hypothesis."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fedingress.domain.policy import Damping
from fedingress.planning.shares import Belief, Member, Sample, judge, step, target, weights

NAMES = ("a", "b", "c", "d")
DAMPING = Damping(tick_seconds=60, ttl_seconds=60)
CAPACITIES = st.floats(min_value=1.0, max_value=1000.0)
SIGNALS = st.sampled_from([True, False, None])
SAMPLES = st.fixed_dictionaries(
    {
        "probe": SIGNALS,
        "balancer": SIGNALS,
        "ready": st.sampled_from([None, 0.0, 0.25, 1.0]),
    }
)
STORIES = st.lists(st.fixed_dictionaries(dict.fromkeys(NAMES, SAMPLES)), min_size=1, max_size=40)
SHARES = st.lists(st.integers(0, 20), min_size=4, max_size=4).filter(any)


def shares_of(numbers):
    whole = sum(numbers)
    return {name: number / whole for name, number in zip(NAMES, numbers, strict=True)}


def members_of(up, capacities, confirmed=True):
    return {
        name: Member(belief=Belief(up=alive, confirmed=confirmed), capacity=capacity)
        for name, alive, capacity in zip(NAMES, up, capacities, strict=True)
    }


class Run:
    """A zone over many windows: samples in, published shares and writes out."""

    def __init__(self, capacities):
        self.capacities = dict(zip(NAMES, capacities, strict=True))
        self.beliefs = {name: Belief() for name in NAMES}
        self.published = {}
        self.stepped_at = float("-inf")
        self.writes = 0
        self.now = 1_000_000.0

    def window(self, samples):
        for name, sample in samples.items():
            number = DAMPING.window(self.now)
            self.beliefs[name] = judge(
                self.beliefs[name], Sample(window=number, **sample), self.now, DAMPING
            )
        found = step(
            self.published, self.members(), DAMPING, waited_seconds=self.now - self.stepped_at
        )
        if found.shares != self.published:
            self.writes += 1
            self.stepped_at = self.now
        self.published = dict(found.shares)
        self.now += DAMPING.tick_seconds

    def members(self):
        return {
            name: Member(belief=belief, capacity=self.capacities[name])
            for name, belief in self.beliefs.items()
        }


@settings(max_examples=150)
@given(capacities=st.tuples(*[CAPACITIES] * 4), story=STORIES)
def test_something_is_always_published_once_something_was(capacities, story):
    """Never empty, never all zero, shares add up, weights are in range."""
    run = Run(capacities)
    for samples in story:
        before = run.published
        run.window(samples)
        if before:
            assert abs(sum(run.published.values()) - 1) < 1e-6
            numbers = weights(run.published)
            assert max(numbers.values()) == 255
            assert min(numbers.values()) >= 0


@settings(max_examples=150)
@given(capacities=st.tuples(*[CAPACITIES] * 4), story=STORIES)
def test_after_quiet_shares_converge_and_writes_end(capacities, story):
    """
    With every member good from some window on, targets are met within the deadband.

    The longest dwell, five good windows, and at most five steps of two windows each.
    """
    run = Run(capacities)
    for samples in story:
        run.window(samples)
    good = {name: {"probe": True, "balancer": True, "ready": 1.0} for name in NAMES}
    for _ in range(30 + 5 + 10 + 1):
        run.window(good)
    writes = run.writes
    for _ in range(20):
        run.window(good)
    assert run.writes == writes
    deserved = target(run.members())
    off = sum(abs(deserved[name] - run.published[name]) for name in NAMES) / 2
    assert off < DAMPING.deadband


@settings(max_examples=100)
@given(capacities=st.tuples(*[CAPACITIES] * 4), periods=st.integers(1, 40))
def test_a_flapping_member_causes_few_writes(capacities, periods):
    """A member that turns every few windows is left alone for longer and longer."""
    run = Run(capacities)
    good = {"probe": True, "balancer": True, "ready": 1.0}
    bad = {"probe": False, "balancer": False, "ready": 0.0}
    for number in range(240):
        sick = bad if number // periods % 2 else good
        run.window({**dict.fromkeys(NAMES, good), "a": sick})
    # Four hours; each turn costs one removal and some steps, and waits for its dwell.
    assert run.writes <= 40


@given(numbers=SHARES, up=st.tuples(*[st.booleans()] * 4), capacities=st.tuples(*[CAPACITIES] * 4))
def test_a_step_moves_towards_the_target_and_never_beyond(numbers, up, capacities):
    """Every share stays between where it was and where it should be."""
    published, members = shares_of(numbers), members_of(up, capacities)
    found = step(published, members, DAMPING, waited_seconds=1e9).shares
    deserved = target(members) or published
    for name in NAMES:
        low, high = sorted((published[name], deserved[name]))
        assert low - 1e-9 <= found[name] <= high + 1e-9


@given(numbers=SHARES, capacities=st.tuples(*[CAPACITIES] * 4))
def test_growth_is_limited_while_others_can_carry(numbers, capacities):
    """With everybody alive nobody gets more than twice, or ten points more, in a step."""
    published, members = shares_of(numbers), members_of((True,) * 4, capacities)
    found = step(published, members, DAMPING, waited_seconds=1e9).shares
    for name in NAMES:
        limit = max(2 * published[name], published[name] + DAMPING.points)
        assert found[name] <= limit + 1e-9


@given(numbers=SHARES, up=st.tuples(*[st.booleans()] * 4), capacities=st.tuples(*[CAPACITIES] * 4))
def test_the_order_of_members_does_not_matter(numbers, up, capacities):
    """Equal members in any order give equal shares and weights."""
    published, members = shares_of(numbers), members_of(up, capacities)
    turned = dict(reversed(members.items()))
    one = step(published, members, DAMPING, waited_seconds=1e9)
    other = step(dict(reversed(published.items())), turned, DAMPING, waited_seconds=1e9)
    assert weights(one.shares) == weights(other.shares)
