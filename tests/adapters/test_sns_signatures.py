"""The signature of SNS: both versions with a real key, and addresses that are not SNS's."""

import json
from pathlib import Path

import pytest

pytest.importorskip("cryptography")
from fedingress.adapters.sns_signatures import SnsSignatures, signed
from fedingress.domain.errors import Unavailable, Untrusted
from tests.adapters.sns_signer import URL, SnsSigner

TOPIC = "arn:aws:sns:eu-west-1:123456789012:work"
SIGNER = SnsSigner()
GOLDEN = json.loads((Path(__file__).parents[1] / "events" / "sqs_sns.json").read_text("utf-8"))


def refused(notification, get=SIGNER):
    with pytest.raises(Untrusted) as caught:
        SnsSignatures(get).require(notification)
    return caught.value.reason == "bad-sns-signature"


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [{}, {"Subject": "x"}, {"Subject": None}])
def test_what_sns_signed_passes(version, subject):
    """Both versions, with a subject and without."""
    SnsSignatures(SIGNER).require(SIGNER.notification("m", TOPIC, version=version, **subject))


def test_the_string_to_sign_is_that_of_the_documentation():
    """Names and values by turns, one a line, in the documented order, a subject among them."""
    made = SIGNER.notification("hello", TOPIC, Subject="s")

    assert signed(made).decode() == (
        "Message\nhello\nMessageId\n165545c9-2a5c-472c-8df2-7ff2be2b3b1b\nSubject\ns\n"
        f"Timestamp\n2026-11-20T19:13:55.749Z\nTopicArn\n{TOPIC}\nType\nNotification\n"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"Message": "other"},
        {"TopicArn": f"{TOPIC}-other"},
        {"Timestamp": "2026-11-20T19:13:55.750Z"},
        {"MessageId": "x"},
        {"Subject": "added"},
        {"Message": "\ud800"},
        {"Signature": "FAKE"},
        {"Signature": "%"},
        {"Signature": None},
        {"SignatureVersion": "1"},
        {"SignatureVersion": "3"},
        {"SignatureVersion": None},
    ],
)
def test_nothing_in_it_can_be_exchanged(change):
    """Each part that is signed, and the signature itself."""
    assert refused(SIGNER.notification("m", TOPIC) | change)


@pytest.mark.parametrize(
    "url",
    [
        URL.replace("https", "http"),
        URL.replace("sns.eu-west-1", "sns.evil.example/x"),
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://user@sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com/other.pem",
        "https://sns.eu-west-1.amazonaws.com/?x=SimpleNotificationService-0.pem",
        f"{URL}\n",
        "file:///etc/passwd",
        "",
        None,
        7,
    ],
)
def test_a_certificate_of_others_is_never_fetched(url):
    """The address is the sender's word: only SNS's own are asked."""
    signer = SnsSigner()
    assert refused(SIGNER.notification("m", TOPIC) | {"SigningCertURL": url}, get=signer)
    assert signer.asked == []


def test_china_has_addresses_of_its_own():
    """The other ending of Amazon's names."""
    url = URL.replace("eu-west-1.amazonaws.com", "cn-north-1.amazonaws.com.cn")
    SnsSignatures(SIGNER).require(SIGNER.notification("m", TOPIC, SigningCertURL=url))


def test_a_certificate_is_fetched_once():
    """Kept by its address; many addresses do not fill the memory."""
    signer = SnsSigner()
    checks = SnsSignatures(signer)
    for _ in range(3):
        checks.require(signer.notification("m", TOPIC))
    assert signer.asked == [URL]
    for n in range(20):
        address = URL.replace("0123456789abcdef", f"{n:x}")
        checks.require(signer.notification("m", TOPIC, SigningCertURL=address))
    assert len(checks._keys) <= 8


@pytest.mark.parametrize("served", [b"", b"no certificate"])
def test_what_is_no_certificate_signs_nothing(served):
    """Whatever stands at the address."""
    assert refused(SIGNER.notification("m", TOPIC), get=lambda _url: served)


def test_a_certificate_that_cannot_be_fetched_is_no_refusal():
    """The record comes again."""

    def down(_url):
        raise Unavailable("down")

    with pytest.raises(Unavailable):
        SnsSignatures(down).require(SIGNER.notification("m", TOPIC))


def test_the_golden_notification_is_not_signed_by_ours():
    """The example of the documentation does not pass with another key."""
    assert refused(json.loads(GOLDEN["body"]))
