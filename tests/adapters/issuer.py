"""An issuer of identity tokens, for tests: real RSA, claims as asked for."""

import base64
import json
import time

from localcloud.pubsub.tokens import Issuer

EMAIL = "push@lab.iam.gserviceaccount.com"
AUDIENCE = "https://fanout.example"


def encoded(value):
    """Base64url without padding, as in a JWT."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


class Forge(Issuer):
    """Also issues tokens whose claims are not as they should be."""

    def issue(self, *, key=None, header=None, **claims):
        """A token with these claims in place of the good ones; None leaves one out."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

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

    @property
    def kid(self):
        return self.keys()["keys"][0]["kid"]

    def served(self):
        """What its certificates' address answers."""
        return json.dumps(self.certificates()).encode()
