"""
Wiring: the one place that names adapters. Called once per cold start.

Adapters are imported here, not at the top, so that an instance loads only what its settings name;
the adapters load their SDKs at the first call.
"""

# ruff: noqa: PLC0415  see above

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedingress.domain.errors import Invalid
from fedingress.domain.publisher import source_of
from fedingress.domain.work import CONCERNS
from fedingress.planning.decode.roles import account_roles
from fedingress.ports import Ports
from fedingress.ports.bus import Bus
from fedingress.ports.clock import Clock
from fedingress.ports.clusters import MemberClusters
from fedingress.ports.ledger import Ledger
from fedingress.ports.sources import Sources
from fedingress.ports.store import Store
from fedingress.runtime.settings import Settings

if TYPE_CHECKING:
    from fedingress.adapters.aws.accounts import Accounts
    from fedingress.adapters.buses.inprocess import InProcessBus
    from fedingress.adapters.buses.messages import Sign
    from fedingress.adapters.buses.pubsub import PubSubBus
    from fedingress.adapters.buses.sns import SnsBus
    from fedingress.adapters.kube.connection import Connection
    from fedingress.adapters.kube.credentials import MemberCredentials, TokenReader
    from fedingress.planning.decode.roles import AccountRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """The ports of one instance. close: ends their threads and drops their connections."""

    ports: Ports
    close: Callable[[], None]


def wire(settings: Settings, bus: Bus, store: Store, *, concern: str = "") -> Wired:
    """
    Build everything that *settings* ask for; nothing is contacted yet, but for a kubeconfig that
    stands in a secret.

    Args:
        settings: Checked.
        bus: Where the concerns publish.
        store: From `make_store`; it stays its maker's to close.
        concern: For the User-Agent of our calls; empty for the embedded home and the command line.

    Raises:
        Invalid: A setting names something that is not there.
        Forbidden, Unavailable: The secret with the kubeconfig cannot be read.
    """
    from fedingress.adapters.aws.accelerators import GlobalAccelerators
    from fedingress.adapters.aws.balancers import ElbBalancers
    from fedingress.adapters.aws.health_checks import Route53HealthChecks
    from fedingress.adapters.aws.route53 import Route53RecordSets
    from fedingress.adapters.checks import ChecksByProvider
    from fedingress.adapters.gcp.health_checks import GceHealthChecks
    from fedingress.adapters.gcp.load_balancers import GceLoadBalancers
    from fedingress.adapters.gcp.record_sets import CloudDnsRecordSets
    from fedingress.adapters.zones import ZonesByProvider
    from fedingress.runtime.clock import SystemClock
    from fedingress.runtime.parallel import Threads

    clock = SystemClock()
    closing = ExitStack()
    threads = Threads(settings.fan_out)
    sources, clusters = make_kube(settings, clock, concern or "home", closing)
    closing.callback(threads.close)
    accounts = make_accounts(settings, store)
    amazon = accounts.own
    closing.callback(accounts.close)
    period = metric_period(settings.tick_seconds)
    google = google_credentials(settings)
    google_checks = GceHealthChecks(
        settings.compute_endpoint or None, settings.owner, credentials=google
    )
    ports = Ports(
        owner=settings.owner,
        sources=sources,
        clusters=clusters,
        load_balancers=GceLoadBalancers(settings.compute_endpoint or None, credentials=google),
        record_sets=ZonesByProvider(
            {
                "cloud-dns": CloudDnsRecordSets(settings.dns_endpoint or None, credentials=google),
                "route53": Route53RecordSets(accounts),
            }
        ),
        health_checks=ChecksByProvider(
            {
                "cloud-dns": lambda _zone: google_checks,
                "route53": lambda zone: Route53HealthChecks(
                    accounts.of(zone), period_seconds=period
                ),
            }
        ),
        balancers=ElbBalancers(amazon, period_seconds=period),
        accelerators=GlobalAccelerators(amazon),
        ledger=Ledger(store),
        bus=bus,
        clock=clock,
        parallel=threads,
    )
    return Wired(ports=ports, close=closing.close)


def make_accounts(settings: Settings, store: Store) -> "Accounts":
    """
    Clients of AWS, for our own account and for those that we have roles in.

    The store keeps the pace of all instances in each account. Nothing is contacted yet.
    """
    from fedingress.adapters.aws.accounts import Accounts
    from fedingress.adapters.aws.clients import Clients
    from fedingress.adapters.aws.pace import Pace
    from fedingress.adapters.aws.session import assumed, session
    from fedingress.adapters.kube.google import GoogleIdentity

    google = GoogleIdentity(settings.google_credentials)
    account = settings.aws_role.split(":")[4] if settings.aws_role else ""
    pace = Pace(store, account or "self")
    own = Clients(lambda: session(settings.aws_role, google.proof), pace=pace.take)

    def assume(role: "AccountRole") -> Clients:
        its_pace = Pace(store, role.account)
        return Clients(lambda: assumed(own.session, role), pace=its_pace.take, renewed=True)

    roles = account_roles(settings.aws_roles)
    return Accounts(own, own_account=account, roles=roles, assume=assume)


def google_credentials(settings: Settings) -> Callable[[], Any]:
    """
    What gives Google's clients their credentials, at their first call.

    Outside Google Cloud a federation with AWS does, where the settings hold one.

    Raises:
        Invalid: The credential configuration is none.
    """
    if settings.google_credentials:
        from fedingress.adapters.kube.google import GoogleIdentity

        return GoogleIdentity(settings.google_credentials).load
    from fedingress.adapters.gcp.agent import default_credentials

    return default_credentials


def metric_period(tick_seconds: float) -> int:
    """
    Seconds over which CloudWatch sums up what a tick looks at, as CloudWatch has them.

    A minute on Amazon itself, whose services tell no more often; less where ticks are faster.
    """
    return max((each for each in (1, 5, 10, 30, 60) if each <= tick_seconds), default=1)


def make_store(settings: Settings) -> Store:
    """
    The state store; a cloud's is contacted, and its SDK loaded, at the first call.

    Raises:
        Invalid: Its folder cannot be made.
    """
    kind, _, place = settings.store.partition(":")
    match kind:
        case "memory":
            from fedingress.adapters.stores.memory import MemoryStore

            return MemoryStore()
        case "firestore":
            from fedingress.adapters.stores.firestore import FirestoreStore

            # a project's id may hold a colon, never a slash
            project, _, database = place.partition("/")
            return FirestoreStore(project, database or "(default)")
        case "dynamodb":
            from fedingress.adapters.stores.dynamodb import DynamoDbStore

            return DynamoDbStore(place)
        case _:
            return _sqlite(place)


def _sqlite(place: str) -> Store:
    from fedingress.adapters.stores.sqlite import SqliteStore

    path = Path(place).expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(f"FEDINGRESS_STORE: {path.parent} cannot be made: {error}") from error
    return SqliteStore(path)


def make_bus(
    settings: Settings, *, concern: str = "", cluster: str = "", workers: int | None = None
) -> "InProcessBus | PubSubBus | SnsBus":
    """
    The bus; nothing is contacted yet.

    Args:
        settings: Checked.
        concern: Names the instance in the events that it publishes.
        cluster: Instead of a concern, for a watcher: its events come from that cluster.
        workers: Deliveries at a time, on a bus that delivers in this process.

    Raises:
        Invalid: The queues or the signing key cannot be read.
    """
    kind, _, where = settings.bus.partition(":")
    source = f"//fedingress.dev/{settings.owner}/{concern or 'home'}"
    if cluster:
        source = source_of(settings.owner, cluster)
    sign = _sign(settings)
    if kind == "pubsub":
        from fedingress.adapters.buses.pubsub import PubSubBus

        project, _, topic = where.rpartition("/")
        return PubSubBus(project, topic, source, endpoint=settings.pubsub_endpoint, sign=sign)
    if kind == "sns":
        from fedingress.adapters.buses.sns import SnsBus

        return SnsBus(where, source, queues=_queues(settings.queues), sign=sign)
    from fedingress.adapters.buses.inprocess import InProcessBus
    from fedingress.runtime.clock import SystemClock

    return InProcessBus(SystemClock(), workers=workers or settings.workers)


def _sign(settings: Settings) -> "Sign | None":
    if not settings.signing_key:
        return None
    from fedingress.adapters.signing import signer

    return signer(settings.signing_key).sign


def _queues(text: str) -> dict[str, str]:
    """
    The URL of each concern's queue.

    Raises:
        Invalid: It is not a JSON object from concerns to URLs.
    """
    if not text.startswith("{"):
        return {concern: f"{text}{concern}" for concern in CONCERNS} if text else {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Invalid(f"FEDINGRESS_QUEUES is no JSON: {error}") from error
    reasons = [f"FEDINGRESS_QUEUES: there is no concern {name}" for name in {*found} - {*CONCERNS}]
    reasons += [
        f"FEDINGRESS_QUEUES: {name} is no http or https URL"
        for name, url in found.items()
        if not (isinstance(url, str) and url.startswith(("http://", "https://")))
    ]
    if reasons:
        raise Invalid(sorted(reasons))
    return dict(found)


def make_kube(
    settings: Settings, clock: Clock, concern: str, closing: ExitStack
) -> tuple[Sources, MemberClusters]:
    """
    The sources and the members; *closing* drops their connections.

    Raises:
        Invalid: The kubeconfig, its context or the directory cannot be used.
    """
    from fedingress.adapters.kube.clusters import KubeMemberClusters

    if settings.sources.startswith("directory:"):
        from fedingress.adapters.directory import DirectorySources

        folder = Path(settings.sources.removeprefix("directory:")).expanduser()
        if not folder.is_dir():  # a typing error, or not mounted: nothing that was there is gone
            raise Invalid(f"FEDINGRESS_SOURCES: there is no directory {folder}")
        directory = DirectorySources(folder, clock)
        clusters = KubeMemberClusters(
            member_credentials(settings, directory.token), concern=concern
        )
        closing.callback(clusters.close)
        return directory, clusters
    from fedingress.adapters.kube.sources import KubeSources

    connection = config_connection(settings, concern)
    sources = KubeSources(connection, inventory_namespace=settings.inventory_namespace)
    credentials = member_credentials(settings, sources.read_token)
    clusters = KubeMemberClusters(credentials, concern=concern)
    closing.callback(connection.close)
    closing.callback(clusters.close)
    return sources, clusters


def member_credentials(settings: Settings, read_token: "TokenReader") -> "MemberCredentials":
    """
    Who we are to members; *read_token* reads the Secrets beside their profiles.

    Raises:
        Invalid: The credential configuration is none.
    """
    from fedingress.adapters.kube.amazon import AmazonIdentity
    from fedingress.adapters.kube.credentials import MemberCredentials
    from fedingress.adapters.kube.google import GoogleIdentity

    google = GoogleIdentity(
        settings.google_credentials, secrets_endpoint=settings.secretmanager_endpoint
    )
    amazon = AmazonIdentity(settings.aws_role, proof=google.proof)
    return MemberCredentials(read_token, google=google, amazon=amazon)


def config_connection(settings: Settings, concern: str) -> "Connection":
    """
    A connection to the config cluster, by kubeconfig or as the pod's service account.

    Raises:
        Invalid: The kubeconfig or its context cannot be used.
        Forbidden, Unavailable: It stands in a secret, which cannot be read.
    """
    from fedingress.adapters.kube import connect

    if settings.kubeconfig.startswith(("arn:", "projects/")):
        ours = member_credentials(settings, lambda name: name)
        return connect.from_kubeconfig_text(
            ours.secret(settings.kubeconfig) or "",
            name=settings.kubeconfig,
            concern=concern,
            context=settings.context,
        )
    if settings.kubeconfig:
        return connect.from_kubeconfig(
            settings.kubeconfig, concern=concern, context=settings.context
        )
    return connect.in_cluster(concern=concern)
