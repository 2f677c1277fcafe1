"""Where the Authorization header of calls to members comes from."""

import google.auth
import google.auth.exceptions
import pytest

from fedingress.adapters.kube.credentials import GoogleToken, SecretToken, for_member
from fedingress.domain.cluster import Access, MemberCluster
from fedingress.domain.errors import Forbidden, Unavailable, Unsupported


class Credentials:
    """Default credentials that count their refreshes."""

    def __init__(self, error: Exception | None = None) -> None:
        self.valid, self.token, self.refreshed, self._error = False, "", 0, error

    def refresh(self, request) -> None:
        if self._error:
            raise self._error
        self.refreshed += 1
        self.valid, self.token = True, f"google-{self.refreshed}"


def member(provider: str) -> MemberCluster:
    access = Access(
        provider=provider, server="https://127.0.0.1:1", token_secret="inventory/m-token"
    )
    return MemberCluster(name="m", access=access)


def test_one_google_token_serves_all_clusters(monkeypatch):
    """It is fetched once, while it is valid, and again when a server refuses it."""
    found = Credentials()
    monkeypatch.setattr(google.auth, "default", lambda scopes: (found, "lab"))
    google_token = GoogleToken()
    one = for_member(member("gke"), lambda secret: "", google_token)
    two = for_member(member("gke"), lambda secret: "", google_token)

    assert one(False) == two(False) == "Bearer google-1"
    assert two(True) == "Bearer google-2"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (google.auth.exceptions.TransportError("no metadata server"), Unavailable),
        (google.auth.exceptions.RefreshError("revoked"), Forbidden),
    ],
)
def test_a_google_token_that_does_not_come(monkeypatch, error, kind):
    """A dead metadata server passes; missing or revoked credentials need a person."""
    monkeypatch.setattr(google.auth, "default", lambda scopes: (Credentials(error), "lab"))

    with pytest.raises(kind):
        GoogleToken()(False)


def test_no_google_credentials_at_all(monkeypatch):
    """The sentence says what is missing."""

    def default(scopes):
        raise google.auth.exceptions.DefaultCredentialsError("none found")

    monkeypatch.setattr(google.auth, "default", default)
    with pytest.raises(Forbidden, match="no Google credentials"):
        GoogleToken()(False)


def test_a_secret_is_read_once_until_it_is_stale():
    """Tokens are kept, stripped, and shown by no repr."""
    reads = []

    def read(secret):
        reads.append(secret)
        return f"token-{len(reads)}\n"

    credentials = for_member(member("fedingress-token"), read, GoogleToken())
    assert isinstance(credentials, SecretToken)
    assert [credentials(False), credentials(False)] == ["Bearer token-1"] * 2
    assert credentials(True) == "Bearer token-2"
    assert reads == ["inventory/m-token"] * 2
    assert "token-2" not in repr(credentials)


def test_what_is_not_served_says_so():
    """EKS tokens and absent access are refused with a way out."""
    with pytest.raises(Unsupported, match="fedingress cluster join"):
        for_member(member("eks"), lambda secret: "", GoogleToken())
    with pytest.raises(Unsupported, match="how to reach it"):
        for_member(MemberCluster(name="m", access=None), lambda secret: "", GoogleToken())
