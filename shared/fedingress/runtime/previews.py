"""
What would change, and why: every concern's preview, chained as the events would chain them.

Asked by the command line and by repair; reads, and never writes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

from fedingress.concerns import foreseeing, networks, regional, rows
from fedingress.concerns.claim import COMPLETE
from fedingress.concerns.subject import Subject, subject
from fedingress.domain.change import Plan
from fedingress.domain.footprint import Footprint
from fedingress.domain.graph import GlobalResource, Kind
from fedingress.domain.ingress import IngressKey
from fedingress.domain.policy import FederationPolicy
from fedingress.domain.report import BackendsReport, FanoutReport, NetworkIntent, ZoneIntent
from fedingress.domain.work import Work
from fedingress.planning import dns as dns_planning
from fedingress.planning import firewall as firewall_planning
from fedingress.planning import placement
from fedingress.ports import Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The plans of one Ingress by concern, in the order in which they will happen."""

    source: str
    plans: Mapping[str, Plan[Any]]

    @property
    def changes(self) -> int:
        """How many changes there are in all."""
        return sum(len(plan.changes) for plan in self.plans.values())


def of_work(work: Work, ports: Ports) -> Plan[Any]:
    """The plan of one unit as things stand."""
    if work.concern == "status":
        return Plan()
    if work.unit.startswith("firewall:"):
        module = import_module("fedingress.concerns.firewall")
        firewall_plan: Plan[Any] = module.preview(work.unit, ports)
        return firewall_plan
    found = import_module(f"fedingress.concerns.{work.concern}").preview(work.unit, ports)
    plan: Plan[Any] = found[0] if isinstance(found, tuple) else found
    return plan


def of_source(key: IngressKey, ports: Ports) -> Preview:
    """
    Everything that would change for one Ingress, the later plans following from the earlier ones.

    What is known only after an apply (the reserved address) stands in the plan as such.
    """
    fanout = import_module("fedingress.concerns.fanout")
    backends = import_module("fedingress.concerns.backends")
    unit = str(key)
    members, expected = fanout.preview(unit, ports)
    graph, built = backends.preview(unit, ports, expected)
    found = subject(unit, ports)
    firewalls: list[Plan[Any]] = []
    records: list[Plan[Any]] = []
    if found is not None and (expected is not None or found.retired):  # else what stands stays
        firewalls = _firewalls(found, ports)
        records = _records(found, expected, built, ports)
    if found is not None and _orphaned(found):
        graph = Plan()
    plans = {"fanout": members, "backends": _joined([graph, *firewalls]), "dns": _joined(records)}
    return Preview(source=unit, plans=plans)


def _firewalls(found: Subject, ports: Ports) -> list[Plan[GlobalResource]]:
    """The rule of each network that this Ingress needs, or needs no more."""
    plans = []
    for intent in networks.wishes(found, _networks(found, ports), ports, detached=True):
        project, network = intent.project, intent.network
        unit = firewall_planning.unit(project, network)
        intents = {**ports.ledger.intents(unit, NetworkIntent), found.source.uid: intent}
        observed = ports.load_balancers.observe(
            project, (Kind.FIREWALL,), firewall_planning.prefix(ports.owner, network)
        )
        complete = ports.ledger.note(COMPLETE) is not None
        plans.append(
            firewall_planning.plan(
                project, network, ports.owner, intents.values(), observed, complete=complete
            )
        )
    return plans


def _networks(found: Subject, ports: Ports) -> dict[str, tuple[str, ...]]:
    """Networks of the members that *found* is placed in, with the tags of their nodes."""
    if found.retired or found.policy is None:
        return {}
    inventory = ports.sources.inventory()
    wish = placement.narrowing(found.source.annotations)
    return rows.networks(found.policy, placement.decide(found.policy, wish, inventory), inventory)


def _records(
    found: Subject, fanned: FanoutReport | None, built: BackendsReport | None, ports: Ports
) -> list[Plan[Any]]:
    """The plan of each zone that holds a host of *found*, or did."""
    dns = import_module("fedingress.concerns.dns")
    source, footprint = found.source, found.footprint or Footprint()
    zones = found.policy.dns.zones if found.policy else ()
    hosts = fanned.hosts if fanned else ()
    built_or_coming = built is not None and (built.address or not built.message)
    coming = {"A": ("(known after apply)",)} | (built.by_type if built else {})
    state = "orphan" if _orphaned(found) else "deleting" if found.retired else "present"
    if fanned is not None and found.policy is not None and found.policy.topology == "aws":
        return _answers(found, found.policy, fanned, ports)
    plans = []
    for zone in sorted({*zones, *footprint.zones}):
        mine = tuple(host for host in hosts if zone in dns_planning.zones_for(host, zones))
        intent = ZoneIntent(
            uid=source.uid,
            generation=source.generation,
            source=found.key,
            created=source.created,
            state=state,
            zone=asdict(zone),
            hosts=mine,
            addresses=coming if built_or_coming else {},
            healthy=bool(built_or_coming),
            ttl_seconds=found.policy.dns.ttl_seconds if found.policy else footprint.ttl_seconds,
        )
        if mine or zone in footprint.zones:
            plans.append(dns.preview(zone.unit, ports, {source.uid: intent}))
    return plans


def _answers(
    found: Subject, policy: FederationPolicy, fanned: FanoutReport, ports: Ports
) -> list[Plan[Any]]:
    """The plan of each zone whose records lead to members' own load balancers."""
    dns = import_module("fedingress.concerns.dns")
    look = regional.Look(found=found, policy=policy, fanned=fanned)
    coming = foreseeing.answers(look, ports)
    return [
        foreseeing.known(
            dns.preview(zone.unit, ports, {found.source.uid: intent}), zone.domain, coming
        )
        for zone, intent in sorted(coming.intents.items())
    ]


def _orphaned(found: Subject) -> bool:
    """Whether what we made is left behind, marked so, instead of deleted."""
    return found.source.deleting and (found.footprint or Footprint()).mode == "orphan"


def _joined(plans: list[Plan[Any]]) -> Plan[Any]:
    return Plan(
        changes=tuple(change for plan in plans for change in plan.changes),
        held=tuple(text for plan in plans for text in plan.held),
    )
