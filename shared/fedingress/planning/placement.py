"""Which members carry an Ingress: the policy allows, annotations narrow, the topology decides."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fedingress.domain import names
from fedingress.domain.cluster import Inventory, MemberCluster
from fedingress.domain.errors import Invalid
from fedingress.domain.placement import Placement, PlacementRule, Selector
from fedingress.domain.policy import FederationPolicy
from fedingress.planning.copies import by_controller, class_of
from fedingress.planning.selectors import matches, parse_v1


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """What the annotations of one Ingress ask for; None does not narrow."""

    clusters: tuple[str, ...] | None = None
    selector: Selector | None = None
    drained: tuple[str, ...] = ()


def narrowing(annotations: Mapping[str, str]) -> Narrowing:
    """
    Read the placement annotations; ours win over federation v1's.

    Raises:
        Invalid: One does not parse; the reasons name the annotation.
    """
    reasons: list[str] = []
    clusters = _listed(annotations, names.CLUSTERS, reasons)
    drained = _listed(annotations, names.DRAIN, reasons) or ()
    selector = None
    for annotation in (names.CLUSTER_SELECTOR, names.V1_CLUSTER_SELECTOR):
        if (text := annotations.get(annotation)) is not None:
            try:
                selector = parse_v1(text)
            except Invalid as error:
                reasons += [f"annotation {annotation}: {reason}" for reason in error.reasons]
            break
    if reasons:
        raise Invalid(reasons)
    return Narrowing(clusters=clusters, selector=selector, drained=drained)


def _listed(
    annotations: Mapping[str, str], name: str, reasons: list[str]
) -> tuple[str, ...] | None:
    """The clusters that an annotation names, in order; None when it is absent."""
    text = annotations.get(name)
    if text is None:
        return None
    clusters = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not clusters:
        reasons.append(f"annotation {name} names no cluster")
    return clusters


def decide(policy: FederationPolicy, wish: Narrowing, inventory: Inventory) -> Placement:
    """
    Intersect what the policy allows, what the annotations ask for and what the topology can serve.

    Returns:
        Every chosen member is in `placed` or, with the reason, in `ineligible`.
    """
    chosen = [
        member
        for member in inventory.members
        if _allowed(policy.placement, member) and _wished(wish, member)
    ]
    reasons = {member.name: _ineligible(policy, member) for member in chosen}
    first = policy.backends.preferred or PlacementRule()
    named = [*(policy.placement.clusters or ()), *(wish.clusters or ()), *wish.drained]
    named += first.clusters or ()
    drained = {*wish.drained, *(member.name for member in chosen if member.drained)}
    known = {member.name for member in inventory.members} | set(inventory.unreadable)
    placed = tuple(sorted(name for name, reason in reasons.items() if not reason))
    return Placement(
        placed=placed,
        drained=tuple(name for name in placed if name in drained),
        preferred=tuple(
            sorted(each.name for each in chosen if each.name in placed and _allowed(first, each))
        ),
        ineligible={name: reason for name, reason in sorted(reasons.items()) if reason},
        unknown=_missing(named, known),
    )


def _missing(named: Iterable[str], known: set[str]) -> tuple[str, ...]:
    return tuple(sorted(set(named) - known))


def _allowed(rule: PlacementRule, member: MemberCluster) -> bool:
    if rule.clusters is not None:
        return member.name in rule.clusters
    return rule.selector is not None and matches(rule.selector, member.labels)


def _wished(wish: Narrowing, member: MemberCluster) -> bool:
    listed = wish.clusters is None or member.name in wish.clusters
    return listed and (wish.selector is None or matches(wish.selector, member.labels))


def _ineligible(policy: FederationPolicy, member: MemberCluster) -> str:
    """Why the topology cannot serve *member*; empty when it can."""
    if member.leaving:
        return "Leaving: the member is leaving the federation and is drained"
    where = member.provider or "an unknown provider"
    if policy.topology == "aws":
        return _unanswering(policy, member, where)
    if member.provider != "gcp":
        return (
            f"TopologyMismatch: topology gcp serves GKE members only, this one is on {where}; "
            "topology via-gcp reaches it"
        )
    if member.project and member.project != policy.project:
        return (
            f"ProjectMismatch: the member is in project {member.project}, the global load balancer "
            f"in {policy.project}, and network endpoint groups must be in the same one; "
            "topology via-gcp reaches it"
        )
    return ""


def _unanswering(policy: FederationPolicy, member: MemberCluster, where: str) -> str:
    """Why the member's own load balancer cannot answer in topology `aws`; empty when it can."""
    if member.provider not in {"aws", "onprem"}:
        return (
            "TopologyMismatch: topology aws serves EKS and on-prem members only, this one is on "
            f"{where}; topology via-aws reaches it"
        )
    found = class_of(policy, member)
    if member.provider == "onprem" and by_controller(found):
        return (
            f"ClassMissing: class {found} is of the AWS Load Balancer Controller, which an on-prem "
            "member has not; give it another one by spec.aws.ingressClass or an override of "
            "/spec/ingressClassName"
        )
    if not member.region:
        return (
            "RegionUnknown: the profile names no region (fedingress.dev/region), by which clients "
            "are led to it"
        )
    return ""
