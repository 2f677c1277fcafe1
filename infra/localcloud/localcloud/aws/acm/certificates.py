"""
The certificates of an account, by region: what ACM keeps and HTTPS listeners show.

The chain and the key stay together as one PEM file, as servers of TLS read them; nobody is given
the key again.

Source: ACM User Guide, "Prerequisites for importing certificates" (the key must be that of the
certificate, both in PEM, the key without a password).
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """
    One imported certificate.

    Attributes:
        arn: Its name for the API.
        region: The only one whose load balancers can show it.
        leaf: What it says.
        chain: PEM, the leaf first.
        key: PEM.
        imported: Seconds since 1970.
        tags: Of the certificate.
    """

    arn: str
    region: str
    leaf: x509.Certificate
    chain: str
    key: str
    imported: float
    tags: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Give the hosts that it is for, in its own order."""
        try:
            found = self.leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except x509.ExtensionNotFound:
            return ()
        return tuple(found.value.get_values_for_type(x509.DNSName))

    @property
    def pem(self) -> str:
        """Give chain and key as one file."""
        return f"{self.chain.strip()}\n{self.key.strip()}\n"

    def serves(self, host: str) -> bool:
        """Say whether clients take it for *host*; a wildcard is for one label."""
        _, _, parent = host.partition(".")
        return host in self.names or f"*.{parent}" in self.names


class Certificates:
    """
    All certificates of the account.

    Attributes:
        all: By ARN.
    """

    def __init__(self) -> None:
        self.all: dict[str, Certificate] = {}
        self._subscribers: list[Callable[[], None]] = []

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Call *changed* after each change."""
        self._subscribers.append(changed)

    def put(self, certificate: Certificate) -> None:
        """Keep a certificate, in place of the one that had its ARN."""
        self.all[certificate.arn] = certificate
        self._tell()

    def remove(self, arn: str) -> None:
        """Forget a certificate."""
        if self.all.pop(arn, None) is not None:
            self._tell()

    def find(self, region: str, arn: str) -> Certificate | None:
        """Give the certificate of that ARN, if the region has it."""
        found = self.all.get(arn)
        return found if found is not None and found.region == region else None

    def serving(self, region: str, host: str) -> str | None:
        """Give the ARN of a certificate for *host*, the newest of those that there are."""
        fitting = [
            each for each in self.all.values() if each.region == region and each.serves(host)
        ]
        return max(fitting, key=lambda each: each.imported).arn if fitting else None

    def _tell(self) -> None:
        for changed in self._subscribers:
            changed()


def new_arn(region: str, account: str) -> str:
    """Give an ARN that no certificate has."""
    return f"arn:aws:acm:{region}:{account}:certificate/{uuid.uuid4()}"


def read(chain: str, key: str) -> x509.Certificate:
    """
    Give the leaf of a chain that fits its key.

    Raises:
        ValueError: Not PEM, a locked key, or one of another certificate.
    """
    try:
        leaf = x509.load_pem_x509_certificates(chain.encode())[0]
        public = load_pem_private_key(key.encode(), password=None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as reason:
        raise ValueError(f"The certificate or the private key cannot be read: {reason}") from reason
    if public != leaf.public_key():
        raise ValueError("The private key is not that of the certificate.")
    return leaf


def tags_of(rows: Any) -> dict[str, str]:
    """Give tags of the API's form as a mapping."""
    return {each["Key"]: each.get("Value", "") for each in rows or ()}
