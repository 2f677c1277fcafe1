"""
Conformance of Route 53's record sets, by boto3.

Sources: Route 53 API reference (ChangeResourceRecordSets, ListResourceRecordSets, GetChange),
Developer Guide ("DNS domain name format", "Quotas"), and issue threads that quote the service.
"""

import re

import pytest

from tests.localcloud.aws.conftest import ZoneOf
from tests.localcloud.aws.lab import running_lab
from tests.localcloud.aws.records import alias, geo, latency, simple, weighted
from tests.localcloud.aws.refusals import MISSHAPEN, REFUSALS, A, W

pytestmark = pytest.mark.wire


def test_a_record_set_is_listed_as_it_was_sent(zone):
    """Names come back in lower case with a final dot; everything else as it was."""
    sent = [
        simple("S.Example.com", "192.0.2.1", "192.0.2.2"),
        weighted(W, "a", 0),
        latency("l.example.com", "eu-west-1"),
        geo("g.example.com", "us", CountryCode="US", SubdivisionCode="CA"),
        simple("m.example.com", "192.0.2.9", SetIdentifier="m", MultiValueAnswer=True),
        alias("a.example.com", W, zone.id, SetIdentifier="p", Failover="PRIMARY"),
        simple("t.example.com", '"one" "two"', kind="TXT"),
        simple("six.example.com", "2001:db8::1", kind="AAAA"),
    ]
    zone.create(*sent)
    listed = {record["Name"]: record for record in zone.listed()}
    for record in sent:
        name = record["Name"].lower().rstrip(".") + "."
        assert listed[name] == {**record, "Name": name}


@pytest.mark.parametrize("name", ["*.example.com", r"\052.example.com.", "*.EXAMPLE.COM."])
def test_a_wildcard_comes_back_as_an_escape(zone, name):
    r"""``*`` and ``\052`` are one name (Developer Guide, "DNS domain name format")."""
    zone.create(simple(name, "192.0.2.1"))
    assert [r["Name"] for r in zone.listed()] == [r"\052.example.com."]
    zone.change(("DELETE", simple("*.example.com", "192.0.2.1")))
    assert zone.listed() == []


def test_a_batch_is_all_or_nothing(zone):
    """One bad change keeps the good ones out, and every reason is told."""
    code, message = zone.refused(
        ("CREATE", simple("good.example.com", "192.0.2.1")),
        ("CREATE", simple("bad.example.com", "192.0.2")),
        ("DELETE", simple("gone.example.com", "192.0.2.1")),
    )
    assert code == "InvalidChangeBatch"
    assert "ARRDATAIllegalIPv4Address" in message
    assert "but it was not found" in message
    assert zone.listed() == []


@pytest.mark.parametrize(("before", "batch", "sentence"), REFUSALS)
def test_refused_batches(zone, before, batch, sentence):
    """What Route 53 calls an InvalidChangeBatch, in its own words where they are published."""
    if before:
        zone.create(*before)
    listed = zone.listed()
    code, message = zone.refused(*batch)
    assert code == "InvalidChangeBatch"
    assert sentence in message
    assert zone.listed() == listed


@pytest.mark.parametrize("action", ["CREATE", "UPSERT", "DELETE"])
@pytest.mark.parametrize(("record", "sentence"), MISSHAPEN)
def test_misshapen_record_sets_are_invalid_input(zone, action, record, sentence):
    """terraform-provider-aws #1668, aws-sdk-ruby #1119: InvalidInput, before anything is tried."""
    code, message = zone.refused((action, record))
    assert code == "InvalidInput"
    assert sentence in message
    if "Change with" in sentence:
        identifier = record.get("SetIdentifier", "null")
        assert f"[Action={action}, Name={A}, Type=A, SetIdentifier={identifier}]" in message


def test_a_policy_is_swapped_in_one_batch(zone):
    """external-dns #1411: delete the whole group, then create its successor."""
    zone.create(simple(W, "192.0.2.1"))
    zone.change(
        ("DELETE", simple(W, "192.0.2.1")),
        ("CREATE", weighted(W, "a", 1)),
        ("CREATE", weighted(W, "b", 2)),
    )
    assert [r["SetIdentifier"] for r in zone.listed()] == ["a", "b"]
    code, _ = zone.refused(
        ("CREATE", simple(W, "192.0.2.1")),
        ("DELETE", weighted(W, "a", 1)),
        ("DELETE", weighted(W, "b", 2)),
    )
    assert code == "InvalidChangeBatch"


def test_types_of_one_name_have_policies_of_their_own(zone):
    """A and AAAA are independent groups."""
    zone.create(
        weighted(W, "a", 1),
        simple(W, "2001:db8::1", kind="AAAA"),
    )
    assert len(zone.listed()) == 2


def test_compare_and_swap(zone):
    """DELETE of exactly what is there and CREATE in one batch: the loser changes nothing."""
    zone.create(weighted(W, "a", 1))
    swap = [("DELETE", weighted(W, "a", 1)), ("CREATE", weighted(W, "a", 7))]
    zone.change(*swap)
    assert zone.refused(*swap)[0] == "InvalidChangeBatch"
    assert zone.listed()[0]["Weight"] == 7


def test_the_last_upsert_wins(zone):
    """UPSERT creates what is not there and replaces what is, by name, type and identifier."""
    zone.change(("UPSERT", weighted(W, "a", 1)))
    zone.change(("UPSERT", weighted(W, "a", 9)), ("UPSERT", weighted(W, "b", 1)))
    assert [(r["SetIdentifier"], r["Weight"]) for r in zone.listed()] == [("a", 9), ("b", 1)]


def test_aliases_in_a_zone(zone):
    """The target is in the zone, of the same type, and there first (API reference, AliasTarget)."""
    to_w = alias(A, W, zone.id)
    assert "but that target was not found" in zone.refused(("CREATE", to_w))[1]
    assert "not found" in zone.refused(("CREATE", to_w), ("CREATE", weighted(W, "a", 1)))[1]
    zone.change(("CREATE", weighted(W, "a", 1)), ("CREATE", to_w))
    six = alias("six.example.com", W, zone.id, kind="AAAA")
    assert "but that target was not found" in zone.refused(("CREATE", six))[1]
    itself = alias("i.example.com", "i.example.com", zone.id)
    assert "not found" in zone.refused(("CREATE", itself))[1]
    foreign = alias("f.example.com", "x.example.org", zone.id)
    message = zone.refused(("CREATE", foreign))[1]
    bare = zone.id.rpartition("/")[2]
    assert message == (
        f"[Tried to create an alias that targets x.example.org., type A in zone {bare}, but the "
        "alias target name does not lie within the target zone]"
    )


def test_the_apex_stays(zone):
    """A zone has one SOA and an NS of its own for ever."""
    answer = zone.client.list_resource_record_sets(HostedZoneId=zone.id)
    ns, soa = answer["ResourceRecordSets"]
    assert "at least one NS record for the zone itself" in zone.refused(("DELETE", ns))[1]
    assert "exactly one SOA record" in zone.refused(("DELETE", soa))[1]


def test_batches_have_limits(zone):
    """1000 elements and 32,000 characters; UPSERT counts twice (Developer Guide, "Quotas")."""
    names = [f"n{number}.example.com" for number in range(501)]
    message = zone.refused(*(("UPSERT", simple(name, "192.0.2.1")) for name in names))[1]
    assert message == "[Number of records limit of 1000 exceeded.]"
    zone.create(*(simple(name, "192.0.2.1") for name in names))
    text = '"' + "x" * 253 + '"'
    texts = [simple(f"t{number}.example.com", text, kind="TXT") for number in range(126)]
    message = zone.refused(*(("CREATE", each) for each in texts))[1]
    assert message == "[Number of characters limit of 32000 exceeded.]"
    zone.create(*texts[:125])


def test_a_group_has_a_limit(zone):
    """At most 100 record sets of one name and type (Developer Guide, "Quotas")."""
    zone.create(*(weighted(W, f"{number:03}", 1) for number in range(100)))
    assert "limit of 100 RRSets" in zone.refused(("CREATE", weighted(W, "more", 1)))[1]


def test_pages_continue_by_name_type_and_identifier(zone):
    """Labels from the last to the first, then type, then identifier; nothing lost or doubled."""
    zone.create(
        *(weighted(W, f"{number:02}", 1) for number in range(40)),
        simple("b.a.example.com", "192.0.2.1"),
        simple("a.example.com", "192.0.2.1"),
        simple("a.example.com", "2001:db8::1", kind="AAAA"),
        simple("a-b.example.com", "192.0.2.1"),
    )
    found, start = [], {}
    while True:
        page = zone.client.list_resource_record_sets(HostedZoneId=zone.id, MaxItems="7", **start)
        found += [
            (r["Name"], r["Type"], r.get("SetIdentifier")) for r in page["ResourceRecordSets"]
        ]
        assert page["MaxItems"] == "7"
        if not page["IsTruncated"]:
            break
        start = {
            "StartRecordName": page["NextRecordName"],
            "StartRecordType": page["NextRecordType"],
        }
        if "NextRecordIdentifier" in page:
            start["StartRecordIdentifier"] = page["NextRecordIdentifier"]
    assert found == [
        ("example.com.", "NS", None),
        ("example.com.", "SOA", None),
        ("a-b.example.com.", "A", None),
        ("a.example.com.", "A", None),
        ("a.example.com.", "AAAA", None),
        ("b.a.example.com.", "A", None),
        *((W, "A", f"{number:02}") for number in range(40)),
    ]


def test_a_page_is_three_hundred(zone):
    """More is never given at once, whatever was asked for."""
    zone.create(*(simple(f"n{number}.example.com", "192.0.2.1") for number in range(310)))
    page = zone.client.list_resource_record_sets(HostedZoneId=zone.id, MaxItems="1000")
    assert (len(page["ResourceRecordSets"]), page["IsTruncated"]) == (300, True)


def test_a_listing_that_begins_nowhere_is_refused(route53, zone):
    """A type needs a name, an identifier needs a type (API reference)."""
    for start in ({"StartRecordType": "A"}, {"StartRecordIdentifier": "a"}):
        with pytest.raises(route53.exceptions.InvalidInput, match="Missing field"):
            zone.listed(**start)


def test_changes_are_pending_then_in_sync(clock):
    """A change is listed at once and INSYNC after a while; its comment comes back."""
    with running_lab(clock=clock, sync_seconds=30.0) as lab:
        zone = ZoneOf(lab.client("route53"))
        change = zone.change(("CREATE", simple(A, "192.0.2.1")), comment="why")
        assert (change["Status"], change["Comment"]) == ("PENDING", "why")
        assert re.fullmatch("/change/C[0-9A-Z]+", change["Id"])
        assert len(zone.listed()) == 1
        clock.now += 29
        assert zone.client.get_change(Id=change["Id"])["ChangeInfo"]["Status"] == "PENDING"
        clock.now += 1
        assert zone.client.get_change(Id=change["Id"])["ChangeInfo"]["Status"] == "INSYNC"
        with pytest.raises(zone.client.exceptions.NoSuchChange):
            zone.client.get_change(Id="CNONE")
