"""
Amazon's part of a world: the account, its wire, its name servers, its health checkers and
load balancers.

Called by `world`, which gives the addresses and keeps the parts until it ends.
"""

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from localcloud.addresses import WorldBlock
from localcloud.aws.cloud import AwsCloud
from localcloud.aws.cloudwatch.sampling import Sampling
from localcloud.aws.elb.balancing import Balancing
from localcloud.aws.elb.controller import AlbController
from localcloud.aws.elb.service_controller import NlbController
from localcloud.aws.elb.targets import target_of, zone_views
from localcloud.aws.globalaccelerator.forwarding import Forwarding
from localcloud.aws.route53.answering import GROUP, Answering
from localcloud.aws.route53.checkers import Checkers
from localcloud.aws.route53.health_checks import REGIONS
from localcloud.aws.route53.places import Places
from localcloud.aws.route53.zone import Zone
from localcloud.aws.server import serve_aws
from localcloud.dataplane.answers import Records, Unserved, ZoneView, resolve, stored
from localcloud.dataplane.haproxy.regions import PLACES
from localcloud.kube.cluster import KubeCluster
from localcloud.world.spec import MemberSpec, WorldSpec

# Health checks look ten times as often as they say: a story of a minute is told in six seconds.
CHECK_INTERVAL_FACTOR = 0.1
BALANCER_CHECK_FACTOR = 0.04  # the controller's default of 15 s becomes 0.6 s

_CALLER = "lab"


class Amazon:
    """The account of one world, from `start` until the stack it was given ends."""

    def __init__(
        self, spec: WorldSpec, block: WorldBlock, sixth: Callable[[str, int], int]
    ) -> None:
        """
        Make the account and its hosted zone; nothing is served yet.

        Args:
            spec: Of the world.
            block: Its addresses.
            sixth: The port on ::1 that stands for an address of IPv6 and a port.
        """
        self.cloud = AwsCloud()
        self.port = 0
        self._spec = spec
        self._block = block
        self._sixth = sixth
        asked = {"Name": spec.hosted_zone, "CallerReference": _CALLER}
        self.cloud.route53.zones.create(asked)
        route53 = self.cloud.route53
        self.checkers = Checkers(
            route53.checks,
            clock=self.cloud.clock,
            sources={region: block.checker(n) for n, region in enumerate(REGIONS, start=1)},
            resolve=self._resolve,
            interval_factor=CHECK_INTERVAL_FACTOR,
        )
        route53.observe = self.checkers.health.observations
        route53.failures = self.checkers.health.failures
        self.cloud.accelerators.addresses = lambda: (block.next_vip(), block.next_vip())
        clients = {block.client_network(index): region for index, region in enumerate(spec.regions)}
        self._places = Places(clients, PLACES)
        self._answering = Answering(
            healthy=self.checkers.health.healthy,
            target=lambda name: target_of(self.cloud.balancers, name),
            place=self._places.of,
            clock=self.cloud.clock,
        )

    async def start(self, stack: contextlib.AsyncExitStack, host: str, state: Path) -> None:
        """
        Serve the account on a free port of *host*, which is `port` from then on.

        Args:
            stack: Ends what was started.
            host: Loopback address.
            state: Folder for the files of the load balancers.

        Raises:
            OSError: The address cannot be bound.
        """
        self._balancing = Balancing(
            self.cloud.balancers,
            self.cloud.certificates,
            run_dir=state / "alb",
            check_interval_factor=BALANCER_CHECK_FACTOR,
            sixth=self._sixth,
        )
        stack.push_async_callback(self._balancing.close)
        forwarding = Forwarding(
            self.cloud.accelerators,
            self.cloud.balancers,
            lambda client, region: self._places.of(client).distance(region)[0],
        )
        await forwarding.start()
        stack.push_async_callback(forwarding.close)
        server = await serve_aws(self.cloud, host=host)
        stack.push_async_callback(server.close)
        self.port = server.port
        await self.checkers.start()
        stack.push_async_callback(self.checkers.close)
        sampling = Sampling(
            self.cloud.metrics,
            checks=self.cloud.route53.checks,
            health=self.checkers.health,
            balancers=self.cloud.balancers,
            clock=self.cloud.clock,
        )
        await sampling.start()
        stack.push_async_callback(sampling.close)

    def controllers(
        self, kube: KubeCluster, member: MemberSpec
    ) -> tuple[AlbController, NlbController]:
        """Give what makes the load balancers of a member of provider ``aws``."""
        place: dict[str, Any] = {
            "region": member.region,
            "zones": member.zones,
            "next_address": self._block.next_vip,
            "release_address": self._block.release_vip,
            "clock": self.cloud.clock,
        }
        balancers, certificates = self.cloud.balancers, self.cloud.certificates
        return (
            AlbController(kube, balancers, certificates, **place),
            NlbController(kube, balancers, **place),
        )

    def zone_views(self) -> list[ZoneView]:
        """Give all hosted zones as the name servers know them, and those of load balancers."""
        zones = self.cloud.route53.zones.zones.values()
        hosted = self._answering.zone_views(zones, self._networks)
        return [*hosted, *zone_views(self.cloud.balancers)]

    def choose(self, record_set: Mapping[str, Any], client: str) -> Records:
        """
        Give the records that a client gets: by Route 53's rules in its zones, else as stored.

        Raises:
            Unserved: See the two of them.
        """
        if GROUP in record_set:
            return self._answering.choose(record_set, client)
        return stored(record_set, client)

    def _resolve(self, name: str) -> list[str]:
        absolute = name if name.endswith(".") else name + "."
        with contextlib.suppress(Unserved):
            answer = resolve(self.zone_views(), absolute, "A", self._block.checker(1), self.choose)
            return [each for row in answer.answers if row.type == "A" for each in row.rdatas]
        return []

    def _networks(self, zone: Zone) -> tuple[str, ...]:
        """The VPC of the member NAME is ``vpc-NAME``; its pods are the ones inside."""
        vpcs = {vpc["VPCId"] for vpc in zone.vpcs}
        return tuple(
            f"127.{self._block.number}.{index}.0/24"
            for index, member in enumerate(self._spec.members)
            if f"vpc-{member.name}" in vpcs
        )
