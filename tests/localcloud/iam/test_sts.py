"""STS on loopback, by botocore: who signs, who may take on which role, and what is refused."""

import asyncio
import threading

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from localcloud.gcp.identity_tokens import Issuer, subject_of
from localcloud.iam import Identities, serve_sts
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
