"""
A whole federation in memory, with a clock that moves only when asked: the concerns' own world.

Everything is synchronous and in one thread, so that a story is the same each time it is told.
"""

import heapq
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fedingress.adapters.memory.accelerators import MemoryAccelerators
from fedingress.adapters.memory.balancers import MemoryBalancers
from fedingress.adapters.memory.clusters import MemoryMembers
from fedingress.adapters.memory.health_checks import MemoryAccounts, MemoryHealthChecks
from fedingress.adapters.memory.load_balancers import MemoryLoadBalancers
from fedingress.adapters.memory.record_sets import MemoryRecordSets
from fedingress.adapters.memory.sources import MemorySources
from fedingress.adapters.stores.memory import MemoryStore
from fedingress.concerns import tick
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.errors import FederationError, LeaseLost
from fedingress.domain.ingress import IngressKey
from fedingress.domain.policy import ZoneRef
from fedingress.domain.work import CONCERNS, Work
from fedingress.ports import Ports
from fedingress.ports.ledger import Ledger
from fedingress.ports.store import Store
from fedingress.runtime.dispatch import reconciler
from fedingress.runtime.invoke import invoke
from fedingress.runtime.queue import NotYet, WorkQueue

ZONE = ZoneRef(provider="cloud-dns", project="lab", name="example-com", domain="example.com")
KEY = IngressKey(namespace="shop", name="shop")


class Crash(BaseException):
    """The instance dies here; nothing catches it but the world."""


class VirtualClock:
    """Time that moves when it is told to."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


class Serial:
    """One call after the other, in order of the items."""

    def each(self, items: Iterable[Any], call: Callable[[Any], Any]) -> Mapping[Any, Any]:
        found = {}
        for item in items:
            try:
                found[item] = call(item)
            except LeaseLost:
                raise
            except FederationError as error:
                found[item] = error
        return found


class HeapBus:
    """Published work by the time at which it is delivered; undelivered doubles are joined."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.heap: list[tuple[float, int, Work]] = []
        self.count = itertools.count(1)
        self.fault: Callable[[str, str, str], None] = lambda *_: None

    def publish(self, works: Iterable[Work]) -> None:
        for work in works:
            self.fault("before", "publish", f"{work.concern} {work.unit}")
            at = self.clock.now() + work.delay_seconds
            same = (work.concern, work.unit, work.cause)
            if not any((w.concern, w.unit, w.cause) == same and t <= at for t, _, w in self.heap):
                heapq.heappush(self.heap, (at, next(self.count), work))


def member(name: str, provider: str = "gcp", region: str = "us-central1", **more: Any) -> Any:
    """A member cluster."""
    fields = {
        "name": name,
        "access": None,
        "provider": provider,
        "region": region,
        "zones": (f"{region}-a", f"{region}-b"),
        "project": "lab" if provider == "gcp" else "",
        "network": "default" if provider == "gcp" else "",
        "uid": f"uid-{name}",
        "healthy": True,
        "labels": {"cloud": provider, "region": region, "cluster": name},
    }
    return MemberCluster(**(fields | more))


MEMBERS = (
    member("gke-us"),
    member("gke-eu", region="europe-west1"),
    member("eks-us", provider="aws", region="us-east-1"),
)


class World:
    """Sources, members, clouds, store, bus and queue; `settle` lets everything happen."""

    def __init__(
        self,
        members: tuple[MemberCluster, ...] = MEMBERS,
        store: Store | None = None,
        clock: VirtualClock | None = None,
    ) -> None:
        self.clock = clock or VirtualClock()
        self.members = MemoryMembers(
            members,
            on_neg=self._neg,
            on_neg_gone=self._neg_gone,
            on_nodes=self._nodes,
            on_nodes_gone=self._nodes_gone,
            now=self.clock.now,
        )
        self.inventory = {each.name: each for each in members}
        self.sources = MemorySources(members=members, now=self.clock.now)
        self.load_balancers = MemoryLoadBalancers(self.clock)
        self.records = MemoryRecordSets((ZONE,))
        self.checks = MemoryHealthChecks()
        self.balancers = MemoryBalancers()
        self.accelerators = MemoryAccelerators()
        self.store = store or MemoryStore()
        self.bus = HeapBus(self.clock)
        self.faults: list[str] = []
        self._wire()
        for each in members:
            self.add_shop(each.name)

    def _wire(self) -> None:
        self.ports = Ports(
            owner="test",
            sources=self.sources,
            clusters=self.members,
            load_balancers=self.load_balancers,
            record_sets=self.records,
            health_checks=MemoryAccounts({"self": self.checks, "lab": self.checks}),
            balancers=self.balancers,
            accelerators=self.accelerators,
            ledger=Ledger(self.store),
            bus=self.bus,
            clock=self.clock,
            parallel=Serial(),
        )
        self.queue = WorkQueue(self.store, self.clock, lease_seconds=120.0)

    def _neg(self, cluster: str, zone: str, name: str, endpoints: int) -> None:
        project = self.inventory[cluster].project or "lab"
        self.load_balancers.add_neg(project, zone, name, endpoints, endpoints)

    def _neg_gone(self, cluster: str, zone: str, name: str) -> None:
        project = self.inventory[cluster].project or "lab"
        self.load_balancers.remove_neg(project, zone, name)

    def _nodes(
        self, cluster: str, zone: str, name: str, nodes: int, healthy: Mapping[int, int]
    ) -> None:
        project = self.inventory[cluster].project or "lab"
        self.load_balancers.add_instance_group(project, zone, name, nodes, healthy)

    def _nodes_gone(self, cluster: str, zone: str, name: str) -> None:
        project = self.inventory[cluster].project or "lab"
        if not self.load_balancers.remove_instance_group(project, zone, name):
            self.faults.append(f"{cluster} would take its nodes out while they serve")

    def lose_store(self) -> None:
        """Wipe the store, and what waits on the bus."""
        self.store = MemoryStore()
        self.bus.heap.clear()
        self._wire()

    def add_shop(self, name: str) -> None:
        """The user's own objects in a member: namespace, Services, pods."""
        cluster = self.members[name]
        cluster.add_namespace("shop")
        for service in ("web", "api"):
            cluster.put(service_manifest(service))
            cluster.run_pods("shop", {"app": service})

    def install(self, **policy: Any) -> None:
        """The platform team's class and policy."""
        self.sources.put(class_manifest())
        self.sources.put(policy_manifest(**policy))

    def submit(self, manifest: dict[str, Any]) -> None:
        """A user applies an Ingress; the watcher tells fan-out."""
        self.sources.put(manifest)
        meta = manifest["metadata"]
        self.tell("fanout", f"{meta['namespace']}/{meta['name']}")

    def delete(self, key: IngressKey = KEY) -> None:
        """A user deletes an Ingress; the watcher tells fan-out."""
        self.sources.delete(key)
        self.tell("fanout", str(key))

    def tell(self, concern: Any, unit: str, cause: str = "changed") -> None:
        """An event from outside."""
        fault, self.bus.fault = self.bus.fault, lambda *_: None
        self.bus.publish([Work(concern=concern, unit=unit, cause=cause)])
        self.bus.fault = fault

    def step(self) -> bool:
        """Deliver the next hint, moving the clock to it; False when there is none."""
        if not self.bus.heap:
            return False
        at, number, work = heapq.heappop(self.bus.heap)
        self.clock.at = max(self.clock.at, at)
        self.deliver(work, f"delivery-{number}")
        return True

    def deliver(self, work: Work, delivery: str) -> None:
        """One delivery, to the end or to a crash."""
        try:
            answer = invoke(
                work,
                delivery,
                queue=self.queue,
                bus=self.bus,
                reconcile=reconciler(work.concern, self.ports),
            )
        except Crash as crash:
            self.faults.append(str(crash))
            self.clock.at += 1.0
            return
        if isinstance(answer, NotYet):
            self.bus.publish(
                [Work(concern=work.concern, unit=work.unit, cause=work.cause, delay_seconds=5.0)]
            )

    def tick(self) -> None:
        """One cron tick."""
        try:
            tick.reconcile(self.ports, self.queue.due)
        except (Crash, FederationError) as fault:  # the scheduler calls again
            self.faults.append(str(fault))

    def settle(self, *, within_seconds: float = 3600.0, ticks: bool = True) -> None:
        """Run until nothing waits, with a tick every minute; fails if that never happens."""
        end = self.clock.at + within_seconds
        next_tick = self.clock.at + 60.0
        for _ in range(5000):
            upcoming = self.bus.heap[0][0] if self.bus.heap else None
            if upcoming is None or upcoming > end:
                if not ticks or not self._waiting() or self.clock.at > end:
                    return
                upcoming = next_tick
            if ticks and next_tick <= upcoming:
                self.clock.at = max(self.clock.at, next_tick)
                next_tick += 60.0
                self.tick()
                continue
            self.step()
        raise AssertionError(f"never quiet: {[work for _, _, work in self.bus.heap][:5]}")

    def _waiting(self) -> bool:
        return any(document.due_at is not None for document in self.store.list("work"))

    def mark(self) -> tuple[int, ...]:
        """Where each list of mutating calls ends now."""
        return tuple(len(calls) for calls in self._calls())

    def since(self, mark: tuple[int, ...]) -> list[tuple[str, str]]:
        """Every mutating call to any cloud or cluster since *mark*."""
        listed = zip(self._calls(), mark, strict=True)
        return [call for calls, start in listed for call in calls[start:]]

    def _calls(self) -> tuple[list[tuple[str, str]], ...]:
        return (
            self.members.calls,
            self.load_balancers.calls,
            self.records.calls,
            self.sources.calls,
        )

    def graph(self) -> dict[str, Any]:
        """Every global resource by `collection/name`, as its spec."""
        from fedingress.domain.graph import Kind

        found = self.load_balancers.observe("lab", tuple(Kind), "")
        return {f"{item.kind.value}/{item.name}": item.spec for item in found}

    def zone(self) -> dict[tuple[str, str], Any]:
        """Every record set by name and type."""
        return {(r.name, r.type): r for r in self.records.list(ZONE) if r.type not in {"SOA", "NS"}}

    def ours(self, cluster: str) -> list[str]:
        """`Kind name` of everything of ours in a member, sorted."""
        return sorted(
            f"{kind} {item['metadata']['name']}"
            for kind in ("Ingress", "Service")
            for item in self.members[cluster].list(kind)
            if "fedingress.dev/owner-uid" in (item["metadata"].get("labels") or {})
        )

    def end_state(self) -> Any:
        """Everything that the outside sees, without times and versions."""
        return {
            "graph": self.graph(),
            "zone": {k: r.values for k, r in self.zone().items()},
            "members": {name: self.ours(name) for name in self.inventory},
        }


def service_manifest(name: str, **spec: Any) -> dict[str, Any]:
    """A user's Service."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "selector": {"app": name},
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}],
        }
        | spec,
    }


def class_manifest() -> dict[str, Any]:
    """The federated IngressClass."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": "federated"},
        "spec": {
            "controller": "fedingress.dev/federated-ingress",
            "parameters": {
                "apiGroup": "fedingress.dev",
                "kind": "FederationPolicy",
                "name": "global",
            },
        },
    }


def policy_manifest(**spec: Any) -> dict[str, Any]:
    """A FederationPolicy for everything, with small waits."""
    return {
        "apiVersion": "fedingress.dev/v1alpha1",
        "kind": "FederationPolicy",
        "metadata": {"name": "global"},
        "spec": {
            "topology": "gcp",
            "project": "lab",
            "placement": {"clusterSelector": {}},
            "dns": {
                "zones": [
                    {
                        "provider": "cloud-dns",
                        "project": "lab",
                        "name": "example-com",
                        "domain": "example.com",
                    }
                ],
                "ttlSeconds": 5,
            },
            "deletion": {"graceSeconds": 60, "drainSeconds": 5},
        }
        | spec,
    }


def path(at: str, service: str, kind: str = "Prefix") -> dict[str, Any]:
    """One path of a rule."""
    return {
        "path": at,
        "pathType": kind,
        "backend": {"service": {"name": service, "port": {"number": 80}}},
    }


def ingress_manifest(name: str = "shop", *, host: str = "shop.example.com", **more: Any) -> Any:
    """An Ingress with one host and two Services."""
    meta = {"name": name, "namespace": "shop"} | more.pop("metadata", {})
    spec = {
        "ingressClassName": "federated",
        "rules": [{"host": host, "http": {"paths": [path("/", "web"), path("/api", "api")]}}],
    } | more
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": spec}


ALL_CONCERNS = CONCERNS
