"""From visits to the report of fan-out: one row per member, the endpoint groups, the footprint."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping

from fedingress.concerns import probing
from fedingress.concerns.visit import Visit
from fedingress.domain.change import Change, Plan
from fedingress.domain.cluster import Inventory
from fedingress.domain.errors import Conflict, FederationError, Forbidden, Invalid
from fedingress.domain.footprint import Footprint
from fedingress.domain.graph import GroupRef, InstanceGroupRef, NegRef
from fedingress.domain.ingress import ServiceBackend, Source
from fedingress.domain.member import SERVICE, MemberObject
from fedingress.domain.placement import Placement
from fedingress.domain.policy import INSTANCE_GROUP, FederationPolicy
from fedingress.domain.report import FanoutReport
from fedingress.planning import companions, dns, fanout, instance_groups, node_ports, readiness
from fedingress.planning.instance_groups import Groups

Visits = Mapping[str, Visit | FederationError]
Row = dict[str, str]
_NETWORK_WORDS = 5


def report(
    source: Source,
    placement: Placement,
    inventory: Inventory,
    visits: Visits,
    previous: FanoutReport | None,
    *,
    known: Collection[str],
) -> FanoutReport:
    """
    What fan-out found; *known*: members in which something of ours may be.

    A member that cannot be read keeps the endpoint groups of *previous*: an unreachable control
    plane is not a dead data plane.
    """
    rows: dict[str, Row] = {}
    for name, reason in placement.ineligible.items():
        code, _, sentence = reason.partition(": ")
        rows[name] = _row("ineligible", code, sentence)
    for name in placement.unknown:
        rows[name] = _row("ineligible", "UnknownCluster", "no member cluster has this name")
    for name in inventory.unreadable:
        if name in known or (previous is not None and name in previous.clusters):
            rows[name] = _row("unreachable", "ProfileUnreadable", "its ClusterProfile is invalid")
    for name, visit in visits.items():
        placed = name in placement.placed
        row = _visited(visit, source, placed=placed)
        if row is not None:
            rows[name] = row
    shared = _shared(visits, placement, previous)
    for name, text in shared.items():
        rows[name] = _row("failed", "InstanceGroupShared", text)
    return FanoutReport(
        uid=source.uid,
        generation=source.generation,
        clusters={name: rows[name] for name in sorted(rows)},
        negs=tuple(
            row
            for row in _negs(source, placement, inventory, visits, previous)
            if row["cluster"] not in shared or "node_port" not in row
        ),
        addresses=_addresses(visits, previous),
        ready=_ready(source, placement, visits, previous),
        probes=probing.probes(placement, inventory, visits, previous),
        drained=_kept(placement.drained, previous.drained if previous else (), inventory),
        preferred=_kept(placement.preferred, previous.preferred if previous else (), inventory),
    )


def _kept(now: Collection[str], before: Collection[str], inventory: Inventory) -> tuple[str, ...]:
    """A member whose profile cannot be read stays as it was."""
    return tuple(sorted({*now, *(set(before) & set(inventory.unreadable))}))


def with_hosts(found: FanoutReport, source: Source, lost: Mapping[str, str]) -> FanoutReport:
    """*found* with the hosts that the Ingress may use and those that others own."""
    hosts = fanout.hosts_of(source.ingress, lost) if source.ingress else ()
    return dataclasses.replace(found, hosts=hosts, lost_hosts=dict(lost))


def expecting(
    found: FanoutReport, source: Source, inventory: Inventory, visits: Visits
) -> FanoutReport:
    """*found* with the endpoint groups that members will report once the companions exist."""
    known = {(row["cluster"], row["name"]) for row in found.negs}
    coming = []
    for name, visit in visits.items():
        member = inventory.named(name)
        if not isinstance(visit, Visit) or member is None:
            continue
        named = visit.groups or _before(name, found) or instance_groups.unnamed(member)
        seen = dataclasses.replace(visit, groups=named)
        coming += [
            row
            for row in _node_rows(name, seen, set(visit.wish.node_ports), None)
            if row not in found.negs
        ]
        for item in visit.wish.objects:
            for neg in companions.neg_names(item.manifest) if item.ref.kind == SERVICE else ():
                backend = _backend_of(source, neg, name)
                if backend and (name, neg) not in known:
                    refs = [
                        NegRef(project=member.project, zone=zone, name=neg) for zone in member.zones
                    ]
                    spoken = visit.wish.protocols.get(backend, "")
                    coming += [_neg_row(name, backend, ref, spoken) for ref in refs]
    return dataclasses.replace(found, negs=_sorted([*found.negs, *coming]))


def joined(visits: Visits) -> Plan[MemberObject]:
    """All members' plans as one, for printing."""
    changes: list[Change[MemberObject]] = []
    held: list[str] = []
    for name in sorted(visits):
        visit = visits[name]
        if isinstance(visit, Visit):
            changes += visit.plan.changes
            held += visit.plan.held
            held += [f"{name}: {sentence}" for _, sentence in visit.wish.problems]
        else:
            held.append(f"{name}: {visit}")
    return Plan(changes=tuple(changes), held=tuple(held))


def footprint(
    source: Source, policy: FederationPolicy, placement: Placement, inventory: Inventory
) -> Footprint:
    """Where one pass may put things."""
    hosts = source.ingress.hosts if source.ingress else ()
    found = [zone for host in hosts for zone in dns.zones_for(host, policy.dns.zones)]
    regional = policy.topology == "aws"
    if regional:  # where the Ingress's own name is
        found += policy.dns.zones[:1]
    zones = {zone.unit: zone for zone in found}
    project = "" if regional else policy.project
    return Footprint(
        topology=policy.topology,
        project=project,
        projects=(project,) if project else (),
        zones=tuple(zones[unit] for unit in sorted(zones)),
        networks=tuple(networks(policy, placement, inventory)),
        members=placement.placed,
        accelerator=regional and policy.aws.accelerator,
        ttl_seconds=policy.dns.ttl_seconds,
    ).under(policy.deletion)


def networks(
    policy: FederationPolicy, placement: Placement, inventory: Inventory
) -> dict[str, tuple[str, ...]]:
    """
    `PROJECT/NETWORK` of every placed member whose profile names its network, and the tags of their
    nodes; no tags where one of the members names none.

    A shared network is written `projects/HOST/global/networks/NAME`; its firewall is in HOST.
    """
    found: dict[str, list[tuple[str, ...]]] = {}
    # Probers of Google's load balancer; members' own ones look after their networks themselves.
    placed = () if policy.topology == "aws" else placement.placed
    for member in map(inventory.named, placed):
        if member and member.network:
            words = member.network.split("/")
            shared = len(words) == _NETWORK_WORDS and words[0] == "projects"
            text = f"{words[1] if shared else policy.project}/{words[-1]}"
            found.setdefault(text, []).append(member.node_tags)
    return {
        text: tuple(sorted({tag for each in found[text] for tag in each}))
        if all(found[text])
        else ()
        for text in sorted(found)
    }


def _row(state: str, reason: str, message: str) -> Row:
    return {"state": state, "reason": reason, "message": message}


def _visited(visit: Visit | FederationError, source: Source, *, placed: bool) -> Row | None:
    """The row of one visited member; None when nothing of ours is there, nor should be."""
    error = visit if isinstance(visit, FederationError) else visit.error
    if error is not None:
        return _failed(error) if placed else _staying(error)
    if isinstance(visit, FederationError) or not placed:
        return None if isinstance(visit, FederationError) else _emptied(visit)
    return _applied(visit, source)


def _staying(error: FederationError) -> Row:
    """What is no longer wanted there cannot be taken away; its endpoints get no traffic."""
    return _row("removing", _failed(error)["reason"], str(error)[:256])


def _emptied(visit: Visit) -> Row | None:
    left = len(visit.services) + len(visit.ingresses)
    if not left:
        return None
    why = "; ".join(visit.plan.held) or f"{left} objects are being deleted"
    return _row("removing", "Removing", why)


def _applied(visit: Visit, source: Source) -> Row:
    if any("is not ours" in sentence for sentence in visit.plan.held):
        return _row("conflict", "Conflict", "; ".join(visit.plan.held))
    if reasons := visit.wish.problems:
        return _row("failed", reasons[0][0], "; ".join(sentence for _, sentence in reasons))
    if isinstance(visit.groups, str):
        return _row("failed", "InstanceGroupsInvalid", visit.groups)
    if waiting := _waiting(visit):
        return _row("placed", "Waiting", f"waiting for {waiting}")
    sentences = (f"generation {source.generation} is applied", *visit.wish.notes)
    return _row("placed", "Applied", "; ".join(sentences))


def _failed(error: FederationError) -> Row:
    text = str(error)[:256]
    match error:
        case Forbidden():
            return _row("unreachable", "Forbidden", text)
        case Invalid():
            return _row("failed", "Refused", text)
        case Conflict():
            return _row("conflict", "Conflict", text)
        case _:
            return _row("unreachable", "Unreachable", text)


def _waiting(visit: Visit) -> str:
    """For which groups the member's controller is waited for; empty when it named all."""
    if visit.wish.answers and not fanout.addresses(visit.ingresses):
        return "the address of its load balancer"
    if visit.wish.grouped:
        return "" if visit.groups else "its controller to name its instance groups"
    wanted = {item.ref for item in visit.wish.objects if item.ref.kind == SERVICE}
    late = [
        item.ref.name
        for item in visit.services
        if item.ref in wanted and not companions.negs(item.manifest, "")
    ]
    return f"the endpoint groups of {', '.join(sorted(late))}" if late else ""


def _negs(
    source: Source,
    placement: Placement,
    inventory: Inventory,
    visits: Visits,
    previous: FanoutReport | None,
) -> tuple[Row, ...]:
    found: list[Mapping[str, str]] = []
    frozen = set(inventory.unreadable)
    for name, visit in visits.items():
        member = inventory.named(name)
        if name not in placement.placed or member is None:
            continue
        if not isinstance(visit, Visit):
            frozen.add(name)
            continue
        found += _node_rows(name, visit, _standing(source, visit), previous)
        wanted = {item.ref for item in visit.wish.objects}
        for item in visit.services:
            for ref in companions.negs(item.manifest, member.project) if item.ref in wanted else ():
                if backend := _backend_of(source, ref.name, name):
                    spoken = visit.wish.protocols.get(backend, "")
                    found.append(_neg_row(name, backend, ref, spoken))
    if previous is not None:
        found += [row for row in previous.negs if row["cluster"] in frozen]
    return _sorted(found)


def _node_rows(
    cluster: str, visit: Visit, backends: Collection[ServiceBackend], previous: FanoutReport | None
) -> list[Row]:
    """
    The rows of a member's instance groups, one for each of *backends*.

    Groups that it no longer names, or in words that cannot be read, are the last known ones: its
    controller may write them anew.
    """
    groups = visit.groups or _before(cluster, previous)
    if isinstance(groups, str):
        groups = _before(cluster, previous)
    return [
        {
            **_neg_row(cluster, backend, ref, visit.wish.protocols.get(backend, "")),
            "node_port": str(visit.wish.node_ports[backend]),
        }
        for ref in groups
        for backend in backends
    ]


def _before(cluster: str, previous: FanoutReport | None) -> Groups:
    rows = previous.negs if previous else ()
    return tuple(
        sorted(
            {
                InstanceGroupRef(project=row["project"], zone=row["zone"], name=row["name"])
                for row in rows
                if row["cluster"] == cluster and row.get("node_port")
            }
        )
    )


def _standing(source: Source, visit: Visit) -> set[ServiceBackend]:
    """The Service ports that a member's nodes serve: a companion that is not there serves none."""
    have = {item.ref.name: node_ports.first_of(item.manifest) for item in visit.services}
    companions_ = {item.ref.name for item in visit.wish.objects if item.ref.kind == SERVICE}
    found = set()
    for backend, number in visit.wish.node_ports.items():
        name = companions.companion_name(source.uid, backend, INSTANCE_GROUP)
        if name not in companions_ or have.get(name) == number:
            found.add(backend)
    return found


def _shared(
    visits: Visits, placement: Placement, previous: FanoutReport | None
) -> Mapping[str, str]:
    """Members that name an instance group of another one, each with a sentence."""
    known = {row["cluster"] for row in (previous.negs if previous else ()) if row.get("node_port")}
    found = {name: _before(name, previous) for name in known & {*placement.placed}}
    before = {ref.path: name for name, refs in found.items() for ref in refs}
    for name, visit in visits.items():
        seen = visit.groups if isinstance(visit, Visit) else ()
        if name in placement.placed and seen and not isinstance(seen, str):
            found[name] = seen
    return instance_groups.shared(found, before)


def _backend_of(source: Source, neg: str, cluster: str) -> ServiceBackend | None:
    backends = source.ingress.backends if source.ingress else ()
    return next(
        (each for each in backends if companions.neg_name(source.uid, each, cluster) == neg), None
    )


def _neg_row(cluster: str, backend: ServiceBackend, ref: GroupRef, protocol: str) -> Row:
    return {
        "cluster": cluster,
        "service": backend.service,
        "port": backend.port,
        "project": ref.project,
        "zone": ref.zone,
        "name": ref.name,
        "protocol": protocol,
    }


def _sorted(found: Iterable[Mapping[str, str]]) -> tuple[Row, ...]:
    return tuple(sorted((dict(row) for row in found), key=lambda row: sorted(row.items())))


def _addresses(visits: Visits, previous: FanoutReport | None) -> dict[str, tuple[str, ...]]:
    """Addresses in the status of each member's copy; the last known ones where there are none."""
    found = {
        name: tuple(previous.addresses[name])
        for name, visit in visits.items()
        if previous is not None
        and name in previous.addresses
        # A controller that starts anew may take the address away for a while.
        and (not isinstance(visit, Visit) or visit.ingresses)
    }
    for name, visit in visits.items():
        if isinstance(visit, Visit):
            listed = fanout.addresses(visit.ingresses)
            if listed:
                found[name] = listed
    return {name: found[name] for name in sorted(found)}


def _ready(
    source: Source, placement: Placement, visits: Visits, previous: FanoutReport | None
) -> dict[str, tuple[int, int]]:
    """Ready and wanted endpoints of each placed member; the last known ones where nobody looked."""
    services = {each.service for each in source.ingress.backends} if source.ingress else set()
    found = {}
    for name in sorted({*visits} & {*placement.placed}):
        visit = visits[name]
        if isinstance(visit, Visit) and visit.slices is not None:
            slices = [item.manifest for item in visit.slices]
            found[name] = readiness.ready(slices, services)
        elif previous is not None and name in previous.ready:
            found[name] = (previous.ready[name][0], previous.ready[name][1])
    return found
