"""Certificates of the users, as far as a load balancer must know them."""

from dataclasses import dataclass, field

from fedingress.domain import names


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """
    A certificate with its chain and private key, from a Secret of type `kubernetes.io/tls`.

    chain: PEM, the leaf first.   key: PEM; it is in no repr, report, plan or log.
    hosts: the DNS names of the leaf, lower case.   expires_at: Unix seconds.
    """

    chain: str
    key: str = field(repr=False, compare=False)
    hosts: tuple[str, ...]
    expires_at: float

    @property
    def digest(self) -> str:
        """Names this very chain; it says nothing about the key."""
        return names.short_hash(self.chain, length=16)

    def serves(self, host: str) -> bool:
        """Whether a client that asks for *host* accepts it; `*.` stands for one label."""
        return host in self.hosts or f"*.{host.partition('.')[2]}" in self.hosts


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRead:
    """
    What was found of one Secret.

    pair: None when *fault* says why there is none to use: (reason, sentence).
    hosts: those that the Ingress wants it for; empty for whatever it names.
    """

    secret: str
    pair: KeyPair | None = None
    fault: tuple[str, str] = ("", "")
    hosts: tuple[str, ...] = ()
