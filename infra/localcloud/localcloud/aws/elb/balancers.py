"""
Load balancers and their target groups, as one region's controllers made them.

Values are never changed in place; `Balancers` holds the latest of each. Health comes from the data
plane, which really asks the targets.

Source: ELBv2 API reference (LoadBalancer, TargetGroup, TargetHealth); Route 53 Developer Guide,
"Evaluate target health" (a group with only unhealthy targets, or with none, makes the balancer
unhealthy).
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.aws.elb.hosted_zones import suffix_of

ACCOUNT = "000000000000"  # that of the roles which `iam` makes, unless they say another

Target = tuple[str, int]  # 10.a.b.c, port


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """How targets are asked (HTTP or TCP); *codes* as in ``Matcher.HttpCode``, times in seconds."""

    protocol: str = "HTTP"
    path: str = "/"
    port: str = "traffic-port"
    interval_seconds: int = 15
    timeout_seconds: int = 5
    healthy_threshold: int = 2
    unhealthy_threshold: int = 2
    codes: str = "200"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGroup:
    """
    Targets by address and port, each with its zone.

    Attributes:
        name: Unique in its region.
        region: Of its cluster.
        port: Of targets that name none.
        check: How targets are asked.
        targets: In sockets at 127.x.
        tags: Of the group.
        protocol: ``HTTP`` or ``TCP``.
        instances: Address -> instance id, of targets of type instance; empty for type ip.
    """

    name: str
    region: str
    port: int
    check: HealthCheck
    targets: Mapping[Target, str]
    tags: Mapping[str, str]
    protocol: str = "HTTP"
    instances: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """Give its name for the API."""
        return _arn(self.region, f"targetgroup/{self.name}/{_digits(self.region, self.name)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Requests of a host and path go to a target group; an empty host is every host."""

    host: str
    path: str
    exact: bool
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """
    What a load balancer does with connections to one port.

    Attributes:
        port: Of the balancer's addresses.
        protocol: ``HTTP`` or ``HTTPS``; of Network Load Balancers ``TCP``.
        certificates: ARNs with HTTPS; the first is shown to clients that name no host.
        redirect: The port of HTTPS that every request is sent to; 0 is none.
        group: The target group of every connection, with TCP.
    """

    port: int
    protocol: str = "HTTP"
    certificates: tuple[str, ...] = ()
    redirect: int = 0
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer:
    """
    One Application or Network Load Balancer.

    Attributes:
        name: Unique in its region.
        region: Of its cluster.
        zones: Of its cluster.
        scheme: ``internet-facing`` or ``internal``.
        address: 127.x, where its listeners are bound.
        sixth: Its IPv6 address when it is dual stack, else empty.
        listeners: By port.
        rules: In order of priority; what none takes is answered with 404.
        groups: Target groups by name.
        tags: Of the balancer.
        created: Seconds since 1970.
        kind: ``application`` or ``network``.
    """

    name: str
    region: str
    zones: tuple[str, ...]
    scheme: str
    address: str
    listeners: tuple[Listener, ...]
    rules: tuple[Rule, ...]
    groups: Mapping[str, TargetGroup]
    tags: Mapping[str, str]
    created: float
    sixth: str = ""
    kind: str = "application"

    @property
    def arn(self) -> str:
        """Give its name for the API."""
        word = "net" if self.kind == "network" else "app"
        path = f"loadbalancer/{word}/{self.name}/{_digits(self.region, self.name)}"
        return _arn(self.region, path)

    @property
    def dns_name(self) -> str:
        """Give its host name, lower case, without a final dot."""
        suffix = suffix_of(self.region, self.kind).rstrip(".")
        digits = _digits(self.region, self.name, "dns")
        if self.kind == "network":
            return f"{self.name}-{digits}.{suffix}".lower()
        internal = "internal-" if self.scheme == "internal" else ""
        return f"{internal}{self.name}-{int(digits, 16) % 10**10:010}.{suffix}".lower()


States = Callable[[LoadBalancer, TargetGroup], Mapping[Target, bool]]


class Balancers:
    """
    All load balancers of the account.

    Attributes:
        all: By ARN.
        states: Whether each target answers, by what the data plane finds; absent is not asked yet.
        changed: Called after each change.
    """

    def __init__(self) -> None:
        self.all: dict[str, LoadBalancer] = {}
        self.states: States = lambda _balancer, _group: {}
        self.changed: Callable[[], None] = lambda: None

    def put(self, balancer: LoadBalancer) -> None:
        """Keep the latest of a balancer."""
        if self.all.get(balancer.arn) != balancer:
            self.all[balancer.arn] = balancer
            self.changed()

    def remove(self, arn: str) -> LoadBalancer | None:
        """Forget a balancer and give what it was."""
        gone = self.all.pop(arn, None)
        if gone is not None:
            self.changed()
        return gone

    def showing(self, certificate: str) -> list[str]:
        """Give the ARNs of the balancers that show a certificate, by its own."""
        return sorted(
            arn
            for arn, each in self.all.items()
            if any(certificate in listener.certificates for listener in each.listeners)
        )

    def named(self, dns_name: str) -> LoadBalancer | None:
        """Give the balancer of a host name, with or without ``dualstack.`` and a final dot."""
        bare = dns_name.rstrip(".").removeprefix("dualstack.")
        return next((each for each in self.all.values() if each.dns_name == bare), None)

    def groups(self, region: str) -> Iterator[tuple[LoadBalancer, TargetGroup]]:
        """Give the target groups of a region, each with its balancer."""
        for balancer in self.all.values():
            if balancer.region == region:
                for group in balancer.groups.values():
                    yield balancer, group

    def healthy(self, balancer: LoadBalancer) -> bool:
        """Say what Route 53 finds when it evaluates the balancer as the target of an alias."""
        return bool(balancer.groups) and all(
            any(self.states(balancer, group).values()) for group in balancer.groups.values()
        )


def tag_list(tags: Mapping[str, str]) -> list[dict[str, Any]]:
    """Give tags in the API's form."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _arn(region: str, rest: str) -> str:
    return f"arn:aws:elasticloadbalancing:{region}:{ACCOUNT}:{rest}"


def _digits(*words: str) -> str:
    return hashlib.sha256("/".join(words).encode()).hexdigest()[:16]
