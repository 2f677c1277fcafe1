"""Several members in a zone of Cloud DNS: routing policies, their check, and what is refused."""

import json
from dataclasses import replace

import pytest

from fedingress.domain.policy import DnsHealthCheck
from fedingress.domain.record import RecordSet, policy_text
from fedingress.planning import checks as health
from fedingress.planning.answers import policies, regions
from fedingress.planning.answers.marks import is_node
from fedingress.planning.answers.weighing import Weighing, keys_by_address, recalled
from fedingress.planning.answers.why import Client, names, why
from tests.planning.answers.zones import DOMAIN, PLACES, START, Zone, intent, target

CLOUD = {"provider": "cloud-dns", "project": "p", "name": "z", "domain": DOMAIN}
PRIVATE = CLOUD | {"visibility": "private"}
HOST = f"u1.{DOMAIN}"
HTTP = DnsHealthCheck(kind="HTTP", port=8080, paths=("/ok",))


def site(cluster, address, **more):
    """A member whose load balancer has an IP address."""
    return target(cluster, address=address, hosted_zone="", **more)


US = site("us", "203.0.113.1")
US2 = site("us2", "203.0.113.2")
AP = site("ap", "203.0.113.3")
EU = site("eu", "203.0.113.4")
US6 = site("us2", "2001:db8::2")


def wish(*members, **more):
    """An intent for the zone of Cloud DNS."""
    return intent("u1", *members, **({"zone": CLOUD} | more))


def node(zone):
    """The one node's name."""
    (name,) = {item.name for item in zone.records if is_node(item.name)}
    return name


def policy(zone, kind="A", name=""):
    """The policy of the one node, or of *name*."""
    (found,) = zone.at(name or node(zone), kind)
    assert found.health_check
    return json.loads(found.policy)


def shares(zone, kind="A"):
    """Address -> weight."""
    return {
        item["healthCheckedTargets"]["externalEndpoints"][0]: item["weight"]
        for item in policy(zone, kind)["wrr"]["items"]
    }


def places(body):
    """Location -> addresses."""
    return {
        item["location"]: item["healthCheckedTargets"]["externalEndpoints"]
        for item in body["items"]
    }


@pytest.mark.parametrize("routing", ["simple", "weighted"])
def test_weights_are_those_of_the_shares(routing):
    """The host is a CNAME of the node; a drained member has weight 0 and stays known."""
    zone = Zone(wish(US, replace(AP, capacity=3.0), routing=routing))
    (host,) = zone.at(HOST, "CNAME")
    assert host.values == (node(zone),)
    assert shares(zone) == {US.address: 85, AP.address: 255}
    drained = wish(replace(US, multiplier=0.0), AP, routing=routing)
    decision = zone.look(drained)

    assert shares(zone) == {US.address: 0, AP.address: 255}
    assert {change.desired.name for change in decision.plan} == {node(zone)}
    assert not zone.look(drained).plan


def test_latency_is_the_nearest_region_of_google_cloud():
    """An item per region, its addresses alike; without fencing the next nearest takes over."""
    zone = Zone(wish(US, US2, AP, routing="latency"))

    assert policy(zone) == {"geo": policy(zone)["geo"]}
    assert places(policy(zone)["geo"]) == {
        "us-east4": [US.address, US2.address],
        "australia-southeast1": [AP.address],
    }


def test_a_region_that_is_short_is_served_by_the_next_one():
    """A drained member leaves its region's addresses; a region without any gets the next one's."""
    half = wish(replace(US, multiplier=0.0), US2, AP, routing="latency")
    none = wish(replace(US, multiplier=0.0), replace(US2, multiplier=0.0), AP, routing="latency")
    zone = Zone(wish(US, US2, AP, routing="latency"))
    zone.look(half)
    assert places(policy(zone)["geo"])["us-east4"] == [US2.address]
    zone.look(none)
    zone.windows(3, none)
    assert places(policy(zone)["geo"])["us-east4"] == [AP.address]


def test_two_regions_of_aws_next_to_one_of_google_are_one_place():
    """A place may be named once only."""
    zone = Zone(
        wish(
            site("a", "203.0.113.1", region="us-gov-east-1"),
            site("b", "203.0.113.2", region="us-gov-west-1"),
            routing="latency",
        )
    )
    assert "wrr" in policy(zone)
    zone = Zone(
        wish(
            site("a", "203.0.113.1", region="ap-southeast-1"),
            site("b", "203.0.113.2", region="asia-southeast1"),
            AP,
            routing="latency",
        )
    )
    assert places(policy(zone)["geo"])["asia-southeast1"] == ["203.0.113.1", "203.0.113.2"]


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("us-east-1", "us-east4"),
        ("eu-central-1", "europe-west3"),
        ("sa-east-1", "southamerica-east1"),
        ("europe-west4", "europe-west4"),
        ("cellar", ""),
    ],
)
def test_every_region_has_its_place(region, expected):
    """Of AWS the nearest, of Google Cloud itself, of nobody none."""
    assert regions.google(region) == expected


def test_failover_is_a_primary_and_its_backup():
    """The backup's only place is that of its region, or any."""
    order = ("ap-southeast-2", "us-east-1")
    zone = Zone(wish(US, AP, routing="failover", order=order))
    found = policy(zone)["primaryBackup"]
    assert found["primaryTargets"] == {"externalEndpoints": [AP.address]}
    assert places(found["backupGeoTargets"]) == {"us-east4": [US.address]}
    cellar = site("cellar", "203.0.113.9")
    zone = Zone(wish(US, cellar, routing="failover", order=("us-east-1",)))
    found = policy(zone)["primaryBackup"]["backupGeoTargets"]
    assert places(found) == {"us-central1": [cellar.address]}


@pytest.mark.parametrize(
    ("routing", "expected"),
    [
        ("weighted", {"wrr": {"items": [{"weight": 1}]}}),
        ("latency", {"geo": {"items": [{"location": "us-east4"}]}}),
        ("failover", {"geo": {"items": [{"location": "us-central1"}]}}),
    ],
)
def test_a_family_that_few_members_have_is_answered_by_those(routing, expected):
    """Even while they have no weight of their own: an answer is never empty."""
    wanted = wish(US, replace(US6, multiplier=0.0), AP, routing=routing)
    zone = Zone(wanted)
    (key,) = expected
    (want,) = expected[key]["items"]

    (item,) = policy(zone, "AAAA")[key]["items"]
    assert item == want | {"healthCheckedTargets": {"externalEndpoints": [US6.address]}}


def test_the_apex_has_the_policy_itself():
    """No CNAME may stand there; its weights are no other address to the brake."""
    zone = Zone(wish(US, AP, routing="weighted", hosts=(DOMAIN,)))
    assert not [item for item in zone.records if is_node(item.name)]
    assert "wrr" in policy(zone, name=DOMAIN)
    decision = zone.look(wish(replace(US, multiplier=0.0), AP, routing="weighted", hosts=(DOMAIN,)))
    assert {change.desired.policy for change in decision.plan} - {""}


def test_hosts_share_a_node_and_it_goes_with_the_last_one():
    """A change of weights is one write however many hosts there are."""
    many = [intent(f"u{n}", US, AP, routing="weighted", zone=CLOUD) for n in range(1, 6)]
    zone = Zone(*many)
    drained = [
        intent(f"u{n}", US, replace(AP, multiplier=0.0), routing="weighted", zone=CLOUD)
        for n in range(1, 6)
    ]
    assert len(zone.look(*drained).plan.changes) == 1
    zone.look(*(replace(each, state="deleting") for each in drained))
    assert zone.records == ()


def test_members_come_and_go_and_the_host_is_never_empty():
    """One member is plain, two are a policy, and back; each in one step."""
    zone = Zone(wish(US))
    assert zone.at(HOST)[0].values == (US.address,)
    zone.look(wish(US, AP))
    assert zone.at(HOST, "CNAME")
    assert not zone.at(HOST)
    zone.look(wish(AP))
    assert zone.at(HOST)[0].values == (AP.address,)
    assert not [item for item in zone.records if is_node(item.name)]


REFUSED = {
    "names": ((target("us"), target("ap")), {}, "2 members answer by name"),
    "a private zone": ((US, AP), {"zone": PRIVATE}, "private zone"),
    "a private address": ((US, site("ap", "10.1.2.3")), {}, "10.1.2.3 is a private address"),
    "one of IPv6": ((site("us", "fd00::1"), AP), {}, "fd00::1 is a private address"),
    "countries": ((US, AP), {"routing": "geolocation", "places": PLACES}, "no countries"),
    "three in order": ((US, AP, EU), {"routing": "failover"}, "3 regions are in order"),
    "nowhere": ((US, site("cellar", "203.0.113.9")), {}, "nobody is near to cellar"),
    "two paths": (
        (US, AP),
        {"health_check": replace(HTTP, paths=("/a", "/b"))},
        "has 2 paths; Cloud DNS asks for one",
    ),
    "too often": (
        (US, AP),
        {"health_check": replace(HTTP, interval_seconds=10)},
        "intervalSeconds 10; Cloud DNS takes 30",
    ),
    "too many": (
        [site(f"c{n:03}", f"203.0.113.{n}", region="us-east-1") for n in range(101)],
        {},
        "101 members",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cloud_dns_cannot_say_is_refused_with_the_reason(name):
    """Nothing is written, and what is published stays."""
    members, more, expected = REFUSED[name]
    zone = Zone()
    decision = zone.look(wish(*members, **more))

    assert zone.records == ()
    assert expected in decision.hosts["u1"][HOST][1]
    assert not zone.checks


def test_members_of_nowhere_alone_are_weighted():
    """There is no place to measure from."""
    zone = Zone(wish(site("shed", "203.0.113.8"), site("cellar", "203.0.113.9")))

    assert shares(zone) == {"203.0.113.8": 255, "203.0.113.9": 255}


def test_one_check_serves_every_address_of_the_zone():
    """By kind, port and path; its reference is a path of Compute Engine."""
    zone = Zone()
    intents = (
        wish(US, AP),
        intent("u2", US, EU, zone=CLOUD),
        intent("u3", US, AP, EU, zone=CLOUD, health_check=HTTP),
        intent("u4", US, zone=CLOUD),
    )
    wanted = health.wanted(zone.weigh(*intents))
    assert list(wanted) == ["http://*:8080/ok", "tcp://*:80"]
    prefix = health.prefix("me", "cloud-dns:p/z")
    assert prefix.startswith("projects/p/global/healthChecks/fi-")
    first = health.plan(wanted, [], prefix=prefix, nonce="1", referenced=())
    made = [replace(change.desired, id=change.desired.reference) for change in first.plan]
    again = health.plan(wanted, made, prefix=prefix, nonce="2", referenced=())

    assert all(each.reference.endswith("-1") for each in made)
    assert not again.plan
    assert {*again.ids.values()} == {each.id for each in made}


def test_a_host_waits_for_the_check():
    """A policy without one would lead clients to the dead."""
    zone = Zone()
    decision = zone.decide(wish(US, AP), checks={})

    assert decision.hosts["u1"][HOST] == ("waiting", "waiting for the health check tcp://*:80")
    assert not decision.plan


STANDING = {
    "weighted": ({}, {US.address: 85, AP.address: 255}),
    "latency": ({"routing": "latency"}, {US.address: 1, AP.address: 1}),
    "failover": ({"routing": "failover"}, {US.address: 1, AP.address: 1}),
}


@pytest.mark.parametrize("name", STANDING)
def test_what_stands_is_recalled_from_the_records(name):
    """A lost memory changes no answer."""
    more, expected = STANDING[name]
    wanted = wish(US, replace(AP, capacity=3.0), **({"routing": "weighted"} | more))
    zone = Zone(wanted)
    keys = keys_by_address({"u1": wanted})
    foreign = RecordSet(
        name=f"_p-foreign.{DOMAIN}",
        type="A",
        ttl_seconds=5,
        policy=policy_text({"wrr": {"items": [{"weight": 1.0, "rrdatas": [US.address]}]}}),
    )
    found = recalled((*zone.records, foreign), DOMAIN, "me", START, keys)
    by_key = {key: each for pool in found.pools.values() for key, each in pool.weights.items()}
    assert by_key == {key: expected[address] for address, (key,) in keys.items()}

    zone.state = Weighing.decode(found.encode())
    assert not zone.look(wanted).plan
    (own,) = zone.at(node(zone))
    gone = replace(own, policy=policy_text({"geo": {"items": [{"location": "us-east4"}]}}))
    assert policies.recalled([gone], [own.name], keys) == {}


WHY = {
    "weighted": ["25.0% (weight 85), 203.0.113.1", "75.0% (weight 255), 203.0.113.3"],
    "latency": ["near us-east4: 203.0.113.1", "near australia-southeast1: 203.0.113.3"],
    "failover": ["while any is healthy: 203.0.113.3", "else us-east4: 203.0.113.1"],
}


@pytest.mark.parametrize("routing", WHY)
def test_the_choices_of_a_policy_are_told(routing):
    """From the host over its node; a policy of nobody's making is told as far as it goes."""
    zone = Zone(wish(US, replace(AP, capacity=3.0), routing=routing))
    way = names((), HOST)
    found = [item for item in zone.records if item.name in way]
    way = names(found, HOST)
    lines = why([item for item in zone.records if item.name in way], HOST, Client(), {})

    assert lines[0] == f"{HOST} CNAME"
    assert lines[1] == f"  {node(zone)}"
    assert lines[2] == "    a policy, each address by check hc-0"
    assert [line.strip() for line in lines[3:]] == WHY[routing]
    assert policies.told('{"geo":{"items":[{"location":"us-east1"}]}}') == (
        "near us-east1: nothing",
    )


def test_a_policy_is_one_text_whatever_its_spelling():
    """Kinds, signatures, defaults, numbers and order do not count; weights of 0 do."""
    one = {
        "kind": "dns#rRSetRoutingPolicy",
        "healthCheck": "https://x",
        "geo": {"enableFencing": False, "items": [{"location": "b"}, {"location": "a"}]},
    }
    other = {"wrr": {"items": ({"weight": 0.0, "rrdatas": []}, {"weight": 0.5})}}

    assert policy_text(one) == '{"geo":{"items":[{"location":"a"},{"location":"b"}]}}'
    assert policy_text(other) == '{"wrr":{"items":[{"weight":0.5},{"weight":0}]}}'
