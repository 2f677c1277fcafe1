"""
From `spec.tls` of a FederationPolicy to the domain's.

Called by `planning.decode.policies`. The CRD in `infra/kubernetes/crds` refuses the same.

Source: compute v1 SslPolicy, SslCertificate, TargetHttpsProxy.
"""

from typing import Final

from fedingress.domain.policy import TlsPolicy
from fedingress.planning.decode.reading import Cell
from fedingress.planning.decode.words import GCE_NAME

VERSIONS: Final = ("1.0", "1.1", "1.2", "1.3")
_MOST_CERTIFICATES: Final = 15
_UNSERVED: Final = {"copySecrets": "is known, but not served by this version"}


def tls(cell: Cell) -> TlsPolicy:
    """The policy's TLS with defaults."""
    cell.fields(
        *("minimumVersion", "sslPolicy", "redirect"),
        *("preSharedCertificates", "certificateMap", "managedCertificates"),
        unserved=_UNSERVED,
    )
    lowest, named = cell.child("minimumVersion"), cell.child("sslPolicy")
    if lowest.given and named.given:
        named.fault("stands beside minimumVersion; an SSL policy has a minimum version of its own")
    return TlsPolicy(
        minimum_version=lowest.choice(VERSIONS, noun="version of TLS"),
        ssl_policy=named.text(like=GCE_NAME, noun="the name of an SSL policy"),
        redirect=cell.child("redirect").boolean(default=False),
        pre_shared=_names(cell.child("preSharedCertificates")),
        certificate_map=cell.child("certificateMap").text(
            like=GCE_NAME, noun="the name of a certificate map"
        ),
        managed=cell.child("managedCertificates").boolean(default=False),
    )


def _names(cell: Cell) -> tuple[str, ...]:
    found: list[str] = []
    for item in cell.items(most=_MOST_CERTIFICATES):
        name = item.required(like=GCE_NAME, noun="the name of a certificate")
        if name and name in found:
            item.fault(f"{name} is named twice")
        found.append(name)
    return tuple(found)
