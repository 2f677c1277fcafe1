"""Which weights stand after a look: of pools that were written, and of those that were not."""

from dataclasses import replace

import pytest

from fedingress.planning.answers.weighing import Weighing
from fedingress.planning.answers.written import REFUSED, as_written, unwritten
from fedingress.planning.answers.zone import wanted
from tests.planning.answers.zones import CHECK, DOMAIN, Zone, intent, target

CLOUD = {"provider": "cloud-dns", "project": "p", "name": "z", "domain": DOMAIN}
US, AP = target("us"), target("ap")
BY_ADDRESS = (
    replace(US, hosted_zone="", address="192.0.2.1"),
    replace(AP, hosted_zone="", address="192.0.2.2"),
)
CASES = {
    "everything stands": (intent("u1", US, AP), "", 0),
    "a pool was refused": (intent("u1", US, AP, routing="weighted"), "_p-", 1),
    "only the tree was refused": (intent("u1", US, AP), "_t-", 0),
    "a pool waits for its check": (intent("u1", US, AP, health_check=CHECK), "fault", 2),
    "a policy of Cloud DNS was refused": (
        intent(
            "u1",
            *(
                replace(each, hosted_zone="", address=f"192.0.2.{n}")
                for n, each in enumerate((US, AP))
            ),
            routing="weighted",
            zone=CLOUD,
        ),
        "_p-",
        1,
    ),
    "a tree of Cloud DNS was refused": (
        intent(
            "u1",
            *(
                replace(each, hosted_zone="", address=f"192.0.2.{n}")
                for n, each in enumerate((US, AP))
            ),
            routing="latency",
            zone=CLOUD,
        ),
        "_t-",
        2,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_pool_is_late_when_it_does_not_stand_as_it_is_wanted(case):
    """By its own print; for a policy, which holds the weights of its pools, by the policy's."""
    wish, which, count = CASES[case]
    zone = Zone()
    weighed = zone.weigh(wish)
    zone.decide(wish)  # makes the checks
    checks = {} if which == "fault" else zone.checks
    units = wanted(DOMAIN, {"u1": wish}, "me", weighed, checks=checks)
    if which == "fault":
        full = wanted(DOMAIN, {"u1": wish}, "me", weighed, checks=zone.checks)
        late = {name: replace(unit, fault="waits") for name, unit in full.units.items()}
        units = replace(full, units=late)
    stands = {
        name: text for name, text in units.prints.items() if not (which and name.startswith(which))
    }

    late = unwritten(weighed, units, stands)
    assert len(late) == count
    assert late <= weighed.forest.pools.keys()


def test_what_was_not_written_stays_as_it_was():
    """Weights, their time and what members are told; a pool that is new has none at all."""
    zone = Zone(intent("u1", US, AP, routing="weighted"))
    (label,) = zone.state.pools
    drained = intent("u1", US, replace(AP, multiplier=0.0), routing="weighted")
    weighed = zone.weigh(drained)
    assert weighed.weights[label] == {"us": 255, "ap": 0}

    found = as_written(weighed, zone.state, {label})
    assert found.weights[label] == {"us": 255, "ap": 255}
    assert found.state.pools == zone.state.pools
    assert found.reasons[label] == REFUSED
    assert as_written(weighed, zone.state, ()) is weighed

    fresh = as_written(weighed, Weighing(), {label})
    assert fresh.weights[label] == {"us": 0, "ap": 0}
    assert fresh.state.pools == {}


def test_a_pool_that_waits_with_the_weights_it_has_is_not_told_as_refused():
    """Nothing differs but what it looks at."""
    wish = intent("u1", US, AP, routing="weighted")
    zone = Zone(wish)
    (label,) = zone.state.pools
    assert as_written(zone.weigh(wish), zone.state, {label}).reasons == {}


def test_the_pool_of_before_is_kept_until_its_follower_stands():
    """The follower then begins with its weights, and not with what everybody deserves."""
    zone = Zone(intent("u1", US, routing="weighted"))
    (former,) = zone.state.pools
    weighed = zone.weigh(intent("u1", US, AP, routing="weighted"))
    (label,) = weighed.forest.pools
    kept = as_written(weighed, zone.state, {label}).state

    assert {*kept.pools} == {former}
    zone.state = kept
    assert 0 < zone.weigh(intent("u1", US, AP, routing="weighted")).weights[label]["ap"] < 255
