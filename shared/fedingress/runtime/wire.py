"""
Wiring: the one place that names adapters. Called once per cold start.

Adapters are imported here, not at the top, so that an instance loads only what its settings name;
the adapters load their SDKs at the first call.
"""

# ruff: noqa: PLC0415  see above

from dataclasses import dataclass
from pathlib import Path

from fedingress.adapters.kube.connection import Connection
from fedingress.domain.errors import Invalid
from fedingress.ports import Ports
from fedingress.ports.bus import Bus
from fedingress.ports.clock import Clock
from fedingress.ports.clusters import MemberClusters
from fedingress.ports.ledger import Ledger
from fedingress.ports.sources import Sources
from fedingress.ports.store import Store
from fedingress.runtime.clock import SystemClock
from fedingress.runtime.parallel import Threads
from fedingress.runtime.queue import WorkQueue
from fedingress.runtime.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """The ports and the queue of one instance."""

    settings: Settings
    ports: Ports
    queue: WorkQueue


def wire(settings: Settings, bus: Bus, *, concern: str = "") -> Wired:
    """
    Build everything that *settings* ask for; nothing is contacted yet.

    Args:
        settings: Checked.
        bus: Where the concerns publish.
        concern: For the User-Agent of our calls; empty for the embedded home and the command line.

    Raises:
        Invalid: A setting names something that is not there.
    """
    clock = SystemClock()
    store = make_store(settings)
    sources, clusters = make_kube(settings, clock, concern or "home")
    from fedingress.adapters.gcp.load_balancers import GceLoadBalancers
    from fedingress.adapters.gcp.record_sets import CloudDnsRecordSets

    ports = Ports(
        owner=settings.owner,
        sources=sources,
        clusters=clusters,
        load_balancers=GceLoadBalancers(settings.compute_endpoint or None),
        record_sets=CloudDnsRecordSets(settings.dns_endpoint or None),
        ledger=Ledger(store),
        bus=bus,
        clock=clock,
        parallel=Threads(settings.fan_out),
    )
    queue = WorkQueue(store, clock, lease_seconds=settings.lease_seconds)
    return Wired(settings=settings, ports=ports, queue=queue)


def make_store(settings: Settings) -> Store:
    """
    The state store.

    Raises:
        Invalid: Its folder cannot be made.
    """
    if settings.store == "memory:":
        from fedingress.adapters.stores.memory import MemoryStore

        return MemoryStore()
    from fedingress.adapters.stores.sqlite import SqliteStore

    path = Path(settings.store.removeprefix("sqlite:")).expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(f"FEDINGRESS_STORE: {path.parent} cannot be made: {error}") from error
    return SqliteStore(path)


def make_kube(settings: Settings, clock: Clock, concern: str) -> tuple[Sources, MemberClusters]:
    """
    The sources and the members.

    Raises:
        Invalid: The kubeconfig, its context or the directory cannot be used.
    """
    from fedingress.adapters.kube.clusters import KubeMemberClusters

    if settings.sources.startswith("directory:"):
        from fedingress.adapters.directory import DirectorySources

        folder = Path(settings.sources.removeprefix("directory:")).expanduser()
        directory = DirectorySources(folder, clock)
        return directory, KubeMemberClusters(directory.token, concern=concern)
    from fedingress.adapters.kube.sources import KubeSources

    sources = KubeSources(
        config_connection(settings, concern), inventory_namespace=settings.inventory_namespace
    )
    return sources, KubeMemberClusters(sources.read_token, concern=concern)


def config_connection(settings: Settings, concern: str) -> Connection:
    """A connection to the config cluster, by kubeconfig or as the pod's service account."""
    from fedingress.adapters.kube import connect

    if settings.kubeconfig:
        return connect.from_kubeconfig(
            settings.kubeconfig, concern=concern, context=settings.context
        )
    return connect.in_cluster(concern=concern)
