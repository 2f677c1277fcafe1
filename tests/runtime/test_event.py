"""Events: each transport's envelope by golden JSON, round trips, and what never passes."""

import base64
import json
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedingress.domain import event as domain
from fedingress.domain.errors import Invalid
from fedingress.domain.event import Event, decode, decode_work
from fedingress.domain.work import CONCERNS, Work
from fedingress.planning import firewall
from fedingress.runtime import event

GOLDEN = Path(__file__).parents[1] / "events"
CHANGED = Event(
    id="5f0c6a52-7f7e-4a35-9d5c-0d7a3f1f7a10",
    source="//fedingress.dev/lab/watcher/gke-us",
    work=Work(concern="fanout", unit="shop/shop", cause="ingress.changed"),
)
DECODERS = {
    "pubsub_push.json": event.from_push,
    "sqs_bare.json": event.from_sqs,
    "sqs_sns.json": event.from_sqs,
}

edges = string.ascii_lowercase + string.digits
labels = st.builds(
    lambda first, middle, last: first + middle + last,
    st.sampled_from(string.ascii_lowercase),
    st.text(edges + "-", max_size=61),
    st.sampled_from(edges),
)
ingresses = st.builds(
    "{}/{}".format, labels, st.lists(labels, min_size=1, max_size=3).map(".".join)
)
zones = st.builds("cloud-dns:{}/{}".format, labels, labels)
networks = st.builds(firewall.unit, labels, labels)
causes = st.from_regex(r"[a-z][a-z0-9.-]{0,63}", fullmatch=True)
works = st.one_of(
    st.builds(Work, concern=st.sampled_from(["fanout", "status"]), unit=ingresses, cause=causes),
    st.builds(Work, concern=st.just("backends"), unit=ingresses | networks, cause=causes),
    st.builds(Work, concern=st.just("dns"), unit=zones, cause=causes),
)
words = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=256).filter(
    str.isprintable
)
events = st.builds(Event, id=words, source=words, work=works)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def golden(name):
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


def structured(**changes):
    return CHANGED.encode() | changes


def push_of(text):
    return {"message": {"data": base64.b64encode(text).decode(), "messageId": "1"}}


@pytest.mark.parametrize("name", DECODERS)
def test_each_transport_gives_the_same_event(name):
    """The golden envelope of each transport decodes to the event that was published."""
    assert DECODERS[name](golden(name)).event == CHANGED


@pytest.mark.parametrize(
    ("name", "via"),
    [
        ("pubsub_push.json", "projects/lab/subscriptions/fedingress-fanout"),
        ("sqs_sns.json", "arn:aws:sns:eu-west-1:123456789012:fedingress"),
        ("sqs_bare.json", ""),
    ],
)
def test_each_transport_says_by_which_way(name, via):
    """Subscription and topic are the transport's words; a bare record has none."""
    found = DECODERS[name](golden(name))

    assert found.via == via
    assert (found.notification is not None) == (name == "sqs_sns.json")


@pytest.mark.parametrize("via", [None, 7, ["x"], ""])
def test_a_way_that_is_not_told_is_no_way(via):
    """An envelope without subscription or topic never looks like a bare record."""
    text = json.dumps(CHANGED.encode())
    pushed = event.from_push(push_of(text.encode()) | {"subscription": via})
    body = json.dumps({"Type": "Notification", "Message": text, "TopicArn": via})

    assert (pushed.via, event.from_sqs({"body": body}).via) == ("?", "?")


@given(events)
def test_what_is_encoded_decodes(sent):
    """Decoding an encoded event gives it back, bare, pushed, in SQS and through SNS."""
    text = json.dumps(sent.encode())
    notification = json.dumps({"Type": "Notification", "Message": text})

    assert decode(sent.encode()) == sent
    assert event.from_text(text) == sent
    assert event.from_push(push_of(text.encode())).event == sent
    assert event.from_sqs({"body": text}).event == sent
    assert event.from_sqs({"body": notification}).event == sent


@given(values)
def test_any_value_is_an_event_or_refused(value):
    """No JSON value makes a decoder raise anything but `Invalid`."""
    for decoder in (decode, decode_work, event.from_push, event.from_sqs):
        with pytest.raises(Invalid):
            decoder(value)


@given(
    st.sampled_from(["data", "id", "source", "type", "time", "traceparent", "signature"]), values
)
def test_one_wrong_attribute_is_refused_or_harmless(name, value):
    """An event with any value in one attribute is refused, or still a proper event."""
    try:
        found = decode(structured(**{name: value}))
    except Invalid:
        return
    assert decode(found.encode()) == found


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(text):
    """Bytes that are no event never pass, whichever envelope holds them."""
    for opened in (event.from_text, lambda raw: event.from_push(push_of(raw))):
        with pytest.raises(Invalid):
            opened(text)


@pytest.mark.parametrize(
    ("concern", "unit"),
    [
        ("fanout", "shop"),
        ("fanout", "shop/shop/shop"),
        ("fanout", "shop/../secrets/x"),
        ("fanout", "Shop/shop"),
        ("fanout", "shop/shop\n"),
        ("fanout", f"{'n' * 64}/shop"),
        ("fanout", f"shop/{'n' * 254}"),
        ("fanout", "cloud-dns:lab/example-com"),
        ("status", "firewall:lab/default"),
        ("backends", "cloud-dns:lab/example-com"),
        ("backends", "firewall:lab/projects/lab/zones/default"),
        ("dns", "shop/shop"),
        ("dns", "route53:lab/example-com"),
        ("dns", "cloud-dns:/example-com"),
        ("dns", ["cloud-dns:lab/example-com"]),
        ("tick", "shop/shop"),
        (["fanout"], "shop/shop"),
        (None, None),
    ],
)
def test_hostile_units_are_refused(concern, unit):
    """A unit passes only in the shape that its concern works on."""
    with pytest.raises(Invalid):
        decode_work({"concern": concern, "unit": unit})


@pytest.mark.parametrize(
    ("concern", "unit"),
    [
        ("backends", firewall.unit("lab", "default")),
        ("backends", firewall.unit("lab", "projects/net-host/global/networks/shared")),
        ("backends", firewall.unit("example.com:lab", "default")),
        ("dns", "cloud-dns:example.com:lab/example-com"),
        ("fanout", "shop/shop.v2"),
    ],
)
def test_every_unit_of_ours_passes(concern, unit):
    """Networks by path and projects within a domain are units too."""
    assert decode_work({"concern": concern, "unit": unit}).unit == unit


def test_every_reason_is_told_at_once():
    """A wrong type, id, source, concern and cause are five reasons of one refusal."""
    with pytest.raises(Invalid) as caught:
        decode({"type": "other", "id": "", "source": 7, "data": {"concern": 1, "cause": "A"}})
    assert len(caught.value.reasons) == 5


@pytest.mark.parametrize("text", ["a\nb", "\ud800", "\x00", "x" * 257])
def test_ids_are_fit_for_logs_and_stores(text):
    """Control characters, lone surrogates and long texts are no ids."""
    with pytest.raises(Invalid, match="id is not"):
        decode(structured(id=text))


@pytest.mark.parametrize(
    "text", [b"[" * 4096, b'{"a":' * 800, b"\xff\xfe", b"NaN", b"9" * 4096, b" " * 4097, b""]
)
def test_deep_long_and_odd_texts_are_refused(text):
    """Nesting, digits and bytes that trouble a JSON parser are refused as everything else is."""
    with pytest.raises(Invalid):
        event.from_text(text)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"Type": "Notification"}),
        json.dumps({"Type": "Notification", "Message": {"id": "x"}}),
        json.dumps({"Type": "Notification", "Message": "\ud800"}),
        json.dumps({"Type": "SubscriptionConfirmation", "Message": "confirm"}),
        json.dumps({"Type": "Notification", "Message": " " * 4097}),
        "x" * 20_000,
    ],
)
def test_odd_notifications_are_refused(body):
    """A notification without an event, or around a text too long, is refused."""
    with pytest.raises(Invalid):
        event.from_sqs({"body": body})


@pytest.mark.parametrize("data", ["%%%", "YWJj\n", "", "A" * 20_000, 7, None])
def test_odd_pushes_are_refused(data):
    """Data that is not base64, or too long, is refused."""
    with pytest.raises(Invalid):
        event.from_push({"message": {"data": data}})


def test_a_redelivery_is_known_by_source_and_id():
    """The same id of two sources is two deliveries."""
    other = Event(id=CHANGED.id, source="elsewhere", work=CHANGED.work)

    assert decode(CHANGED.encode()).delivery == CHANGED.delivery
    assert other.delivery != CHANGED.delivery


def test_every_concern_has_a_shape():
    """A concern without a known unit could never be asked for."""
    assert set(domain._UNITS) == set(domain._SHAPES) == set(CONCERNS)
