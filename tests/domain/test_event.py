"""The envelope of work: what is encoded decodes, and nothing else does."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedingress.domain.errors import Invalid
from fedingress.domain.event import TYPE, Event, decode, decode_work, rfc3339
from fedingress.domain.work import Work

UNITS = {
    "fanout": "shop/web",
    "backends": "firewall:lab/default",
    "dns": "cloud-dns:lab/example-com",
    "status": "shop/web.v2",
}
works = st.sampled_from(sorted(UNITS)).map(
    lambda concern: Work(concern=concern, unit=UNITS[concern], cause="resync")
)
words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


@given(works, words, words)
def test_what_is_encoded_decodes_to_the_same(work, name, source):
    """A round trip through the structured CloudEvent changes nothing."""
    event = Event(id=name, source=source, work=work)

    assert decode(event.encode()) == event
    assert event.delivery == f"{source}#{name}"
    assert event.encode()["subject"] == f"{work.concern}/{work.unit}"


def body(**more):
    """A good event with some attributes replaced."""
    work = Work(concern="dns", unit=UNITS["dns"], cause="resync")
    return Event(id="1", source="test", work=work).encode() | more


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("hello", "the event is no JSON object"),
        (body(type="other"), f"type is not {TYPE}"),
        (body(id=""), "id is not a printable text of 1 to 256 characters"),
        (body(source="a\nb"), "source is not a printable text of 1 to 256 characters"),
        (body(data=None), "data is no JSON object"),
        (body(data={"concern": "moon", "unit": "a/b"}), "data.concern is none of"),
        (body(data={"concern": "dns", "unit": "a/b"}), "data.unit of dns is not"),
        (body(data={"concern": "fanout", "unit": 7}), "data.unit of fanout is not NAMESPACE/NAME"),
    ],
)
def test_a_wrong_event_is_refused_with_its_reason(wrong, sentence):
    """Each fault has its own sentence."""
    with pytest.raises(Invalid) as refusal:
        decode(wrong)

    assert any(sentence in reason for reason in refusal.value.reasons)


def test_every_reason_is_told_at_once():
    """A type, a name and a cause that are wrong make three sentences."""
    data = {"concern": "status", "unit": "shop/web", "cause": "NOT A WORD"}
    with pytest.raises(Invalid) as refusal:
        decode(body(type="x", id=0, data=data))

    assert len(refusal.value.reasons) == 3


def test_work_without_a_cause_has_a_plain_one():
    """A repair call need not say why."""
    assert decode_work({"concern": "fanout", "unit": "shop/web"}).cause == "event"


def test_a_good_event_names_its_delivery_and_its_work():
    """The delivery is the source and the id; the work is what the data says."""
    event = decode(body())

    assert event.delivery == "test#1"
    assert event.work == Work(concern="dns", unit=UNITS["dns"], cause="resync")


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SIGNED = Event(
    id="1",
    source="//fedingress.dev/lab/cluster/gke-us",
    work=Work(concern="fanout", unit="shop/web", cause="ingress.changed"),
    time="2026-11-22T21:00:00.250Z",
    traceparent=TRACE,
    keyid="0123456789abcdef",
    signature="A" * 86 + "==",
)


def test_time_trace_and_signature_travel_along():
    """What a cluster says of its event stands in attributes of their own, and comes back."""
    sent = SIGNED.encode()

    assert decode(sent) == SIGNED
    assert {"time", "traceparent", "keyid", "signature"} < sent.keys()
    assert not {"time", "traceparent", "keyid", "signature"} & body().keys()


def test_a_time_is_told_in_seconds():
    """Written to the millisecond, read as Unix seconds, and none is none."""
    assert rfc3339(1795381200.2504) == "2026-11-22T21:00:00.250Z"
    assert SIGNED.seconds == 1795381200.25
    assert decode(body()).seconds is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time", "2026-11-22 21:00:00Z"),
        ("time", "2026-11-22T21:00:00+01:00"),
        ("time", "2026-13-22T21:00:00Z"),
        ("time", 1795381200),
        ("traceparent", TRACE.replace("4", "G")),
        ("traceparent", f"00-{'0' * 32}-00f067aa0ba902b7-01"),
        ("traceparent", f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01"),
        ("keyid", "0123"),
        ("signature", "A" * 88),
        ("signature", None),
    ],
)
def test_an_attribute_in_another_shape_is_refused(name, value):
    """Each is named with the shape that it should have."""
    with pytest.raises(Invalid, match=f"^{name} is not "):
        decode(body(**{name: value}))


@pytest.mark.parametrize(
    "change",
    [
        {"id": "2"},
        {"source": "//fedingress.dev/lab/cluster/gke-eu"},
        {"time": "2026-11-22T21:00:00.251Z"},
        {"traceparent": ""},
        {"keyid": "0123456789abcdee"},
        {"work": replace(SIGNED.work, unit="shop/other")},
        {"work": replace(SIGNED.work, cause="resync")},
        {"work": replace(SIGNED.work, concern="status")},
    ],
)
def test_a_signature_covers_whatever_is_read(change):
    """No part of an event can be exchanged under its signature."""
    assert replace(SIGNED, **change).signed != SIGNED.signed


def test_a_signature_does_not_cover_itself():
    """What is signed is the same before and after."""
    assert replace(SIGNED, signature="").signed == SIGNED.signed
