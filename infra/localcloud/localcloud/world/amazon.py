"""
Amazon's part of a world: the account, its wire, its name servers.

Called by `world`, which gives the addresses and keeps the parts until it ends.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

from localcloud.addresses import WorldBlock
from localcloud.aws.cloud import AwsCloud
from localcloud.aws.route53.answering import GROUP, Answering, Target
from localcloud.aws.route53.places import Places
from localcloud.aws.route53.zone import Zone
from localcloud.aws.server import serve_aws
from localcloud.dataplane.answers import Records, ZoneView, stored
from localcloud.dataplane.haproxy.regions import PLACES
from localcloud.world.spec import WorldSpec

_CALLER = "lab"


class Amazon:
    """The account of one world, from `start` until the stack it was given ends."""

    def __init__(self, spec: WorldSpec, block: WorldBlock) -> None:
        """Make the account and its hosted zone; nothing is served yet."""
        self.cloud = AwsCloud()
        self.port = 0
        self._spec = spec
        self._block = block
        asked = {"Name": spec.hosted_zone, "CallerReference": _CALLER}
        self.cloud.route53.zones.create(asked)
        clients = {block.client_network(index): region for index, region in enumerate(spec.regions)}
        self._answering = Answering(
            healthy=lambda _check: True,
            target=self._target,
            place=Places(clients, PLACES).of,
            clock=self.cloud.clock,
        )

    async def start(self, stack: contextlib.AsyncExitStack, host: str) -> None:
        """
        Serve the account on a free port of *host*, which is `port` from then on.

        Raises:
            OSError: The address cannot be bound.
        """
        server = await serve_aws(self.cloud, host=host)
        stack.push_async_callback(server.close)
        self.port = server.port

    def zone_views(self) -> list[ZoneView]:
        """Give all hosted zones as the name servers know them."""
        zones = self.cloud.route53.zones.zones.values()
        return self._answering.zone_views(zones, self._networks)

    def choose(self, record_set: Mapping[str, Any], client: str) -> Records:
        """
        Give the records that a client gets: by Route 53's rules in its zones, else as stored.

        Raises:
            Unserved: See the two of them.
        """
        if GROUP in record_set:
            return self._answering.choose(record_set, client)
        return stored(record_set, client)

    def _target(self, _name: str) -> Target | None:
        return None

    def _networks(self, zone: Zone) -> tuple[str, ...]:
        """The VPC of the member NAME is ``vpc-NAME``; its pods are the ones inside."""
        vpcs = {vpc["VPCId"] for vpc in zone.vpcs}
        return tuple(
            f"127.{self._block.number}.{index}.0/24"
            for index, member in enumerate(self._spec.members)
            if f"vpc-{member.name}" in vpcs
        )
