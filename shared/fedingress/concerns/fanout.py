"""Fan-out: put one Ingress into every chosen member, and take it out where it is not wanted."""

from dataclasses import replace

from fedingress.concerns import bury, retire, spread
from fedingress.concerns.subject import Subject, subject
from fedingress.domain.change import Plan
from fedingress.domain.member import MemberObject
from fedingress.domain.outcome import Outcome, Settled
from fedingress.domain.report import FanoutReport
from fedingress.domain.work import Work
from fedingress.ports import Guard, Ports


def reconcile(work: Work, ports: Ports, guard: Guard) -> Outcome:
    """
    Bring the members in line with the source Ingress `work.unit`.

    Raises:
        Unavailable, Forbidden: The source itself cannot be read; members' faults never raise.
        Conflict: The source changed meanwhile.
    """
    found = subject(work.unit, ports)
    if found is None:
        return retire.clean_up(work.unit, ports, guard)
    if not found.federated and not found.involved:
        if not work.thorough:
            return Settled(summary="not a federated Ingress")
        return bury.weed(work.unit, ports, guard)
    if found.retired:
        return retire.withdraw(found, work, ports, guard)
    outcome = spread.spread(found, work, ports, guard)
    if work.thorough:  # a tombstone may be of an earlier source of this name
        placed = found.footprint.members if found.footprint else ()
        weeded = bury.weed(work.unit, ports, guard, uid=found.source.uid, placed=placed)
        if isinstance(outcome, Settled) and outcome.look_again_seconds is None:
            return replace(weeded, summary=outcome.summary)
    return outcome


def preview(unit: str, ports: Ports) -> tuple[Plan[MemberObject], FanoutReport | None]:
    """
    What `reconcile` would change in the members, and what it would report; nothing is written.

    Raises:
        Unavailable, Forbidden: As `reconcile`.
    """
    found: Subject | None = subject(unit, ports)
    if found is None or (not found.federated and not found.involved):
        return Plan(), None
    if found.retired:
        return retire.preview(found, ports), None
    return spread.preview(found, ports)
