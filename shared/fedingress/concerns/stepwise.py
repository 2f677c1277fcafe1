"""
What a plan alone does not say of changes that take several looks: for `plan`, before they begin.

Called by the preview of `backends`; nothing is written. A plan shows the first step, or the end;
members come to another mode one after the other, and routes move when the new side can answer.
"""

from collections.abc import Sequence
from dataclasses import replace

from fedingress.domain.change import Plan
from fedingress.domain.graph import GlobalResource
from fedingress.planning import backends, balancing, mode_changes
from fedingress.planning.backends import GraphWish


def told(
    plan: Plan[GlobalResource], wish: GraphWish, observed: Sequence[GlobalResource]
) -> Plan[GlobalResource]:
    """*plan* with a sentence for each step of a change of the mode or of the balancing mode."""
    wanted = backends.desired(wish, observed)
    mode = str(balancing.measure(wish.policy)["balancingMode"])
    steps = (
        *mode_changes.foreseen(wish, wanted, observed),
        *balancing.foreseen(backends.changing(wish, observed), mode),
    )
    return replace(plan, held=(*plan.held, *steps))
