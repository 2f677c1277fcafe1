"""What an EKS cluster of the lab takes for a token, and what not; the tokens are botocore's own."""

import base64

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.iam import Identities
from localcloud.iam.eks import AccessEntries
from localcloud.iam.identities import role_arn

ROLE = role_arn("functions")
ACTION = "Action=GetCallerIdentity&Version=2011-06-15"
HOST = "sts.us-east-1.amazonaws.com"


class Cluster:
    """One cluster whose access entries hold one role."""

    def __init__(self):
        self.identities = Identities()
        clock, self.ahead = self.identities.now, 0.0
        self.identities.now = lambda: clock() + self.ahead
        self.key = self.identities.key(ROLE)
        self.entries = AccessEntries("shop", "us-east-1", self.identities)
        self.entries.arns.add(ROLE)

    def url(self, *, query=ACTION, host=HOST, headers=None, scheme="https"):
        if headers is None:
            headers = {"x-k8s-aws-id": "shop"}
        request = AWSRequest(method="GET", url=f"{scheme}://{host}/?{query}", headers=headers)
        keys = Credentials(self.key.key_id, self.key.secret, self.key.session_token or None)
        SigV4QueryAuth(keys, "sts", "us-east-1", expires=60).add_auth(request)
        return request.url

    def takes(self, url):
        encoded = base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
        return self.entries.caller(f"k8s-aws-v1.{encoded}") == ROLE


def test_a_token_is_taken_for_a_quarter_of_an_hour():
    """Longer than the presigned request says of itself."""
    cluster = Cluster()
    url = cluster.url()
    assert cluster.takes(url)
    cluster.ahead = 880.0
    assert cluster.takes(url)
    cluster.ahead = 920.0
    assert not cluster.takes(url)


def test_temporary_keys_are_taken_while_they_live():
    """With their session token, which is signed too."""
    cluster = Cluster()
    cluster.key = cluster.identities.key(ROLE, lifetime_seconds=100.0)
    url = cluster.url()
    assert cluster.takes(url)
    cluster.ahead = 200.0
    assert not cluster.takes(url)


REFUSED = {
    "another cluster": {"headers": {"x-k8s-aws-id": "other"}},
    "no cluster": {"headers": {}},
    "another host": {"host": "sts.us-east-1.amazonaws.com.example.com"},
    "another region": {"host": "sts.eu-west-1.amazonaws.com"},
    "in the clear": {"scheme": "http"},
    "another action": {"query": "Action=AssumeRole&Version=2011-06-15"},
    "one parameter more": {"query": f"{ACTION}&Next=1"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_requests_are_refused(name):
    """Well signed, but not a question to STS of who asks this very cluster."""
    cluster = Cluster()
    assert not cluster.takes(cluster.url(**REFUSED[name]))


def test_what_was_changed_after_signing_is_refused():
    """Each part of the signature counts, and so does a parameter given twice."""
    cluster = Cluster()
    url = cluster.url()
    assert not cluster.takes(url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"))
    assert not cluster.takes(f"{url}&Action=GetCallerIdentity")
    assert not cluster.takes(url.replace(cluster.key.key_id, "AKIAANOTHER"))


def test_what_is_no_token_is_refused():
    """Without a traceback, whatever it is."""
    entries = Cluster().entries
    long = "k8s-aws-v1." + "A" * 5000
    for token in ("", "k8s-aws-v1.", "k8s-aws-v1.%%%", "k8s-aws-v1.aGk", "eyJ.a.b", long):
        assert entries.caller(token) is None
