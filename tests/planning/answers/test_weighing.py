"""Beliefs, shares and spill of a zone's pools, over windows."""

import dataclasses
import itertools
import json

import pytest

from fedingress.planning.answers.pools import entry_key
from fedingress.planning.answers.weighing import UP, Published, Weighing, recalled, weigh
from tests.planning.answers.zones import DAMPING, DOMAIN, START, Zone, intent, target

DOWN = {"ready": 0.0, "balancer": False}
UNKNOWN = {"ready": None, "balancer": None}


def asked(routing="latency", **members):
    """An intent whose members have these fields."""
    targets = [target(name, **fields) for name, fields in members.items()]
    return intent("u1", *targets, routing=routing)


def host(zone, kind="A"):
    """What the host leads to."""
    return zone.under(f"u1.{DOMAIN}", kind)


def test_shares_follow_capacity_from_the_first_publication():
    """Three times the capacity, three times the weight; standby has none."""
    zone = Zone(asked(us={"capacity": 300}, us2={"capacity": 100}, ap={}))

    assert host(zone) == {
        "us-east-1": {"us": 255, "us2": 85, "ap": 0},
        "ap-southeast-2": {"ap": 255, "us": 0, "us2": 0},
    }


def test_a_region_that_is_down_goes_to_the_next_one_and_comes_back_slowly():
    """At once down, when both signals agree and the rest can be sure; up by steps."""
    well, sick = asked(us={}, ap={}), asked(us=DOWN, ap={})
    zone = Zone(well)
    zone.probes = {"us.elb.test": False}
    zone.windows(1, sick)
    assert host(zone)["us-east-1"] == {"us": 0, "ap": 255}
    assert host(zone)["ap-southeast-2"] == {"us": 0, "ap": 255}
    zone.probes = {}
    seen = []
    for _ in range(30):
        zone.windows(1, well)
        seen.append(host(zone)["us-east-1"])
    shares = [each["us"] / (each["us"] + each["ap"]) for each in seen]

    assert shares[3] == 0  # not before five good windows
    assert shares == sorted(shares)
    assert max(b - a for a, b in itertools.pairwise(shares)) <= 0.42
    assert 0.05 < next(each for each in shares if each) < 0.15
    assert seen[-1] == {"us": 255, "ap": 0}


def test_a_short_region_keeps_what_it_can_carry():
    """Below the policy's part of its capacity the rest goes to the next region."""
    zone = Zone(asked(us={}, ap={}))
    zone.windows(9, asked(us={"ready": 0.25}, ap={}))
    weights = host(zone)["us-east-1"]

    assert weights["us"] / sum(weights.values()) == pytest.approx(0.25, abs=0.01)
    zone = Zone(asked(us={}, ap={}))
    zone.windows(3, asked(us={"ready": 0.75}, ap={}))
    assert host(zone)["us-east-1"] == {"us": 255, "ap": 0}


def test_a_drained_region_is_served_by_the_next_one_at_once():
    """However large it is: the operator is sure."""
    zone = Zone(asked(us={}, ap={}))
    zone.look(asked(us={"multiplier": 0.0}, ap={}))

    assert host(zone) == {
        "us-east-1": {"us": 0, "ap": 255},
        "ap-southeast-2": {"us": 0, "ap": 255},
    }


def test_nobody_deserving_changes_nothing():
    """All down, or all drained: the last weights stay, and the reason says so."""
    well = asked(us={}, ap={})
    for trouble in (DOWN, {"multiplier": 0.0}):
        zone = Zone(well)
        before = zone.records
        zone.windows(9, asked(us=trouble, ap=trouble))
        weighed = zone.weigh(asked(us=trouble, ap=trouble))
        assert zone.records == before
        assert set(weighed.reasons.values()) == {"NoneHealthy"}
        assert weighed.deserving == frozenset()


@pytest.mark.parametrize("fields", [UNKNOWN, DOWN, {"capacity": 0.0}, {"multiplier": 0.0}])
def test_what_was_never_seen_well_is_still_published_when_asked(fields):
    """A host that shall be answered is: by capacity, else by all alike."""
    zone = Zone(asked("weighted", us=fields, ap=fields))

    assert host(zone) == {"": {"us": 255, "ap": 255}}


def test_a_member_that_joins_a_pool_begins_small():
    """The pool that follows another one takes its shares over."""
    zone = Zone(asked(us={}))
    joined = asked(us={}, us2={})
    zone.look(joined)
    first = host(zone)[""]
    zone.windows(20, joined)

    assert first["us2"] / sum(first.values()) == pytest.approx(0.1, abs=0.01)
    assert host(zone)[""] == {"us": 255, "us2": 255}


def test_a_first_member_of_a_region_begins_small():
    """Who served that region's clients before goes on while it warms up."""
    zone = Zone(asked(us={}))
    joined = asked(us={}, ap={})
    zone.look(joined)
    first = host(zone)["ap-southeast-2"]
    zone.windows(20, joined)

    assert first["ap"] / sum(first.values()) == pytest.approx(0.1, abs=0.01)
    assert host(zone)["us-east-1"] == {"us": 255, "ap": 0}
    assert host(zone)["ap-southeast-2"] == {"us": 0, "ap": 255}


def test_another_load_balancer_of_a_member_is_cold():
    """The member is the same, what must warm up is not."""
    zone = Zone(asked("weighted", us={}, ap={}))
    zone.look(asked("weighted", us={"address": "new.elb.test"}, ap={}))
    weights = host(zone)[""]

    assert weights["us"] / sum(weights.values()) == pytest.approx(0.1, abs=0.01)


def test_a_quiet_zone_says_the_same_in_every_window():
    """Neither records nor the state change, so nothing is written."""
    wanted = asked(us={}, us2={"ready": None, "balancer": None}, ap={})
    zone = Zone(wanted)
    zone.windows(40, wanted)
    state, writes = zone.state, zone.writes
    zone.windows(10, wanted)

    assert (zone.state, zone.writes) == (state, writes)
    assert set(zone.state.beliefs) <= {entry_key("us2", "us2.elb.test")}


def test_a_quiet_trouble_says_the_same_in_every_window():
    """Those that are long down are down, without counting on."""
    well = asked(us={}, ap={})
    sick = asked(us=DOWN, ap={})
    zone = Zone(well)
    zone.windows(40, sick)
    state = zone.state
    zone.windows(10, sick)

    assert zone.state == state
    assert not state.beliefs[entry_key("us", "us.elb.test")].up


def test_the_state_survives_its_journey():
    """Through JSON text, whatever it holds."""
    zone = Zone(asked(us={}, ap={}))
    zone.windows(2, asked(us=DOWN, ap={"ready": 0.5}))
    state = dataclasses.replace(zone.state, apart={"k": dataclasses.replace(UP, bad=1)})

    assert Weighing.decode(json.loads(json.dumps(state.encode()))) == state
    assert Weighing.decode({}) == Weighing()


def test_a_lost_state_is_recalled_from_the_records_and_moves_nothing_for_a_dwell():
    """Published weights are believed; neither up nor down is known to be wrong."""
    wanted = asked("weighted", us={"capacity": 2}, ap={})
    zone = Zone(wanted)
    kept = zone.state
    zone.state = recalled(zone.records, DOMAIN, "me", zone.now)
    assert {label: each.weights for label, each in zone.state.pools.items()} == {
        label: each.weights for label, each in kept.pools.items()
    }
    records = zone.records
    more = asked("weighted", us={"capacity": 2}, ap={"capacity": 2})
    zone.windows(1, more)
    assert zone.records == records
    zone.windows(3, more)
    assert host(zone)[""] == {"us": 255, "ap": 255}


def test_only_our_own_pools_are_recalled():
    """Weights of others, and of hosts, are not ours to go by."""
    zone = Zone(asked("weighted", us={}, ap={}))

    assert recalled(zone.records, DOMAIN, "other", START) == Weighing()
    bare = [item for item in zone.records if item.type != "TXT"]
    assert recalled(bare, DOMAIN, "me", START) == Weighing()
    site = target("us", address="203.0.113.1", hosted_zone="")
    zone = Zone(intent("u1", site, routing="weighted"))
    (found,) = recalled(zone.records, DOMAIN, "me", START).pools.values()
    assert found.weights == {entry_key("us", "203.0.113.1"): 255}


def test_entries_that_somebody_took_away_or_added_do_not_count():
    """Weights are those of the pool's own members."""
    wanted = asked("weighted", us={}, ap={})
    zone = Zone(wanted)
    ((label, stands),) = zone.state.pools.items()
    strange = {"strange": 255}
    zone.state = Weighing(pools={label: Published(weights=strange, at=0.0)})
    found = zone.weigh(wanted)

    assert found.weights[label] == {"us": 255, "ap": 255}
    drained = asked("weighted", us={"multiplier": 0.0}, ap={"multiplier": 0.0})
    assert zone.weigh(drained).weights[label] == {"us": 255, "ap": 255}
    half = {entry_key("us", "us.elb.test"): 100}
    zone.state = Weighing(pools={label: Published(weights=half, at=zone.now)})
    assert zone.weigh(wanted).weights[label] == {"us": 100, "ap": 0}
    assert stands.weights


SHARED = {"shared": True}


def pair(**fields):
    """Two Ingresses behind the same load balancers; the first one's `us` has *fields*."""
    one = intent("u1", target("us", **(SHARED | fields)), target("ap", **SHARED))
    other = intent("u2", target("us", **SHARED), target("ap", **SHARED))
    return one, other


def roots(zone):
    """Where the two hosts lead."""
    return [zone.under(f"{uid}.{DOMAIN}") for uid in ("u1", "u2")]


def test_an_ingress_that_is_sick_behind_a_shared_load_balancer_leaves_alone():
    """After three windows its alias is re-pointed; the pools of the others stay as they are."""
    zone = Zone(*pair())
    both = roots(zone)[1]
    sick = pair(ready=0.0, balancer=False)
    zone.windows(2, *sick)
    assert roots(zone) == [both, both]
    zone.windows(1, *sick)
    assert roots(zone) == [{"": {"ap": 255}}, both]
    zone.windows(40, *pair())
    assert roots(zone) == [both, both]


def test_a_shared_load_balancer_is_not_sick_for_one_ingress():
    """It looks so to all of them; whoever has ready endpoints speaks for it."""
    one = intent("u1", target("us", shared=True, ready=0.0, balancer=False), target("ap"))
    other = intent("u2", target("us", shared=True, ready=1.0, balancer=False), target("ap"))
    zone = Zone(*pair())
    zone.windows(10, one, other)

    assert zone.state.beliefs.get(entry_key("us", "us.elb.test"), UP).up


def test_a_difference_that_no_weight_shows_is_no_change():
    """Next to nothing for a member on standby is nothing."""
    whole = intent("u1", target("us"), target("ap"), spill_below=1.0)
    nearly = intent("u1", target("us", ready=0.999999), target("ap"), spill_below=1.0)
    zone = Zone(whole)
    state = zone.state
    zone.windows(3, nearly)

    assert zone.state.pools == state.pools


def test_an_ingress_that_is_drained_from_a_shared_load_balancer_leaves_alone():
    """Weight 0 would drain the others, too; when all of them drain, it does just that."""
    zone = Zone(*pair())
    both = roots(zone)[1]
    zone.look(*pair(multiplier=0.0))
    assert roots(zone) == [{"": {"ap": 255}}, both]
    all_of_them = [
        dataclasses.replace(each, uid=uid, hosts=(f"{uid}.{DOMAIN}",))
        for uid in ("u1", "u2")
        for each in [pair(multiplier=0.0)[0]]
    ]
    zone.look(*all_of_them)
    assert roots(zone)[0]["us-east-1"] == {"us": 0, "ap": 255}


def test_an_ingress_never_leaves_everything():
    """Sick everywhere, it stays where it was."""
    wanted = intent("u1", target("us", **SHARED), target("ap", **SHARED))
    sick = intent("u1", target("us", **(SHARED | DOWN)), target("ap", **(SHARED | DOWN)))
    zone = Zone(wanted)
    before = zone.records
    zone.windows(6, sick)

    assert zone.records == before


def test_readiness_behind_a_shared_load_balancer_is_that_of_all():
    """Weighed by capacity; without capacities, alike."""
    for capacity, expected in ((3.0, 0.25), (0.0, 0.5)):
        one = intent("u1", target("us", shared=True, ready=1.0, capacity=capacity / 3))
        other = intent("u2", target("us", shared=True, ready=0.0, capacity=capacity))
        zone = Zone(one, other)
        zone.windows(1, one, other)
        weighed = zone.weigh(one, other)
        belief = weighed.state.beliefs[entry_key("us", "us.elb.test")]
        assert belief.health == pytest.approx(expected)


def test_one_signal_or_one_window_takes_no_traffic_away():
    """No endpoint is ready, but nothing else says so; or all say so, for a moment."""
    for trouble, windows in (({"ready": 0.0, "balancer": None}, 9), (DOWN, 2)):
        zone = Zone(asked("weighted", us={}, ap={}))
        zone.windows(windows, asked("weighted", us=trouble, ap={}))
        assert host(zone)[""] == {"us": 255, "ap": 255}


def test_a_probe_that_is_forced_to_fail_says_nothing():
    """Of a drained member; the load balancer still speaks."""
    drained = asked(us={"multiplier": 0.0}, ap={})
    zone = Zone(asked(us={}, ap={}))
    zone.probes = {"us.elb.test": False}
    zone.windows(6, drained)

    assert zone.state.beliefs.get(entry_key("us", "us.elb.test"), UP).up


def test_two_planners_agree():
    """Intents in any order, the same weights and the same state."""
    one, other = pair()
    state = Zone(one, other).state
    results = [
        weigh(state, rows, START + DAMPING.tick_seconds, owner="me", probes={})
        for rows in ({"u1": one, "u2": other}, {"u2": other, "u1": one})
    ]

    assert results[0] == results[1]
