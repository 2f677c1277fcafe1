"""The envelope of work: what is encoded decodes, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedingress.domain.errors import Invalid
from fedingress.domain.event import TYPE, Event, decode, decode_work
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
