"""The record sets of a zone, from the intents of its Ingresses."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedingress.domain.change import Create, Delete, Update
from fedingress.domain.policy import ZoneRef
from fedingress.domain.record import RecordSet
from fedingress.domain.report import ZoneIntent
from fedingress.planning import dns
from fedingress.planning.answers import zone
from fedingress.planning.answers.decision import Standing
from fedingress.planning.answers.weighing import recalled, weigh
from tests.planning.shop import source as shop_source

ZONE = {"provider": "cloud-dns", "project": "p", "name": "z", "domain": "example.com"}
HOSTS = ("a.example.com", "b.example.com", "*.c.example.com")


def intent(uid: str = "u1", **more) -> ZoneIntent:
    """A present, healthy intent."""
    fields = {
        "uid": uid,
        "generation": 1,
        "source": f"ns/{uid}",
        "created": f"2026-01-01T00:00:0{uid[-1]}Z",
        "state": "present",
        "zone": ZONE,
        "hosts": HOSTS[:1],
        "addresses": {"A": ("203.0.113.1",)},
        "healthy": True,
    }
    return ZoneIntent(**(fields | more))


def decide(intents, observed=(), *, complete=True, force=False, owner="me"):
    """Decide a zone of addresses, of which everything is seen."""
    by_uid = {each.uid: each for each in intents}
    state = recalled(observed, "example.com", owner, 0.0)
    weighed = weigh(state, by_uid, 0.0, owner=owner, probes={})
    return zone.decide(
        "example.com",
        by_uid,
        Standing(records=observed),
        owner,
        zone.wanted("example.com", by_uid, owner, weighed, checks={}),
        complete=complete,
        force=force,
    )


def applied(plan, observed):
    """The zone after the batch; deletions must match exactly, additions must be new."""
    have = {(item.name, item.type): item for item in observed}
    deletions = [item.observed for item in plan if not isinstance(item, Create)]
    additions = [item.desired for item in plan if not isinstance(item, Delete)]
    for item in deletions:
        assert have.pop((item.name, item.type)) == item
    for item in additions:
        assert (item.name, item.type) not in have
        have[item.name, item.type] = item
    return tuple(have.values())


def addresses(observed):
    """Name -> values of A records."""
    return {item.name: item.values for item in observed if item.type == "A"}


intents_of = st.lists(
    st.builds(
        intent,
        uid=st.sampled_from(["u1", "u2", "u3"]),
        hosts=st.lists(st.sampled_from(HOSTS), unique=True).map(tuple),
        addresses=st.sampled_from([{}, {"A": ("203.0.113.1",)}, {"A": ("203.0.113.2",)}]),
        healthy=st.booleans(),
        state=st.sampled_from(["present", "deleting"]),
    ),
    unique_by=lambda each: each.uid,
)


def test_what_a_faulty_source_had_stays_although_it_names_no_host_now():
    """A source that cannot be read asks for nothing; its records are not a stranger's to take."""
    observed = applied(decide([intent()]).plan, ())

    assert not decide([intent(state="frozen", hosts=())], observed).plan
    assert decide([], observed).plan


@given(intents_of, intents_of)
def test_a_decision_applied_leaves_nothing_to_decide(first, second):
    """plan(x, plan applied) is empty, from any zone of ours to any other."""
    observed = applied(decide(first).plan, ())
    after = applied(decide(second, observed).plan, observed)

    assert not decide(second, after).plan


@given(intents_of, intents_of)
def test_a_host_that_is_answered_stays_answered_while_anyone_wants_it(first, second):
    """Neither lost health nor a lost address withdraws a record; only its leaving owner does."""
    observed = applied(decide(first).plan, ())
    after = applied(decide(second, observed).plan, observed)
    wanted = {h for each in second if each.state == "present" for h in each.hosts}
    leaving = {each.uid for each in second if each.state == "deleting"}
    left = {
        h
        for uid, hosts in dns.marked(observed, "example.com", "me").items()
        if uid in leaving
        for h in hosts
    }
    for host in addresses(observed):
        if host in wanted - left:
            assert addresses(after).get(host)


def test_the_heir_of_a_host_takes_it_over_in_one_step_once_it_has_an_address():
    """A leaving owner's record becomes the heir's; without an address it goes, never dangling."""
    observed = applied(decide([intent()]).plan, ())
    leaving = intent(state="deleting", hosts=())
    heir = intent("u2", addresses={"A": ("203.0.113.2",)}, healthy=False)
    taken = decide([leaving, heir], observed)
    gone = decide([leaving, intent("u2", addresses={})], observed)

    assert addresses(applied(taken.plan, observed)) == {HOSTS[0]: ("203.0.113.2",)}
    assert applied(gone.plan, observed) == ()
    assert dns.losers(taken.plan, "example.com") == {"u1"}
    assert dns.losers(gone.plan, "example.com") == {"u1"}


def test_a_host_that_moves_stays_where_it_leads_until_the_next_owner_is_healthy():
    """A living or orphaned predecessor is not exchanged for an address that serves nobody."""
    for state in ("present", "orphan"):
        observed = applied(decide([intent()]).plan, ())
        former = intent(state=state, hosts=())
        observed = (
            applied(decide([former], observed).plan, observed) if state == "orphan" else (observed)
        )
        heir = intent("u2", addresses={"A": ("203.0.113.2",)}, healthy=False)
        waiting = decide([former, heir], observed)
        ready = decide([former, dataclasses.replace(heir, healthy=True)], observed)

        assert not waiting.plan
        assert waiting.hosts["u2"][HOSTS[0]][0] == "waiting"
        assert addresses(applied(ready.plan, observed)) == {HOSTS[0]: ("203.0.113.2",)}


@given(intents_of)
def test_foreign_records_are_never_touched(intents):
    """Records without our mark, and marks of other installations, stay as they are."""
    foreign = tuple(
        RecordSet(name=host, type="A", ttl_seconds=9, values=("198.51.100.1",)) for host in HOSTS
    )
    decision = decide(intents, foreign)
    other = applied(decide([intent(hosts=HOSTS)], owner="other").plan, ())

    assert not decision.plan
    assert not decide(intents, other).plan


@given(intents_of, st.randoms())
def test_order_does_not_matter(intents, random):
    """Shuffled record sets and intents, equal plan."""
    observed = list(applied(decide([intent(hosts=HOSTS)]).plan, ()))
    plan = decide(intents, observed).plan
    random.shuffle(observed)
    shuffled = list(intents)
    random.shuffle(shuffled)

    assert decide(shuffled, observed).plan == plan


def test_a_host_is_first_published_when_a_member_is_healthy():
    """Unhealthy and never published waits; published and unhealthy stays."""
    waiting = decide([intent(healthy=False)])
    observed = applied(decide([intent()]).plan, ())
    later = decide([intent(healthy=False)], observed)

    assert not waiting.plan
    assert waiting.hosts["u1"][HOSTS[0]][0] == "waiting"
    assert not later.plan
    assert later.hosts["u1"][HOSTS[0]][0] == "published"


def test_the_oldest_intent_wins_and_the_other_is_told():
    """Creation time, then uid."""
    decision = decide([intent("u2", addresses={"A": ("203.0.113.9",)}), intent("u1")])

    assert addresses(applied(decision.plan, ())) == {HOSTS[0]: ("203.0.113.1",)}
    assert decision.hosts["u2"][HOSTS[0]] == ("conflict", "the host belongs to ns/u1")


def test_without_every_source_seen_a_mark_without_intent_stays():
    """An empty store takes no name down."""
    observed = applied(decide([intent()]).plan, ())

    assert not decide([], observed, complete=False).plan
    assert decide([], observed, complete=True).plan.counts()["delete"] == 2


def test_a_leaving_ingress_takes_its_records_even_when_not_all_were_seen():
    """An explicit wish needs no completeness."""
    observed = applied(decide([intent()]).plan, ())
    plan = decide([intent(state="deleting", hosts=())], observed, complete=False).plan

    assert applied(plan, observed) == ()


def test_an_orphan_keeps_its_records_under_a_mark_that_says_so():
    """Nothing is deleted, and nobody collects it later."""
    observed = applied(decide([intent()]).plan, ())
    after = applied(decide([intent(state="orphan", hosts=())], observed).plan, observed)

    assert addresses(after) == addresses(observed)
    assert not decide([], after).plan
    assert dns.marked(after, "example.com", "me") == {}
    assert dns.marked(observed, "example.com", "me") == {"u1": frozenset({HOSTS[0]})}


def test_an_address_family_that_goes_takes_its_record():
    """AAAA goes, A stays."""
    both = intent(addresses={"A": ("203.0.113.1",), "AAAA": ("2001:db8::1",)})
    observed = applied(decide([both]).plan, ())
    after = applied(decide([intent()], observed).plan, observed)

    assert {item.type for item in after} == {"A", "TXT"}


def test_a_plan_over_a_third_of_the_zone_is_held_unless_forced():
    """The brake: changed addresses of many hosts at once are suspicious."""
    hosts = tuple(f"h{n}.example.com" for n in range(12))
    observed = applied(decide([intent(hosts=hosts)]).plan, ())
    moved = [intent(hosts=hosts, addresses={"A": ("203.0.113.77",)})]
    decision = decide(moved, observed)

    assert not decision.plan
    assert "12 of 12" in decision.plan.held[0]
    assert decide(moved, observed, force=True).plan.counts()["update"] == 12
    assert decide([intent(state="deleting", hosts=())], observed).plan.counts()["delete"] == 24


def test_a_forged_mark_at_another_place_means_nothing():
    """A TXT counts only where its host would put it."""
    mark = dns.HostMark(owner="me", uid="u1", source="ns/u1", host=HOSTS[0])
    forged = RecordSet(
        name="_fedingress-0000000000.example.com",
        type="TXT",
        ttl_seconds=5,
        values=(mark.encode(),),
    )
    odd = dataclasses.replace(forged, values=("heritage=external-dns,owner=x", "=,=,,"))

    assert not decide([], [forged]).plan
    assert not decide([], [odd]).plan


def test_the_longest_zone_takes_a_host():
    """b.a.example.com is a.example.com's; example.org's is nobody's."""
    zones = [
        ZoneRef(provider="cloud-dns", project="p", name=name, domain=domain)
        for name, domain in (("z1", "example.com"), ("z2", "a.example.com"))
    ]

    assert dns.zone_for("b.a.example.com", zones).name == "z2"
    assert dns.zone_for("*.a.example.com", zones).name == "z2"
    assert dns.zone_for("xa.example.com", zones).name == "z1"
    assert dns.zone_for("example.com", zones).name == "z1"
    assert dns.zone_for("example.org", zones) is None


def test_a_host_is_published_in_the_longest_zone_of_each_visibility():
    """A split horizon has the name on both sides; no zone of the one stands in for the other."""
    listed = (("z1", "example.com", "public"), ("z2", "example.com", "private"))
    listed += (("z3", "a.example.com", "private"), ("z4", "inside.test", "private"))
    zones = [
        ZoneRef(provider="cloud-dns", project="p", name=name, domain=domain, visibility=kind)
        for name, domain, kind in listed
    ]

    def found(host):
        return [zone.name for zone in dns.zones_for(host, iter(zones))]

    assert found("example.com") == ["z1", "z2"]
    assert found("b.a.example.com") == ["z1", "z3"]
    assert found("web.inside.test") == ["z4"]
    assert found("example.org") == []


def test_changes_name_what_they_are():
    """Creates and deletes carry the record set, updates both sides."""
    observed = applied(decide([intent()]).plan, ())
    moved = decide([intent(addresses={"A": ("203.0.113.7",)})], observed).plan
    gone = decide([intent(state="deleting")], observed).plan

    assert {type(change) for change in moved} == {Update}
    assert {type(change) for change in gone} == {Delete}
    assert {type(change) for change in decide([intent()]).plan} == {Create}
    assert decide([intent()]).plan.changes[0].desired.as_json()["type"] in {"A", "TXT"}


CONFLICTS = {
    "an address": (("A",), "me", "A for a.example.com exists in the zone and is not ours"),
    "both families": (("A", "AAAA"), "me", "A/AAAA for a.example.com exists"),
    "an alias": (("CNAME",), "me", "CNAME for a.example.com exists"),
    "another installation's mark": ((), "other", "a mark of another installation for"),
}


@pytest.mark.parametrize("name", CONFLICTS)
def test_what_stands_there_and_is_not_ours_is_named(name):
    """Nothing is written at that host; the sentence says what to delete."""
    kinds, owner, sentence = CONFLICTS[name]
    there = [RecordSet(name=HOSTS[0], type=kind, ttl_seconds=9, values=("x",)) for kind in kinds]
    marks = [
        item
        for item in applied(decide([intent()], owner=owner).plan, ())
        if item.type == "TXT" and owner == "other"
    ]
    decision = decide([intent()], [*there, *marks])

    assert not decision.plan
    state, text = decision.hosts["u1"][HOSTS[0]]
    assert state == "conflict"
    assert text.startswith(sentence)


def test_nobody_loses_a_host_whose_mark_only_changes():
    """A new time to live rewrites the mark of the same source: resolvers keep nothing stale."""
    observed = applied(decide([intent()]).plan, ())
    slower = decide([intent(ttl_seconds=90)], observed).plan

    assert {change.desired.type for change in slower} == {"A", "TXT"}
    assert dns.losers(slower, "example.com") == frozenset()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, False),
        ({"fedingress.dev/adopt": "dns "}, True),
        ({"fedingress.dev/adopt": "all"}, False),
    ],
)
def test_consent_is_an_annotation(given, expected):
    """It names what may be adopted."""
    found = shop_source(annotations=given)

    assert dns.adopts(found) is expected
