"""
From `spec.rollout` of a FederationPolicy to the steps by which members come up.

Called by `planning.decode.policies`.

Source: compute v1 Backend.capacityScaler: 0, or from 0.1 to 1.
"""

from typing import Final

from fedingress.domain.policy import RolloutPolicy
from fedingress.planning.decode.reading import Cell
from fedingress.planning.decode.words import quoted

_MOST_STEPS: Final = 10
_LEAST_STEP: Final = 0.1
_DAY: Final = 86400


def rollout(cell: Cell) -> RolloutPolicy:
    """The rollout with defaults; steps rise from 0.1 to below 1."""
    cell.fields("steps", "stepSeconds")
    default = RolloutPolicy()
    steps: list[float] = []
    for item in cell.child("steps").items(most=_MOST_STEPS):
        step = item.number(1)
        if step is None:
            continue
        if not _LEAST_STEP <= step < 1:
            item.fault(f"{quoted(step)} is out of range: 0.1 to below 1")
        elif steps and step <= steps[-1]:
            item.fault(f"{quoted(step)} does not rise above {quoted(steps[-1])}")
        steps.append(step)
    seconds = cell.child("stepSeconds").integer(default.step_seconds, 1, _DAY)
    return RolloutPolicy(steps=tuple(steps), step_seconds=seconds)
