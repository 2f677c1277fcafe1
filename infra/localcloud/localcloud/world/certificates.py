"""The one certificate authority of a world, and the TLS side of its API servers."""

import ssl
from collections.abc import Sequence

import trustme


class Authority:
    """
    Signs one server certificate for 127.0.0.1, which all API servers of a world show, and the
    certificates that Google's stand-in issues.
    """

    def __init__(self) -> None:
        self._authority = trustme.CA(organization_name="local cloud")
        self._certificate = self._authority.issue_cert("127.0.0.1", "localhost")
        self.pem: bytes = self._authority.cert_pem.bytes()

    def issue(self, names: Sequence[str]) -> tuple[str, str]:
        """Give chain and key in PEM of a new certificate for *names*."""
        made = self._authority.issue_cert(*names)
        chain = "".join(pem.bytes().decode() for pem in made.cert_chain_pems)
        return chain, made.private_key_pem.bytes().decode()

    def server_context(self) -> ssl.SSLContext:
        """Give a context for a server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._certificate.configure_cert(context)
        return context
