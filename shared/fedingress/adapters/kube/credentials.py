"""
What goes into the Authorization header of calls to members, by the provider of their access.

`clusters` asks for one `Credentials` per member, `fedingress cluster join` for one. Tokens live in
memory only, and in no repr, log or error.
"""

from collections.abc import Callable

from fedingress.adapters.kube.amazon import AmazonIdentity
from fedingress.adapters.kube.connection import Credentials
from fedingress.adapters.kube.google import GoogleIdentity
from fedingress.adapters.kube.renewing import Renewing, Token
from fedingress.domain.cluster import Access
from fedingress.domain.errors import Unsupported

TokenReader = Callable[[str], str]
"""Gives the token in the Secret `namespace/name`."""


class MemberCredentials:
    """Who we are, once per process; gives the credentials of each member."""

    def __init__(
        self,
        read_token: TokenReader,
        *,
        google: GoogleIdentity | None = None,
        amazon: AmazonIdentity | None = None,
    ) -> None:
        self._read_token = read_token
        self._google = google or GoogleIdentity()
        self._amazon = amazon or AmazonIdentity()

    def of(self, access: Access) -> Credentials:
        """
        The credentials that *access* asks for; nothing is contacted yet.

        Raises:
            Unsupported: Its provider is not served.
        """
        if access.provider == "fedingress-token":
            return Renewing(lambda: Token(text=self._token(access.token_secret)))
        if access.provider == "gke":
            return self._google.header
        cluster = access.eks
        if access.provider == "eks" and cluster is not None:
            return Renewing(lambda: self._amazon.eks_token(cluster))
        raise Unsupported(f"{access.provider!r} is no way to reach a member that is served")

    def secret(self, reference: str) -> str | None:
        """
        What stands under *reference* in Secret Manager or Secrets Manager; None for a name of
        neither's.

        Raises:
            Forbidden, Unavailable, Unsupported: It cannot be read.
        """
        if reference.startswith("projects/"):
            return self._google.secret(reference)
        if reference.startswith("arn:"):
            return self._amazon.secret(reference)
        return None

    def _token(self, secret: str) -> str:
        """The token that stands under *secret*, wherever that is."""
        found = self.secret(secret)
        return (self._read_token(secret) if found is None else found).strip()
