"""The one certificate authority of a world, and the TLS side of its API servers."""

import ssl

import trustme


class Authority:
    """Signs one server certificate for 127.0.0.1, which all API servers of a world show."""

    def __init__(self) -> None:
        authority = trustme.CA(organization_name="local cloud")
        self._certificate = authority.issue_cert("127.0.0.1", "localhost")
        self.pem: bytes = authority.cert_pem.bytes()

    def server_context(self) -> ssl.SSLContext:
        """Give a context for a server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._certificate.configure_cert(context)
        return context
