"""Carrying a plan of the global graph out: stage by stage, within the budget of the lease."""

from collections.abc import Sequence

from fedingress.domain.change import Change, Create, Delete, Plan, Update
from fedingress.domain.errors import FederationError, InUse, Unavailable
from fedingress.domain.graph import GlobalResource
from fedingress.planning import backends
from fedingress.planning.addresses import UNKNOWN_ADDRESS
from fedingress.ports import Guard, Ports
from fedingress.ports.load_balancers import Operation

_MARGIN_SECONDS = 10.0


_LONGEST = 900


class OperationFailed(Unavailable):
    """The cloud took a change and could not carry it out: a quota, a name in use; it may yet."""


def told(error: FederationError) -> str:
    """What a condition says of a change that was refused: by whom, why, and what comes next."""
    text = str(error)[:_LONGEST]
    if isinstance(error, InUse):
        return f"{text}; it goes once nothing refers to it any more"
    if isinstance(error, Unavailable):
        return f"{text}; it is tried again by itself"
    return text  # a refusal says itself what to grant or to mend


def carry_out(plan: Plan[GlobalResource], ports: Ports, guard: Guard) -> Sequence[Operation]:
    """
    Apply *plan* stage by stage; within a stage side by side.

    Returns:
        Operations still pending when the budget was used up; the rest of the plan waits for them.

    Raises:
        FederationError: The first fault of a stage, after its other changes were sent.
    """
    for stage in backends.stages(plan):
        pending = _one_stage([change for change in stage if _ready(change)], ports, guard)
        if pending:
            return pending
    return ()


def _one_stage(
    changes: Sequence[Change[GlobalResource]], ports: Ports, guard: Guard
) -> Sequence[Operation]:
    by_label = {_label(change): change for change in changes}

    def send(label: str) -> Operation | None:
        return _send(by_label[label], ports, guard)

    answers = ports.parallel.each(by_label, send)
    sent = [item for item in answers.values() if isinstance(item, Operation)]
    budget = max(0.0, guard.remaining_seconds() - _MARGIN_SECONDS)
    pending, failures = ports.load_balancers.wait(sent, seconds=budget)
    for answer in answers.values():
        if isinstance(answer, FederationError):
            raise answer
    if failures:
        raise OperationFailed("; ".join(failures), after_seconds=10.0)
    return pending


def _ready(change: Change[GlobalResource]) -> bool:
    """A forwarding rule waits until the reserved address is known."""
    return isinstance(change, Delete) or UNKNOWN_ADDRESS not in change.desired.spec.values()


def _label(change: Change[GlobalResource]) -> str:
    item = change.observed if isinstance(change, Delete) else change.desired
    return item.label


def _send(change: Change[GlobalResource], ports: Ports, guard: Guard) -> Operation | None:
    match change:
        case Create(desired=desired):
            return ports.load_balancers.create(desired, guard)
        case Update(observed=observed, desired=desired):
            return ports.load_balancers.update(observed, desired, guard)
        case Delete(observed=observed):
            return ports.load_balancers.delete(observed, guard)
