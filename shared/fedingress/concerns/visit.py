"""One visit to one member: look, decide, apply, and say how it went. Used by spread and retire."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from fedingress.domain.change import Create, Delete, Plan, Update
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.errors import FederationError, LeaseLost
from fedingress.domain.member import ENDPOINT_SLICE, INGRESS, POD, SERVICE, MemberObject
from fedingress.planning import fanout
from fedingress.planning.companions import Owner, neg_names
from fedingress.planning.fanout import MemberView, MemberWish
from fedingress.ports import Guard, Ports

_LONGEST = 200
Wishing = Callable[[MemberCluster, MemberView], MemberWish]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """
    How one visit went.

    plan: what was to change there.   error: what stopped it, or None.
    services: companions as they stand after the visit.   ingresses: likewise, the copies.
    slices: EndpointSlices before it; None where nobody looked.
    """

    plan: Plan[MemberObject]
    wish: MemberWish = MemberWish()
    error: FederationError | None = None
    ingresses: tuple[MemberObject, ...] = ()
    services: tuple[MemberObject, ...] = ()
    slices: tuple[MemberObject, ...] | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing of ours was found, before anything was done."""
        found = self.plan.changes or self.services or self.ingresses
        return self.error is None and not found


def observe(
    member: MemberCluster,
    owner: Owner,
    ports: Ports,
    *,
    endpoints: bool = False,
    probes: bool = False,
) -> MemberView:
    """
    The source's namespace in *member*, in two calls.

    A third one when *endpoints* or *probes* matter.
    """
    namespace = owner.key.namespace
    seen = fanout.view(
        ports.clusters.list(member, INGRESS, namespace),
        ports.clusters.list(member, SERVICE, namespace),
        owner,
        _slices(member, namespace, ports) if endpoints else None,
    )
    return _with_pods(seen, member, namespace, ports) if probes else seen


def _with_pods(seen: MemberView, member: MemberCluster, namespace: str, ports: Ports) -> MemberView:
    """*seen* with the pods; a member that shows none of them is served as well as any other."""
    try:
        return replace(seen, pods=tuple(ports.clusters.list(member, POD, namespace)))
    except FederationError as error:
        return replace(seen, blind=str(error)[:_LONGEST])


def _slices(member: MemberCluster, namespace: str, ports: Ports) -> Sequence[MemberObject] | None:
    """EndpointSlices; a member that shows none of them is served as well as any other."""
    try:
        return ports.clusters.list(member, ENDPOINT_SLICE, namespace)
    except FederationError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """
    Visits to many members at once.

    wishing: what a member should hold, once it was observed.
    negs_in_use: names of NEGs that a backend service refers to; None when that is not known, which
        keeps every companion.
    led: names of members to whose own load balancers clients may be led; None when that is not
        known, which keeps every copy.
    endpoints: whether ready endpoints are looked at.   probes: whether pods are.
    """

    owner: Owner
    wishing: Wishing
    negs_in_use: frozenset[str] | None
    led: frozenset[str] | None = frozenset()
    endpoints: bool = False
    probes: bool = False

    def go(
        self, members: Iterable[MemberCluster], ports: Ports, guard: Guard | None
    ) -> Mapping[str, Visit | FederationError]:
        """Visit all, side by side; without a *guard* nothing is written."""
        by_name = {member.name: member for member in members}
        return ports.parallel.each(by_name, lambda name: self._one(by_name[name], ports, guard))

    def _one(self, member: MemberCluster, ports: Ports, guard: Guard | None) -> Visit:
        seen = observe(member, self.owner, ports, endpoints=self.endpoints, probes=self.probes)
        wish = self.wishing(member, seen)
        led = self.led is None or member.name in self.led
        plan = fanout.plan(wish, seen, self.owner, in_use=self._in_use(seen), led=led)
        if guard is None:
            return Visit(plan=plan, wish=wish, slices=seen.slices)
        after = {item.ref: item for item in seen.owned}
        error: FederationError | None = None
        try:
            for change in plan:
                match change:
                    case Create(desired=desired):
                        made = ports.clusters.apply(
                            member, desired.manifest, observed=None, guard=guard
                        )
                        after[made.ref] = made
                    case Update(observed=observed, desired=desired):
                        made = ports.clusters.apply(
                            member, desired.manifest, observed=observed, guard=guard
                        )
                        after[made.ref] = made
                    case Delete(observed=observed):
                        ports.clusters.delete(member, observed, guard=guard)
                        after.pop(observed.ref, None)
        except LeaseLost:
            raise
        except FederationError as caught:
            error = caught
        return Visit(
            plan=plan,
            wish=wish,
            error=error,
            ingresses=tuple(item for item in after.values() if item.ref.kind == INGRESS),
            services=tuple(item for item in after.values() if item.ref.kind == SERVICE),
            slices=seen.slices,
        )

    def _in_use(self, seen: MemberView) -> frozenset[str]:
        """Names of our companions here whose NEG must stay."""
        companions = [item for item in seen.owned if item.ref.kind == SERVICE]
        return frozenset(
            item.ref.name
            for item in companions
            if self.negs_in_use is None or neg_names(item.manifest) & self.negs_in_use
        )
