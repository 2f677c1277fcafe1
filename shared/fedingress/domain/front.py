"""What decides how clients reach the graph of one Ingress."""

from dataclasses import dataclass

from fedingress.domain.certificate import SecretRead
from fedingress.domain.policy import TlsPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontWish:
    """
    What an Ingress says of its front end in its annotations.

    http: whether it may be reached without TLS.   pre_shared: names of certificates in the cloud.
    address, address6: names of reserved addresses in the cloud, of IPv4 and IPv6.
    """

    http: bool = True
    pre_shared: tuple[str, ...] = ()
    address: str = ""
    address6: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """
    What the Ingress and its policy say, with the Secrets as they were read.

    secrets: of `spec.tls`, in order.   ipv6: whether the policy asks for it.   now: Unix seconds.
    """

    secrets: tuple[SecretRead, ...] = ()
    wish: FrontWish = FrontWish()
    tls: TlsPolicy = TlsPolicy()
    ipv6: bool = False
    now: float = 0.0

    @property
    def pre_shared(self) -> tuple[str, ...]:
        """Names of certificates that others keep: the Ingress's, then the policy's."""
        return tuple(dict.fromkeys((*self.wish.pre_shared, *self.tls.pre_shared)))
