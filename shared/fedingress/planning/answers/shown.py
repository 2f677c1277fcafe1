"""
What an Ingress is told of its members' shares, by cluster.

Called by the concern `dns` for the reports that status and `backends` read. Shares move step by
step; who is told of each step would be written to for each, so a ramp is told when it is over.
"""

from collections.abc import Mapping
from typing import Any

from fedingress.planning.answers.pools import Pool
from fedingress.planning.answers.weighing import Weighed

Rows = Mapping[str, Mapping[str, Any]]
_UNDER_WAY = frozenset({"Ramping", "Waiting"})


def members(weighed: Weighed, uid: str) -> dict[str, dict[str, Any]]:
    """
    The members that the records of one Ingress lead to.

    Returns:
        Cluster -> {"share": its part of the pool that it is in for its own sake, "wanted": the part
        that it deserves, "weight": 0 to 255, "reason": why they differ}; see `DnsReport.members`.
        One that only stands by in pools of others has no share of its own.
    """
    forest, found = weighed.forest, dict[str, dict[str, Any]]()
    root = forest.roots.get(uid)
    labels = [each for each in forest.below(root) if each in forest.pools] if root else []
    for label in labels:
        pool, weights = forest.pools[label], weighed.weights[label]
        own = {each.cluster for each in pool.own}
        for cluster in sorted(weights):
            if cluster in own:
                found[cluster] = _row(weighed, pool, cluster)
            else:
                found.setdefault(cluster, {"share": 0.0, "wanted": 0.0, "weight": 0, "reason": ""})
    return found


def _row(weighed: Weighed, pool: Pool, cluster: str) -> dict[str, Any]:
    weights = weighed.weights[pool.label]
    return {
        "share": round(weights[cluster] / (sum(weights.values()) or 1), 4),
        "wanted": round(weighed.deserved.get(pool.label, {}).get(cluster, 0.0), 4),
        "weight": weights[cluster],
        "reason": weighed.reasons.get(pool.label, ""),
    }


def moving(weighed: Weighed) -> bool:
    """Whether some shares are on their way to what members deserve."""
    return bool(_UNDER_WAY & set(weighed.reasons.values()))


def rests(rows: Rows) -> bool:
    """Whether the shares of these members are where they go."""
    return not any(row["reason"] in _UNDER_WAY for row in rows.values())


def told(before: Rows, now: Rows) -> Rows:
    """
    What to tell, after *before* was told: *now*, unless only shares that still move differ.

    Another set of members, and who begins or ends to get traffic, is told at once.
    """
    same = before.keys() == now.keys() and all(
        bool(before[name]["weight"]) == bool(now[name]["weight"]) for name in now
    )
    return now if rests(now) or not same else before
