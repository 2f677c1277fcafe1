"""
Signatures of a cluster's events: made by its watcher, checked by the door of fan-out.

The private key is a file that only the watcher can read; `fedingress cluster key` makes it and
registers the public half. `cryptography` is loaded by the first signature or check, so that a
door whose events come from its own installation never loads it.

Source: RFC 8032 (Ed25519), RFC 5208 (PKCS #8 in PEM).
"""

# ruff: noqa: PLC0415  see above

import base64
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from fedingress.domain.errors import Invalid
from fedingress.domain.event import Event
from fedingress.domain.publisher import PublicKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class Signer:
    """Signs events with one private key; safe to call from many threads."""

    def __init__(self, key: "Ed25519PrivateKey") -> None:
        self._key = key
        self.public = PublicKey(raw=key.public_key().public_bytes_raw())

    def sign(self, event: Event) -> Event:
        """*event*, with the id of our key and its signature."""
        named = dataclasses.replace(event, keyid=self.public.id, signature="")
        signature = base64.b64encode(self._key.sign(named.signed)).decode()
        return dataclasses.replace(named, signature=signature)


def signer(path: str | Path) -> Signer:
    """
    The signer with the private key in the file *path*.

    Raises:
        Invalid: The file cannot be read, or holds no Ed25519 key in PEM.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(Path(path).expanduser().read_bytes(), password=None)
    except OSError as error:
        raise Invalid(f"the signing key {path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Invalid(f"the signing key {path} is no private key in PEM") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Invalid(f"the signing key {path} is no Ed25519 key")
    return Signer(key)


def new_pair() -> tuple[str, PublicKey]:
    """A new private key in PEM, unencrypted, and its public half."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode(), PublicKey(raw=key.public_key().public_bytes_raw())


def is_signed(event: Event, key: PublicKey) -> bool:
    """Whether the signature on *event* is that of *key* over all that the event says."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        signature = base64.b64decode(event.signature, validate=True)
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, event.signed)
    except (ValueError, InvalidSignature):
        return False
    return True
