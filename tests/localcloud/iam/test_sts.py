"""STS on loopback, by botocore: who signs, who may take on which role, and what is refused."""

import asyncio
import threading

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from localcloud.gcp.identity_tokens import Issuer, subject_of
from localcloud.iam import Identities, serve_sts
from localcloud.iam.errors import StsError
from localcloud.iam.identities import role_arn

pytestmark = pytest.mark.wire

CALLER, MEMBER = role_arn("functions"), role_arn("member", "111111111111")


class Desk:
    """A served STS with one role's key, a clock that can be moved, and an issuer of identities."""

    def __init__(self, loop):
        self.issuer, self.ahead = Issuer(), 0.0
        self.identities = Identities()
        clock = self.identities.now
        self.identities.now = lambda: clock() + self.ahead
        self.key = self.identities.key(CALLER)
        self.server = asyncio.run_coroutine_threadsafe(
            serve_sts(self.identities, verify=self.issuer.claims), loop
        ).result(10)

    def client(self, secret=None, token=None, key=None):
        key = key or self.key
        return Session().create_client(
            "sts",
            region_name="us-east-1",
            endpoint_url=self.server.url,
            aws_access_key_id=key.key_id,
            aws_secret_access_key=secret or key.secret,
            aws_session_token=token or key.session_token or None,
            config=Config(retries={"total_max_attempts": 1}),
        )

    def refusal(self, call):
        with pytest.raises(ClientError) as caught:
            call()
        return caught.value.response["Error"]["Code"]


@pytest.fixture
def desk():
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    made = Desk(loop)
    yield made
    asyncio.run_coroutine_threadsafe(made.server.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def test_the_signer_is_told(desk):
    """The signature of botocore is checked with the secret, and gives the role."""
    found = desk.client().get_caller_identity()
    assert (found["Arn"], found["Account"]) == (CALLER, "000000000000")


def test_wrong_signatures_are_refused(desk):
    """A wrong secret, an unknown key, a signature of yesterday."""
    wrong = desk.client(secret="x")
    assert desk.refusal(wrong.get_caller_identity) == "SignatureDoesNotMatch"
    stranger = Identities().key(CALLER)
    unknown = desk.client(key=stranger)
    assert desk.refusal(unknown.get_caller_identity) == "InvalidClientTokenId"
    desk.ahead = 86_400.0
    assert desk.refusal(desk.client().get_caller_identity) == "SignatureDoesNotMatch"


def test_a_role_is_taken_on_by_whom_it_trusts(desk):
    """Its keys end, and carry a token that belongs to them."""
    client = desk.client()

    def take(session="test"):
        return client.assume_role(RoleArn=MEMBER, RoleSessionName=session, DurationSeconds=900)[
            "Credentials"
        ]

    assert desk.refusal(take) == "AccessDenied"
    desk.identities.trust[MEMBER] = frozenset({CALLER})
    assert desk.refusal(lambda: take("not a name")) == "ValidationError"
    found = take()
    key = desk.identities.key(CALLER)
    taken = Session().create_client(
        "sts",
        region_name="us-east-1",
        endpoint_url=desk.server.url,
        aws_access_key_id=found["AccessKeyId"],
        aws_secret_access_key=found["SecretAccessKey"],
        aws_session_token=found["SessionToken"],
    )
    assert taken.get_caller_identity()["Arn"] == MEMBER
    mixed = desk.client(key=key, token=found["SessionToken"])
    assert desk.refusal(mixed.get_caller_identity) == "InvalidClientTokenId"


def test_a_trust_may_ask_for_an_external_id(desk):
    """Without it, with another one, or for a role of nobody's trust, the refusal is the same."""
    client = desk.client()
    desk.identities.trust[MEMBER] = frozenset({CALLER})
    desk.identities.external_ids[MEMBER] = "acme-7"

    def take(**more):
        return client.assume_role(RoleArn=MEMBER, RoleSessionName="test", **more)

    assert desk.refusal(take) == "AccessDenied"
    assert desk.refusal(lambda: take(ExternalId="acme-8")) == "AccessDenied"
    assert take(ExternalId="acme-7")["Credentials"]["AccessKeyId"].startswith("ASIA")


def test_a_key_leads_to_its_account():
    """Sessions end, and can be revoked: those there are, and none that comes later."""
    moment = [1000.0]
    identities = Identities(now=lambda: moment[0])
    session = identities.key(MEMBER, lifetime_seconds=900.0)

    def account(key):
        return identities.account(key.key_id, key.session_token)

    def refusal(key_id, token):
        with pytest.raises(StsError) as refused:
            identities.account(key_id, token)
        return refused.value.code

    assert identities.account("anything", "") == "000000000000"
    assert account(identities.key(CALLER)) == "000000000000"
    assert account(session) == "111111111111"
    assert refusal(session.key_id, "") == "InvalidClientTokenId"
    assert refusal("anything", "token") == "InvalidClientTokenId"

    identities.revoke(MEMBER)
    assert refusal(session.key_id, session.session_token) == "AccessDenied"
    moment[0] += 1
    later = identities.key(MEMBER, lifetime_seconds=900.0)
    assert account(later) == "111111111111"
    moment[0] += 901
    assert refusal(later.key_id, later.session_token) == "ExpiredToken"


def test_a_role_is_taken_on_by_an_identity_token(desk):
    """Of a subject that it trusts, signed by the issuer; another's signature is none."""
    client = desk.client()

    def take(token):
        return client.assume_role_with_web_identity(
            RoleArn=CALLER, RoleSessionName="test", WebIdentityToken=token
        )

    token = desk.issuer.token("lab", "sts.amazonaws.com")
    assert desk.refusal(lambda: take(token)) == "AccessDenied"
    desk.identities.web_trust[CALLER] = frozenset({subject_of("lab")})
    assert take(token)["Credentials"]["AccessKeyId"].startswith("ASIA")
    forged = Issuer().token("lab", "sts.amazonaws.com")
    assert desk.refusal(lambda: take(forged)) == "InvalidIdentityToken"
    desk.ahead = 7200.0
    assert desk.refusal(lambda: take(token)) == "InvalidIdentityToken"
