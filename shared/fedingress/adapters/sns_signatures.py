"""
The signature that SNS puts on a notification, checked in the body of an SQS record.

It guards against whoever can put a body into the queue without publishing to the topic: a policy
that is too wide, or a subscription with raw delivery, where a publisher writes the whole body. It
says nothing of who published; the topic's own policy does.

The certificate's address stands in the message, so it is hostile until it is known to be SNS's.

Source: Amazon SNS, "Verifying the signatures of Amazon SNS messages" (string to sign, versions 1
and 2, certificates only by https from SNS).
"""

# ruff: noqa: PLC0415  `cryptography` is loaded by the first notification

import base64
import binascii
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from fedingress.adapters.fetching import fetch
from fedingress.domain.errors import Untrusted

Fetch = Callable[[str], bytes]
_URL: Final = re.compile(
    r"https://sns\.[a-z0-9-]{1,32}\.amazonaws\.com(\.cn)?/SimpleNotificationService-[0-9a-f]{1,64}\.pem"
)
_SIGNED: Final = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_VERSIONS: Final = ("1", "2")
_MOST: Final = 8
"""Certificates kept; SNS has one a region."""


class SnsSignatures:
    """Checks notifications; safe to call from many threads. *get* fetches a certificate."""

    def __init__(self, get: Fetch = fetch) -> None:
        self._get = get
        self._lock = threading.Lock()
        self._keys: dict[str, Any] = {}

    def require(self, notification: Mapping[str, Any]) -> None:
        """
        Return if SNS has signed *notification*.

        Raises:
            Untrusted: It has not.
            Unavailable: Its certificate cannot be fetched.
        """
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        version, url = notification.get("SignatureVersion"), notification.get("SigningCertURL")
        if version not in _VERSIONS or not isinstance(url, str) or not _URL.fullmatch(url):
            raise _forged("the notification names no certificate of SNS")
        try:
            signature = base64.b64decode(str(notification.get("Signature")), validate=True)
        except (binascii.Error, ValueError) as error:
            raise _forged("the notification is not signed") from error
        digest = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303  SNS's first
        try:
            self._key(url).verify(signature, signed(notification), padding.PKCS1v15(), digest)
        except InvalidSignature as error:
            raise _forged("the signature of the notification is wrong") from error

    def _key(self, url: str) -> Any:
        """The public key of the certificate at *url*, kept by its address, which never changes."""
        with self._lock:
            if url not in self._keys:
                found = _public_key(self._get(url))
                if len(self._keys) >= _MOST:
                    self._keys.clear()
                self._keys[url] = found
            return self._keys[url]


def signed(notification: Mapping[str, Any]) -> bytes:
    """The string that SNS signs; `Subject` is left out when there is none."""
    parts = [
        f"{name}\n{notification[name]}\n" for name in _SIGNED if notification.get(name) is not None
    ]
    return "".join(parts).encode(errors="surrogatepass")


def _public_key(pem: bytes) -> Any:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    try:
        key = x509.load_pem_x509_certificate(pem).public_key()
    except ValueError as error:
        raise _forged("SNS serves no certificate there") from error
    if not isinstance(key, RSAPublicKey):
        raise _forged("the certificate holds no RSA key")
    return key


def _forged(why: str) -> Untrusted:
    return Untrusted("bad-sns-signature", why)
