"""What holds for every batch, by hypothesis: a reference predicate beside the stand-in's rules."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.aws.route53.batch import Surroundings, apply
from localcloud.aws.route53.recordsets import POLICIES, normal, policy, same
from localcloud.aws.wire.errors import AwsError
from tests.localcloud.aws.records import alias, latency, simple, weighted

APEX = "example.com."
NAMES = ("a.example.com", "*.example.com")
AROUND = Surroundings(
    zone_id="Z1", apex=APEX, balancer=lambda *_: "not here", health_check=lambda check: check == "h"
)
BEFORE = {
    (APEX, "NS"): ({"Name": APEX, "Type": "NS", "TTL": 1, "ResourceRecords": [{"Value": "n."}]},),
    (APEX, "SOA"): ({"Name": APEX, "Type": "SOA", "TTL": 1, "ResourceRecords": [{"Value": "s"}]},),
}
VALUES = st.sampled_from(["192.0.2.1", "192.0.2.2"])
WEIGHTED = st.builds(
    lambda n, i, w, v, t: weighted(n, i, w, v, ttl=t),
    st.sampled_from(NAMES),
    st.sampled_from(["1", "2"]),
    st.sampled_from([0, 255]),
    VALUES,
    st.sampled_from([60, 300]),
)
RECORDS = st.one_of(
    WEIGHTED,
    WEIGHTED,
    st.builds(simple, st.sampled_from(NAMES), VALUES),
    st.builds(lambda n: simple(n, "x.example.org", kind="CNAME"), st.sampled_from(NAMES)),
    st.builds(
        lambda n, r, i: latency(n, r, id=i),
        st.sampled_from(NAMES),
        st.sampled_from(["us-east-1", "eu-west-1"]),
        st.sampled_from(["1", "2"]),
    ),
    st.builds(lambda n, t: alias(n, t, "Z1"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.builds(lambda c: simple(NAMES[0], "192.0.2.9", HealthCheckId=c), st.sampled_from("hx")),
)
BATCHES = st.lists(
    st.lists(
        st.tuples(st.sampled_from(["UPSERT", "UPSERT", "CREATE", "DELETE"]), RECORDS),
        min_size=1,
        max_size=2,
    ),
    min_size=4,
    max_size=12,
)


def sound(groups):
    """The reference: what Route 53's documentation says can stand in one zone."""
    for (name, kind), group in groups.items():
        identifiers = Counter(record.get("SetIdentifier") for record in group)
        assert max(identifiers.values()) == 1
        policies = {policy(record) for record in group}
        assert len(policies) == 1
        assert len(group) == 1 or policies <= set(POLICIES)
        if policies == {"Weight"}:
            assert len({record["TTL"] for record in group if "TTL" in record}) <= 1
        if policies == {"Region"}:
            assert len({record["Region"] for record in group}) == len(group)
        if kind == "CNAME":
            assert not [other for other in groups if other[0] == name and other[1] != kind]
        assert all(record.get("HealthCheckId", "h") == "h" for record in group)
    assert BEFORE.keys() <= groups.keys()


def tried(groups, batch):
    """The groups after a batch, the same ones when it is refused."""
    try:
        return apply(groups, sent(batch), AROUND)
    except AwsError:
        return groups


def sent(batch):
    return [{"Action": action, "ResourceRecordSet": record} for action, record in batch]


@settings(max_examples=150)
@given(batches=BATCHES)
def test_a_zone_is_sound_after_any_batches(batches):
    """Whatever is tried: a refused batch changes nothing, an accepted one leaves a sound zone."""
    groups = BEFORE
    for batch in batches:
        kept = {key: tuple(group) for key, group in groups.items()}
        after = tried(groups, batch)
        assert groups == kept
        sound(after)
        groups = after


@settings(max_examples=100)
@given(batches=BATCHES)
def test_what_was_accepted_can_be_taken_back(batches):
    """Deleting every record set as it is listed, in one batch, leaves an empty zone."""
    groups = BEFORE
    for batch in batches:
        groups = tried(groups, batch)
    gone = [record for key, group in groups.items() if key not in BEFORE for record in group]
    if gone:
        groups = apply(groups, sent([("DELETE", record) for record in gone]), AROUND)
    assert groups == BEFORE


@settings(max_examples=100)
@given(record=RECORDS)
def test_create_puts_what_was_sent_or_is_refused(record):
    """Alone in an empty zone: either it is there as it was sent, or there is a reason."""
    after = tried(BEFORE, [("CREATE", record)])
    if after == BEFORE:
        assert "AliasTarget" in record or record.get("HealthCheckId") == "x"
    else:
        (found,) = after[normal(record)["Name"], record["Type"]]
        assert same(found, normal(record))
