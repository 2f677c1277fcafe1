"""
The state behind `MemoryLoadBalancers`: resources, NEGs, operations that run, and their effects.

Every method expects the caller to hold the lock. Changes take effect when they are accepted, as a
reader of GCE sees them; a deletion takes effect when its operation ends.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fedingress.adapters.memory.backend_rules import OTHER_MODE
from fedingress.adapters.memory.graph_rules import DEFAULTS, NEGS, reasons, references
from fedingress.domain.errors import Conflict, InUse, Invalid, NotReady
from fedingress.domain.graph import GlobalResource, GroupRef, InstanceGroupRef, Kind, NegRef
from fedingress.planning.diff import fingerprint
from fedingress.planning.json_values import copied
from fedingress.ports.clock import Clock
from fedingress.ports.load_balancers import Operation

_VERSIONED: Final = frozenset(
    {
        Kind.SSL_POLICY,
        Kind.BACKEND_SERVICE,
        Kind.URL_MAP,
        Kind.TARGET_HTTP_PROXY,
        Kind.TARGET_HTTPS_PROXY,
        Kind.FORWARDING_RULE,
        Kind.INSTANCE_GROUP,
    }
)
"""Kinds with a fingerprint."""


def nothing() -> None:
    """Nothing is left to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What an accepted change does when its operation ends well, and when it fails."""

    end: Callable[[], None] = nothing
    undo: Callable[[], None] = nothing


@dataclass(slots=True, kw_only=True)
class Running:
    """An operation, over at *ends_at*; *error* is empty for one that goes well."""

    operation: Operation
    path: str
    ends_at: float
    end: Callable[[], None]
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neg:
    """Numbers of endpoints; *leaving* once its controller wants it gone."""

    endpoints: int
    healthy: int
    leaving: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """How many nodes an instance group has, and how many of them are healthy at each port."""

    count: int
    healthy: Mapping[int, int]


class GraphStore:
    """Resources by path, NEGs by reference, operations by name."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.resources: dict[str, GlobalResource] = {}
        self.negs: dict[NegRef, Neg] = {}
        self.nodes: dict[InstanceGroupRef, Nodes] = {}
        self.running: dict[str, Running] = {}
        self._count = 0

    def insert(self, desired: GlobalResource) -> Effect:
        """
        Store a new resource with GCE's defaults.

        Raises:
            Conflict: The name is taken.
            Invalid: GCE would refuse it.
            NotReady: It refers to something that is not ready.
        """
        if desired.path in self.resources:
            raise Conflict(f"The resource '{desired.path}' already exists")
        if "securityPolicy" in desired.spec:
            raise Invalid("securityPolicy is output only; setSecurityPolicy puts it on")
        full = replace(desired, spec=merge(DEFAULTS[desired.kind], desired.spec), unread={})
        _check_unread(desired)
        self._check(full)
        self.resources[desired.path] = self.born(full)
        return Effect(undo=lambda: self._drop(desired.path))

    def change(self, observed: GlobalResource, fields: Mapping[str, Any], mark: Any) -> Effect:
        """
        Merge *fields* into the resource and set its mark.

        Raises:
            Conflict: It is gone, another one, or its fingerprint is not the observed one.
            Invalid: GCE would refuse the result.
            NotReady: It, or something that it refers to, is not ready.
        """
        found = self._same(observed)
        self._check_ready(found.path)
        if found.version != observed.version:
            raise Conflict(f"{observed.label}: Invalid fingerprint.")
        merged = replace(found, spec=merge(found.spec, fields), mark=mark)
        self._check(merged)
        self.resources[found.path] = self._versioned(merged)
        return Effect(undo=lambda: self.resources.update({found.path: found}))

    def remove(self, observed: GlobalResource) -> Effect:
        """
        Begin to delete the resource.

        Raises:
            Conflict: It is another one.
            InUse, NotReady: It is in use or not ready.
        """
        found = self._same(observed)
        self._check_ready(found.path)
        for other in self.resources.values():
            if _refers(other, found):
                raise InUse(
                    f"The resource '{found.path}' is already being used by '{other.path}'",
                    after_seconds=2.0,
                )
        return Effect(end=lambda: self._drop(found.path))

    def run(self, item: GlobalResource, effect: Effect, *, seconds: float, error: str) -> Operation:
        """Start the operation of an accepted change."""
        self._count += 1
        name = f"operation-{self._count}"
        operation = Operation(project=item.project, name=name, label=item.label)
        self.running[name] = Running(
            operation=operation,
            path=item.path,
            ends_at=self.clock.now() + seconds,
            end=effect.undo if error else effect.end,
            error=error,
        )
        self.settle()
        return operation

    def settle(self) -> None:
        """Let every operation take effect whose time is over."""
        now = self.clock.now()
        for run in self.running.values():
            if run.ends_at <= now:
                end, run.end = run.end, nothing
                end()

    def sweep_negs(self) -> None:
        """Drop the leaving NEGs that nothing refers to any more."""
        used = {text for item in self.resources.values() for _, _, text in references(item.spec)}
        for ref in [ref for ref, neg in self.negs.items() if neg.leaving and ref.path not in used]:
            del self.negs[ref]

    def have_instance_group(self, ref: InstanceGroupRef, nodes: Nodes) -> None:
        """An instance group with these nodes; its named ports stay as they are."""
        self.nodes[ref] = nodes
        if ref.path not in self.resources:
            bare = GlobalResource(
                kind=Kind.INSTANCE_GROUP,
                project=ref.project,
                zone=ref.zone,
                name=ref.name,
                spec={"namedPorts": []},
            )
            self.resources[ref.path] = self.born(bare)

    def drop_instance_group(self, ref: InstanceGroupRef) -> bool:
        """Delete the group unless a backend service refers to it."""
        found = self.resources.get(ref.path)
        if found is None:
            return True
        if any(_refers(other, found) for other in self.resources.values()):
            return False
        del self.resources[ref.path], self.nodes[ref]
        return True

    def numbers(self, service: GlobalResource, ref: GroupRef) -> Neg | None:
        """Endpoints of a group, and how many are healthy, behind *service*; None if it is gone."""
        if isinstance(ref, NegRef):
            return self.negs.get(ref)
        nodes, group = self.nodes.get(ref), self.resources.get(ref.path)
        if nodes is None or group is None:
            return None
        wanted = self.resources[service.path].spec.get("portName")
        named = [p["port"] for p in group.spec["namedPorts"] if p["name"] == wanted]
        healthy = nodes.healthy.get(named[0], 0) if named else 0
        return Neg(endpoints=nodes.count, healthy=healthy)

    def attached(self, service: GlobalResource) -> frozenset[str]:
        """Paths of the groups that a stored backend service refers to."""
        found = self.resources.get(service.path)
        if found is None:
            raise Invalid(f"The resource '{service.path}' was not found")
        return frozenset(text for _, kinds, text in references(found.spec) if NEGS in kinds)

    def born(self, item: GlobalResource) -> GlobalResource:
        """*item* with what GCE adds to a new resource: id, link, address, fingerprint."""
        self._count += 1
        output: dict[str, Any] = {
            "id": str(7_000_000_000_000_000_000 + self._count),
            "selfLink": f"https://www.googleapis.com/compute/v1/{item.path}",
        }
        spec = dict(copied(item.spec))
        if item.kind is Kind.ADDRESS:
            net = "2001:db8::" if spec.get("ipVersion") == "IPV6" else "203.0.113."
            output["address"] = spec.setdefault("address", f"{net}{self._count % 250 + 1}")
        if item.kind is Kind.FORWARDING_RULE:
            output["IPAddress"] = spec.get("IPAddress")
        return self._versioned(replace(item, spec=spec, output=output))

    def _versioned(self, item: GlobalResource) -> GlobalResource:
        if item.kind not in _VERSIONED:
            return replace(item, version="")
        mark = item.mark.encode() if item.mark else ""
        return replace(item, version=fingerprint([dict(item.spec), mark, item.output["id"]]))

    def _drop(self, path: str) -> None:
        self.resources.pop(path, None)
        self.sweep_negs()

    def _same(self, observed: GlobalResource) -> GlobalResource:
        found = self.resources.get(observed.path)
        if found is None:
            raise Conflict(f"{observed.label} is gone")
        if (found.mark, found.output["id"]) != (observed.mark, observed.output.get("id")):
            raise Conflict(f"{observed.label} is not the one that was observed")
        return found

    def _check(self, item: GlobalResource) -> None:
        others = {path: each for path, each in self.resources.items() if path != item.path}
        faults = list(reasons(item, others))
        known = {*others, *(ref.path for ref, neg in self.negs.items() if not neg.leaving)}
        old = self.resources.get(item.path)
        kept = {text for _, _, text in references(old.spec)} if old else set()
        for at, kinds, text in references(item.spec):
            if "networks" not in kinds and text not in known | kept:
                faults.append(
                    f"Invalid value for field '{at}': '{text}'. "
                    "The referenced resource cannot be found."
                )
        if faults:
            busy = [fault for fault in faults if OTHER_MODE in fault]
            if len(busy) == len(faults):
                raise InUse("; ".join(busy), after_seconds=2.0)
            raise Invalid(faults)
        for _, _, text in references(item.spec):
            self._check_ready(text)

    def _check_ready(self, path: str) -> None:
        now = self.clock.now()
        if any(run.path == path and run.ends_at > now for run in self.running.values()):
            raise NotReady(f"The resource '{path}' is not ready", after_seconds=1.0)


def _check_unread(desired: GlobalResource) -> None:
    """A self-managed certificate needs its chain and key, which nobody reads again."""
    if desired.kind is Kind.SSL_CERTIFICATE and desired.spec.get("type") == "SELF_MANAGED":
        given = desired.unread.get("selfManaged") or {}
        missing = [name for name in ("certificate", "privateKey") if not given.get(name)]
        if missing:
            raise Invalid(f"Required field 'resource.{name}' not specified" for name in missing)


def merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """*old* with what *new* names: objects are merged, all else replaced, None takes away."""
    merged = dict(copied(old))
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            below = merged.get(key)
            merged[key] = merge(below if isinstance(below, Mapping) else {}, value)
        elif isinstance(value, list | tuple):
            merged[key] = [merge({}, x) if isinstance(x, Mapping) else x for x in value]
        else:
            merged[key] = value
    return merged


def _refers(other: GlobalResource, item: GlobalResource) -> bool:
    if any(text == item.path for _, _, text in references(other.spec)):
        return True
    return (
        item.kind is Kind.ADDRESS
        and other.kind is Kind.FORWARDING_RULE
        and other.spec.get("IPAddress") == item.output["address"]
    )
