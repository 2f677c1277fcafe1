"""The FederationPolicy: what a platform team decides for a class of Ingresses, with defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fedingress.domain.options import BackendOptions
from fedingress.domain.placement import PlacementRule, Selector

NEAREST_RATE = 1e14
"""Requests per second per endpoint that are never reached: strictly the nearest region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheckPolicy:
    """The HTTP health check of every backend service. Seconds and counts of probes."""

    path: str = "/"
    host: str = ""
    interval_seconds: int = 15
    timeout_seconds: int = 15
    healthy_threshold: int = 1
    unhealthy_threshold: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendPolicy:
    """max_rate_per_endpoint: requests per second; None is strictly the nearest region."""

    mode: str = "neg"
    max_rate_per_endpoint: float | None = None
    health_check: HealthCheckPolicy = HealthCheckPolicy()
    timeout_seconds: int = 30
    draining_seconds: int = 30
    options: BackendOptions = BackendOptions()


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ZoneRef:
    """
    A hosted zone that the policy may write to.

    provider: `cloud-dns`.   domain: the zone's DNS name without the final dot, lower case.
    """

    provider: str
    project: str
    name: str
    domain: str

    @property
    def unit(self) -> str:
        """The unit of `dns` that owns this zone."""
        return f"{self.provider}:{self.project}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsPolicy:
    """No zones: the Ingress is reached by its address only."""

    zones: tuple[ZoneRef, ...] = ()
    routing: str = "simple"
    ttl_seconds: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsPolicy:
    """
    TLS at the global address, beside the Secrets of each Ingress.

    minimum_version: `1.0` to `1.3`; empty for the cloud's default.   ssl_policy: the name of one
        that others keep, instead.
    redirect: send HTTP requests to HTTPS.
    pre_shared: names of certificates that others keep in the project.
    certificate_map: the name of one of Certificate Manager's; it replaces all certificates.
    managed: let Google issue certificates for hosts that no Secret serves.
    """

    minimum_version: str = ""
    ssl_policy: str = ""
    redirect: bool = False
    pre_shared: tuple[str, ...] = ()
    certificate_map: str = ""
    managed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionPolicy:
    """
    mode: `cascade` removes what we made, `orphan` leaves and marks it.
    grace_seconds: how long an unreachable member may hold a deletion.
    drain_seconds: how long the load balancer outlives the records, beyond their TTL.
    """

    mode: str = "cascade"
    grace_seconds: int = 600
    drain_seconds: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A JSON Patch for the member Ingress in the clusters named or selected."""

    patch: tuple[Mapping[str, Any], ...]
    clusters: tuple[str, ...] | None = None
    selector: Selector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FederationPolicy:
    """
    One decoded FederationPolicy.

    project: where the global graph of `gcp` stands.   ipv6: whether it has an address of IPv6 too.
    """

    name: str
    topology: str
    project: str = ""
    placement: PlacementRule = PlacementRule()
    overrides: tuple[Override, ...] = ()
    backends: BackendPolicy = BackendPolicy()
    dns: DnsPolicy = DnsPolicy()
    tls: TlsPolicy = TlsPolicy()
    ipv6: bool = False
    deletion: DeletionPolicy = DeletionPolicy()
    labels: Mapping[str, str] = field(default_factory=dict)
