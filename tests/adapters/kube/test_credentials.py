"""Where the Authorization header of calls to members comes from, by provider of their access."""

import datetime as dt
import json

import google.auth
import google.auth.exceptions
import pytest

from fedingress.adapters.kube.credentials import MemberCredentials
from fedingress.adapters.kube.google import GoogleIdentity
from fedingress.domain.cluster import Access
from fedingress.domain.errors import Forbidden, Invalid, Unavailable, Unsupported


class Found:
    """Google's default credentials, which count their refreshes."""

    def __init__(self, error=None, expiry=None):
        self.token, self.refreshed, self.expiry, self._error = "", 0, expiry, error

    def refresh(self, request):
        if self._error:
            raise self._error
        self.refreshed += 1
        self.token = f"google-{self.refreshed}"


def access(provider, secret="inventory/m-token"):
    return Access(provider=provider, server="https://127.0.0.1:1", token_secret=secret)


def by_default(monkeypatch, found):
    monkeypatch.setattr(google.auth, "default", lambda scopes: (found, "lab"))


def test_one_google_token_serves_all_clusters(monkeypatch):
    """It is fetched once, and again when a server refuses it."""
    by_default(monkeypatch, Found())
    credentials = MemberCredentials(lambda secret: "")
    one, two = credentials.of(access("gke")), credentials.of(access("gke"))

    assert one("") == two("") == "Bearer google-1"
    assert two("Bearer google-1") == one("") == "Bearer google-2"


def test_a_google_token_is_renewed_before_it_ends(monkeypatch):
    """Google's expiry is in UTC, without saying so."""
    soon = dt.datetime.now(dt.UTC).replace(tzinfo=None) + dt.timedelta(seconds=30)
    found = Found(expiry=soon)
    by_default(monkeypatch, found)
    header = GoogleIdentity().header
    assert [header(), header()] == ["Bearer google-1", "Bearer google-2"]
    found.expiry = soon + dt.timedelta(hours=1)
    assert [header(), header()] == ["Bearer google-3", "Bearer google-3"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (google.auth.exceptions.TransportError("no metadata server"), Unavailable),
        (google.auth.exceptions.RefreshError("revoked"), Forbidden),
    ],
)
def test_a_google_token_that_does_not_come(monkeypatch, error, kind):
    """A dead metadata server passes; missing or revoked credentials need a person."""
    by_default(monkeypatch, Found(error))

    with pytest.raises(kind):
        GoogleIdentity().header()


def test_no_google_credentials_at_all(monkeypatch):
    """The sentence says what is missing."""

    def default(scopes):
        raise google.auth.exceptions.DefaultCredentialsError("none found")

    monkeypatch.setattr(google.auth, "default", default)
    with pytest.raises(Forbidden, match="no Google credentials"):
        GoogleIdentity().header()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        json.dumps({"type": "service_account", "private_key": "sesame"}),
        json.dumps({"type": "external_account", "credential_source": {"executable": "sesame"}}),
    ],
)
def test_only_a_federation_may_stand_in_the_settings(text):
    """Anything else is refused, and not repeated: a setting is no place for a key."""
    with pytest.raises(Invalid, match="external_account") as caught:
        GoogleIdentity(text)
    assert "sesame" not in str(caught.value)


def test_a_secret_is_read_once_until_it_is_refused():
    """Tokens are kept and stripped."""
    reads = []

    def read(secret):
        reads.append(secret)
        return f"token-{len(reads)}\n"

    header = MemberCredentials(read).of(access("fedingress-token"))
    assert [header(""), header("")] == ["Bearer token-1"] * 2
    assert header("Bearer token-1") == "Bearer token-2"
    assert reads == ["inventory/m-token"] * 2


def test_what_is_not_served_says_so():
    """A provider that nobody decodes is a lack of ours."""
    with pytest.raises(Unsupported, match="'kubeconfig'"):
        MemberCredentials(lambda secret: "").of(access("kubeconfig"))
