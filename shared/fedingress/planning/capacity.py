"""
Which part of its capacity each member takes of one backend service, and who is filled first.

Called by `planning.backends`. The step that a rising member is at is what the cloud holds, so a
lost store and a crash cost time only.

Source: compute v1 Backend: capacityScaler (0, or 0.1 to 1), preference.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fedingress.planning.groups import Group

_NEAR = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """
    What the capacities of one backend service follow from.

    own: its groups.   observed: its backends as they are; those that others keep stay among them.
    steps: shares below the whole, rising; none: everything at once.
    drained: members that take none.   rising: members that may go one step up now.
    """

    own: Sequence[Group]
    observed: Sequence[Mapping[str, Any]]
    steps: tuple[float, ...] = ()
    drained: frozenset[str] = frozenset()
    rising: frozenset[str] = frozenset()

    def scaler(self, cluster: str) -> float:
        """
        The capacityScaler of every group of *cluster*.

        A member comes up by steps only while another one takes the whole of its own: what nobody
        else can carry is given at once.
        """
        if cluster in self.drained:
            return 0
        now = self._now(cluster)
        if now >= 1 or not self.steps or not self._carried(cluster):
            return 1
        if now == 0:
            return self.steps[0]
        if cluster not in self.rising:
            return now
        return next((step for step in self.steps if step > now + _NEAR), 1)

    def _now(self, cluster: str) -> float:
        """What the member takes now; 0 when it takes nothing or is not there."""
        mine = {group.neg.path for group in self.own if group.cluster == cluster}
        found = [_scaler(entry) for entry in self.observed if entry.get("group") in mine]
        return max(found, default=0.0)

    def _carried(self, cluster: str) -> bool:
        """Whether another member takes all of its capacity, and shall go on to."""
        whose = {group.neg.path: group.cluster for group in self.own}
        return any(
            whose.get(str(entry.get("group")), cluster) not in {cluster, *self.drained}
            and _scaler(entry) >= 1
            for entry in self.observed
        )


def rising(capacities: Mapping[str, float], drained: Collection[str]) -> frozenset[str]:
    """The members that are between nothing and all, by the least capacity of each."""
    return frozenset(
        name for name, scaler in capacities.items() if 0 < scaler < 1 and name not in drained
    )


def preference(*, preferred: bool, before: Mapping[str, Any] | None) -> dict[str, str]:
    """The field of a backend; one that is not preferred says so only where it was."""
    if preferred:
        return {"preference": "PREFERRED"}
    if before is not None and before.get("preference") == "PREFERRED":
        return {"preference": "DEFAULT"}
    return {}


def by_group(entries: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Observed backends by the path of their group."""
    return {str(entry.get("group")): entry for entry in entries if entry.get("group")}


def _scaler(entry: Mapping[str, Any]) -> float:
    return float(entry.get("capacityScaler", 1))
