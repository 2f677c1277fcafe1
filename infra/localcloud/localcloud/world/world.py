"""
A whole world in one process and one event loop: clusters, clouds, DNS answers, a data plane.

Composition only: this is the one module that names the parts and wires them. Who wants a world
without asyncio takes `localcloud.world.running.running_world`.

Not modelled: networks between clusters (every pod can be reached from everywhere), policies of IAM.
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from localcloud.addresses import WorldBlock
from localcloud.calls import Calls
from localcloud.control import ControlServer
from localcloud.dataplane.answers import ZoneView
from localcloud.dataplane.dns import DnsServer
from localcloud.dataplane.echo import Identity, Pod
from localcloud.dataplane.haproxy.program import BOUND_PORTS
from localcloud.dataplane.haproxy.snapshot import Snapshot
from localcloud.dataplane.plane import DataPlane
from localcloud.faults import Faults
from localcloud.gcp.cloud import GcpCloud
from localcloud.gcp.identity_tokens import Issuer, subject_of
from localcloud.gcp.metadata import account_of, serve_metadata
from localcloud.gcp.places import REGIONS
from localcloud.gcp.server import Server, serve_gcp
from localcloud.homes import Embedded, Home
from localcloud.homes.watchers import make_keys
from localcloud.iam import Identities, serve_sts
from localcloud.iam.identities import role_arn
from localcloud.ingress.controllers import ingress_controller
from localcloud.ingress.pod import IngressPod
from localcloud.sixth import SixthPorts
from localcloud.workloads.kubelet import PodPlace
from localcloud.workloads.kubelet import Server as PodServer
from localcloud.world import inventory, kubeconfig, manifests
from localcloud.world.amazon import Amazon, roles
from localcloud.world.certificates import Authority
from localcloud.world.clients import client_regions, inside
from localcloud.world.cluster import HOST, Cluster, utilization
from localcloud.world.environment import Places, environment
from localcloud.world.fleet import Fleet
from localcloud.world.google_dns import GoogleDns
from localcloud.world.provisioning import Provisioning, public_addresses
from localcloud.world.spec import WorldSpec

CONFIG = "config"
FUNCTIONS_ROLE = "fedingress-functions"
"""The IAM role that the functions of a world run as."""


class World:
    """A world from `start` to `close`; an async context manager too."""

    def __init__(self, spec: WorldSpec | None = None) -> None:
        """Prepare what *spec* asks for; nothing is opened yet."""
        self.spec = spec or WorldSpec()
        self._authority = Authority()
        self.clusters: dict[str, Cluster] = {}
        self.home: Home = Embedded(self.spec.functions)
        self._stack = contextlib.AsyncExitStack()
        self._ended = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """
        Bring everything up; when it returns, every port answers.

        Raises:
            ManifestsMissingError: There are no CRDs to apply.
            NoWorldLeft: Every world number is taken.
            OSError: An address cannot be bound, or HAProxy is missing.
        HomeError: The home of the functions cannot be brought up.
        """
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def close(self) -> None:
        """Take everything down, the functions first; twice is harmless."""
        await self._stack.aclose()

    def stop_soon(self) -> None:
        """Let `ended` return."""
        self._ended.set()

    async def ended(self) -> None:
        """Return once `stop_soon` was called."""
        await self._ended.wait()

    async def _start(self) -> None:
        place = manifests.folder(self.spec.manifests)
        self.block = WorldBlock.take()
        self._stack.callback(self.block.close)
        self.state = self._folder()
        await self._start_clouds()
        await self._start_clusters(list(manifests.documents(place)))
        await self._start_control()
        self._write_files()
        await self._start_home()
        self.functions = Fleet(self.home.processes(), self.env(), self.state)
        self._stack.push_async_callback(self.functions.stop)
        if self.spec.functions:
            await self.functions.start()
            await self.home.ready()

    def _folder(self) -> Path:
        if self.spec.state is None:
            folder = Path(tempfile.mkdtemp(prefix="localcloud-"))
            self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
            return folder
        self.spec.state.mkdir(parents=True, exist_ok=True)
        for old in self.spec.state.glob("store.sqlite*"):
            old.unlink()  # it remembers a world that is gone
        return self.spec.state

    async def _start_clouds(self) -> None:
        spec = self.spec
        on_gcp = {m.region: m.zones for m in spec.members if m.provider == "gcp"}
        known = {
            region: tuple(dict.fromkeys((*REGIONS.get(region, ()), *on_gcp.get(region, ()))))
            for region in (*REGIONS, *on_gcp)
        }
        self.gcp = GcpCloud(
            operation_seconds=spec.operation_seconds,
            next_address=self.block.next_vip,
            regions=known,
        )
        self.gcp.create_zone(spec.project, spec.dns_zone, spec.dns_name)
        for network in {member.network for member in spec.members if member.provider == "gcp"}:
            self.gcp.create_network(spec.project, network)
        gcp = await serve_gcp(self.gcp, host=HOST)
        self._stack.push_async_callback(gcp.close)
        self.issuer = Issuer()
        metadata = await serve_metadata(
            spec.project, access=self.gcp.access, identify=self.issuer.token, host=HOST
        )
        self._stack.push_async_callback(metadata.close)
        sts = await self._start_iam()
        self.sixth = SixthPorts()
        self.amazon = Amazon(spec, self.block, self.sixth.port)
        self.aws = self.amazon.cloud
        self.amazon.let_in(self.identities, role_arn(FUNCTIONS_ROLE))
        await self.amazon.start(self._stack, HOST, self.state)
        google_dns = GoogleDns(spec, self.block, self.gcp)
        google_dns.start(self._stack)
        self._choose = google_dns.chooser(self.amazon.choose)
        self.dns = DnsServer(records=self._zone_views, choose=self._choose)
        await self.dns.start()
        self._stack.push_async_callback(self.dns.close)
        await self._start_data_plane()
        self._ports = (gcp.port, metadata.port, sts.port, self.amazon.port)

    def _zone_views(self) -> list[ZoneView]:
        """Every zone of every cloud, as the name servers see it."""
        members, world = self.spec.members, self.block.number
        managed = [
            ZoneView(
                dns_name=zone.domain,
                rrsets=zone.rrsets,
                networks=inside(zone.zone, members, world),
            )
            for zone in self.gcp.zones.values()
        ]
        return [*managed, *self.amazon.zone_views()]

    async def _start_iam(self) -> Server:
        """The functions' role has a key; Google's account of the world may take the role on too."""
        self.identities = Identities()
        role = role_arn(FUNCTIONS_ROLE)
        self._aws_key = self.identities.key(role)
        self.identities.web_trust[role] = frozenset({subject_of(account_of(self.spec.project))})
        sts = await serve_sts(self.identities, verify=self.issuer.claims, host=HOST)
        self._stack.push_async_callback(sts.close)
        return sts

    async def _start_data_plane(self) -> None:
        gcp = self.gcp
        tags = {node: member.node_tags for member in self.spec.members for node, _ in member.nodes}
        self.data_plane = DataPlane(
            regions=client_regions(self.spec.regions, self.block),
            run_dir=self.state / "haproxy",
            snapshot=lambda: Snapshot(
                compute=gcp.compute,
                endpoints=gcp.endpoints,
                private_key=gcp.private_key,
                tags=tags,
                sixth=self.sixth.port,
                utilization=utilization(self.clusters.values()),
            ),
        )
        await self.data_plane.start()
        self._stack.push_async_callback(self.data_plane.close)
        gcp.subscribe(lambda _path: self.data_plane.changed())
        certificates = gcp.managed_certificates(
            resolve=public_addresses(self._zone_views, self.block, self._choose),
            issue=self._authority.issue,
        )
        provisioning = Provisioning(certificates, self.spec.operation_seconds)
        self._stack.callback(provisioning.close)
        gcp.subscribe(provisioning.changed)
        gcp.health = self.data_plane.health

    async def _start_clusters(self, documents: Sequence[Mapping[str, Any]]) -> None:
        authority = self._authority
        if not self.spec.config_is_member:
            self.clusters[CONFIG] = Cluster(CONFIG, authority)
        for index, member in enumerate(self.spec.members):
            cluster = Cluster(member.name, authority, member)
            cluster.run_pods(
                self.gcp, self.block, index, self._pod_server, project=self.spec.project
            )
            if member.provider == "aws":
                for controller in self.amazon.controllers(cluster.kube, member):
                    cluster.add(controller)
            cluster.let_in(self.identities, self.gcp.access, role_arn(FUNCTIONS_ROLE))
            self.clusters[member.name] = cluster
        self.config = next(iter(self.clusters.values()))
        for cluster in self.clusters.values():
            for document in documents:
                cluster.kube.put(dict(document), manager=manifests.MANAGER)
            self._stack.push_async_callback(cluster.close)
        await asyncio.gather(*(cluster.start() for cluster in self.clusters.values()))
        for member in self.spec.members:
            cluster = self.clusters[member.name]
            access = cluster.context(member.name, cluster.functions_token)
            inventory.announce(
                self.config.kube,
                member,
                access,
                uid=cluster.kube.uid(),
                project=self.spec.project,
            )

    async def _start_control(self) -> None:
        self.control = ControlServer(self)
        await self.control.start()
        self._stack.push_async_callback(self.control.close)

    async def _start_home(self) -> None:
        if self.spec.home == "embedded":
            return
        members = [member.name for member in self.spec.members]
        make_keys(
            members,
            self.state / "watchers",
            inventory.NAMESPACE,
            lambda document: self.config.kube.put(document, manager=manifests.MANAGER),
        )
        home = self._aws_home() if self.spec.home == "aws" else self._gcp_home()
        self._stack.push_async_callback(home.close)
        await home.start()
        self.home = home

    def _gcp_home(self) -> Home:
        from localcloud.homes.gcp import GcpHome, Site  # noqa: PLC0415 - for this home only

        return GcpHome(
            Site(
                state=self.state,
                kubeconfig=self.kubeconfig,
                members=[member.name for member in self.spec.members],
                tick_seconds=self.spec.tick_seconds,
            )
        )

    def _aws_home(self) -> Home:
        from localcloud.homes.aws import AwsHome, AwsSite  # noqa: PLC0415 - for this home only

        return AwsHome(
            AwsSite(
                state=self.state,
                world=self.env(),
                kubeconfig=self.kubeconfig,
                functions_kubeconfig=self.functions_kubeconfig,
                members=[member.name for member in self.spec.members],
                tick_seconds=self.spec.tick_seconds,
            )
        )

    def _write_files(self) -> None:
        people = [c.context(c.name, c.people_token) for c in self.clusters.values()]
        config = self.config.context(CONFIG, self.config.functions_token)
        first = self.config.context(CONFIG, self.config.people_token)
        others = [context for context in people if context.name != CONFIG]
        kubeconfig.write(self.kubeconfig, [first, *others])
        kubeconfig.write(self.functions_kubeconfig, [config])
        (self.state / "ca.pem").write_bytes(self._authority.pem)

    def _pod_server(self, place: PodPlace) -> PodServer:
        found = ingress_controller(place.image, place.args, place.namespace)
        if found is not None:
            kube = self.clusters[place.cluster].kube
            folder = self.state / "ingress" / place.cluster / place.pod
            return IngressPod(kube, found, place, folder)
        return Pod(
            Identity(
                name=place.pod,
                cluster=place.cluster,
                region=place.region,
                app=place.workload,
                ip=place.address,
                ports=place.ports,
                readiness_path=place.readiness_path,
                tls_ports=place.tls_ports,
            ),
            self._authority.server_context if place.tls_ports else None,
        )

    @property
    def kubeconfig(self) -> Path:
        """Give the file with a context per cluster, ``config`` first, for people."""
        return self.state / "kubeconfig"

    @property
    def functions_kubeconfig(self) -> Path:
        """Give the file with the one context ``config``, for the functions."""
        return self.state / "functions.kubeconfig"

    def env(self) -> dict[str, str]:
        """Give the variables of `environment`."""
        gcp_port, metadata_port, sts_port, aws_port = self._ports
        own = environment(
            Places(
                state=self.state,
                kubeconfig=self.kubeconfig,
                functions_kubeconfig=self.functions_kubeconfig,
                gcp_port=gcp_port,
                metadata_port=metadata_port,
                sts_port=sts_port,
                aws_key=(self._aws_key.key_id, self._aws_key.secret),
                aws_port=aws_port,
                dns_port=self.dns.port,
                control_port=self.control.port,
                http_port=BOUND_PORTS[80],
                https_port=BOUND_PORTS[443],
                project=self.spec.project,
                aws_roles=roles(account for account, _ in self.spec.accounts),
                clients={r: self.block.client(i) for i, r in enumerate(self.spec.regions)},
            )
        )
        return {**own, **self.home.environment()}

    def cluster(self, name: str) -> Cluster:
        """
        Give a cluster by name; ``config`` always names one.

        Raises:
            LookupError: There is none of that name.
        """
        found = self.config if name == CONFIG else self.clusters.get(name)
        if found is None:
            raise LookupError(f"no cluster {name!r}; there are: {', '.join(self.clusters)}")
        return found

    def call_counters(self) -> tuple[Calls, ...]:
        """Give the counters of mutating calls of all wires."""
        clouds = (self.gcp.calls, self.aws.calls)
        return (*clouds, *(cluster.kube.calls for cluster in self.clusters.values()))

    def fault_places(self) -> dict[str, Faults]:
        """Give where faults can be injected, by name: ``gcp``, ``aws`` and the clusters."""
        clouds = {"gcp": self.gcp.faults, "aws": self.aws.faults}
        return {**clouds, **{c.name: c.kube.faults for c in self.clusters.values()}}
