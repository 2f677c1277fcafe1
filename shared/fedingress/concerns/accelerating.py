"""
The Global Accelerator of one Ingress: it leads to members' load balancers, and zones lead to it.

`regional` asks for it at each visit, `teardown` takes it away. While it is not everywhere, and once
the policy wants none, zones lead to the members themselves; it goes when nobody remembers it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fedingress.concerns.subject import Subject
from fedingress.domain import names
from fedingress.domain.accelerator import Accelerator, EndpointGroup
from fedingress.domain.balancer import Balancer
from fedingress.domain.change import Delete, Plan
from fedingress.domain.errors import Conflict, Forbidden, Invalid, Unavailable
from fedingress.domain.footprint import Footprint
from fedingress.domain.policy import FederationPolicy
from fedingress.domain.report import BackendsReport, DnsReport
from fedingress.domain.target import Target
from fedingress.planning import accelerator_weights
from fedingress.planning import accelerators as planning
from fedingress.planning.accelerator_weights import EndpointWeights, Kept
from fedingress.ports import Guard, Ports

_POLL_SECONDS = 5.0
_RETIRE_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """
    What one visit found. silent: whether some region could not be asked.

    before: what was reported last.
    """

    found: Subject
    policy: FederationPolicy
    targets: Sequence[Target]
    balancers: Sequence[Balancer]
    silent: bool
    before: BackendsReport | None

    @property
    def arns(self) -> dict[str, str]:
        """By address, what an endpoint can be."""
        return {each.name: each.arn for each in self.balancers if each.arn}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """
    How it stands.

    static: addresses that zones may lead to.   again_seconds: when to look again; 0 for not.
    problems: rows (reason, sentence).
    """

    static: tuple[str, ...] = ()
    again_seconds: float = 0.0
    problems: tuple[tuple[str, str], ...] = ()


def follow(wish: Wish, ports: Ports, guard: Guard) -> Standing:
    """
    Bring the accelerator in line with the members, or take it away once the policy wants none.

    What cannot be done is told, and zones lead where they led.

    Raises:
        LeaseLost: Another run has the Ingress.
    """
    footprint = wish.found.footprint or Footprint()
    if not (wish.policy.aws.accelerator or footprint.accelerator):
        return Standing()
    last = wish.before.static if wish.before else ()
    try:
        observed = find(wish.found, ports)
        if not wish.policy.aws.accelerator:
            return _leave(wish, observed, footprint, ports, guard)
        if observed is not None and not observed.enabled:  # on its way out; then a new one comes
            ports.accelerators.retire(observed, guard)
            return Standing(again_seconds=_RETIRE_SECONDS)
        return _bring(wish, observed, last, ports, guard)
    except (Conflict, Unavailable):
        return Standing(static=last, again_seconds=_POLL_SECONDS)
    except (Forbidden, Invalid) as error:
        return Standing(static=last, problems=(("AcceleratorRefused", str(error)[:512]),))


def preview(wish: Wish, ports: Ports) -> Plan[Any]:
    """What `follow` would change in the end; nothing is written."""
    footprint = wish.found.footprint or Footprint()
    if not (wish.policy.aws.accelerator or footprint.accelerator):
        return Plan()
    try:
        observed = find(wish.found, ports)
    except Forbidden as error:
        return Plan(held=(str(error),))
    if not wish.policy.aws.accelerator:
        return _going(observed, "the policy asks for none any more")
    standing = observed.groups if observed else ()
    weighed = _weighed(wish, standing, ports)
    wanted = planning.groups(
        wish.targets, wish.arns, standing, step=False, weights=weighed.by_region
    )
    if wish.silent or not wanted:
        return Plan()
    bare = Accelerator(name=planning.name_of(ports.owner, wish.found.source.uid))
    return planning.changes(observed or bare, _ports(wish.policy), wanted)


def removal(found: Subject, ports: Ports) -> Plan[Any]:
    """What the end of the Ingress would delete; nothing is written."""
    footprint = found.footprint or Footprint()
    observed = find(found, ports) if footprint.accelerator else None
    return _going(observed, "its Ingress goes")


def _going(observed: Accelerator | None, why: str) -> Plan[Any]:
    return Plan(changes=(Delete(observed=observed, why=why),) if observed else ())


def find(found: Subject, ports: Ports) -> Accelerator | None:
    """The one that carries the source's marks."""
    uid = found.source.uid
    tags = planning.tags_of(ports.owner, uid, str(found.key))
    return ports.accelerators.find(planning.name_of(ports.owner, uid), tags)


def _bring(
    wish: Wish,
    observed: Accelerator | None,
    last: tuple[str, ...],
    ports: Ports,
    guard: Guard,
) -> Standing:
    standing = observed.groups if observed else ()
    climbing, pause = _may_climb(wish, ports)
    weighed = _weighed(wish, standing, ports)
    wanted = planning.groups(
        wish.targets, wish.arns, standing, step=climbing, weights=weighed.by_region
    )
    if wish.silent:  # its members look as if they were gone
        return Standing(static=last, again_seconds=_POLL_SECONDS)
    if observed is None:
        if not wanted:
            return Standing(problems=_problems(wish))
        uid = wish.found.source.uid
        tags = planning.tags_of(ports.owner, uid, str(wish.found.key))
        name = planning.name_of(ports.owner, uid)
        observed = ports.accelerators.create(name, tags, guard)
    steps = planning.plan(observed, _ports(wish.policy), wanted)
    _carry_out(observed, steps, ports, guard)
    _keep(wish.found, weighed, ports)
    if climbing and planning.climbing(wanted):
        ports.ledger.put_note(_note(wish.found), {"at": ports.clock.now()})
    waits = [pause] if planning.climbing(wanted) else []
    waits += [float(wish.policy.dns.damping.tick_seconds)] if weighed.moving else []
    again = min(waits, default=0.0)
    static = (*observed.addresses, *observed.addresses6)
    if last == static or (observed.deployed and observed.groups and not steps):
        return Standing(static=static, again_seconds=again, problems=_problems(wish))
    return Standing(static=(), again_seconds=_POLL_SECONDS, problems=_problems(wish))


def _carry_out(
    observed: Accelerator, steps: Sequence[planning.Step], ports: Ports, guard: Guard
) -> None:
    for step in steps:
        match step:
            case planning.Listen(ports=numbers):
                observed = ports.accelerators.listen(observed, numbers, guard)
            case planning.PutGroup(group=group):
                ports.accelerators.put_group(observed, group, guard)
            case planning.DeleteGroup(group=group):
                ports.accelerators.delete_group(group, guard)


def _may_climb(wish: Wish, ports: Ports) -> tuple[bool, float]:
    """Whether dials may go up now, and the seconds between two such steps."""
    pause = wish.policy.dns.damping.dwell_seconds
    note = ports.ledger.note(_note(wish.found))
    due = note is None or ports.clock.now() - float(note.get("at", 0.0)) >= pause
    return due, pause


def _leave(
    wish: Wish, observed: Accelerator | None, footprint: Footprint, ports: Ports, guard: Guard
) -> Standing:
    """Take it away when no zone has led to it for as long as resolvers remember."""
    note = f"accelerated/{wish.found.source.uid}"
    if observed is None:
        ports.ledger.drop_note(note)
        return Standing()
    kept, now = ports.ledger.note(note), ports.clock.now()
    if kept is None or _led(wish, observed, ports):
        ports.ledger.put_note(note, {"at": now})
        return Standing(again_seconds=_POLL_SECONDS)
    over = float(kept["at"]) + footprint.ttl_seconds + footprint.drain_seconds
    if over > now:
        return Standing(again_seconds=over - now)
    ports.accelerators.retire(observed, guard)
    return Standing(again_seconds=_RETIRE_SECONDS)


def _led(wish: Wish, observed: Accelerator, ports: Ports) -> bool:
    """Whether some host was led to it when `dns` looked last."""
    zones = wish.found.footprint.zones if wish.found.footprint else ()
    reports = (
        ports.ledger.report(f"dns-{names.short_hash(zone.unit)}", wish.found.key, DnsReport)
        for zone in zones
    )
    rows = (row for report in reports if report for row in report.hosts.values())
    return any(
        set(observed.addresses) & set(str(row.get("address", "")).split(", ")) for row in rows
    )


def _problems(wish: Wish) -> tuple[tuple[str, str], ...]:
    beyond = planning.beyond(wish.targets, wish.arns)
    if not beyond:
        return ()
    text = "have no load balancer of this account, so the accelerator does not lead to them"
    return (("NotAccelerated", f"{', '.join(beyond)} {text}"[:512]),)


def _ports(policy: FederationPolicy) -> tuple[int, ...]:
    """Those of the members' load balancers."""
    return tuple(sorted({port for _, port in policy.aws.listen_ports})) or (80,)


def _weighed(wish: Wish, standing: Sequence[EndpointGroup], ports: Ports) -> EndpointWeights:
    """The weights of endpoints as far as damping lets them move now; nothing is kept yet."""
    return accelerator_weights.weigh(
        Kept.decode(ports.ledger.note(_kept_note(wish.found)) or {}),
        wish.targets,
        wish.arns,
        standing,
        damping=wish.policy.dns.damping,
        now=ports.clock.now(),
    )


def _keep(found: Subject, weighed: EndpointWeights, ports: Ports) -> None:
    name, kept = _kept_note(found), weighed.kept.encode()
    if kept != ports.ledger.note(name):
        ports.ledger.put_note(name, kept)


def _kept_note(found: Subject) -> str:
    return f"endpoints/{found.source.uid}"


def _note(found: Subject) -> str:
    return f"dial/{found.source.uid}"
