"""
What goes into the Authorization header of calls to members, by the provider of their access.

`clusters` asks for one `Credentials` per member. Tokens live in memory only, and in no repr.

Source: Google Cloud documentation, "Authenticating to the Kubernetes API server".
"""

# ruff: noqa: PLC0415  the SDK is imported where it is first needed, never with this module

import functools
import threading
from collections.abc import Callable
from typing import Any, Final

from fedingress.adapters.kube.connection import Credentials
from fedingress.adapters.kube.errors import excerpt
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.errors import Forbidden, Unavailable, Unsupported

TokenReader = Callable[[str], str]
"""Gives the token in the Secret `namespace/name`."""

_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_TIMEOUT_SECONDS: Final = 5.0


def anonymous(_fresh: bool) -> str:
    """No header: the connection authenticates otherwise, or not at all."""
    return ""


class SecretToken:
    """The token of one Secret, read when first needed and when it is said to be stale."""

    def __init__(self, read: TokenReader, secret: str) -> None:
        self._read = read
        self._secret = secret
        self._header = ""
        self._lock = threading.Lock()

    def __call__(self, fresh: bool) -> str:
        """The header."""
        with self._lock:
            if fresh or not self._header:
                self._header = f"Bearer {self._read(self._secret).strip()}"
            return self._header


class GoogleToken:
    """The token of Google's default credentials: one for all GKE clusters, about an hour long."""

    def __init__(self) -> None:
        self._found: Any = None
        self._lock = threading.Lock()

    def __call__(self, fresh: bool) -> str:
        """The header."""
        import google.auth
        import google.auth.exceptions

        with self._lock:
            try:
                if self._found is None:
                    self._found, _ = google.auth.default(scopes=[_SCOPE])
                if fresh or not self._found.valid:
                    self._found.refresh(_google_request())
            except google.auth.exceptions.TransportError as error:
                raise Unavailable(f"no Google token came: {excerpt(str(error))}") from error
            except google.auth.exceptions.GoogleAuthError as error:
                raise Forbidden(f"no Google credentials: {excerpt(str(error))}") from error
            return f"Bearer {self._found.token}"


def for_member(member: MemberCluster, read: TokenReader, google: GoogleToken) -> Credentials:
    """
    The credentials that the member's access asks for.

    Raises:
        Unsupported: There is no access, or its provider is not served.
    """
    access = member.access
    if access is None:
        raise Unsupported(f"{member.name} says nothing of how to reach it")
    if access.provider == "fedingress-token":
        return SecretToken(read, access.token_secret)
    if access.provider == "gke":
        return google
    raise Unsupported(
        f"{member.name} is reached by {access.provider!r}, which this version does not serve; "
        "join it with a token: `fedingress cluster join`"
    )


def _google_request() -> Any:
    import google.auth.transport.urllib3
    import urllib3

    request: Any = google.auth.transport.urllib3.Request
    return functools.partial(request(urllib3.PoolManager()), timeout=_TIMEOUT_SECONDS)
