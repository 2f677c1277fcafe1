"""
What topology `aws` would change for one Ingress: for `plan`, which shows it before it happens.

Called by the previews of `backends` and of whole Ingresses; nothing is written. A load balancer
that a member's controller has not made yet has no address, so pools, trees and their health checks
have no names yet: hosts, marks and the accelerator are shown, and the rest is said.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from fedingress.concerns import accelerating, regional
from fedingress.concerns.regional import Look, Seen
from fedingress.domain.balancer import Balancer
from fedingress.domain.change import Change, Delete, Plan
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.footprint import Footprint
from fedingress.domain.policy import DnsHealthCheck, DnsPolicy, ZoneRef
from fedingress.domain.record import RecordSet
from fedingress.domain.report import BackendsReport, FanoutReport, ZoneIntent
from fedingress.planning import copies, dns, targets
from fedingress.planning.answers.marks import is_node, mark_of
from fedingress.ports import Ports

_UNKNOWN = "(known after apply)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """
    intents: what the Ingress will want of each zone.
    coming: members whose load balancers have no address yet.   policy: how hosts are answered.
    """

    intents: dict[ZoneRef, ZoneIntent]
    coming: tuple[str, ...]
    policy: DnsPolicy


def preview(look: Look, ports: Ports) -> tuple[Plan[Any], BackendsReport]:
    """What would change of an accelerator, and the report as it would be."""
    look, seen, _ = _foreseen(look, ports)
    plan = accelerating.preview(regional.wish(look, seen, ports), ports)
    return plan, regional.report_of(look, seen, ())


def answers(look: Look, ports: Ports) -> Foreseen:
    """What the zones will be told."""
    look, seen, coming = _foreseen(look, ports)
    return Foreseen(
        intents=regional.intents(look, seen, ports), coming=coming, policy=look.policy.dns
    )


def known(plan: Plan[RecordSet], domain: str, foreseen: Foreseen) -> Plan[RecordSet]:
    """*plan* of a zone without what has no name yet, which is told instead."""
    if not foreseen.coming:
        return plan
    kept = tuple(change for change in plan.changes if not _of_node(change, domain))
    return Plan(changes=kept, held=(*plan.held, *_told(foreseen)))


def _foreseen(look: Look, ports: Ports) -> tuple[Look, Seen, tuple[str, ...]]:
    """The Ingress as it will stand, what will be seen, and members that have no address yet."""
    kept = ports.ledger.report("fanout", look.found.key, FanoutReport)
    if kept is not None and kept.uid == look.found.source.uid and not look.fanned.addresses:
        look = replace(look, fanned=replace(look.fanned, addresses=kept.addresses))
    footprint = look.found.footprint or Footprint()
    grown = replace(footprint, zones=_zones(look, footprint))
    look = replace(look, found=replace(look.found, footprint=grown))
    before, wanted = regional.said_before(look, ports), look.policy.aws.accelerator
    seen = replace(regional.observe(look, ports), static=before.static if before and wanted else ())
    inventory = ports.sources.inventory()
    addresses = {each.name: (_address(each.name),) for each in inventory.members}
    whole = replace(look.fanned, addresses={**addresses, **look.fanned.addresses})
    there = {each.name for each in targets.answering(look.fanned, inventory)}
    coming = [each for each in targets.answering(whole, inventory) if each.name not in there]
    balancers = {targets.address_of(whole, each.name): _balancer(look, each) for each in coming}
    made = targets.of(look.policy, whole, coming, balancers, {})
    seen = replace(
        seen,
        targets=tuple(sorted((*seen.targets, *made), key=lambda each: each.cluster)),
        balancers={**seen.balancers, **balancers},
    )
    return look, seen, tuple(each.name for each in coming)


def _zones(look: Look, footprint: Footprint) -> tuple[ZoneRef, ...]:
    """Those it is in, and those that it will be in."""
    managed = look.policy.dns.zones
    found = [zone for host in look.fanned.hosts for zone in dns.zones_for(host, managed)]
    found += managed[:1]  # where its own name is
    by_unit = {zone.unit: zone for zone in (*footprint.zones, *found)}
    return tuple(by_unit[unit] for unit in sorted(by_unit))


def _balancer(look: Look, member: MemberCluster) -> Balancer:
    """As the member's controller will make it; only names of ELBv2 have aliases."""
    aliased = copies.by_controller(copies.class_of(look.policy, member))
    address = _address(member.name)
    return Balancer(
        name=address,
        region=member.region,
        arn=address if aliased else "",
        hosted_zone=_UNKNOWN if aliased else "",
        dual_stack=look.policy.aws.dual_stack,
        state="provisioning",
        healthy=True,
    )


def _address(cluster: str) -> str:
    return f"load balancer of {cluster} {_UNKNOWN}"


def _of_node(change: Change[RecordSet], domain: str) -> bool:
    """Whether the record is of a pool or tree, whose name follows from addresses."""
    record = change.observed if isinstance(change, Delete) else change.desired
    mark = mark_of(record, domain)
    return is_node(mark.host if mark else record.name)


def _told(foreseen: Foreseen) -> Iterable[str]:
    """What is decided once load balancers exist."""
    names, policy = ", ".join(foreseen.coming), foreseen.policy
    how = "weighted" if policy.routing == "simple" else policy.routing
    yield f"records that choose among members ({how}): decided when {names} have addresses"
    if policy.health_check is not None:
        yield f"health checks ({_check(policy.health_check)}): made when {names} have addresses"


def _check(check: DnsHealthCheck) -> str:
    where = f"{check.kind} port {check.port} {' '.join(check.paths)}".rstrip()
    return f"{where} every {check.interval_seconds} s"
