"""Identity tokens: real RSA signatures, and every way in which a token may be wrong."""

import json

import pytest

pytest.importorskip("google.auth")
from fedingress.adapters.tokens import Tokens, bearer, claimed, require_caller
from fedingress.domain.errors import Unavailable, Untrusted
from tests.adapters.issuer import AUDIENCE, EMAIL, Forge, encoded

FORGE = Forge()
STRANGER = Forge()


class Certificates:
    """Counts how often they are fetched."""

    def __init__(self, *answers):
        self.answers = list(answers or [FORGE.served()])
        self.calls = 0

    def __call__(self, url):
        self.calls += 1
        found = self.answers[min(self.calls, len(self.answers)) - 1]
        if isinstance(found, Exception):
            raise found
        return found


def refusal(call, *arguments):
    with pytest.raises(Untrusted) as caught:
        call(*arguments)
    return caught.value.reason


def test_a_good_token_gives_its_claims():
    """Signature, time, issuer and audience are right."""
    claims = Tokens("x", get=Certificates()).verified(FORGE.issue(), {AUDIENCE, "other"})

    assert claims["email"] == EMAIL


@pytest.mark.parametrize(
    "token",
    [
        FORGE.issue(aud="https://other.example"),
        FORGE.issue(aud=None),
        FORGE.issue(exp=1, iat=0),
        FORGE.issue(iat=9_999_999_999, exp=9_999_999_999),
        FORGE.issue(exp=None),
        FORGE.issue(exp="soon"),
        FORGE.issue(iat=[]),
        FORGE.issue(iss=[]),
        FORGE.issue(header={"alg": []}),
        FORGE.issue(iss="https://evil.example"),
        FORGE.issue(key=STRANGER._key),
        FORGE.issue(header={"alg": "none"}),
        FORGE.issue(header={"alg": "HS256"}),
        STRANGER.issue(),
        FORGE.issue()[:-4] + "AAAA",
        ".".join([*FORGE.issue().split(".")[:2], "SIGNATURE_REMOVED_BY_GOOGLE"]),
        ".".join([*FORGE.issue().split(".")[:2], ""]),
        "x",
        "a.b.c",
        "e30.e30.e30",
        f"{encoded([])}.e30.e30",
    ],
)
def test_no_other_token_passes(token):
    """Another audience, time, issuer, key or algorithm, and what is no token."""
    assert refusal(Tokens("x", get=Certificates()).verified, token, {AUDIENCE}) == "bad-token"


def test_certificates_are_kept():
    """A second token costs no fetch, nor do many tokens of unknown keys at once."""
    now = [0.0]
    certificates = Certificates()
    tokens = Tokens("x", get=certificates, monotonic=lambda: now[0])
    for _ in range(3):
        tokens.verified(FORGE.issue(), {AUDIENCE})
    for _ in range(20):
        refusal(tokens.verified, STRANGER.issue(), {AUDIENCE})
    assert certificates.calls == 1

    now[0] = 31.0
    refusal(tokens.verified, STRANGER.issue(), {AUDIENCE})
    assert certificates.calls == 2
    now[0] = 31.0 + 3601.0
    tokens.verified(FORGE.issue(), {AUDIENCE})
    assert certificates.calls == 3


def test_a_new_key_is_fetched():
    """The issuer's next key counts as soon as a token names it."""
    now = [0.0]
    both = json.dumps(FORGE.certificates() | STRANGER.certificates()).encode()
    tokens = Tokens("x", get=Certificates(FORGE.served(), both), monotonic=lambda: now[0])
    tokens.verified(FORGE.issue(), {AUDIENCE})
    now[0] = 60.0

    assert tokens.verified(STRANGER.issue(), {AUDIENCE})["email"] == EMAIL


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b"{", b'{"keys": []}', b"[" * 9000, Unavailable("down")]
)
def test_an_issuer_that_does_not_answer_is_no_refusal(answer):
    """Whoever calls may come again; nobody is let in meanwhile."""
    with pytest.raises(Unavailable):
        Tokens("x", get=Certificates(answer)).verified(FORGE.issue(), {AUDIENCE})


@pytest.mark.parametrize("header", ["", "Basic eA==", "Bearer", "Bearer ", f"Bearer {'x' * 9000}"])
def test_a_header_without_a_token(header):
    """None, another scheme, or one too long to be a token."""
    assert refusal(bearer, header) == "no-token"


def test_a_token_is_found_in_its_header():
    """The scheme's case does not matter."""
    assert bearer("bearer a.b.c") == "a.b.c"


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"email": EMAIL},
        {"email": EMAIL, "email_verified": "true"},
        {"email": "other@lab.example", "email_verified": True},
        {"email": ["x"], "email_verified": 1},
    ],
)
def test_nobody_else_may_call(claims):
    """Only a verified address that is on the list."""
    assert refusal(require_caller, claims, {EMAIL}) == "wrong-caller"
    require_caller({"email": EMAIL, "email_verified": True}, {EMAIL})


def test_what_the_platform_verified_is_read():
    """Without its signature the token still says for whom and whose it is."""
    token = ".".join([*FORGE.issue().split(".")[:2], "SIGNATURE_REMOVED_BY_GOOGLE"])

    assert claimed(token, set())["email"] == EMAIL
    assert claimed(token, {AUDIENCE})["email"] == EMAIL
    assert refusal(claimed, token, {"other"}) == "bad-token"
    assert refusal(claimed, "x", set()) == "bad-token"
    unhashable = f"e30.{encoded({'aud': ['x']})}.x"
    assert refusal(claimed, unhashable, {"other"}) == "bad-token"
