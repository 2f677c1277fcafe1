"""Who we are to AWS: keys of the environment, or Google's word for us exchanged at STS."""

import pytest

from fedingress.adapters.aws.clients import Clients
from fedingress.adapters.aws.session import session
from fedingress.adapters.kube.google import GoogleIdentity
from fedingress.domain.errors import Forbidden
from localcloud.iam.identities import role_arn
from localcloud.world.running import running_world
from localcloud.world.spec import WorldSpec, members_from
from localcloud.world.world import FUNCTIONS_ROLE
from tests.localcloud.gce import variables

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module")
def world():
    with (
        running_world(WorldSpec(members=members_from("eks-us"))) as running,
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
