"""Who we are to AWS: keys of the environment, or Google's word for us exchanged at STS."""

import pytest

from fedingress.adapters.aws.clients import Clients
from fedingress.adapters.aws.session import assumed, session
from fedingress.adapters.kube.google import GoogleIdentity
from fedingress.domain.errors import Forbidden
from fedingress.planning.decode.roles import AccountRole
from localcloud.iam.identities import role_arn
from localcloud.world.amazon import DNS_ROLE, EXTERNAL_ID
from localcloud.world.running import running_world
from localcloud.world.spec import WorldSpec, members_from
from localcloud.world.world import FUNCTIONS_ROLE
from tests.localcloud.gce import variables

pytestmark = pytest.mark.wire

THEIRS = "222222222222"


@pytest.fixture(scope="module")
def world():
    spec = WorldSpec(members=members_from("eks-us"), accounts=((THEIRS, "net.example.com."),))
    with (
        running_world(spec) as running,
        variables(running.env()),
    ):
        yield running


def who(made):
    """The ARN that STS knows a session by."""
    clients = Clients(lambda: made)
    sts = clients.get("sts", "us-west-2")
    try:
        return clients.ask("STS", sts.get_caller_identity)["Arn"]
    finally:
        clients.close()


@pytest.mark.usefixtures("world")
def test_on_amazon_it_is_what_the_sdk_finds():
    """Keys of the environment, as a function has them."""
    assert f"/{FUNCTIONS_ROLE}" in who(session())


@pytest.mark.usefixtures("world")
def test_on_google_cloud_an_identity_token_is_exchanged(monkeypatch):
    """Without any key of AWS; a role that does not trust us stays closed."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    proof = GoogleIdentity().proof

    assert f"/{FUNCTIONS_ROLE}" in who(session(role_arn(FUNCTIONS_ROLE), proof))
    with pytest.raises(Forbidden, match="AssumeRoleWithWebIdentity"):
        who(session(role_arn("nobody"), proof))
    with pytest.raises(Forbidden, match="credentials"):
        who(session())


def role(external_id=EXTERNAL_ID, name=DNS_ROLE):
    return AccountRole(account=THEIRS, arn=role_arn(name, THEIRS), external_id=external_id)


@pytest.mark.usefixtures("world")
def test_a_role_of_another_account_is_assumed():
    """From our own identity; whoever it does not trust, and another external id, stay outside."""
    own = session()
    assert who(assumed(lambda: own, role())) == role_arn(DNS_ROLE, THEIRS)

    for wrong in (role("hush-hush"), role(""), role(name="nobody")):
        with pytest.raises(Forbidden, match="AccessDenied") as refused:
            who(assumed(lambda: own, wrong))
        assert f"the trust policy of {wrong.arn} must allow sts:AssumeRole" in str(refused.value)
        assert ("external id" in str(refused.value)) == bool(wrong.external_id)
        assert "hush-hush" not in str(refused.value)


@pytest.mark.usefixtures("world")
def test_on_google_cloud_the_chain_has_two_links(monkeypatch):
    """Identity token, our role, the account's role; without the first link there is none."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    own = session(role_arn(FUNCTIONS_ROLE), GoogleIdentity().proof)

    assert who(assumed(lambda: own, role())) == role_arn(DNS_ROLE, THEIRS)
    nobody = session()
    with pytest.raises(Forbidden, match="credentials"):
        who(assumed(lambda: nobody, role()))


@pytest.mark.usefixtures("world")
def test_what_sts_finds_wrong_with_the_request_is_no_fault_of_the_zone(monkeypatch):
    """A lab's STS takes no such name of a session; the zone's account counts as shut."""
    monkeypatch.setattr("fedingress.adapters.aws.session.SESSION_NAME", "not a name")
    own = session()

    with pytest.raises(Forbidden, match="roleSessionName"):
        who(assumed(lambda: own, role()))
