"""
Targets of topology `aws`: what each member offers to the records of one Ingress.

Called by the concern `backends`, which asks ELBv2. Nothing is decided here about shares: that is
the hosted zone's, which sees every Ingress.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from fedingress.domain import names
from fedingress.domain.balancer import Balancer
from fedingress.domain.cluster import Inventory, MemberCluster
from fedingress.domain.policy import FederationPolicy, ZoneRef
from fedingress.domain.report import FanoutReport
from fedingress.domain.target import Target
from fedingress.planning import copies

_ABSENT = frozenset({"ineligible", "removing"})
"""States of a member that shall not answer, whatever it still holds."""
_MUTE = frozenset({"NothingToServe", "ClassFederated"})
"""Reasons for which a placed member has no copy to answer with."""
_NOBODY = {"state": "ineligible", "reason": ""}


def own_name(uid: str, zones: Sequence[ZoneRef]) -> str:
    """The Ingress's own name, which its status shows: in the policy's first zone; else empty."""
    return f"fed-{names.short_hash(uid)}.{zones[0].domain}" if zones else ""


def address_of(report: FanoutReport, cluster: str) -> str:
    """The one address of a member that answers: a name before an IP address; empty for none."""
    listed = report.addresses.get(cluster, ())
    named = [each for each in listed if not _literal(each)]
    return next(iter((*named, *listed)), "")


def _literal(address: str) -> bool:
    return ":" in address or address.replace(".", "").isdigit()


def answering(report: FanoutReport, inventory: Inventory) -> tuple[MemberCluster, ...]:
    """The members whose load balancer has an address and shall answer; by name."""
    return tuple(
        member
        for member in inventory.members
        if _shall(report.clusters.get(member.name, _NOBODY)) and address_of(report, member.name)
    )


def _shall(row: Mapping[str, str]) -> bool:
    return row["state"] not in _ABSENT and row["reason"] not in _MUTE


def of(
    policy: FederationPolicy,
    report: FanoutReport,
    members: Iterable[MemberCluster],
    balancers: Mapping[str, Balancer],
    kept: Mapping[str, Target],
) -> tuple[Target, ...]:
    """
    The targets, by cluster.

    Args:
        policy: Of the Ingress.
        report: Of fan-out: addresses, ready endpoints, drained members.
        members: Those that answer.
        balancers: What the cloud says, by address; one that is not there is no load balancer of
            the account.
        kept: By address, targets of regions that could not be asked: they stay as they were.
    """
    return tuple(
        _answered(_target(policy, report, member), balancers, kept)
        for member in sorted(members, key=lambda each: each.name)
    )


def _target(policy: FederationPolicy, report: FanoutReport, member: MemberCluster) -> Target:
    ready, wanted = report.ready.get(member.name, (0, 0))
    looked = member.name in report.ready
    shared = policy.aws.load_balancer == "group"
    return Target(
        cluster=member.name,
        region=member.region,
        address=address_of(report, member.name),
        shared=shared and copies.by_controller(copies.class_of(policy, member)),
        capacity=member.capacity if member.capacity is not None else float(wanted or 1),
        multiplier=0.0 if member.name in report.drained else 1.0,
        ready=(ready / wanted if wanted else 0.0) if looked else None,
    )


def _answered(
    target: Target, balancers: Mapping[str, Balancer], kept: Mapping[str, Target]
) -> Target:
    """*target* with what the cloud says of its load balancer, or said last."""
    if (found := balancers.get(target.address)) is not None:
        return replace(
            target,
            hosted_zone=found.hosted_zone,
            dual_stack=found.dual_stack,
            balancer=found.healthy,
        )
    if (last := kept.get(target.address)) is not None:
        return replace(target, hosted_zone=last.hosted_zone, dual_stack=last.dual_stack)
    return target


def healthy(targets: Iterable[Target]) -> bool:
    """Whether any of them can answer now, as far as is known."""
    return any(each.balancer if each.balancer is not None else bool(each.ready) for each in targets)
