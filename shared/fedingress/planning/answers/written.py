"""
Which weights stand after a look: what was written, not what was wanted.

Called by the concern `dns` once the provider has answered. A pool that it refused, that waits for a
check or that the invocation had no time for keeps the weights of before, so that the next step
begins where clients are.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from fedingress.planning.answers import policies
from fedingress.planning.answers.decision import Wanted
from fedingress.planning.answers.marks import is_node
from fedingress.planning.answers.weighing import Weighed, Weighing

REFUSED = "NotWritten"


def unwritten(weighed: Weighed, wanted: Wanted, stands: Mapping[str, str]) -> frozenset[str]:
    """
    Labels of the pools whose weights do not stand as they are wanted.

    Args:
        weighed: Pools and weights.
        wanted: Every unit.
        stands: By name, prints of those that stand.
    """
    late = {
        name.partition(".")[0]
        for name, unit in wanted.units.items()
        if is_node(name) and (unit.fault or stands.get(name) != wanted.prints[name])
    }
    if not late:
        return frozenset()
    forest = weighed.forest
    refused = [root for root in policies.needed(forest) if root in late]
    late |= {label for root in refused for label in forest.below(root)}
    return frozenset(late & forest.pools.keys())


def as_written(weighed: Weighed, before: Weighing, late: Collection[str]) -> Weighed:
    """
    *weighed*, with what stood before for the pools *late*.

    Pools that stood and are wanted no more are kept beside: hosts may still lead there, and a pool
    that takes their place begins with their weights.
    """
    if not late:
        return weighed
    pools = {label: each for label, each in weighed.state.pools.items() if label not in late}
    weights, reasons = dict(weighed.weights), dict(weighed.reasons)
    for label in late:
        former = before.pools.get(label)
        rows = former.weights if former else {}
        weights[label] = {
            each.cluster: rows.get(each.key, 0) for each in weighed.forest.pools[label].entries
        }
        if weights[label] != weighed.weights[label]:
            reasons[label] = REFUSED
    state = replace(weighed.state, pools={**before.pools, **pools})
    return replace(weighed, state=state, weights=weights, reasons=reasons)
