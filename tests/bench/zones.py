"""
What a hosted zone of Route 53 costs: calls, batches and seconds, by boto3 against the local cloud.

In `group` mode one load balancer per member serves every host, so pools are few; with `dedicated`
ones each Ingress has its own. The quota of a zone's record sets is lifted, as AWS does on request.

    create          from nothing, health checks included
    noop            the next tick window, nothing having changed
    weight_change   one member of three is drained
    restart         what is remembered is lost: everything is read, nothing written
    throttled       another weight change, with every fifth request refused
    bad_host        one more Ingress, of whose ten hosts the provider refuses one
"""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any
from unittest import mock

from fedingress.adapters.aws.accounts import Accounts
from fedingress.adapters.aws.clients import Clients
from fedingress.adapters.aws.health_checks import Route53HealthChecks
from fedingress.adapters.aws.route53 import Route53RecordSets
from fedingress.adapters.memory.health_checks import MemoryAccounts
from fedingress.adapters.stores.memory import MemoryStore
from fedingress.concerns import dns, zone_memory
from fedingress.concerns.claim import COMPLETE
from fedingress.domain.outcome import Settled
from fedingress.domain.policy import Damping, DnsPolicy, ZoneRef
from fedingress.domain.record import RecordSet
from fedingress.domain.report import ZoneIntent
from fedingress.domain.target import Target
from fedingress.domain.work import Work
from fedingress.planning.answers.marks import mark_name
from fedingress.ports import Ports
from fedingress.ports.guard import Unguarded
from fedingress.ports.ledger import Ledger, intent_entry
from localcloud.aws.elb.hosted_zones import zone_of
from localcloud.aws.route53 import batch as lab_batch
from tests.bench.figures import Figure
from tests.functions.world import Serial, VirtualClock
from tests.localcloud.aws.lab import Lab, boto3, running_lab

GROUP_HOSTS = (100, 1000, 10_000)
DEDICATED_HOSTS = (100, 1000)
_DOMAIN = "example.com"
_REGIONS = {"eks-us": "us-east-1", "eks-eu": "eu-west-1", "eks-ap": "ap-southeast-1"}
_BATCH = "ChangeResourceRecordSets"
_EVERY = 5


def measure() -> list[Figure]:
    """Every case at every size."""
    found: list[Figure] = []
    for hosts in GROUP_HOSTS:
        found += measure_zone(hosts, shared=True)
    for hosts in DEDICATED_HOSTS:
        found += measure_zone(hosts, shared=False)
    return found


def measure_zone(hosts: int, *, shared: bool) -> list[Figure]:
    """
    All cases in one zone.

    Args:
        hosts: Of all Ingresses together; each Ingress has ten.
        shared: One load balancer per member for all of them, or one for each Ingress.
    """
    suffix = "" if shared else ".dedicated"
    with _running() as bench:
        for number in range(hosts // 10):
            bench.want(number, shared=shared)
        found = bench.counted("create", hosts, suffix)
        found.append(Figure(name=f"dns.pools.{hosts}{suffix}", value=bench.pools(), unit="pools"))
        bench.look()
        found += bench.counted("noop", hosts, suffix)
        bench.drained = "eks-ap"
        bench.again(shared=shared)
        found += bench.counted("weight_change", hosts, suffix)
        bench.lose_memory()
        found += bench.counted("restart", hosts, suffix)
        bench.drained = "eks-eu"
        bench.again(shared=shared)
        with bench.throttled():
            found += bench.counted("throttled", hosts, suffix)
        bench.spoil(hosts // 10)
        bench.want(hosts // 10, shared=shared)
        found += bench.counted("bad_host", hosts, suffix)
    return found


class Zone:
    """One zone on the wire, and Ingresses that want something of it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        made = lab.client("route53").create_hosted_zone(Name=_DOMAIN, CallerReference="bench")
        self.zone = ZoneRef(
            provider="route53",
            project="self",
            name=made["HostedZone"]["Id"].rpartition("/")[2],
            domain=_DOMAIN,
        )
        self.calls: Counter[str] = Counter()
        self.clients = Clients(self._session, sleep=lambda _seconds: None)
        self.clock = VirtualClock()
        self.records = Route53RecordSets(Accounts(self.clients))
        self.ports = self._ports(MemoryStore())
        self.drained = ""
        self._refusing = itertools.repeat(False)

    def want(self, number: int, *, shared: bool) -> None:
        """Have one more Ingress, of ten hosts."""
        targets = [_target(cluster, number, shared=shared) for cluster in _REGIONS]
        policy = DnsPolicy(routing="weighted", damping=Damping())
        intent = ZoneIntent(
            uid=f"uid-{number}",
            generation=1,
            source=f"shop/shop-{number}",
            created="2026-01-01T00:00:00Z",
            state="present",
            zone=asdict(self.zone),
            hosts=tuple(f"h{number}-{each}.{_DOMAIN}" for each in range(10)),
            healthy=True,
            targets=tuple(
                replace(each, multiplier=float(each.cluster != self.drained)).encode()
                for each in targets
            ),
            routing=asdict(policy),
        )
        entry = intent_entry(self.zone.unit, intent)
        self.ports.ledger.announce(_Silence(), [entry], [])

    def again(self, *, shared: bool) -> None:
        """Have every Ingress want it with the members drained as they are now."""
        for number in range(len(self.ports.ledger.intents(self.zone.unit, ZoneIntent))):
            self.want(number, shared=shared)

    def look(self) -> None:
        """
        One look, a minute later.

        Raises:
            AssertionError: It did not settle.
        """
        self.clock.at += 60
        work = Work(concern="dns", unit=self.zone.unit, cause="window")
        outcome = dns.reconcile(work, self.ports, Unguarded(3600.0))
        if not isinstance(outcome, Settled):
            assert "not permitted" in str(outcome), outcome

    def counted(self, case: str, hosts: int, suffix: str) -> list[Figure]:
        """The figures of one look."""
        self.calls.clear()
        began = time.perf_counter()
        self.look()
        seconds = time.perf_counter() - began
        name = f"dns.{case}.{hosts}"
        return [
            Figure(name=f"{name}.calls{suffix}", value=self.calls.total(), unit="calls"),
            Figure(name=f"{name}.batches{suffix}", value=self.calls[_BATCH], unit="batches"),
            Figure(name=f"{name}.seconds{suffix}", value=round(seconds, 3), unit="s"),
        ]

    def pools(self) -> int:
        """How many pools stand."""
        listed = self.records.list(self.zone)
        return len({item.name for item in listed if item.name.startswith("_p-")})

    def spoil(self, number: int) -> None:
        """Have someone else's record where the mark of one host of that Ingress shall stand."""
        name = mark_name(f"h{number}-3.{_DOMAIN}", _DOMAIN)
        theirs = RecordSet(name=name, type="CNAME", ttl_seconds=60, values=("example.net",))
        self.records.change(self.zone, deletions=[], additions=[theirs], guard=Unguarded())

    def lose_memory(self) -> None:
        """Lose what is remembered of the zone; the intents are written again by the others."""
        ledger = self.ports.ledger
        memory = zone_memory.recall(self.zone.unit, ledger)
        ledger.drop_notes("zone/")
        assert memory != zone_memory.recall(self.zone.unit, ledger)

    @contextmanager
    def throttled(self) -> Iterator[None]:
        """Every fifth request is refused as AWS does when there are too many."""
        self._refusing = itertools.cycle([True, *itertools.repeat(False, _EVERY - 1)])
        yield
        self._refusing = itertools.repeat(False)

    def _session(self) -> Any:
        session = boto3.session.Session(
            aws_access_key_id="lab", aws_secret_access_key="lab", region_name="us-east-1"
        )

        def client(service: str, **more: Any) -> Any:
            made = type(session).client(session, service, endpoint_url=self.lab.url, **more)
            made.meta.events.register("before-call", self._called)
            return made

        return mock.Mock(client=client)

    def _called(self, model: Any, **_rest: Any) -> Any:
        self.calls[model.name] += 1
        if next(self._refusing):
            import botocore.awsrequest

            parsed = {
                "Error": {"Code": "Throttling", "Message": "Rate exceeded"},
                "ResponseMetadata": {"HTTPStatusCode": 400},
            }
            return botocore.awsrequest.AWSResponse("", 400, {}, None), parsed
        return None

    def _ports(self, store: MemoryStore) -> Ports:
        nothing: dict[str, Any] = dict.fromkeys(
            ("sources", "clusters", "load_balancers", "balancers", "accelerators")
        )
        ledger = Ledger(store)
        ledger.put_note(COMPLETE, {"at": 0})
        return Ports(
            owner="bench",
            record_sets=self.records,
            health_checks=MemoryAccounts({"self": Route53HealthChecks(self.clients)}),
            ledger=ledger,
            bus=_Silence(),
            clock=self.clock,
            parallel=Serial(),
            **nothing,
        )


class _Silence:
    def publish(self, works: Any) -> None:
        """Nobody listens."""


def _target(cluster: str, number: int, *, shared: bool) -> Target:
    name = "k8s-group" if shared else f"k8s-{number}"
    region = _REGIONS[cluster]
    return Target(
        cluster=cluster,
        region=region,
        address=f"{name}-{cluster}.{region}.elb.amazonaws.com",
        hosted_zone=zone_of(region),
        shared=shared,
        ready=1.0,
        balancer=True,
    )


@contextmanager
def _running() -> Iterator[Zone]:
    anywhere: Callable[[str, str, str], str] = lambda *_: ""  # noqa: E731
    with running_lab() as lab, mock.patch.object(lab_batch, "MOST_RECORD_SETS", 100_000):
        lab.cloud.route53.balancer = anywhere
        zone = Zone(lab)
        yield zone
        zone.clients.close()
