"""What would change, and why: every concern's preview, chained as the events would chain them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

from fedingress.domain.change import Plan
from fedingress.domain.ingress import IngressKey
from fedingress.domain.report import BackendsReport, FanoutReport, ZoneIntent
from fedingress.domain.work import Work
from fedingress.planning import dns as dns_planning
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
    plans: dict[str, Plan[Any]] = {"fanout": members, "backends": graph}
    plans["dns"] = _records(unit, expected, built, ports)
    return Preview(source=unit, plans=plans)


def _records(
    unit: str, fanned: FanoutReport | None, built: BackendsReport | None, ports: Ports
) -> Plan[Any]:
    dns = import_module("fedingress.concerns.dns")
    subject = import_module("fedingress.concerns.subject").subject(unit, ports)
    if subject is None or subject.policy is None:
        return Plan()
    source, policy = subject.source, subject.policy
    address = (built.address if built else "") or "(known after apply)"
    plans = []
    for zone in policy.dns.zones:
        hosts = fanned.hosts if fanned else ()
        mine = tuple(h for h in hosts if dns_planning.zone_for(h, policy.dns.zones) == zone)
        intent = ZoneIntent(
            uid=source.uid,
            generation=source.generation,
            source=unit,
            created=source.created,
            state="deleting" if subject.retired else "present",
            zone=asdict(zone),
            hosts=mine,
            addresses={"A": (address,)},
            healthy=True,
            ttl_seconds=policy.dns.ttl_seconds,
        )
        if mine or subject.retired:
            plans.append(dns.preview(zone.unit, ports, {source.uid: intent}))
    return Plan(
        changes=tuple(change for plan in plans for change in plan.changes),
        held=tuple(text for plan in plans for text in plan.held),
    )
