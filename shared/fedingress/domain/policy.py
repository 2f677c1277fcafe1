"""The FederationPolicy: what a platform team decides for a class of Ingresses, with defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fedingress.domain.options import BackendOptions
from fedingress.domain.placement import PlacementRule, Selector

INSTANCE_GROUP = "instance-group"
"""The mode of backends that sends requests to a port of members' nodes."""
NEAREST_RATE = 1e14
"""Requests per second per endpoint that are never reached: strictly the nearest region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheckPolicy:
    """
    The health check of every backend service. Seconds and counts of probes.

    What is empty or None is left to readiness probes and defaults, the thresholds to what stands.
    """

    path: str = ""
    host: str = ""
    interval_seconds: int | None = None
    timeout_seconds: int | None = None
    healthy_threshold: int | None = None
    unhealthy_threshold: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendPolicy:
    """
    mode: `neg`: pods are reached; `instance-group`: nodes are, by one port in all members.
    max_rate_per_endpoint: requests per second; None is strictly the nearest region.
    max_rate_per_instance: likewise, of mode instance-group.
    max_utilization: of the nodes' CPU, above which the next region helps; None: rates are counted.
    own_node_ports: whether the users' Services say the ports of nodes; else they are chosen.
    warm_up_seconds: for how long routes wait until a Service that is new to them can answer.
    preferred: members that are filled before all others, wherever clients are; None: nobody is.
    shared_ingress_uid: whether the members' own GKE ingress controllers get one UID, as in 2016.
    """

    mode: str = "neg"
    max_rate_per_endpoint: float | None = None
    max_rate_per_instance: float | None = None
    max_utilization: float | None = None
    own_node_ports: bool = False
    health_check: HealthCheckPolicy = HealthCheckPolicy()
    timeout_seconds: int = 30
    draining_seconds: int = 30
    warm_up_seconds: int = 120
    options: BackendOptions = BackendOptions()
    preferred: PlacementRule | None = None
    shared_ingress_uid: bool = False

    @property
    def grouped(self) -> bool:
        """Whether members are reached by their nodes, in instance groups."""
        return self.mode == INSTANCE_GROUP


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ZoneRef:
    """
    A hosted zone that the policy may write to.

    provider: `cloud-dns` or `route53`.   project: of GCP; with `route53` the account, or `self` for
    the one that our own identity is in.   name: of the managed zone, or the id of the hosted zone.
    domain: the zone's DNS name without the final dot, lower case.
    visibility: who sees its answers, `public` or `private`; a host is published for each of them.
    """

    provider: str
    project: str
    name: str
    domain: str
    visibility: str = "public"

    @property
    def unit(self) -> str:
        """The unit of `dns` that owns this zone."""
        return f"{self.provider}:{self.project}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsHealthCheck:
    """
    The check from outside of each member's load balancer.

    kind: `HTTP`, `HTTPS` or `TCP`.   paths: with HTTP and HTTPS; all of them have to answer.
    interval_seconds: 10 or 30.   threshold: results in a row.
    """

    kind: str = "TCP"
    port: int = 80
    paths: tuple[str, ...] = ()
    interval_seconds: int = 30
    threshold: int = 3


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """
    Where clients are who shall reach *region* (`*`: the first region that has a member).

    location: `continent:EU`, `country:US`, `country:*` (everywhere else) or `subdivision:US/CA`.
    """

    location: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Damping:
    """
    How slowly shares move; everything else follows from the tick and the TTL.

    tick_seconds, ttl_seconds: of the scheduler and of the records.
    down_windows, up_windows: bad and good windows in a row that turn a member.
    longest_dwell_seconds: what repeated turns may make a member wait at most.
    growth, points: an upward step is at most this factor, or this much of all traffic.
    deadband: of all traffic; smaller differences are not written.
    largest_removal: of all traffic; more is held until two signals agree.
    """

    tick_seconds: int = 60
    ttl_seconds: int = 60
    down_windows: int = 3
    up_windows: int = 5
    longest_dwell_seconds: float = 1800.0
    growth: float = 2.0
    points: float = 0.10
    deadband: float = 0.03
    largest_removal: float = 0.5

    @property
    def dwell_seconds(self) -> float:
        """How long a turned member waits before it may come up, and between upward steps."""
        return 2.0 * max(self.ttl_seconds, self.tick_seconds)

    def window(self, now: float) -> int:
        """The tick window that *now* (seconds since 1970) lies in."""
        return int(now // self.tick_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsPolicy:
    """
    No zones: the Ingress is reached by its address only.

    routing: `simple`; where members answer themselves `weighted`, `latency`, `geolocation` or
        `failover` too.
    places: with geolocation, one of them for `country:*`.
    order: with failover, the regions from the first to the last choice.
    health_check: of members' load balancers; None leaves it to their targets.
    spill_below: a region with less than this part of its capacity sends the rest to the next one.
    """

    zones: tuple[ZoneRef, ...] = ()
    routing: str = "simple"
    ttl_seconds: int = 60
    places: tuple[Place, ...] = ()
    order: tuple[str, ...] = ()
    health_check: DnsHealthCheck | None = None
    spill_below: float = 0.5
    damping: Damping = Damping()


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsPolicy:
    """
    How members of topology `aws` serve.

    load_balancer: `dedicated` for each Ingress, or one per cluster for a `group`.
    group: name of that group.
    ingress_class: of the members' copies; `alb` is the AWS Load Balancer Controller's.
    scheme: `internet-facing` or `internal`.   target_type: `ip` or `instance`.
    certificate_arns: of ACM, by region: `REGION` -> ARNs.
    listen_ports: rows (`HTTP` or `HTTPS`, port).   ssl_redirect: the port to send HTTP to, or 0.
    health_check_path: of the load balancers' own checks; empty leaves it to the controller.
    dual_stack: whether load balancers shall answer over IPv6 too.
    accelerator: whether a Global Accelerator stands in front.
    """

    load_balancer: str = "dedicated"
    group: str = "fedingress"
    ingress_class: str = "alb"
    scheme: str = "internet-facing"
    target_type: str = "ip"
    certificate_arns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    listen_ports: tuple[tuple[str, int], ...] = ()
    ssl_redirect: int = 0
    health_check_path: str = ""
    dual_stack: bool = False
    accelerator: bool = False


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
class RolloutPolicy:
    """
    How a member that joins, or is no longer drained, comes up to its full capacity.

    steps: shares of its capacity below the whole, rising; none: at once.
    step_seconds: how long each lasts at the least.
    """

    steps: tuple[float, ...] = ()
    step_seconds: int = 60


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
    aws: AwsPolicy = AwsPolicy()
    ipv6: bool = False
    rollout: RolloutPolicy = RolloutPolicy()
    deletion: DeletionPolicy = DeletionPolicy()
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def in_flight_seconds(self) -> int:
        """How long requests may still reach a member that is drained, and end there."""
        if self.topology == "aws":  # resolvers remember, and connections outlive their memory
            return self.dns.ttl_seconds + self.deletion.drain_seconds
        return self.backends.draining_seconds
