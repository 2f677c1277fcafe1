"""What the source should say of itself."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedingress.domain.condition import Condition
from fedingress.domain.report import BackendsReport, FanoutReport
from fedingress.planning import status
from fedingress.planning.status import Standing
from tests.planning.decode.mutations import JSON, mutated
from tests.planning.shop import UID, source

NOW = "2026-02-01T00:00:00Z"
LATER = "2026-02-02T00:00:00Z"
PLACED = {"state": "placed", "reason": "Applied", "message": "generation 3 is applied"}
AWAY = {"state": "unreachable", "reason": "Unreachable", "message": "no answer"}
INELIGIBLE = {"state": "ineligible", "reason": "Leaving", "message": "drained"}
PUBLISHED = {"zone": "cloud-dns:p/z", "state": "published", "message": "answered"}


def fanned(**fields):
    """A report of fan-out: placed in a, with its host."""
    known = {"clusters": {"a": PLACED}, "hosts": ("shop.example.com",)}
    return FanoutReport(**{"uid": UID, "generation": 3} | known | fields)


def built(**fields):
    """A report of backends: programmed, with two healthy endpoints."""
    known = {
        "address": "203.0.113.1",
        "programmed": True,
        "clusters": {"a": {"endpoints": 2, "healthy": 2}},
    }
    return BackendsReport(**{"uid": UID, "generation": 3} | known | fields)


def standing(**fields):
    """Everything is well."""
    known = {
        "source": source(),
        "fanout": fanned(),
        "backends": built(),
        "hosts": {"shop.example.com": PUBLISHED},
        "retired": False,
    }
    return Standing(**known | fields)


def said(found, kind):
    """The condition of that type: status, reason and message."""
    wish = status.decide(found, now=NOW)
    condition = next(each for each in wish.conditions if each.type == kind)
    return condition.status, condition.reason, condition.message


def written(found, wish):
    """*found* after *wish* was written on its source."""
    manifest = json.loads(json.dumps(found.source.manifest))
    manifest["metadata"]["annotations"] |= dict(wish.annotations)
    return dataclasses.replace(found, source=dataclasses.replace(found.source, manifest=manifest))


ACCEPTED = {
    "placed": (standing(), ("True", "Accepted", "placed in a")),
    "placed where it is away": (
        standing(fanout=fanned(clusters={"a": PLACED, "b": AWAY, "c": INELIGIBLE})),
        ("True", "Accepted", "placed in a, b"),
    ),
    "faults of the source win": (
        standing(faults=("spec: no", "spec: neither"), fanout=fanned(faults=("old",))),
        ("False", "Invalid", "spec: no; spec: neither"),
    ),
    "faults that fan-out found": (
        standing(fanout=fanned(faults=("no cluster",))),
        ("False", "Invalid", "no cluster"),
    ),
    "faults tell more than leaving": (
        standing(retired=True, faults=("spec: no",)),
        ("False", "Invalid", "spec: no"),
    ),
    "leaving": (standing(retired=True), ("False", "Leaving", "the Ingress is being withdrawn")),
    "not seen": (standing(fanout=None), ("Unknown", "Pending", "not looked at yet")),
    "some hosts are another's": (
        standing(fanout=fanned(lost_hosts={"b.com": "ns/b", "a.com": "ns/a"})),
        ("True", "HostConflict", "host a.com belongs to ns/a; host b.com belongs to ns/b"),
    ),
    "all hosts are another's": (
        standing(fanout=fanned(hosts=(), lost_hosts={"a.com": "ns/a"})),
        ("False", "HostConflict", "host a.com belongs to ns/a"),
    ),
    "nowhere": (
        standing(fanout=fanned(clusters={"c": INELIGIBLE})),
        ("False", "NoMember", "no member cluster is both chosen and eligible"),
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted_says_whether_the_ingress_is_taken_and_where(name):
    """Faults first, then the end of life, then hosts and members."""
    found, expected = ACCEPTED[name]

    assert said(found, "Accepted") == expected


PROGRAMMED = {
    "serving": (standing(), ("True", "Programmed", "203.0.113.1 serves 2 healthy endpoints")),
    "nobody is healthy": (
        standing(backends=built(clusters={"a": {"endpoints": 2, "healthy": 0}})),
        ("True", "NoHealthyEndpoint", "203.0.113.1 serves 0 healthy endpoints"),
    ),
    "leaving": (standing(retired=True), ("False", "Leaving", "the graph is being removed")),
    "not begun": (
        standing(backends=None),
        ("False", "Pending", "the graph is not built yet"),
    ),
    "under way": (
        standing(backends=built(programmed=False)),
        ("False", "Pending", "being built"),
    ),
    "held up": (
        standing(backends=built(programmed=False, reason="Quota", message="too many maps")),
        ("False", "Quota", "too many maps"),
    ),
}


@pytest.mark.parametrize("name", PROGRAMMED)
def test_programmed_says_whether_the_load_balancer_stands(name):
    """A standing graph without a healthy endpoint is programmed, with that reason."""
    found, expected = PROGRAMMED[name]

    assert said(found, "Programmed") == expected


def zones(**states):
    """Hosts h.com in a state each."""
    return {
        f"{host}.com": {"zone": "z", "state": state.replace("_", "-"), "message": f"is {state}"}
        for host, state in states.items()
    }


HOSTS = {
    "all": (zones(b="published", a="published"), ("True", "Published", "a.com, b.com")),
    "none managed": ({}, ("Unknown", "NoHost", "no host is in a managed zone")),
    "conflict": (
        zones(a="conflict", b="published"),
        ("False", "RecordConflict", "a.com: is conflict"),
    ),
    "the zone failed": (zones(a="failed"), ("False", "ZoneFailed", "a.com: is failed")),
    "held by the brake": (zones(a="held"), ("False", "UnsafePlan", "a.com: is held")),
    "no zone": (zones(a="no_zone"), ("False", "NoZone", "a.com: is no_zone")),
    "waiting": (zones(a="waiting"), ("False", "Waiting", "a.com: is waiting")),
    "a state of a newer version": (zones(a="paused"), ("False", "Pending", "a.com: is paused")),
    "the gravest of several": (
        zones(a="waiting", b="conflict"),
        ("False", "RecordConflict", "a.com: is waiting; b.com: is conflict"),
    ),
}


def test_hosts_that_are_answered_as_before_are_published_and_told():
    """Clients are led; why not as it is wanted is said once for all hosts."""
    rows = zones(a="published", b="kept", c="kept") | {
        "d.com": {"zone": "z", "state": "kept", "message": "another fault"}
    }
    found = standing(hosts=rows)

    assert said(found, "Published") == ("True", "Published", "a.com, b.com, c.com, d.com")
    why = "b.com, c.com: is kept; d.com: another fault"
    assert said(found, "Degraded") == ("True", "AnswerKept", why)


@pytest.mark.parametrize("name", HOSTS)
def test_published_says_whether_every_host_is_answered(name):
    """One that is not makes the condition False, with its reason and every sentence."""
    hosts, expected = HOSTS[name]

    assert said(standing(hosts=hosts), "Published") == expected


def test_published_is_false_while_the_ingress_leaves():
    """Whatever the zones still say."""
    assert said(standing(retired=True), "Published") == (
        "False",
        "Leaving",
        "records are being removed",
    )


DEGRADED = {
    "all well": (standing(), ("False", "AsExpected", "every placed member is well")),
    "nothing known": (
        standing(fanout=None),
        ("False", "AsExpected", "every placed member is well"),
    ),
    "two away": (
        standing(fanout=fanned(clusters={"a": PLACED, "c": AWAY, "b": {**AWAY, "reason": "B"}})),
        ("True", "B", "b: no answer; c: no answer"),
    ),
    "ineligible is quiet": (
        standing(fanout=fanned(clusters={"a": PLACED, "c": INELIGIBLE})),
        ("False", "AsExpected", "every placed member is well"),
    ),
    "leaving is quiet": (
        standing(retired=True, fanout=fanned(clusters={"a": AWAY})),
        ("False", "AsExpected", "every placed member is well"),
    ),
}


@pytest.mark.parametrize("name", DEGRADED)
def test_degraded_names_every_member_that_is_not_well(name):
    """Placed and ineligible members are as expected; a withdrawal degrades nothing."""
    found, expected = DEGRADED[name]

    assert said(found, "Degraded") == expected


ADDRESSES = {
    "programmed": (built(), ("203.0.113.1",)),
    "not yet": (built(programmed=False), ()),
    "without an address": (built(address=""), ()),
    "not begun": (None, ()),
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_the_address_is_shown_once_the_whole_graph_stands(name):
    """Never before: whoever reads it may send traffic."""
    report, expected = ADDRESSES[name]

    assert status.decide(standing(backends=report), now=NOW).addresses == expected


def test_the_table_has_a_row_per_member_with_what_the_load_balancer_counts():
    """Sorted by name; members that the load balancer does not know count nothing."""
    report = fanned(
        clusters={"b": AWAY, "a": PLACED}, addresses={"a": ("198.51.100.1",), "z": ("x",)}
    )
    full, none = ({"capacity": share, "drained": False} for share in (1.0, 0.0))
    counts = {"a": {"endpoints": 2, "healthy": 2, "capacity": 1.0}}
    wish = status.decide(standing(fanout=report, backends=built(clusters=counts)), now=NOW)
    table = json.loads(wish.annotations["fedingress.dev/cluster-status"])

    assert table == {
        "a": {**PLACED, "endpoints": 2, "healthy": 2, **full, "addresses": ["198.51.100.1"]},
        "b": {**AWAY, "endpoints": 0, "healthy": 0, **none, "addresses": []},
    }
    assert [row.cluster for row in wish.rows] == ["a", "b"]


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (None, 0),
        (built(clusters={}), 0),
        (built(clusters={"a": {"healthy": 1}}), 0),
        (built(clusters={"a": {"endpoints": "many"}}), 0),
        (built(clusters={"a": {"endpoints": 7}}), 7),
    ],
)
def test_a_count_that_is_missing_or_none_is_zero(report, expected):
    """What an older version left out, or wrote otherwise, breaks no table."""
    assert status.decide(standing(backends=report), now=NOW).rows[0].endpoints == expected


def test_a_member_that_is_placed_but_not_attached_has_failed_and_says_why():
    """What the load balancer has against a member wins over fan-out, where that found nothing."""
    counts = {"endpoints": 0, "healthy": 0, "reason": "ProjectMismatch", "message": "elsewhere"}
    both = fanned(clusters={"a": PLACED, "b": AWAY})
    wish = status.decide(
        standing(fanout=both, backends=built(clusters={"a": counts, "b": counts})), now=NOW
    )

    assert [(row.state, row.reason, row.message) for row in wish.rows] == [
        ("failed", "ProjectMismatch", "elsewhere"),
        tuple(AWAY.values()),
    ]


WAITING = {**PLACED, "reason": "Waiting"}


@pytest.mark.parametrize(
    ("row", "counts", "drained", "reason"),
    [
        (PLACED, {"capacity": 1}, (), "Applied"),
        (PLACED, {"capacity": 1}, ("a",), "Draining"),
        (PLACED, {"capacity": 0}, ("a",), "Drained"),
        (PLACED, {"capacity": 0}, (), "Applied"),
        (PLACED, {"endpoints": 2}, ("a",), "Applied"),
        (PLACED, {"capacity": "odd"}, ("a",), "Drained"),
        (WAITING, {"capacity": 0}, ("a",), "Waiting"),
        (AWAY, {"capacity": 0}, ("a",), "Unreachable"),
    ],
)
def test_a_row_says_whether_its_member_is_drained(row, counts, drained, reason):
    """Only once the load balancer has it so, and only of a member that is well otherwise."""
    report = fanned(clusters={"a": row}, drained=drained)
    (found,) = status.decide(
        standing(fanout=report, backends=built(clusters={"a": counts})), now=NOW
    ).rows

    assert (found.reason, found.drained) == (reason, reason == "Drained")


def test_a_closed_firewall_degrades_and_says_what_to_run():
    """The sentence is the condition's."""
    expected = ("True", "FirewallForbidden", "closed; run: this")
    assert (
        said(standing(closed=(("FirewallForbidden", "closed; run: this"),)), "Degraded") == expected
    )


def test_without_a_report_there_is_no_row():
    """The table is empty, not missing."""
    wish = status.decide(standing(fanout=None), now=NOW)

    assert wish.rows == ()
    assert wish.annotations["fedingress.dev/cluster-status"] == "{}"


def test_a_first_status_is_news_except_for_what_nobody_needs_to_hear():
    """No Event says that nothing is wrong, or that there is no zone to publish in."""
    fresh = status.decide(standing(), now=NOW)
    quiet = status.decide(standing(hosts={}), now=NOW)

    assert {each.type for each in fresh.news} == {"Accepted", "Programmed", "Published"}
    assert {each.type for each in quiet.news} == {"Accepted", "Programmed"}


def test_a_recovery_is_news_where_a_first_status_is_not():
    """Degraded back to False is told, because True was told."""
    away = standing(fanout=fanned(clusters={"a": AWAY}))
    after = written(away, status.decide(away, now=NOW))
    well = status.decide(dataclasses.replace(after, fanout=fanned()), now=LATER)

    assert [each.says() for each in well.news] == [("Degraded", "False", "AsExpected")]


def test_a_time_moves_only_with_its_status():
    """Another reason or message under the same status keeps the old time."""
    first = standing()
    after = written(first, status.decide(first, now=NOW))
    moved = dataclasses.replace(
        after,
        backends=built(clusters={"a": {"endpoints": 2, "healthy": 0}}),
        hosts=zones(a="waiting"),
    )
    times = {each.type: each.since for each in status.decide(moved, now=LATER).conditions}

    assert times == {"Accepted": NOW, "Programmed": NOW, "Published": LATER, "Degraded": NOW}


def test_conditions_speak_of_the_generation_that_is_stored():
    """ObservedGeneration is the source's, and a long message is cut to what the API takes."""
    wish = status.decide(standing(faults=("x" * 4000,)), now=NOW)

    assert {each.observed_generation for each in wish.conditions} == {3}
    assert len(wish.conditions[0].message) == 1024


rows_of = st.dictionaries(
    st.sampled_from("abc"), st.sampled_from([PLACED, AWAY, INELIGIBLE]), max_size=3
)
standings = st.builds(
    standing,
    fanout=st.none()
    | st.builds(
        fanned,
        clusters=rows_of,
        faults=st.sampled_from([(), ("spec: no",)]),
        lost_hosts=st.sampled_from([{}, {"a.com": "ns/a"}]),
        hosts=st.sampled_from([(), ("shop.example.com",)]),
    ),
    backends=st.none()
    | st.builds(
        built,
        programmed=st.booleans(),
        address=st.sampled_from(["", "203.0.113.1"]),
        reason=st.sampled_from(["", "Quota"]),
        clusters=st.dictionaries(
            st.sampled_from("abc"),
            st.fixed_dictionaries({"endpoints": st.integers(0, 3), "healthy": st.integers(0, 3)}),
        ),
    ),
    hosts=st.dictionaries(
        st.sampled_from(["a.com", "b.com"]),
        st.sampled_from([PUBLISHED, *zones(a="waiting", b="conflict").values()]),
    ),
    retired=st.booleans(),
    faults=st.sampled_from([(), ("spec: no",)]),
)


@given(standings, standings)
def test_deciding_on_what_was_written_gives_no_news(first, second):
    """Idempotent: the second look, at any later time, writes the same and says nothing."""
    before = written(first, status.decide(first, now=NOW))
    found = dataclasses.replace(second, source=before.source)
    wish = status.decide(found, now=NOW)
    again = status.decide(written(found, wish), now=LATER)

    assert again.news == ()
    assert again.annotations == wish.annotations
    assert again.addresses == wish.addresses


@given(standings)
def test_what_is_written_reads_back(found):
    """The conditions of the source are the ones that were decided."""
    wish = status.decide(found, now=NOW)

    assert status.observed_conditions(written(found, wish).source) == wish.conditions


def standing_there(text):
    """A source on which *text* stands for its conditions."""
    return source(annotations={"fedingress.dev/conditions": text})


GOOD = Condition(
    type="Accepted", status="True", reason="Accepted", message="m", observed_generation=1
).encode()

UNREADABLE = {
    "not JSON": "{",
    "a number": "5",
    "null": "null",
    "an object": '{"a": 1}',
    "texts": '["a"]',
    "a condition without its type": '[{"status": "True"}]',
    "a generation that is none": json.dumps([{**GOOD, "observedGeneration": "x"}]),
    "an endless generation": json.dumps([{**GOOD, "observedGeneration": float("inf")}]),
    "one good and one bad": json.dumps([GOOD, {}]),
    "too deep": "[" * 100_000,
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_conditions_that_others_broke_count_as_none(name):
    """The next write puts them right."""
    assert status.observed_conditions(standing_there(UNREADABLE[name])) == ()


@given(mutated([GOOD]) | JSON)
def test_whatever_stands_for_conditions_is_read(value):
    """Any JSON gives conditions or none, and never an error."""
    found = standing_there(json.dumps(value))

    assert all(isinstance(each, Condition) for each in status.observed_conditions(found))


OWN = "fed-1.aws.example.com"
SHARED = {"a": {"share": 0.25, "wanted": 0.5, "weight": 85, "reason": "Ramping"}}


def answered(hosts=None, **fields):
    """An Ingress whose members answer themselves, under its own name."""
    row = {"a": {"endpoints": 2, "healthy": 2, "attached": True}}
    known = {"backends": built(address=OWN, clusters=row), "hosts": hosts or {}}
    return standing(**known | fields)


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        (None, ()),
        ({"state": "waiting", "message": "waiting for a first healthy member"}, ()),
        (PUBLISHED, (OWN,)),
    ],
)
def test_a_name_is_shown_once_it_is_published(row, shown):
    """Who asks for it before gets no answer, and remembers that."""
    found = answered({OWN: row} if row else None)
    assert status.decide(found, now=NOW).addresses == shown


def test_a_name_that_is_shown_stays_while_records_are_looked_at_anew():
    """A lost store, or a zone that cannot be read, takes nothing off the Ingress."""
    shown = source()
    manifest = {**shown.manifest, "status": {"loadBalancer": {"ingress": [{"hostname": OWN}]}}}
    shown = dataclasses.replace(shown, manifest=manifest)
    assert status.decide(answered(source=shown), now=NOW).addresses == (OWN,)


def test_members_show_their_shares():
    """Published and deserved, and the weight of the record; capacity is what is published."""
    (row,) = status.decide(answered(members=SHARED), now=NOW).rows
    assert (row.share, row.deserved, row.weight, row.capacity) == (0.25, 0.5, 85, 0.25)
    assert {"share", "deserved", "weight"} < row.encode().keys()

    (plain,) = status.decide(answered(), now=NOW).rows
    assert not {"share", "deserved", "weight"} & plain.encode().keys()


@pytest.mark.parametrize(("share", "reason"), [(0.2, "Draining"), (0.0, "Drained")])
def test_a_drained_member_says_when_it_gets_nothing(share, reason):
    """Its published share tells."""
    members = {"a": {"share": share, "wanted": 0.0, "weight": 0, "reason": ""}}
    found = answered(members=members, fanout=fanned(drained=("a",)))
    (row,) = status.decide(found, now=NOW).rows
    assert (row.reason, row.drained) == (reason, reason == "Drained")
