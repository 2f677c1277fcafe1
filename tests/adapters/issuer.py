"""An issuer of identity tokens, for tests: real RSA, claims as asked for."""

import base64
import datetime as dt
import json
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

EMAIL = "push@lab.iam.gserviceaccount.com"
AUDIENCE = "https://fanout.example"


def encoded(value):
    """Base64url without padding, as in a JWT."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


class Forge:
    """Issues good tokens, and such whose claims are not as they should be."""

    def __init__(self):
        self._key = rsa.generate_private_key(65537, 2048)
        self.kid = f"{self._key.public_key().public_numbers().n % 2**64:016x}"

    def certificates(self):
        """The certificate in PEM by its id, as Google serves its own."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(1)
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .sign(self._key, hashes.SHA256())
        )
        return {self.kid: certificate.public_bytes(serialization.Encoding.PEM).decode()}

    def issue(self, *, key=None, header=None, **claims):
        """A token with these claims in place of the good ones; None leaves one out."""
        now = int(time.time())
        good = {
            "aud": AUDIENCE,
            "email": EMAIL,
            "email_verified": True,
            "exp": now + 600,
            "iat": now,
            "iss": "https://accounts.google.com",
        }
        said = {name: value for name, value in (good | claims).items() if value is not None}
        top = {"alg": "RS256", "kid": self.kid, "typ": "JWT"} | (header or {})
        signed = f"{encoded(top)}.{encoded(said)}"
        signature = (key or self._key).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    def served(self):
        """What its certificates' address answers."""
        return json.dumps(self.certificates()).encode()
