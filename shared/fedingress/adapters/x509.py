"""
Key pairs from the data of a Secret of type `kubernetes.io/tls`.

Called by the implementations of the port `Sources`. It refuses what Google's load balancers would
refuse, in words that name the Secret's field, so that a bad pair never reaches a cloud.

Source: RFC 5280; compute v1 SslCertificate and "Self-managed SSL certificates" (RSA of 2048 bits
and more, ECDSA on P-256 or P-384; no encrypted keys).
"""

import base64
import binascii
import importlib
from collections.abc import Mapping
from typing import Any, Final

from fedingress.domain.certificate import KeyPair
from fedingress.domain.errors import Invalid

CHAIN: Final = "tls.crt"
KEY: Final = "tls.key"
_LEAST_RSA_BITS: Final = 2048
_CURVES: Final = frozenset({"secp256r1", "secp384r1"})
_LARGEST: Final = 65536


def from_secret(where: str, secret: Mapping[str, Any]) -> KeyPair:
    """
    The pair in *secret*, a manifest; `stringData` counts before `data`.

    Raises:
        Invalid: Every reason why there is none, *where* first; never with any of the key.
    """
    found, reasons = {}, []
    for name in (CHAIN, KEY):
        try:
            found[name] = _text(secret, name)
        except ValueError as fault:
            reasons.append(f"{where}: {name} {fault}")
    if reasons:
        raise Invalid(reasons)
    try:
        return _pair(found[CHAIN], found[KEY])
    except ValueError as fault:
        raise Invalid(f"{where}: {fault}") from None  # the cause may repeat the key


def _text(secret: Mapping[str, Any], name: str) -> str:
    text, encoded = (_held(secret, part).get(name) or "" for part in ("stringData", "data"))
    if not text:
        try:
            text = base64.b64decode(str(encoded), validate=True).decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            raise ValueError("is not base64 of PEM text") from None
    if not isinstance(text, str) or not text.strip():
        raise ValueError("is missing")
    if len(text) > _LARGEST:
        raise ValueError(f"has more than {_LARGEST} characters")
    return text.strip() + "\n"


def _held(secret: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    found = secret.get(part)
    return found if isinstance(found, Mapping) else {}


def _pair(chain: str, key: str) -> KeyPair:
    x509 = importlib.import_module("cryptography.x509")
    try:
        leaf = x509.load_pem_x509_certificates(chain.encode())[0]
    except ValueError:
        raise ValueError(f"{CHAIN} holds no PEM certificate that can be read") from None
    private = _private(key)
    if _bytes(private.public_key()) != _bytes(leaf.public_key()):
        raise ValueError(f"{KEY} is not the key of the certificate in {CHAIN}")
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        raise ValueError(f"{CHAIN} has no subject alternative name") from None
    hosts = {name.lower() for name in names.get_values_for_type(x509.DNSName)}
    return KeyPair(
        chain=chain,
        key=key,
        hosts=tuple(sorted(hosts)),
        expires_at=leaf.not_valid_after_utc.timestamp(),
    )


def _private(text: str) -> Any:
    serialization = importlib.import_module("cryptography.hazmat.primitives.serialization")
    unsupported = importlib.import_module("cryptography.exceptions").UnsupportedAlgorithm
    try:
        key = serialization.load_pem_private_key(text.encode(), password=None)
    except TypeError:
        raise ValueError(f"{KEY} is encrypted; a load balancer needs it in the clear") from None
    except (ValueError, unsupported):
        raise ValueError(f"{KEY} holds no PEM private key that can be read") from None
    curve = getattr(getattr(key, "curve", None), "name", "")
    if not (curve in _CURVES or (not curve and _rsa_bits(key) >= _LEAST_RSA_BITS)):
        raise ValueError(
            f"{KEY} is not of a kind that load balancers take: RSA of 2048 bits or more, "
            "ECDSA on P-256 or P-384"
        )
    return key


def _rsa_bits(key: Any) -> int:
    rsa = importlib.import_module("cryptography.hazmat.primitives.asymmetric.rsa")
    return int(key.key_size) if isinstance(key, rsa.RSAPrivateKey) else 0


def _bytes(public: Any) -> bytes:
    serialization = importlib.import_module("cryptography.hazmat.primitives.serialization")
    found: bytes = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return found
