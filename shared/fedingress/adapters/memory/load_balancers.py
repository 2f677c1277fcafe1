"""
GCE's global load balancing in memory: the strict twin of `adapters.gcp.load_balancers`.

For the tests of concerns, and for the port's contract. It keeps references, fingerprints and
operations as GCE does, and refuses what GCE refuses (`graph_rules`). The clusters' part, NEGs and
their endpoints, is told by `add_neg`; a `fault` hook sees each write before and after it happens.
"""

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from fedingress.adapters.memory.clusters import FaultHook, no_fault
from fedingress.adapters.memory.graph_store import Effect, GraphStore, Neg, Nodes
from fedingress.domain.errors import Unsupported
from fedingress.domain.graph import GlobalResource, GroupRef, InstanceGroupRef, Kind, NegRef
from fedingress.planning.diff import differing
from fedingress.planning.json_values import copied
from fedingress.ports.clock import Clock
from fedingress.ports.guard import Guard
from fedingress.ports.load_balancers import HTTPS_PROXY_FIELDS, GroupHealth, Operation

_CHANGEABLE: Mapping[Kind, frozenset[str]] = {
    Kind.ADDRESS: frozenset(),
    Kind.SECURITY_POLICY: frozenset(),
    Kind.SSL_CERTIFICATE: frozenset(),
    Kind.TARGET_HTTPS_PROXY: frozenset(HTTPS_PROXY_FIELDS),
    Kind.TARGET_HTTP_PROXY: frozenset({"urlMap"}),
    Kind.FORWARDING_RULE: frozenset({"labels", "target"}),
    Kind.INSTANCE_GROUP: frozenset({"namedPorts"}),
}
_FIXED: Mapping[Kind, frozenset[str]] = {
    Kind.FIREWALL: frozenset({"network", "direction"}),
    Kind.BACKEND_SERVICE: frozenset({"loadBalancingScheme"}),
}


class MemoryLoadBalancers:
    """
    The port `LoadBalancers`.

    operation_seconds: how long each change takes by *clock*; the resource cannot be used or changed
        before, and a deleted one stands until then.
    calls: (verb, label) of every mutating call that reached the cloud, in order.
    fault: called with `before` or `after`, verb and label; raising stops the call there.
    """

    def __init__(
        self, clock: Clock, *, operation_seconds: float = 0.0, fault: FaultHook = no_fault
    ) -> None:
        self.call_timeout_seconds = 10.0
        self.operation_seconds = operation_seconds
        self.calls: list[tuple[str, str]] = []
        self.fault = fault
        self._clock = clock
        self._lock = threading.RLock()
        self._store = GraphStore(clock)
        self._failing: dict[tuple[str, str], str] = {}

    def add_neg(self, project: str, zone: str, name: str, endpoints: int, healthy: int) -> None:
        """Have a NEG, or give it other numbers of endpoints."""
        with self._lock:
            ref = NegRef(project=project, zone=zone, name=name)
            self._store.negs[ref] = Neg(endpoints=endpoints, healthy=healthy)

    def remove_neg(self, project: str, zone: str, name: str) -> None:
        """Delete a NEG as its controller does: again and again until nothing refers to it."""
        with self._lock:
            ref = NegRef(project=project, zone=zone, name=name)
            if ref in self._store.negs:
                self._store.negs[ref] = Neg(endpoints=0, healthy=0, leaving=True)
            self._store.sweep_negs()

    def add_instance_group(
        self, project: str, zone: str, name: str, nodes: int, healthy: Mapping[int, int]
    ) -> None:
        """Have an instance group, or give it other nodes; *healthy* ones by the port they serve."""
        with self._lock:
            ref = InstanceGroupRef(project=project, zone=zone, name=name)
            self._store.have_instance_group(ref, Nodes(count=nodes, healthy=dict(healthy)))

    def remove_instance_group(self, project: str, zone: str, name: str) -> bool:
        """Delete an instance group as its controller does; False while something refers to it."""
        with self._lock:
            ref = InstanceGroupRef(project=project, zone=zone, name=name)
            return self._store.drop_instance_group(ref)

    def negs(self) -> Sequence[NegRef]:
        """Every NEG that stands."""
        with self._lock:
            self._store.settle()
            return sorted(self._store.negs)

    def fail(self, verb: str, label: str, sentence: str) -> None:
        """Let the operation of the next such change end in an error, without effect."""
        self._failing[verb, label] = sentence

    def put(self, resource: GlobalResource) -> GlobalResource:
        """Have a resource that someone else made, unchecked."""
        with self._lock:
            born = self._store.born(resource)
            self._store.resources[resource.path] = born
            return _copied(born)

    def observe(self, project: str, kinds: Sequence[Kind], prefix: str) -> Sequence[GlobalResource]:
        """All resources of *kinds* whose name begins with *prefix*, by path."""
        with self._lock:
            self._store.settle()
            found = [
                item
                for item in self._store.resources.values()
                if item.project == project and item.kind in kinds and item.name.startswith(prefix)
            ]
            return [_copied(item) for item in sorted(found, key=lambda item: item.path)]

    def create(self, desired: GlobalResource, guard: Guard) -> Operation | None:
        """Insert."""
        if desired.kind is Kind.INSTANCE_GROUP:
            raise Unsupported(f"{desired.label} is its cluster's to make")
        return self._write("create", desired, guard, lambda: self._store.insert(desired))

    def update(
        self, observed: GlobalResource, desired: GlobalResource, guard: Guard
    ) -> Operation | None:
        """Merge the fields that differ, if the fingerprint is that of *observed*."""
        fields = {key: desired.spec[key] for key in differing(observed.spec, desired.spec)}
        if desired.kind is Kind.TARGET_HTTPS_PROXY:
            fields = {key: fields[key] for key in HTTPS_PROXY_FIELDS if key in fields}
            fields = dict(itertools.islice(fields.items(), 1))
        if desired.mark != observed.mark or fields.keys() != {"securityPolicy"}:
            fields.pop("securityPolicy", None)
        if not fields and desired.mark == observed.mark:
            return None
        _check_changeable(observed, desired, fields)
        if desired.kind is Kind.FORWARDING_RULE and desired.mark != observed.mark:
            fields = {}  # labels have a setter of their own
        return self._write(
            "update",
            desired,
            guard,
            lambda: self._store.change(observed, fields, desired.mark),
        )

    def delete(self, observed: GlobalResource, guard: Guard) -> Operation | None:
        """Delete that very resource, unless another one refers to it."""
        if observed.kind is Kind.INSTANCE_GROUP:
            raise Unsupported(f"{observed.label} is its cluster's to delete")
        with self._lock:
            self._store.settle()
            if observed.path not in self._store.resources:
                return None
        return self._write("delete", observed, guard, lambda: self._store.remove(observed))

    def wait(
        self, operations: Sequence[Operation], *, seconds: float
    ) -> tuple[Sequence[Operation], Sequence[str]]:
        """Sleep by the clock until all have ended or *seconds* are over."""
        deadline = self._clock.now() + seconds
        while True:
            with self._lock:
                now = self._clock.now()
                self._store.settle()
                found = [run for each in operations if (run := self._store.running.get(each.name))]
                pending = [run for run in found if run.ends_at > now]
                if not pending or now >= deadline:
                    ended = [run for run in found if run.ends_at <= now and run.error]
                    sentences = [f"{run.operation.label}: {run.error}" for run in ended]
                    return [run.operation for run in pending], sentences
                until = min(deadline, *(run.ends_at for run in pending))
            self._clock.sleep(until - now)

    def groups(self, project: str, prefix: str) -> Sequence[NegRef]:
        """Those of `negs` with that project and prefix."""
        return [
            neg for neg in self.negs() if neg.project == project and neg.name.startswith(prefix)
        ]

    def health(self, service: GlobalResource, negs: Sequence[GroupRef]) -> Sequence[GroupHealth]:
        """The registered numbers of those *negs* that are attached to *service*."""
        with self._lock:
            self._store.settle()
            attached = self._store.attached(service)
            found = {neg: self._store.numbers(service, neg) for neg in negs if neg.path in attached}
            return [
                GroupHealth(neg=neg, endpoints=numbers.endpoints, healthy=numbers.healthy)
                for neg, numbers in found.items()
                if numbers
            ]

    def _write(
        self, verb: str, item: GlobalResource, guard: Guard, effect: Callable[[], Effect]
    ) -> Operation:
        guard.check(self.call_timeout_seconds)
        self.fault("before", verb, item.label)
        with self._lock:
            self._store.settle()
            self.calls.append((verb, item.label))
            accepted = effect()
            error = self._failing.pop((verb, item.label), "")
            operation = self._store.run(item, accepted, seconds=self.operation_seconds, error=error)
        self.fault("after", verb, item.label)
        return operation


def _copied(item: GlobalResource) -> GlobalResource:
    return replace(item, spec=copied(item.spec), output=copied(item.output))


def _check_changeable(
    observed: GlobalResource, desired: GlobalResource, fields: Mapping[str, object]
) -> None:
    kind = desired.kind
    labelled = kind is Kind.FORWARDING_RULE and desired.mark and desired.mark.labels()
    marking = ("labels" if labelled else "description",)
    changed = {*fields, *(marking if desired.mark != observed.mark else ())}
    refused = changed & _FIXED.get(kind, frozenset())
    if kind in _CHANGEABLE:
        refused |= changed - _CHANGEABLE[kind]
    if refused:
        raise Unsupported(f"{desired.label}: {', '.join(sorted(refused))} cannot be changed")
