"""The gate: whatever knocks, it is let in, refused under a word, or asked to come again."""

import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("cryptography")
pytest.importorskip("google.auth")
from fedingress.adapters.tokens import Tokens
from fedingress.domain.errors import Invalid, Unavailable, Untrusted
from fedingress.domain.event import Event
from fedingress.domain.publisher import PublicKey, Publishers, source_of
from fedingress.domain.work import Work
from fedingress.runtime.gate import Gate, KnownPublishers
from fedingress.runtime.settings import Settings
from tests.adapters.issuer import AUDIENCE, EMAIL, Forge, encoded
from tests.runtime.clocks import HandClock

ONE, TWO = PublicKey(raw=b"1" * 32), PublicKey(raw=b"2" * 32)
FORGE = Forge()
CHANGES = "projects/lab/subscriptions/changes"
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
GOOD = Event(
    id="1",
    source=source_of("default", "gke-us"),
    work=Work(concern="fanout", unit="shop/shop", cause="changed"),
    time="2026-11-22T21:00:00Z",
    keyid=ONE.id,
    signature="A" * 86 + "==",
)


def gate(publishers=Publishers, **changes):
    made = Settings(**{"changes": CHANGES, "callers": EMAIL, "audience": AUDIENCE} | changes)
    found = Gate(made, "fanout", publishers, HandClock())
    found._tokens = Tokens("x", get=lambda _url: FORGE.served())
    return found


def pushed(body, via=CHANGES):
    data = base64.b64encode(json.dumps(body).encode()).decode()
    return {"message": {"data": data}, "subscription": via}


@given(values)
def test_any_envelope_is_refused(value):
    """No JSON makes the gate raise anything but a refusal."""
    found = gate()
    for arrive in (found.pushed, found.delivered):
        with pytest.raises((Invalid, Untrusted)):
            arrive(value)


@given(st.sampled_from(sorted(GOOD.encode())), values)
def test_any_attribute_of_a_clusters_event_is_refused(name, value):
    """Unsigned as it is, no value of any attribute lets it through."""
    with pytest.raises((Invalid, Untrusted)):
        gate().pushed(pushed(GOOD.encode() | {name: value}))


@given(st.dictionaries(st.sampled_from(["Type", "TopicArn", "Message", "Signature"]), values))
def test_any_notification_is_refused(value):
    """Whatever its parts are, unsigned envelopes of SNS do not pass."""
    body = json.dumps({"Type": "Notification", "SignatureVersion": "2"} | value)
    with pytest.raises((Invalid, Untrusted)):
        gate().delivered({"body": body})


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(
    st.dictionaries(st.sampled_from(["alg", "kid", "typ"]), values),
    st.dictionaries(st.sampled_from(["aud", "exp", "iat", "iss", "email"]), values),
    st.text(max_size=12),
)
@pytest.mark.parametrize("tokens", ["verify", "platform"])
def test_any_token_is_refused(tokens, header, claims, signature):
    """Hostile headers and claims of a token end in a refusal, whoever verifies it."""
    found = gate(tokens=tokens)
    token = f"{encoded({'alg': 'RS256', 'kid': FORGE.kid} | header)}.{encoded(claims)}.{signature}"
    for text in (f"Bearer {token}", f"Bearer {signature}", token):
        with pytest.raises(Untrusted):
            found.admit({"Authorization": text})


class TestKnownPublishers:
    """The registry as one instance remembers it."""

    @pytest.fixture
    def clock(self):
        return HandClock()

    def test_it_is_read_once_a_minute(self, clock):
        """A known key costs no read until then; one that was removed is gone after it."""
        answers = [Publishers(keys={"a": (ONE,)}), Publishers()]
        known = KnownPublishers(lambda: answers.pop(0), clock)
        for _ in range(3):
            assert known.key("a", ONE.id) == ONE
        assert len(answers) == 1
        clock.move(61.0)

        assert known.key("a", ONE.id) is None

    def test_unknown_keys_are_looked_for_now_and_then(self, clock):
        """A flood of them costs a read every five seconds; a new key is found by that."""
        reads = []

        def read():
            reads.append(1)
            return Publishers(keys={"a": (ONE, TWO) if len(reads) > 1 else (ONE,)})

        known = KnownPublishers(read, clock)
        for _ in range(50):
            assert known.key("a", TWO.id) is None
        assert len(reads) == 1
        clock.move(5.5)
        assert known.key("a", TWO.id) == TWO
        assert len(reads) == 2

    def test_a_registry_that_fails_is_asked_again(self, clock):
        """What could not be read is not remembered as empty."""
        answers = [Unavailable("down"), Publishers(keys={"a": (ONE,)})]

        def read():
            found = answers.pop(0)
            if isinstance(found, Exception):
                raise found
            return found

        known = KnownPublishers(read, clock)
        with pytest.raises(Unavailable):
            known.key("a", ONE.id)
        assert known.key("a", ONE.id) == ONE

    def test_a_clock_that_jumps_back_is_no_reason_to_remember(self, clock):
        """A time before the last read counts as long as one after it."""
        answers = [Publishers(keys={"a": (ONE,)}), Publishers()]
        known = KnownPublishers(lambda: answers.pop(0), clock)
        assert known.key("a", ONE.id) == ONE
        clock.move(-120.0)
        assert known.key("a", ONE.id) is None
