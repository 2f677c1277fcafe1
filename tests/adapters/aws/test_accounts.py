"""Which clients a zone gets by its account: our own, those of a role, or a reason why none."""

from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from fedingress.adapters.aws.accounts import Accounts
from fedingress.adapters.aws.clients import Clients
from fedingress.adapters.aws.errors import aws_errors, busy
from fedingress.domain.errors import Forbidden, QuotaExceeded, Unavailable
from fedingress.domain.policy import ZoneRef
from fedingress.planning.decode.roles import account_roles

ROLES = account_roles("222222222222=arn:aws:iam::222222222222:role/dns")


def zone(account):
    return ZoneRef(provider="route53", project=account, name="Z1", domain="example.com")


class Sts:
    """Counts who asks for our account; `fail` first."""

    def __init__(self, *failures):
        self.asked, self.failures = 0, list(failures)

    def session(self):
        return SimpleNamespace(client=lambda *_a, **_k: self)

    def get_caller_identity(self):
        self.asked += 1
        if self.failures:
            raise self.failures.pop()
        return {"Account": "111111111111"}

    def close(self):
        """As a client has it."""


def accounts(sts, **more):
    made = []

    def assume(role):
        made.append(role.account)
        return Clients(lambda: None)

    own = Clients(sts.session, sleep=lambda _seconds: None)
    return Accounts(own, roles=ROLES, assume=assume, **more), made


def test_our_own_account_is_asked_for_once_and_only_when_needed():
    """`self` needs no question, nor does an account that has a role."""
    sts = Sts()
    found, _ = accounts(sts)

    assert found.of(zone("self")) is found.own
    found.of(zone("222222222222"))
    assert sts.asked == 0

    assert found.of(zone("111111111111")) is found.own
    assert found.of(zone("111111111111")) is found.own
    assert sts.asked == 1


def test_our_own_account_may_be_known_from_the_role_that_we_are():
    """Then nobody is asked."""
    sts = Sts()
    found, _ = accounts(sts, own_account="333333333333")

    assert found.of(zone("333333333333")) is found.own
    assert sts.asked == 0


def test_each_account_has_clients_of_its_own():
    """Made once, since they keep credentials, connections and the account's pace."""
    found, made = accounts(Sts())

    there = found.of(zone("222222222222"))
    assert there is not found.own
    assert found.of(zone("222222222222")) is there
    assert made == ["222222222222"]
    found.close()


def test_an_account_without_a_role_is_told_with_the_setting_to_add():
    """It names the zone, the account and the line."""
    found, _ = accounts(Sts())

    with pytest.raises(Forbidden, match="Z1 is in the account 444444444444") as refused:
        found.of(zone("444444444444"))
    line = "add 444444444444=arn:aws:iam::444444444444:role/NAME to FEDINGRESS_AWS_ROLES"
    assert line in str(refused.value)


def test_a_silent_sts_is_asked_again():
    """What could not be told is not remembered."""
    sts = Sts(Unavailable("STS"))
    found, _ = accounts(sts)

    with pytest.raises(Unavailable):
        found.of(zone("111111111111"))
    assert found.of(zone("111111111111")) is found.own


def test_a_refusal_makes_the_session_of_a_role_anew():
    """Revoked credentials would stay refused until they end."""
    sessions = []

    def session():
        sessions.append(len(sessions))
        return SimpleNamespace(client=lambda *_a, **_k: SimpleNamespace(close=lambda: None))

    cases = (
        (True, Forbidden("revoked"), 2),
        (False, Forbidden("revoked"), 1),
        (True, QuotaExceeded("no more of these"), 1),  # other credentials change nothing
    )
    for renewed, refusal, count in cases:
        sessions.clear()
        clients = Clients(session, renewed=renewed)
        clients.get("route53")
        with pytest.raises(Forbidden):
            clients.ask("Route 53", Mock(side_effect=refusal))
        clients.get("route53")
        assert len(sessions) == count
        clients.close()


@pytest.mark.parametrize(
    "code", ["AccessDenied", "ExpiredTokenException", "InvalidIdentityToken", "IDPRejectedClaim"]
)
def test_what_sts_refuses_is_forbidden_and_never_the_zones_fault(code):
    """Of an invalid zone nothing of ours is expected any more; of one that is shut, all."""
    answer = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    with pytest.raises(Forbidden, match=code), aws_errors("STS"):
        raise ClientError(answer, "AssumeRole")


def test_an_issuer_that_sts_cannot_reach_is_asked_again():
    """That passes by itself."""
    answer = {"Error": {"Code": "IDPCommunicationError", "Message": "no"}}
    with pytest.raises(Unavailable) as refused, aws_errors("STS"):
        raise ClientError(answer, "AssumeRoleWithWebIdentity")
    assert busy(refused.value)
