"""One visit to one member: look, decide, apply, and say how it went. Used by spread and retire."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from fedingress.domain.change import Change, Create, Delete, Plan, Update
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.errors import FederationError, Invalid, LeaseLost
from fedingress.domain.graph import port_name
from fedingress.domain.member import ENDPOINT_SLICE, INGRESS, POD, SERVICE, MemberObject
from fedingress.planning import fanout, instance_groups, node_ports
from fedingress.planning.companions import Owner, neg_names
from fedingress.planning.fanout import MemberView, MemberWish
from fedingress.planning.instance_groups import Groups
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
    groups: instance groups that the copies name, or why they cannot be read.
    refused: the companion whose node port the member has given to somebody else.
    """

    plan: Plan[MemberObject]
    wish: MemberWish = MemberWish()
    error: FederationError | None = None
    ingresses: tuple[MemberObject, ...] = ()
    services: tuple[MemberObject, ...] = ()
    slices: tuple[MemberObject, ...] | None = None
    groups: Groups | str = ()
    refused: MemberObject | None = None

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
        groups = _groups(seen.owned, member)
        in_use, grouped = self._in_use(seen, groups), self._grouped(groups)
        plan = fanout.plan(wish, seen, self.owner, in_use=in_use, led=led, grouped=grouped)
        if guard is None:
            return Visit(plan=plan, wish=wish, slices=seen.slices, groups=groups)
        after = {item.ref: item for item in seen.owned}
        error: FederationError | None = None
        doing: Change[MemberObject] | None = None
        try:
            for change in plan:
                doing = change
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
            groups=_groups(after.values(), member),
            refused=_refused(doing, error),
        )

    def _in_use(self, seen: MemberView, groups: Groups | str) -> frozenset[str]:
        """Names of our companions here whose NEG, or whose port of the nodes, must stay."""
        companions = [item for item in seen.owned if item.ref.kind == SERVICE]
        return frozenset(
            item.ref.name
            for item in companions
            if self.negs_in_use is None
            or neg_names(item.manifest) & self.negs_in_use
            or self._led_to(node_ports.first_of(item.manifest), groups)
        )

    def _led_to(self, number: int, groups: Groups | str) -> bool:
        """Whether requests go to that port of these groups; of any, where they cannot be read."""
        used = {use for use in self.negs_in_use or () if use.endswith(f"/{port_name(number)}")}
        if isinstance(groups, str):
            return bool(used)
        return bool(used & {f"{each.zone}/{each.name}/{port_name(number)}" for each in groups})

    def _grouped(self, groups: Groups | str) -> bool:
        """Whether requests go to these groups, or may."""
        if self.negs_in_use is None:
            return True
        used = {use.rpartition("/")[0] for use in self.negs_in_use} - {""}
        if isinstance(groups, str):
            return bool(used)
        return bool(used & {f"{each.zone}/{each.name}" for each in groups})


def _groups(owned: Iterable[MemberObject], member: MemberCluster) -> Groups | str:
    """What the copies of one source in *member* name; there is one of them at most."""
    copies = (item.manifest for item in owned if item.ref.kind == INGRESS)
    found = [instance_groups.named(copy, member.project) for copy in copies]
    return next((each for each in found if each), ())


def _refused(
    doing: Change[MemberObject] | None, error: FederationError | None
) -> MemberObject | None:
    """The companion whose node port somebody else has in the member."""
    if doing is None or isinstance(doing, Delete) or not isinstance(error, Invalid):
        return None
    taken = doing.desired.ref.kind == SERVICE and node_ports.TAKEN in str(error)
    return doing.desired if taken else None
