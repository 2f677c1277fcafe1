"""
Amazon's part of a world: the account, its wire, its name servers, its health checkers and
load balancers, and the hosted zones of other accounts.

Called by `world`, which gives the addresses and keeps the parts until it ends.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from localcloud.addresses import WorldBlock
from localcloud.aws.cloud import ACCOUNT, AwsCloud, DnsAccount
from localcloud.aws.cloudwatch.sampling import Sampling
from localcloud.aws.elb.balancers import Balancers
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
from localcloud.aws.wire.errors import AwsError
from localcloud.dataplane.answers import Records, Unserved, ZoneView, resolve, stored
from localcloud.dataplane.haproxy.regions import PLACES
from localcloud.iam.errors import StsError
from localcloud.iam.identities import Identities, role_arn
from localcloud.kube.cluster import KubeCluster
from localcloud.world.spec import MemberSpec, WorldSpec

# Health checks look ten times as often as they say: a story of a minute is told in six seconds.
CHECK_INTERVAL_FACTOR = 0.1
BALANCER_CHECK_FACTOR = 0.04  # the controller's default of 15 s becomes 0.6 s

DNS_ROLE = "fedingress-dns"
EXTERNAL_ID = "lab-external-id"
"""What the trust of the role in each other account asks for."""
_CALLER = "lab"


def roles(accounts: Iterable[str]) -> str:
    """Give the functions' setting that names the role of each other account."""
    return ",".join(f"{each}={role_arn(DNS_ROLE, each)}#{EXTERNAL_ID}" for each in accounts)


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
        for account, domain in spec.accounts:
            asked = {"Name": domain, "CallerReference": _CALLER}
            self.cloud.account(account).route53.zones.create(asked)
        self._checkers = {
            account: self._look_after(each) for account, each in self.cloud.accounts.items()
        }
        self.cloud.accelerators.addresses = lambda: (block.next_vip(), block.next_vip())
        clients = {block.client_network(index): region for index, region in enumerate(spec.regions)}
        self._places = Places(clients, PLACES)
        self._answering = Answering(
            healthy=self._healthy,
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
        for account, checkers in self._checkers.items():
            await checkers.start()
            stack.push_async_callback(checkers.close)
            served = self.cloud.accounts[account]
            sampling = Sampling(
                served.metrics,
                checks=served.route53.checks,
                health=checkers.health,
                balancers=self.cloud.balancers if account == ACCOUNT else Balancers(),
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
        zones = [
            zone
            for account in self.cloud.accounts.values()
            for zone in account.route53.zones.zones.values()
        ]
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

    def let_in(self, identities: Identities, caller: str) -> None:
        """
        Lead credentials to their accounts, and let *caller* assume a role in each other account.

        Args:
            identities: Keys and roles of STS.
            caller: ARN of the functions' role.
        """

        def who(key_id: str, session_token: str) -> str:
            try:
                return identities.account(key_id, session_token)
            except StsError as refused:
                raise AwsError(refused.code, refused.message, refused.status) from refused

        self.cloud.who = who
        for account, _ in self._spec.accounts:
            role = role_arn(DNS_ROLE, account)
            identities.trust[role] = frozenset({caller})
            identities.external_ids[role] = EXTERNAL_ID

    def _look_after(self, account: DnsAccount) -> Checkers:
        """The checkers of an account's health checks; they do not look yet."""
        numbered = enumerate(REGIONS, start=1)
        checkers = Checkers(
            account.route53.checks,
            clock=self.cloud.clock,
            sources={region: self._block.checker(number) for number, region in numbered},
            resolve=self._resolve,
            interval_factor=CHECK_INTERVAL_FACTOR,
        )
        account.route53.observe = checkers.health.observations
        account.route53.failures = checkers.health.failures
        return checkers

    def _healthy(self, check: str) -> bool:
        """Whether a check of any account counts as healthy; one that is nowhere does."""
        return all(each.health.healthy(check) for each in self._checkers.values())

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
