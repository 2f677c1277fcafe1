"""
The identity tokens that pushes carry and the metadata server gives, and the keys that verify them.

The claims are those of Google's tokens; the key is this server's own, made when first needed.

Source: Pub/Sub, "Authentication for push subscriptions"; RFC 7519 (JWT), RFC 7517 (JWK); the
published keys at www.googleapis.com/oauth2/v1/certs (certificates) and v3 (JWK).
"""

import base64
import datetime as dt
import functools
import hashlib
import json
import time
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

ISSUER: Final = "https://accounts.google.com"
LIFETIME_SECONDS: Final = 3600
_BITS: Final = 2048
_EXPONENT: Final = 65537


class Issuer:
    """Signs tokens with RS256."""

    @functools.cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=_EXPONENT, key_size=_BITS)

    @functools.cached_property
    def _jwk(self) -> dict[str, str]:
        numbers = self._key.public_key().public_numbers()
        modulus = numbers.n.to_bytes(_BITS // 8, "big")
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": hashlib.sha256(modulus).hexdigest()[:40],
            "n": _base64(modulus),
            "e": _base64(numbers.e.to_bytes(3, "big")),
        }

    def keys(self) -> dict[str, Any]:
        """Give the JSON Web Key Set."""
        return {"keys": [self._jwk]}

    def certificates(self) -> dict[str, str]:
        """Give the same key as a certificate in PEM, by its id: what google-auth reads."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "local cloud")])
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=30))
            .sign(self._key, hashes.SHA256())
        )
        return {self._jwk["kid"]: certificate.public_bytes(serialization.Encoding.PEM).decode()}

    def claims(self, token: str) -> dict[str, Any] | None:
        """Give the claims of a *token* that this issuer has signed; None for any other."""
        signed, _, encoded = token.rpartition(".")
        try:
            signature = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            self._key.public_key().verify(
                signature, signed.encode(), padding.PKCS1v15(), hashes.SHA256()
            )
            body = signed.partition(".")[2]
            found = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (InvalidSignature, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def token(self, email: str, audience: str) -> str:
        """Give a token of the service account *email* for *audience*."""
        now = int(time.time())
        subject = subject_of(email)
        header = {"alg": "RS256", "kid": self._jwk["kid"], "typ": "JWT"}
        claims = {
            "aud": audience,
            "azp": subject,
            "email": email,
            "email_verified": True,
            "exp": now + LIFETIME_SECONDS,
            "iat": now,
            "iss": ISSUER,
            "sub": subject,
        }
        signed = f"{_json(header)}.{_json(claims)}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64(signature)}"


def subject_of(email: str) -> str:
    """Give the number by which tokens name the service account *email*."""
    return str(int(hashlib.sha256(email.encode()).hexdigest()[:16], 16))


def _json(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
