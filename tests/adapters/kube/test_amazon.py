"""
Tokens for EKS against clusters that verify them, from keys, by roles, and with Google's word alone.

The lab's API servers ask its STS who signed; nothing of the product's signing is used there.
"""

import base64
import logging
import urllib.parse

import pytest

from fedingress.adapters.kube.amazon import AmazonIdentity
from fedingress.adapters.kube.clusters import KubeMemberClusters
from fedingress.adapters.kube.connection import Timeouts
from fedingress.adapters.kube.credentials import MemberCredentials
from fedingress.adapters.kube.google import GoogleIdentity
from fedingress.domain.cluster import Access, EksCluster, MemberCluster
from fedingress.domain.errors import Forbidden, Unavailable
from localcloud.iam.identities import role_arn
from localcloud.world.running import running_world
from localcloud.world.spec import WorldSpec, members_from
from localcloud.world.world import FUNCTIONS_ROLE
from tests.localcloud.gce import variables

pytestmark = pytest.mark.wire

ROLE = role_arn(FUNCTIONS_ROLE)
THEIRS = role_arn("member-access", "111111111111")
QUICK = Timeouts(connect_seconds=2.0, read_seconds=5.0)


@pytest.fixture(scope="module")
def world():
    spec = WorldSpec(members=members_from("eks-us,eks-ap,gke-us"))
    with running_world(spec) as running, variables(running.env()):
        yield running


@pytest.fixture
def reach(world):
    """`reach("eks-us", role="...")` reads the member's identity with a fresh process's memory."""
    opened = []

    def call(name, *, amazon=None, provider="eks", claimed="", **more):
        context = world.world.clusters[name].context(name, "")
        region = world.world.clusters[name].member.region
        eks = EksCluster(name=claimed or name, region=region, **more)
        access = Access(
            provider=provider, server=context.server, ca_data=context.ca.decode(), eks=eks
        )
        credentials = MemberCredentials(lambda _: "", amazon=amazon)
        clusters = KubeMemberClusters(credentials, concern="tests", timeouts=QUICK)
        opened.append(clusters)
        return clusters.identity(MemberCluster(name=name, access=access))

    yield call
    for clusters in opened:
        clusters.close()


def test_a_function_enters_with_its_own_role(world, reach):
    """Keys of the environment sign; each cluster takes tokens for itself only."""
    for name in ("eks-us", "eks-ap"):
        assert reach(name) == world.clusters[name].uid()
    with pytest.raises(Forbidden, match="eks-us"):
        reach("eks-us", claimed="eks-ap")


def test_who_has_no_access_entry_stays_outside(world, reach):
    """A good signature of a role that the cluster does not know is a 401."""
    entries = world.world.clusters["eks-us"].entries
    entries.arns.discard(ROLE)
    try:
        with pytest.raises(Forbidden, match="eks-us"):
            reach("eks-us")
    finally:
        entries.arns.add(ROLE)


def test_a_role_of_another_account_is_taken_on_first(world, reach):
    """The cluster knows only that role; whom it does not trust is told so."""
    entries, identities = world.world.clusters["eks-ap"].entries, world.world.identities
    with pytest.raises(Forbidden, match="AccessDenied"):
        reach("eks-ap", role=THEIRS)
    identities.trust[THEIRS] = frozenset({ROLE})
    entries.arns.add(THEIRS)
    entries.arns.discard(ROLE)
    try:
        assert reach("eks-ap", role=THEIRS) == world.clusters["eks-ap"].uid()
    finally:
        entries.arns.add(ROLE)
        entries.arns.discard(THEIRS)


def test_on_google_cloud_an_identity_token_is_exchanged(world, reach, monkeypatch):
    """Without any key of AWS: the metadata server's word for us is taken by STS."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    amazon = AmazonIdentity(ROLE, proof=GoogleIdentity().proof)
    assert reach("eks-us", amazon=amazon) == world.clusters["eks-us"].uid()
    other = AmazonIdentity(THEIRS, proof=GoogleIdentity().proof)
    with pytest.raises(Forbidden, match="AssumeRoleWithWebIdentity"):
        reach("eks-us", amazon=other)
    with pytest.raises(Forbidden, match="no AWS credentials"):
        reach("eks-us")


def test_google_tokens_open_gke(world, reach):
    """A member by Google credentials: the metadata server's token is known to the cluster."""
    assert reach("gke-us", provider="gke") == world.clusters["gke-us"].uid()


def test_a_refused_token_is_made_anew_once(world, reach):
    """A 401 in the middle of a token's life: one more request, and then it is the member's word."""
    cluster = world.world.clusters["eks-us"].kube
    honest, seen = cluster.authenticate, []

    def moody(token):
        seen.append(token)
        return honest(token) if len(seen) > 1 else None

    cluster.authenticate = moody
    try:
        assert reach("eks-us") == world.clusters["eks-us"].uid()
        assert len(seen) == 2
        cluster.authenticate = seen.append
        with pytest.raises(Forbidden):
            reach("eks-us")
        assert len(seen) == 4
    finally:
        cluster.authenticate = honest


def test_an_sts_that_is_down_is_waited_for(reach, monkeypatch):
    """A role cannot be taken on just now: the member is not available, not forbidden."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="eks-us"):
        reach("eks-us", role=THEIRS)


def test_the_token_is_as_the_authenticator_wants_it(world):
    """A presigned GET of a minute that signs the cluster's name; ours lives for 14 minutes."""
    token = AmazonIdentity().eks_token(EksCluster(name="shop", region="cn-north-1"))
    text = token.text.removeprefix("k8s-aws-v1.")
    assert "=" not in text
    url = urllib.parse.urlsplit(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode())
    query = dict(urllib.parse.parse_qsl(url.query))
    assert (url.scheme, url.netloc) == ("https", "sts.cn-north-1.amazonaws.com.cn")
    assert query["Action"] == "GetCallerIdentity"
    assert query["X-Amz-Expires"] == "60"
    assert query["X-Amz-SignedHeaders"] == "host;x-k8s-aws-id"
    signed = world.world.identities.now()
    assert 14 * 60 - 10 < token.ends - signed <= 14 * 60


def test_no_log_line_and_no_error_shows_a_secret(world, reach, caplog, monkeypatch):
    """Everything that is logged and raised on the way in, ours at its loudest."""
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.DEBUG, logger="fedingress")
    secrets = [world.world._aws_key.secret]
    tokens = []
    cluster = world.world.clusters["eks-us"].kube
    honest = cluster.authenticate
    cluster.authenticate = tokens.append
    told = []
    try:
        for more in ({}, {"role": THEIRS}, {"role": role_arn("nobody")}):
            with pytest.raises(Forbidden) as caught:
                reach("eks-us", **more)
            told.append(f"{caught.value!r} {caught.value.__cause__!r}")
    finally:
        cluster.authenticate = honest
    assert tokens
    for hidden in (*secrets, *tokens, *(token.removeprefix("k8s-aws-v1.") for token in tokens)):
        assert hidden not in "\n".join(told)
        assert hidden not in caplog.text
