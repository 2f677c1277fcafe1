"""The firewall of one network, shared by every Ingress whose members are in it."""

from collections.abc import Sequence

from fedingress.concerns import networks
from fedingress.concerns.carrying import carry_out, told
from fedingress.concerns.claim import COMPLETE
from fedingress.domain.change import Plan
from fedingress.domain.errors import (
    FederationError,
    Forbidden,
    Invalid,
    NotReady,
    QuotaExceeded,
    Unavailable,
)
from fedingress.domain.graph import GlobalResource, Kind
from fedingress.domain.outcome import Later, Outcome, Refused, Settled
from fedingress.domain.report import NetworkIntent
from fedingress.domain.work import Work
from fedingress.planning import firewall
from fedingress.planning.groups import Problem
from fedingress.ports import Guard, Ports

_FORBIDDEN_SECONDS = 300.0
_HELD_SECONDS = 60.0
_GRACE_SECONDS = 600.0
"""How long a network that is closed to us may hold a deletion, as a silent member may."""
_NOTE = "firewall-refused/"
_CLOSED = "FirewallForbidden"


def reconcile(work: Work, ports: Ports, guard: Guard) -> Outcome:
    """Keep the rules while any Ingress needs them; the unit is `firewall:PROJECT/NETWORK`."""
    plan: Plan[GlobalResource] | None = None
    try:
        observed = _observe(work.unit, ports)
        plan = _plan(work.unit, observed, ports)
        pending = carry_out(plan, ports, guard)
    except (Forbidden, Invalid) as error:
        _tell(work.unit, _refusal(work.unit, plan, error, ports), ports)
        if isinstance(error, Invalid):
            return Refused(reasons=error.reasons)
        _give_up(work.unit, ports)
        return Later(after_seconds=_FORBIDDEN_SECONDS, why=str(error))
    except Unavailable as error:
        if plan is not None and not isinstance(error, NotReady):  # a change, not a look
            _tell(work.unit, _refusal(work.unit, plan, error, ports), ports)
        raise
    if pending:
        _tell(work.unit, None, ports)
        return Later(after_seconds=2.0, why="operations pending")
    if plan:
        observed = _observe(work.unit, ports)
    left = _plan(work.unit, observed, ports)
    _tell(work.unit, _taken(work.unit, observed, ports), ports)
    if not left and (not left.held or ports.ledger.note(COMPLETE) is not None):
        networks.let_go(work.unit, ports)
        why = "; ".join(left.held) or f"{len(plan.changes)} changes"
        return Settled(summary=why, held=len(left.held))
    why = "; ".join(left.held) or "looking again"
    pause = _HELD_SECONDS if left.held else 2.0
    return Settled(summary=why, look_again_seconds=pause, held=len(left.held))


def refusal(unit: str, ports: Ports) -> Problem | None:
    """What the cloud did not do to that unit's rule, and what to do; None when nothing."""
    note = ports.ledger.note(_NOTE + unit)
    return (str(note.get("reason", _CLOSED)), str(note["text"])) if note else None


def _refusal(
    unit: str, plan: Plan[GlobalResource] | None, error: FederationError, ports: Ports
) -> Problem:
    """The command to run helps only where somebody else has a right that we have not."""
    _, network = firewall.parse(unit)
    if not isinstance(error, Forbidden) or isinstance(error, QuotaExceeded):
        text = f"the firewall of network {network} is not as it should be: {told(error)}"
        return type(error).__name__, text
    intents = ports.ledger.intents(unit, NetworkIntent).values()
    run = firewall.commands(unit, ports.owner, intents, plan)
    text = f"the firewall of network {network} is closed to us ({str(error)[:200]}); run: {run}"
    return _CLOSED, text


def _taken(unit: str, observed: Sequence[GlobalResource], ports: Ports) -> Problem | None:
    """That a rule under our name is not ours, while somebody needs it."""
    project, network = firewall.parse(unit)
    intents = ports.ledger.intents(unit, NetworkIntent).values()
    found = firewall.problems(project, network, ports.owner, intents, observed)
    return (found[0][0], "; ".join(text for _, text in found)) if found else None


def _tell(unit: str, problem: Problem | None, ports: Ports) -> None:
    """Keep *problem* for the status of every Ingress in the network, if it is new."""
    if refusal(unit, ports) == problem:
        return
    if problem:
        note = {"reason": problem[0], "text": problem[1], "since": ports.clock.now()}
        ports.ledger.put_note(_NOTE + unit, note)
    else:
        ports.ledger.drop_note(_NOTE + unit)
    sources = {item.source for item in ports.ledger.intents(unit, NetworkIntent).values()}
    works = [Work(concern="status", unit=key, cause="firewall.told") for key in sorted(sources)]
    ports.bus.publish(works)


def _give_up(unit: str, ports: Ports) -> None:
    """
    Let whoever leaves go, once nobody needs the network and it was closed to us for long.

    What to run was told by then; an Ingress is not held for what only somebody else can do.
    """
    note = ports.ledger.note(_NOTE + unit) or {}
    intents = ports.ledger.intents(unit, NetworkIntent).values()
    waited = ports.clock.now() - float(note.get("since", ports.clock.now()))
    if waited >= _GRACE_SECONDS and all(intent.state != "present" for intent in intents):
        networks.let_go(unit, ports)


def preview(unit: str, ports: Ports) -> Plan[GlobalResource]:
    """What `reconcile` would change."""
    return _plan(unit, _observe(unit, ports), ports)


def _observe(unit: str, ports: Ports) -> Sequence[GlobalResource]:
    project, network = firewall.parse(unit)
    begin = firewall.prefix(ports.owner, network)
    return ports.load_balancers.observe(project, (Kind.FIREWALL,), begin)


def _plan(unit: str, observed: Sequence[GlobalResource], ports: Ports) -> Plan[GlobalResource]:
    project, network = firewall.parse(unit)
    intents = ports.ledger.intents(unit, NetworkIntent)
    complete = ports.ledger.note(COMPLETE) is not None
    return firewall.plan(
        project, network, ports.owner, intents.values(), observed, complete=complete
    )
