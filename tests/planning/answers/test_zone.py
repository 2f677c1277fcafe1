"""What changes in a zone with pools and trees, from any state to the one that is wanted."""

import dataclasses

import pytest

from fedingress.domain.policy import DnsHealthCheck
from fedingress.domain.record import Alias, RecordSet
from fedingress.planning.answers import hosts as naming
from fedingress.planning.answers.decision import Standing
from fedingress.planning.answers.marks import is_node, marks_in
from fedingress.planning.answers.units import names_of, to_look_at
from fedingress.planning.answers.zone import wanted
from tests.planning.answers.zones import CHECK, DOMAIN, PLACES, START, Zone, intent, target

US, AP, EU = (target(name) for name in ("us", "ap", "eu"))
HOST = f"u1.{DOMAIN}"


def found(zone, units):
    """What a look at these units finds."""
    names = names_of(units, DOMAIN)
    return Standing(
        records=[item for item in zone.records if item.name in names], units=frozenset(units)
    )


def nodes(zone):
    """Names of our nodes that stand."""
    return {name for name in marks_in(zone.records, DOMAIN) if is_node(name)}


ROUTINGS = ("simple", "weighted", "latency", "geolocation", "failover")


@pytest.mark.parametrize("before", ROUTINGS)
@pytest.mark.parametrize("after", ROUTINGS)
def test_a_policy_changes_in_one_step_and_leaves_nothing_behind(before, after):
    """From any routing to any other; the second look finds nothing to do."""
    zone = Zone(intent("u1", US, AP, EU, routing=before, places=PLACES))
    after_ = intent("u1", US, AP, EU, routing=after, places=PLACES)
    zone.look(after_)

    assert not zone.look(after_).plan
    assert len(nodes(zone)) == {"latency": 4, "geolocation": 3, "failover": 5}.get(after, 1)
    zone.look(intent("u1", US, AP, EU, state="deleting"))
    assert zone.records == ()


def test_a_host_moves_between_addresses_and_load_balancers():
    """Another topology of the policy: plain addresses, aliases and names replace one another."""
    plain = intent("u1", routing="simple", addresses={"A": ("203.0.113.1",)})
    aliased = intent("u1", US, AP)
    named = intent("u1", target("us", hosted_zone=""), routing="weighted")
    zone = Zone(plain)
    assert zone.at(HOST)[0].values == ("203.0.113.1",)
    zone.look(aliased)
    assert zone.at(HOST)[0].alias
    decision = zone.look(named)
    assert {item.type for item in zone.records if item.name == HOST} == {"CNAME"}
    assert "the address family is gone" in {change.why for change in decision.plan}
    zone.look(plain)
    assert {item.name for item in zone.records if not item.name.startswith("_")} == {HOST}
    assert not nodes(zone)


def test_both_families_are_answered_with_equal_weights():
    """Of the members that answer over IPv6; a group without any weight has one all the same."""
    both = intent("u1", target("us", dual_stack=True), target("us2", capacity=3.0), AP)
    zone = Zone(both)
    assert zone.under(HOST)["us-east-1"] == {"us": 85, "us2": 255, "ap": 0}
    assert zone.under(HOST, "AAAA")["us-east-1"] == {"us": 85}
    assert zone.under(HOST, "AAAA")["ap-southeast-2"] == {"us": 1}
    alone = intent("u1", US, AP)
    decision = zone.look(alone)
    assert not [item for item in zone.records if item.type == "AAAA"]
    assert "the address family is gone" in {change.why for change in decision.plan}


def test_an_entry_that_leaves_its_group_is_deleted():
    """Here by another hand: a choice that we do not want is none of a group of ours."""
    wish = intent("u1", US, AP)
    zone = Zone(wish)
    (name, *_) = sorted(zone.pools())
    stray = dataclasses.replace(zone.at(name)[0], set_identifier="stray")
    zone.records = (*zone.records, stray)
    (change,) = zone.look(wish).plan

    assert (change.observed, change.why) == (stray, "is no entry any more")


def test_a_weight_changes_in_one_batch_and_touches_pools_only():
    """However many hosts lead there."""
    shared = [
        intent(f"u{n}", target("us", shared=True), target("ap", shared=True)) for n in range(1, 6)
    ]
    drained = [
        intent(
            f"u{n}",
            target("us", shared=True, multiplier=0.0),
            target("ap", shared=True),
        )
        for n in range(1, 6)
    ]
    zone = Zone(*shared)
    decision = zone.look(*drained)

    assert len(zone.batches) == 1
    assert {change.desired.weight is not None for change in decision.plan} == {True}


def test_a_new_zone_is_one_batch_and_a_node_that_goes_another_one():
    """Deleted only after everything that led there was carried out."""
    zone = Zone(intent("u1", US, AP))
    assert len(zone.batches) == 1
    zone.look(intent("u1", US, EU))

    assert [batch.sweeps for batch in zone.batches] == [False, True]


def test_a_node_stays_while_any_record_leads_to_it():
    """Somebody else's alias, or that of a host that waits."""
    wish = intent("u1", US, routing="weighted")
    zone = Zone(wish)
    (pool,) = nodes(zone)
    other = RecordSet(
        name=f"mine.{DOMAIN}", type="A", ttl_seconds=0, alias=Alias(name=pool, hosted_zone="")
    )
    zone.records = (*zone.records, other)
    zone.look(intent("u1", US, state="deleting"))
    assert nodes(zone) == {pool}
    zone.records = tuple(item for item in zone.records if item != other)
    assert {change.observed.name for change in zone.look().plan} >= {pool}
    assert zone.records == ()


def test_an_orphan_keeps_its_nodes():
    """Nothing of its answer goes."""
    zone = Zone(intent("u1", US, AP))
    before = {item.identity for item in zone.records}
    zone.look(intent("u1", US, AP, state="orphan"))
    zone.look()

    assert {item.identity for item in zone.records} == before


def test_without_every_source_seen_no_node_goes():
    """An empty store takes nothing down."""
    zone = Zone(intent("u1", US, AP))
    before = zone.records
    zone.look(complete=False)

    assert zone.records == before


def test_what_is_frozen_keeps_its_nodes_as_they_are():
    """The source cannot be read: what stands stays, weights too; the provider sees to health."""
    zone = Zone(intent("u1", US, AP))
    frozen = intent("u1", target("us", multiplier=0.0), AP, state="frozen", hosts=())
    zone.look(frozen)

    assert zone.under(HOST)["us-east-1"] == {"us": 255, "ap": 0}
    assert zone.at(HOST)


def test_a_host_waits_for_its_first_healthy_member_and_needs_no_node_until_then():
    """Never published and unhealthy: nothing is written."""
    zone = Zone()
    decision = zone.look(intent("u1", US, AP, healthy=False))

    assert zone.records == ()
    assert decision.hosts["u1"][HOST][0] == "waiting"
    assert HOST in decision.prints
    zone.look(intent("u1", US, AP))
    before = zone.records
    assert not zone.look(intent("u1", US, AP, healthy=False)).plan
    decision = zone.look(intent("u1", US, EU, healthy=False))
    assert zone.records == before
    assert decision.hosts["u1"][HOST][0] == "published"
    assert HOST not in decision.prints


def test_a_host_waits_for_its_health_checks():
    """What could not fail over by itself is not published; what stands stays."""
    wish = intent("u1", US, AP, health_check=CHECK)
    zone = Zone()
    decision = zone.decide(wish, checks={})
    assert not decision.plan
    assert "waiting for the health check http://" in decision.hosts["u1"][HOST][1]
    zone.look(wish)
    assert {item.health_check for item in zone.records if item.weight is not None} == {
        "hc-0",
        "hc-1",
    }
    decision = zone.decide(wish, checks={})
    assert not decision.plan
    assert decision.hosts["u1"][HOST][0] == "kept"


def test_hosts_that_share_a_node_do_not_wait_for_one_another():
    """One without a fault leads to a pool whose check is there; the other's is not."""
    one = intent("u1", US, routing="weighted")
    other = intent("u2", US, routing="weighted", health_check=DnsHealthCheck())
    zone = Zone()
    decision = zone.decide(one, other, checks={})

    assert decision.hosts["u1"][HOST][0] == "published"
    assert decision.hosts["u2"][f"u2.{DOMAIN}"][0] == "waiting"


def test_a_foreign_node_is_never_touched():
    """Records at its name without our mark: whoever needs it waits."""
    wish = intent("u1", US, routing="weighted")
    zone = Zone(wish)
    (pool,) = nodes(zone)
    foreign = tuple(item for item in zone.records if item.name == pool)
    zone.records = foreign
    decision = zone.look(wish)

    assert zone.records == foreign
    assert decision.hosts["u1"][HOST] == (
        "waiting",
        f"{pool} is not ready; what is published stays",
    )


def test_a_look_at_some_units_changes_those_only():
    """The rest stands as it was found before; the brake counts all hosts."""
    hosts = tuple(f"h{n:02}.{DOMAIN}" for n in range(12))
    first = intent("u1", US, AP, hosts=hosts)
    zone = Zone(first)
    drained = intent("u1", target("us", multiplier=0.0), AP, hosts=hosts)
    weighed = zone.weigh(drained)
    by_uid = {"u1": drained}
    units = wanted(DOMAIN, by_uid, "me", weighed, checks=zone.checks).units
    known = zone.decide(first).prints
    touched = {name for name, unit in units.items() if known.get(name) != unit.print}
    assert all(map(is_node, touched))
    looked_at = to_look_at(units, touched)
    part = zone.decide(drained, standing=found(zone, looked_at))
    whole = zone.decide(drained)

    assert part.plan == whole.plan
    assert {**known, **part.prints} == whole.prints
    assert part.hosts == {"u1": {}}


def test_a_node_that_is_missing_is_made_for_the_hosts_looked_at():
    """With the host its nodes are looked at; alone, a node that does not stand is not made."""
    wish = intent("u1", US, AP)
    zone = Zone()
    units = wanted(DOMAIN, {"u1": wish}, "me", zone.weigh(wish), checks={}).units
    (pool, *_) = sorted(filter(is_node, units))
    assert to_look_at(units, [pool, HOST, "gone", pool]) == {*units, "gone"}
    assert not zone.decide(wish, standing=found(zone, [pool])).plan
    part = zone.decide(wish, standing=found(zone, to_look_at(units, [HOST])))
    assert part.plan == zone.decide(wish).plan


def test_a_host_that_nobody_wants_any_more_is_released_in_a_look_at_it():
    """Its node is left to a look at the whole zone."""
    wish = intent("u1", US, routing="weighted")
    zone = Zone(wish)
    gone = intent("u1", US, routing="weighted", state="deleting")
    part = zone.decide(gone, standing=found(zone, [HOST]))

    assert {*part.parts} == {HOST}
    assert not part.prints


FAULTS = {
    "IDN": ("straße.example.com", "is not ASCII"),
    "upper case": ("Shop.example.com", "has upper-case letters"),
    "a long label": ("a" * 64 + ".example.com", "a label of 64 octets"),
    "a long name": (".".join(["a" * 60] * 5) + ".example.com", "has 316 octets"),
    "a wildcard inside": ("a.*.example.com", "can be the whole first label only"),
    "part of a label": ("a*.example.com", "can be the whole first label only"),
    "another zone": ("shop.example.org", "is not within the zone example.com"),
    "no name": ("a..example.com", "is not a DNS name"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_host_that_cannot_be_answered_is_told_why(name):
    """A reason each, and the other hosts of the same Ingress are published."""
    host, sentence = FAULTS[name]
    zone = Zone()
    decision = zone.look(intent("u1", US, hosts=(host, HOST)))

    assert decision.hosts["u1"][host][0] == "waiting"
    assert sentence in decision.hosts["u1"][host][1]
    assert zone.at(HOST)


def test_a_wildcard_and_an_apex_can_be_aliases():
    """But no CNAME stands at the apex."""
    zone = Zone(intent("u1", US, hosts=(DOMAIN, f"*.{DOMAIN}")))
    assert zone.at(DOMAIN)[0].alias
    assert zone.at(f"*.{DOMAIN}")[0].alias
    named = intent("u1", target("us", hosted_zone=""), routing="weighted", hosts=(DOMAIN,))
    decision = Zone().look(named)
    assert "no CNAME may stand" in decision.hosts["u1"][DOMAIN][1]
    assert naming.fault(DOMAIN, DOMAIN, ("A",)) == ""


def test_an_ingress_without_a_possible_answer_is_told_why():
    """The fault of its pools is that of each of its hosts."""
    many = [target(f"c{n:03}", region="us-east-1") for n in range(101)]
    decision = Zone().look(intent("u1", *many))

    assert "101 members" in decision.hosts["u1"][HOST][1]


def test_addresses_in_a_pool_have_the_time_to_live_of_the_policy():
    """But 60 beside aliases of load balancers; those have none."""
    site = target("site", address="203.0.113.9", hosted_zone="")
    for members, expected in (((site,), {5}), ((site, US), {0, 60})):
        zone = Zone(intent("u1", *members, routing="weighted", ttl_seconds=5))
        assert {item.ttl_seconds for item in zone.records if item.weight is not None} == expected


def test_a_host_that_another_namespace_let_go_of_waits_until_resolvers_forget():
    """Nobody takes over at once what clients were led to a moment ago; its own namespace may."""
    old = intent("u1", US, source="shop/u1", drain_seconds=100)
    heir = intent("u2", AP, source="evil/u2", hosts=(HOST,))
    zone = Zone(old)
    leaving = dataclasses.replace(old, state="deleting", hosts=())
    decision = zone.look(leaving, heir)
    assert not zone.at(HOST)
    assert decision.hosts["u2"][HOST] == ("waiting", f"shop/u1 has not let go of {HOST} yet")
    assert zone.released[HOST].until == START + 60 + 100
    decision = zone.look(heir)
    assert not zone.at(HOST)
    assert decision.hosts["u2"][HOST] == (
        "waiting",
        f"shop/u1 let go of {HOST} lately, and resolvers may still remember it",
    )
    assert HOST not in decision.prints
    again = dataclasses.replace(heir, uid="u3", source="shop/u3")
    assert zone.decide(again).hosts["u3"][HOST][0] == "published"
    zone.now += 160
    zone.look(heir)
    assert zone.at(HOST)


def test_an_owner_that_is_gone_is_released_before_another_namespace_has_the_host():
    """Only once every source has spoken; its time to live is that of its mark."""
    old = intent("u1", US, source="shop/u1", ttl_seconds=50)
    heir = intent("u2", AP, source="evil/u2", hosts=(HOST,))
    zone = Zone(old)
    before = zone.records
    zone.look(heir, complete=False)
    assert zone.records == before
    zone.look(heir)
    assert not zone.at(HOST)
    assert zone.released[HOST].until == START + 50 + 300


def test_an_older_ingress_of_another_namespace_need_not_wait():
    """It owned the host all along; who loses it still names it, and is told."""
    young = intent("u2", US, source="shop/u2", hosts=(HOST,))
    zone = Zone(young)
    older = intent("u1", AP, source="first/u1")
    decision = zone.look(older, young)

    assert decision.hosts["u2"][HOST][0] == "conflict"
    assert zone.under(HOST) == {"": {"ap": 255}}


def test_an_orphan_of_another_namespace_is_whoever_claims_it():
    """Its owner left it on purpose."""
    zone = Zone(intent("u1", US, source="shop/u1"))
    zone.look(intent("u1", US, source="shop/u1", state="orphan"))
    zone.look(intent("u2", AP, source="other/u2", hosts=(HOST,)))

    assert zone.under(HOST) == {"": {"ap": 255}}


FOREIGN = RecordSet(name=HOST, type="CNAME", ttl_seconds=300, values=("old.example.net",))


def test_a_foreign_answer_is_adopted_by_consent_after_its_replacement_was_told():
    """The first look tells, the next one does; whatever changes meanwhile is told again."""
    wish = intent("u1", US, routing="weighted", adopt=True)
    zone = Zone()
    zone.records = (FOREIGN,)
    decision = zone.look(wish)
    assert zone.records == (FOREIGN,)
    state, text = decision.hosts["u1"][HOST]
    assert state == "conflict"
    assert text.startswith(
        f"as the Ingress asks, CNAME {HOST} (old.example.net) will be replaced by A (alias of _p-"
    )
    assert HOST not in decision.prints
    changed = dataclasses.replace(FOREIGN, values=("new.example.net",))
    zone.records = (changed,)
    zone.look(wish)
    assert zone.records == (changed,)
    zone.look(wish)
    assert zone.under(HOST) == {"": {"us": 255}}
    assert not zone.look(wish).plan


def test_adoption_waits_for_what_it_would_be_replaced_by():
    """A foreign answer that serves is not exchanged for one that does not."""
    policy = dataclasses.replace(FOREIGN, type="A", values=(), policy='{"wrr": {}}')
    waiting = intent("u1", adopt=True, healthy=False, addresses={})
    zone = Zone()
    zone.records = (policy,)
    text = zone.look(waiting).hosts["u1"][HOST][1]
    assert text.endswith("A u1.example.com (a policy) will be replaced by what is not known yet")
    zone.look(waiting)
    assert zone.records == (policy,)


def test_nothing_is_adopted_without_consent_or_from_another_installation():
    """No annotation, or a mark: it stays."""
    other = Zone(intent("u1", US), owner="other")
    for records, adopt in (((FOREIGN,), False), (other.records, True)):
        zone = Zone()
        zone.records = records
        wish = intent("u1", US, adopt=adopt)
        zone.look(wish)
        decision = zone.look(wish)
        assert zone.records == records
        assert decision.hosts["u1"][HOST][0] == "conflict"
        assert not decision.shown


CLOUD = {"provider": "cloud-dns", "project": "p", "name": "z", "domain": DOMAIN}
SITE = target("site", address="203.0.113.9", hosted_zone="")
SIX = target("site", address="2001:db8::1", hosted_zone="")
PLAIN = {
    "an address": ((SITE,), HOST, ("A", "203.0.113.9")),
    "an address of IPv6": ((SIX,), HOST, ("AAAA", "2001:db8::1")),
    "a name": ((target("us", hosted_zone=""),), HOST, ("CNAME", "us.elb.test")),
    "a load balancer that Route 53 could alias": ((US,), HOST, ("CNAME", "us.elb.test")),
    "a name at the apex": ((US,), DOMAIN, "no CNAME may stand"),
    "several members": ((US, AP), HOST, "2 members answer by name"),
}


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("routing", ROUTINGS)
def test_a_zone_of_cloud_dns_leads_to_one_member_or_says_why_not(name, routing):
    """It has no aliases, and checks no names by itself."""
    members, host, expected = PLAIN[name]
    zone = Zone()
    wish = intent("u1", *members, routing=routing, places=PLACES, zone=CLOUD, hosts=(host,))
    decision = zone.look(wish)

    assert not nodes(zone)
    if isinstance(expected, str):
        assert zone.records == ()
        assert expected in decision.hosts["u1"][host][1]
    else:
        assert [(r.type, *r.values) for r in zone.records if r.type != "TXT"] == [expected]


def test_an_ingress_that_can_have_no_answer_has_none_in_cloud_dns_either():
    """The fault is that of its members."""
    many = [target(f"c{n:03}", region="us-east-1") for n in range(101)]
    decision = Zone().look(intent("u1", *many, zone=CLOUD))

    assert "101 members" in decision.hosts["u1"][HOST][1]
