"""
Cloud DNS's answers in a world: its name servers by place and health, and its probers at work.

Called by `world`, which gives the addresses and keeps the parts until it ends.
"""

import contextlib
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from localcloud.addresses import WorldBlock
from localcloud.dataplane.answers import Chooser, Records
from localcloud.dataplane.haproxy.regions import PLACES, ClientRegion
from localcloud.gcp.answering import Answering
from localcloud.gcp.cloud import GcpCloud
from localcloud.gcp.endpoint_checks import EndpointChecks
from localcloud.gcp.endpoint_probes import probe
from localcloud.gcp.places import REGIONS
from localcloud.world.clients import next_door
from localcloud.world.spec import WorldSpec

# They look ten times as often as they say, like Amazon's: a story of a minute is told in six
# seconds.
CHECK_INTERVAL_FACTOR = 0.1
_FIRST_CHECKER = 101
"""Amazon's checkers have the addresses before."""


class GoogleDns:
    """Cloud DNS of one world, from `start` until the stack it was given ends."""

    def __init__(self, spec: WorldSpec, block: WorldBlock, cloud: GcpCloud) -> None:
        """Know the places of clients; nobody looks at anything yet."""
        self._cloud = cloud
        self._sources = {
            region: block.checker(number)
            for number, region in enumerate(sorted(REGIONS), start=_FIRST_CHECKER)
        }
        self._places = {
            ipaddress.ip_network(block.client_network(index)): next_door(region)
            for index, region in enumerate(spec.regions)
        }
        self.checks = EndpointChecks(
            cloud.zones.values, cloud.compute, self._probe, interval_factor=CHECK_INTERVAL_FACTOR
        )
        self._answering = Answering(healthy=self.checks.healthy, near=self.near)

    def start(self, stack: contextlib.AsyncExitStack) -> None:
        """Begin to look."""
        self._cloud.subscribe(self.checks.follow)
        stack.push_async_callback(self.checks.close)

    def chooser(self, others: Chooser) -> Chooser:
        """Give what resolves policies of Cloud DNS; *others* have all else."""

        def choose(record_set: Mapping[str, Any], client: str) -> Records:
            if record_set.get("routingPolicy"):
                return self._answering.choose(record_set, client)
            return others(record_set, client)

        return choose

    def near(self, client: str, locations: Iterable[str]) -> Sequence[str]:
        """Give the locations by their distance from a client; by name for one from nowhere."""
        address = ipaddress.ip_address(client)
        place = next((name for net, name in self._places.items() if address in net), "")
        if place not in PLACES:
            return sorted(locations)
        return ClientRegion(name=place, network="127.0.0.0/24").nearest_first(locations)

    async def _probe(self, region: str, endpoint: str, check: Mapping[str, Any]) -> bool:
        return await probe(self._sources[region], endpoint, check, CHECK_INTERVAL_FACTOR)
