"""Why a client gets its answer: the chain from a host to load balancers, as it stands."""

import dataclasses

import pytest

from fedingress.domain.policy import DnsHealthCheck, Place
from fedingress.planning.answers.why import Client, names, why
from tests.planning.answers.zones import DOMAIN, Zone, intent, target

HOST = f"u1.{DOMAIN}"
CHECK = {"health_check": DnsHealthCheck()}
MEMBERS = tuple(map(target, ("us", "ap", "eu")))
PLACES = (
    Place(location="subdivision:US/CA", region="us-east-1"),
    Place(location="country:DE", region="eu-west-1"),
    Place(location="continent:AS", region="ap-southeast-2"),
    Place(location="country:*", region="us-east-1"),
)


def told(zone, client=None, *, down=(), host=HOST):
    """The lines, without the hashes of nodes and the numbers of checks."""
    states = dict.fromkeys(zone.checks.values(), True)
    for key, number in zone.checks.items():
        if any(f"/{name}.elb" in key for name in down):
            states[number] = False
    lines = why(zone.records, host, client or Client(region="us-east-1"), states)
    return [line.split("; alias of _")[0].rstrip() for line in lines]


def test_latency_leads_to_the_nearest_region_and_its_pool():
    """With shares, and who stands by."""
    zone = Zone(intent("u1", *MEMBERS))
    root, tree, first, second = [line.strip() for line in told(zone)[1:]]

    assert told(zone)[0] == f"{HOST} A"
    assert root.startswith("alias of _t-")
    assert tree == "us-east-1: nearest to us-east-1"
    assert first == "us: 100.0% (weight 255), alias of us.elb.test, as healthy as its targets"
    assert second == "eu: 0.0% (weight 0), alias of eu.elb.test, as healthy as its targets"


def test_a_sick_member_is_named_and_those_on_standby_take_over():
    """As the provider would answer while our functions are dead."""
    zone = Zone(intent("u1", *MEMBERS, **CHECK))
    lines = told(zone, down=("us",))

    assert "us: 0.0% (weight 255)" in lines[3]
    assert lines[3].endswith("failing")
    assert "eu: 100.0% (weight 0)" in lines[4]
    assert lines[4].endswith("healthy")


def test_a_dead_branch_is_left():
    """Nobody of the nearest pool is healthy: the next region is chosen, and it is said why."""
    zone = Zone(intent("u1", *MEMBERS, **CHECK))
    lines = told(zone, down=("us", "eu"))

    assert lines[2].strip() == ("ap-southeast-2: us-east-1 is nearest to us-east-1 but not healthy")


def test_with_nobody_healthy_everybody_counts_as_healthy():
    """The last resort, at every level."""
    zone = Zone(intent("u1", *MEMBERS, **CHECK))
    lines = told(zone, down=("us", "eu", "ap"))

    assert lines[2].strip() == ("us-east-1: nearest to us-east-1, and no other is healthy either")
    assert lines[-1].strip() == "nobody is healthy, so everybody counts as healthy"
    assert "us: 100.0% (weight 255)" in lines[3]


SAID = {
    "the state": (Client(state="CA", country="US"), "subdivision:US/CA"),
    "the country": (Client(country="DE", continent="EU"), "country:DE"),
    "the continent": (Client(country="SG", continent="AS"), "continent:AS"),
    "everywhere else": (Client(), "country:*"),
}


@pytest.mark.parametrize("name", SAID)
def test_the_narrowest_place_is_chosen(name):
    """State, country, continent, everywhere else."""
    client, chosen = SAID[name]
    zone = Zone(intent("u1", *MEMBERS, routing="geolocation", places=PLACES))

    assert told(zone, client)[2].strip() == f"{chosen}: the narrowest place of the client"


def test_a_client_that_no_place_means_gets_nothing():
    """A foreign tree may lack a place for everybody else."""
    zone = Zone(intent("u1", *MEMBERS, routing="geolocation", places=PLACES))
    zone.records = tuple(item for item in zone.records if item.location != "country:*")

    assert told(zone, Client())[2].strip() == "nothing: no place is the client's"


def test_failover_and_plain_answers():
    """The first in order; an address; a name; a policy of Cloud DNS that nobody reads here."""
    zone = Zone(intent("u1", *MEMBERS, routing="failover", order=("eu-west-1",)))
    assert told(zone)[2].strip() == "primary: first in order"
    zone = Zone(intent("u1", routing="simple", addresses={"A": ("203.0.113.1",)}))
    assert told(zone) == [f"{HOST} A", "  203.0.113.1"]
    (answer,) = zone.at(HOST)
    zone.records = (dataclasses.replace(answer, values=(), policy="{}"),)
    assert told(zone) == [f"{HOST} A", "  a policy"]
    zone.records = (dataclasses.replace(answer, health_check="x"),)
    assert told(zone) == [f"{HOST} A", "  203.0.113.1, check x not known yet"]
    failing = why(zone.records, HOST, Client(), {"x": False})
    assert failing[1].strip() == "not healthy, but there is no other; 203.0.113.1, check x failing"


def test_a_wildcard_answers_for_a_name_that_does_not_stand():
    """And what nobody answers is told."""
    zone = Zone(intent("u1", *MEMBERS, hosts=(f"*.{DOMAIN}",)))

    assert told(zone, host=f"any.{DOMAIN}")[0] == f"any.{DOMAIN} A, by *.{DOMAIN}"
    assert why((), HOST, Client(), {}) == (f"{HOST} has no answer in the zone",)


def test_the_names_on_the_way_are_found_step_by_step():
    """The host, its wildcard, then what aliases lead to; never a load balancer's own name."""
    zone = Zone(intent("u1", *MEMBERS))
    known = names((), HOST)
    assert known == {HOST, f"*.{DOMAIN}"}
    steps = 0
    while True:
        found = [item for item in zone.records if item.name in known]
        more = names(found, HOST)
        if more == known:
            break
        known, steps = more, steps + 1
    assert steps == 2
    assert why(found, HOST, Client(region="us-east-1"), {}) == why(
        zone.records, HOST, Client(region="us-east-1"), {}
    )
