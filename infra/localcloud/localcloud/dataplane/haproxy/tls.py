"""
Certificates of HTTPS proxies, as HAProxy reads them: one PEM file each, chain and key.

A pair that does not fit is left out and named, so that one bad certificate cannot hold up every
other change. Policies are served from TLS 1.2 on: what OpenSSL of today has at its default level.

Managed certificates have a key once they are issued. Not modelled: certificate maps, client
certificates.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from localcloud.dataplane.haproxy.snapshot import Resource, Snapshot, identifier, path_of

_LOWEST = {"TLS_1_3": "TLSv1.3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """What a socket needs to speak TLS: PEM text by file name, the first served by default."""

    minimum: str
    files: Mapping[str, str]

    def options(self) -> str:
        """The words after ``bind ADDRESS``."""
        certificates = " ".join(f"crt {name}" for name in self.files)
        return f"ssl {certificates} alpn h2,http/1.1 ssl-min-ver {self.minimum}"


def tls_of(proxy: Resource, snapshot: Snapshot, problems: list[str]) -> Tls:
    """
    The certificates and lowest version of a target HTTPS proxy.

    Raises:
        ValueError: Not one of its certificates can be served.
    """
    files = dict(_bundles(proxy, snapshot, problems))
    if not files:
        raise ValueError("no certificate of the proxy can be served")
    policy = snapshot.get(proxy.get("sslPolicy")) or {}
    return Tls(minimum=_LOWEST.get(policy.get("minTlsVersion", ""), "TLSv1.2"), files=files)


def _bundles(proxy: Resource, snapshot: Snapshot, problems: list[str]) -> Iterator[tuple[str, str]]:
    for reference in proxy.get("sslCertificates") or ():
        path = path_of(reference)
        chain = (snapshot.compute.get(path) or {}).get("certificate") or ""
        key = snapshot.private_key(path) or ""
        try:
            fits = _fits(chain.encode(), key.encode())
        except (ValueError, TypeError, UnsupportedAlgorithm) as reason:
            problems.append(f"{path}: {reason}")
            continue
        if fits:
            yield f"{identifier('c', path)}.pem", f"{chain.strip()}\n{key.strip()}\n"
        else:
            problems.append(f"{path}: the key is another certificate's")


def _fits(chain: bytes, key: bytes) -> bool:
    """Whether the key is that of the first certificate; ValueError when one cannot be read."""
    leaf = x509.load_pem_x509_certificates(chain)[0]
    return load_pem_private_key(key, password=None).public_key() == leaf.public_key()
