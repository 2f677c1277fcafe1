"""
What earlier systems' DNS controllers were tested for, in the form that is ours.

Federation v1 wrote addresses and CNAMEs per zone and region, kubefed one set per host. Here a host
leads to pools of members' load balancers; who has no address is in none, and the last one stays.
"""

from dataclasses import replace

import pytest

from fedingress.domain.policy import DnsPolicy
from tests.functions.test_zone_route53 import DAMPING, NoSource, Zone, target

HOST = "nginx.example.com"
REGIONAL = DnsPolicy(routing="latency", damping=DAMPING, ttl_seconds=180)
C1 = target("c1", "us-west-2", address="198.51.100.1", hosted_zone="")
C2 = target("c2", "eu-west-1", address="198.51.200.1", hosted_zone="")


@pytest.fixture
def zone():
    return Zone()


def want(zone, *targets, **more):
    """The service's Ingress, with those members that have an address."""
    fields = {"hosts": (HOST,), "policy": REGIONAL, "ttl_seconds": 180, "healthy": bool(targets)}
    zone.want("nginx", *targets, **fields | more)
    zone.look()


def answers(zone, host=HOST, kind="A"):
    """Every address and load balancer that *host* can lead to, sorted."""
    names, found = {host}, set()
    listed = zone.all(kind)
    while names:
        at = [each for each in listed if each.name in names]
        found |= {value for each in at for value in each.values}
        names = {each.alias.name for each in at if each.alias and not each.alias.hosted_zone}
        found |= {each.alias.name for each in at if each.alias and each.alias.hosted_zone}
    return sorted(found)


def test_without_an_ingress_there_are_no_records(zone):
    """And no check and no mark."""
    zone.look("resync")

    assert (zone.all(), zone.all("TXT"), zone.checks.list("fi:")) == ([], [], [])


def test_one_member_with_an_address_answers_for_all(zone):
    """The other region's clients reach it too; nothing dangles for the member that has none."""
    want(zone, C1)

    assert answers(zone) == ["198.51.100.1"]
    assert {each.ttl_seconds for each in zone.all() if each.values} == {180}
    assert zone.all("CNAME") == []


def test_a_name_is_led_to_and_never_resolved_when_it_is_written(zone):
    """An alias follows its load balancer's addresses by itself; beside it an address stands."""
    lb = "a9.us-west-2.elb.amazonaws.com"
    want(zone, replace(C1, address=lb, hosted_zone="ZELB"), C2)

    assert answers(zone) == ["198.51.200.1", lb]
    regions = {each.region for each in zone.all() if each.region}
    assert regions == {"us-west-2", "eu-west-1"}


def test_members_without_addresses_leave_the_last_good_answer(zone):
    """A status that is emptied withdraws nothing."""
    want(zone, C1, C2)
    before = zone.all()
    want(zone)

    assert zone.all() == before
    assert answers(zone) == ["198.51.100.1", "198.51.200.1"]


def test_another_address_takes_the_place_of_the_old_one(zone):
    """Both regions then answer with what is true."""
    want(zone, C1, C2)
    want(zone, replace(C1, address="198.51.150.1"), C2)

    assert answers(zone) == ["198.51.150.1", "198.51.200.1"]


def test_a_deletion_leaves_nothing(zone):
    """Neither records of regions nor what led to them."""
    want(zone, C1, C2)
    zone.ports = replace(zone.ports, sources=NoSource())
    want(zone, state="deleting", hosts=())
    for _ in range(10):
        zone.look(minutes=0.2)

    assert (zone.all(), zone.all("TXT"), zone.checks.list("fi:")) == ([], [], [])


def test_members_come_one_after_the_other_and_every_host_has_them(zone):
    """None, one, two, a name beside an address; each host of the Ingress alike."""
    hosts = ("foo.bar.example.com", "jane.goodall.example.com")
    named = replace(C1, address="lb3.us-west-2.elb.amazonaws.com", hosted_zone="ZELB")
    found = []
    for targets in ((), (C1,), (C1, C2), (named, C2)):
        want(zone, *targets, hosts=hosts)
        found.append([answers(zone, host) for host in hosts])

    assert found == [
        [[], []],
        [["198.51.100.1"]] * 2,
        [["198.51.100.1", "198.51.200.1"]] * 2,
        [["198.51.200.1", "lb3.us-west-2.elb.amazonaws.com"]] * 2,
    ]
