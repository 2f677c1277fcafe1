"""Google's errors become the port's errors."""

import pytest

from fedingress.adapters.gcp.errors import Missing, google_errors, refusal, translate
from fedingress.domain.errors import (
    Conflict,
    Forbidden,
    InUse,
    Invalid,
    LeaseLost,
    NotReady,
    QuotaExceeded,
    Unavailable,
)
from tests.adapters.gcp.scripted import refusal as reply

CASES = [
    (400, "invalid", Invalid, None),
    (400, "resourceNotReady", NotReady, 1.0),
    (400, "resourceInUseByAnotherResource", InUse, 2.0),
    (401, "authError", Forbidden, None),
    (403, "forbidden", Forbidden, None),
    (403, "quotaExceeded", QuotaExceeded, None),
    (403, "rateLimitExceeded", Unavailable, 5.0),
    (404, "notFound", Missing, None),
    (408, "", Unavailable, 5.0),
    (409, "alreadyExists", Conflict, None),
    (412, "conditionNotMet", Conflict, None),
    (429, "rateLimitExceeded", Unavailable, 5.0),
    (500, "backendError", Unavailable, 5.0),
    (503, "backendError", Unavailable, 5.0),
]


@pytest.mark.parametrize(("status", "reason", "kind", "after"), CASES)
def test_each_answer_has_its_error(status, reason, kind, after):
    """Status and reason decide the class and when to come back; the words are kept."""
    said = refusal(status, str(reply(status, reason, "the words").body).replace("'", '"'))

    found = translate("what", said)

    assert type(found) is kind
    assert str(found).partition("; ")[0] == "what: the words"
    assert ("; " in str(found)) == isinstance(found, Forbidden), "what somebody can do"
    assert getattr(found, "after_seconds", None) == after


@pytest.mark.parametrize(
    ("what", "status", "words", "expected"),
    [
        ("p: urlMaps x", 403, "no", "grant roles/compute.loadBalancerAdmin, or this permission"),
        ("p: firewalls x", 403, "no", "grant roles/compute.securityAdmin"),
        ("zone z", 403, "needs dns.changes.create", "grant roles/dns.admin"),
        ("p: urlMaps x", 401, "no", "give the functions an identity that Google accepts"),
        ("p: urlMaps x", 403, "Quota 'URL_MAPS' exceeded.", "raise this quota"),
    ],
)
def test_a_refusal_says_what_to_do(what, status, words, expected):
    """Which role, which identity or which quota."""
    assert expected in str(translate(what, refusal(status, words)))


def test_retry_after_is_honoured():
    """The server says when to come back."""
    found = translate("what", refusal(503, b"{}", "17"))

    assert isinstance(found, Unavailable)
    assert found.after_seconds == 17


@pytest.mark.parametrize("body", [b"<html>oops</html>", b"[]", b'{"error": "x"}', b"", b"\xff"])
def test_a_body_in_no_form_is_read_without_harm(body):
    """Proxies answer what they like."""
    assert isinstance(translate("what", refusal(502, body)), Unavailable)


def test_a_private_key_is_never_repeated():
    """Should Google's words contain one, they are cut there."""
    said = refusal(400, "bad: '-----BEGIN RSA PRIVATE KEY----- MIIE -----END RSA PRIVATE KEY-----'")

    assert said.message == "bad: '(a private key)"


def test_long_words_are_cut():
    """A message has at most 256 characters."""
    assert len(refusal(400, "x" * 1000).message) == 256


def test_ours_pass_and_bugs_are_not_hidden():
    """Port errors keep their class, and a programming error stays what it is."""
    with pytest.raises(LeaseLost), google_errors("what"):
        raise LeaseLost("over")
    with pytest.raises(ZeroDivisionError), google_errors("what"):
        _ = 1 / 0


@pytest.mark.parametrize("error", [ConnectionResetError(), TimeoutError(), BrokenPipeError()])
def test_no_answer_is_unavailable(error):
    """A lost connection says nothing about what happened."""
    with pytest.raises(Unavailable, match="no answer"), google_errors("what"):
        raise error
