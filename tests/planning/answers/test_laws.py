"""What holds for every sequence of health, capacity, drains and policies, by hypothesis."""

import dataclasses
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from fedingress.adapters.memory.record_sets import MemoryRecordSets
from fedingress.domain.policy import DnsHealthCheck, ZoneRef
from fedingress.planning.answers.weighing import keys_by_address, recalled
from fedingress.ports.guard import Unguarded
from tests.planning.answers.zones import DAMPING, DOMAIN, PLACES, Zone, intent, target

NAMES = ("us", "us2", "ap", "eu")
ROUTINGS = st.sampled_from(["simple", "weighted", "latency", "geolocation", "failover"])
MEMBERS = st.fixed_dictionaries(
    {
        "ready": st.sampled_from([None, 0.0, 0.25, 1.0, 1.0]),
        "balancer": st.sampled_from([None, False, True, True]),
        "multiplier": st.sampled_from([0.0, 1.0, 1.0, 1.0]),
        "capacity": st.sampled_from([1.0, 10.0, 300.0]),
        "shared": st.just(value=False) | st.just(value=True),
    }
)
FORMS = st.sampled_from(
    [
        {},
        {"dual_stack": True},
        {"hosted_zone": ""},
        {"hosted_zone": "", "address": "203.0.113.7"},
        {"address": "second.elb.test"},
    ]
)
PLACED = st.lists(st.sampled_from(NAMES), min_size=1, unique=True)


def addressed(name):
    """A load balancer that Cloud DNS can check, mostly."""
    number = NAMES.index(name) + 1
    four = {"hosted_zone": "", "address": f"203.0.113.{number}", "shared": False}
    six = four | {"address": f"2001:db8::{number}"}
    return st.sampled_from([four, four, four, six, six | {"region": "cellar"}, {"shared": False}])


@st.composite
def wishes(draw, uid, *, forms=FORMS, form_of=None, zone=None):
    """One intent of any routing, over some members in any state."""
    targets = [
        target(name, **(draw(MEMBERS) | draw(form_of(name) if form_of else forms)))
        for name in draw(st.just(NAMES) if forms is not FORMS else PLACED)
    ]
    checks = draw(st.sampled_from([None, DnsHealthCheck(kind="HTTP", paths=("/a", "/b"))]))
    return intent(
        uid,
        *targets,
        routing=draw(ROUTINGS),
        places=PLACES,
        health_check=checks,
        order=("eu-west-1",),
        **({"zone": zone} if zone else {}),
    )


MOST_WRITES = 40
"""Of a zone in four hours for one member that flaps, with the default damping."""
ROUNDING = 0.004
"""One of 255."""
MOST_TO_SETTLE = 20
"""Of a zone with four members, from any trouble until all of them have what they deserve."""
STORIES = st.lists(st.tuples(wishes("u1"), wishes("u2")), min_size=2, max_size=8)
ZONE = ZoneRef(provider="route53", project="self", name="Z1", domain=DOMAIN)
CLOUD = ZoneRef(provider="cloud-dns", project="p", name="z", domain=DOMAIN)
CHECKED = {
    uid: wishes(uid, form_of=addressed, zone=dataclasses.asdict(CLOUD)) for uid in ("u1", "u2")
}
CHECKED_STORIES = st.lists(st.tuples(CHECKED["u1"], CHECKED["u2"]), min_size=2, max_size=8)


class Provided(Zone):
    """A zone whose batches the provider's twin takes, too."""

    def __init__(self, ref=ZONE):
        super().__init__()
        self.ref = ref
        self.twin = MemoryRecordSets((ref,))

    def apply(self, batch):
        """Both take it, and hold the same afterwards."""
        super().apply(batch)
        self.twin.change(
            self.ref, deletions=batch.deletions, additions=batch.additions, guard=Unguarded()
        )


def hosts(zone):
    """The users' names that are answered."""
    return {item.name for item in zone.records if not item.name.startswith("_")}


@settings(max_examples=60, deadline=None)
@given(story=STORIES, lost=st.integers(0, 7))
def test_route_53_takes_every_step_and_no_answer_is_ever_empty(story, lost):
    """Whatever happens to members and policies, and to the state; `Zone.apply` holds it."""
    tell(Provided(), story, lost)


@settings(max_examples=60, deadline=None)
@given(story=CHECKED_STORIES, lost=st.integers(0, 7))
def test_cloud_dns_takes_every_step_and_no_answer_is_ever_empty(story, lost):
    """Policies, plain answers and refusals follow one another; what is published stays."""
    tell(Provided(CLOUD), story, lost)


def tell(zone, story, lost):
    """Look at each step of the story; one of them finds the state lost."""
    for number, wishes_ in enumerate(story):
        zone.now += DAMPING.tick_seconds
        if number == lost:
            keys = keys_by_address({each.uid: each for each in wishes_})
            zone.state = recalled(zone.records, DOMAIN, "me", zone.now, keys)
        before = hosts(zone)
        zone.look(*wishes_)
        assert hosts(zone) >= before
        assert sorted(map(repr, zone.records)) == sorted(
            repr(item) for item in zone.twin.list(zone.ref) if item.type not in {"NS", "SOA"}
        )
    zone.look(*(dataclasses.replace(each, state="deleting") for each in story[-1]))
    assert zone.records == ()


@settings(max_examples=40, deadline=None)
@given(members=st.lists(MEMBERS, min_size=2, max_size=4))
def test_both_providers_share_out_alike(members):
    """The same members by address, weighted: an item of Cloud DNS has its entry's weight."""
    rows = dict(zip(NAMES, members, strict=False))
    four = {"hosted_zone": "", "shared": False}
    targets = [
        target(name, **(rows[name] | four | {"address": f"203.0.113.{number}"}))
        for number, name in enumerate(rows)
    ]
    ours, theirs = (
        intent("u1", *targets, routing="weighted", **more)
        for more in ({}, {"zone": dataclasses.asdict(CLOUD)})
    )
    (pool,) = Zone(ours).pools().values()
    (policy,) = (item.policy for item in Zone(theirs).records if item.policy)
    address = {each.cluster: each.address for each in targets}

    assert {
        item["healthCheckedTargets"]["externalEndpoints"][0]: item["weight"]
        for item in json.loads(policy)["wrr"]["items"]
    } == {address[cluster]: weight for cluster, weight in pool.items()}


@settings(max_examples=40, deadline=None)
@given(story=st.lists(wishes("u1", forms=st.just({})), min_size=1, max_size=6), last=ROUTINGS)
def test_after_quiet_shares_are_met_and_writes_end(story, last):
    """
    The longest dwell, five good windows and a few steps of two windows each; then nothing moves.

    Neither records nor what is remembered; and it took few writes.
    """
    zone = Zone()
    for wish in story:
        zone.now += DAMPING.tick_seconds
        zone.look(wish)
    well = intent("u1", *map(target, NAMES), routing=last, places=PLACES)
    before = zone.writes
    zone.windows(30 + 5 + 16, well)
    writes, records = zone.writes, zone.records
    assert writes - before <= MOST_TO_SETTLE
    zone.windows(35, well)
    assert (zone.writes, zone.records) == (writes, records)
    state = zone.state
    zone.windows(5, well)
    assert zone.state == state
    fresh = Zone(well)
    for name, weights in fresh.pools().items():
        total, whole = sum(zone.pools()[name].values()), sum(weights.values())
        off = sum(abs(zone.pools()[name][c] / total - w / whole) for c, w in weights.items()) / 2
        assert off < DAMPING.deadband + 0.01


@settings(max_examples=40, deadline=None)
@given(story=st.lists(wishes("u1", forms=st.just({})), min_size=1, max_size=6), last=ROUTINGS)
def test_no_window_moves_a_pool_away_from_what_its_members_deserve(story, last):
    """Of each pool that stands before and after, while members come, go and come back."""
    zone = Zone()
    well = intent("u1", *map(target, NAMES), routing=last, places=PLACES)
    for wish in [each for each in story for _ in range(4)] + [well] * 20:
        zone.now += DAMPING.tick_seconds
        deserved, before = zone.weigh(wish).deserved, zone.pools()
        zone.look(wish)
        after = zone.pools()
        for label, wanted in deserved.items():
            name = f"{label}.{DOMAIN}"
            if before.get(name, {}).keys() == after.get(name, {}).keys() == wanted.keys():
                assert off(after[name], wanted) <= off(before[name], wanted) + ROUNDING


def off(weights, wanted):
    """The part of the traffic that goes where it is not deserved."""
    whole = sum(weights.values())
    return sum(abs(weights[each] / whole - share) for each, share in wanted.items()) / 2


@settings(max_examples=25, deadline=None)
@given(
    period=st.integers(1, 40),
    routing=ROUTINGS,
    trouble=st.sampled_from([{"ready": 0.0, "balancer": False}, {"ready": 0.25}, {"ready": 0.6}]),
)
def test_a_flapping_member_causes_few_writes(period, routing, trouble):
    """Four hours of a member that turns every few windows: it is left alone longer and longer."""
    well = intent("u1", *map(target, NAMES), routing=routing, places=PLACES)
    sick_us = target("us", **trouble)
    sick = intent("u1", sick_us, *map(target, NAMES[1:]), routing=routing, places=PLACES)
    zone = Zone(well)
    for number in range(240):
        zone.windows(1, sick if number // period % 2 else well)
    assert zone.writes <= MOST_WRITES


@settings(max_examples=40, deadline=None)
@given(one=wishes("u1"), other=wishes("u2"))
def test_two_planners_agree_and_order_does_not_matter(one, other):
    """Equal intents in any order: equal batches, equal state."""
    first, second = Zone(), Zone()
    first.look(one, other)
    second.look(other, one)
    assert first.batches == second.batches
    assert first.state == second.state
    assert not first.look(other, one).plan
