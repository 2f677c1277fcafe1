"""
Members on their way up: when each may take the next step.

Called by `backends`. What step a member is at stands in the cloud; only the time of the last step
is noted here, and a lost note makes the step last anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fedingress.domain.policy import RolloutPolicy
from fedingress.domain.report import BackendsReport
from fedingress.planning import capacity
from fedingress.ports import Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """
    The rises of one Ingress's members.

    before: the last report, which tells how healthy each was then.
    """

    uid: str
    rollout: RolloutPolicy
    before: BackendsReport | None
    ports: Ports

    def ready(self, capacities: Mapping[str, float], drained: frozenset[str]) -> frozenset[str]:
        """
        Those who may go up now: the step has lasted, and half of their endpoints are healthy.

        Args:
            capacities: Of each member, as observed.
            drained: Who shall not come up.
        """
        since, now = self._since(), self.ports.clock.now()
        return frozenset(
            name
            for name in capacity.rising(capacities, drained)
            if now - since.get(name, now) >= self.rollout.step_seconds and self._well(name)
        )

    def note(
        self, capacities: Mapping[str, float], drained: frozenset[str], stepping: frozenset[str]
    ) -> None:
        """
        Note when the steps began, before those who are *stepping* go up.

        After a crash in between a step lasts longer, never shorter.
        """
        since, now = self._since(), self.ports.clock.now()
        kept = {
            name: now if name in stepping else since.get(name, now)
            for name in sorted(capacity.rising(capacities, drained))
        }
        if kept != since:
            if kept:
                self.ports.ledger.put_note(self._note, kept)
            else:
                self.ports.ledger.drop_note(self._note)

    def rest(self, capacities: Mapping[str, float], drained: frozenset[str]) -> float | None:
        """Seconds until somebody may go up; None when nobody is on the way."""
        names = capacity.rising(capacities, drained) if self.rollout.steps else frozenset()
        since, now = self._since(), self.ports.clock.now()
        left = [since.get(name, now) + self.rollout.step_seconds - now for name in names]
        return max(1.0, min(left)) if left else None

    def _well(self, name: str) -> bool:
        row = self.before.clusters.get(name, {}) if self.before else {}
        endpoints, healthy = int(row.get("endpoints", 0)), int(row.get("healthy", 0))
        return 0 < endpoints <= 2 * healthy

    def _since(self) -> dict[str, float]:
        found = self.ports.ledger.note(self._note) or {}
        return {name: float(at) for name, at in found.items()}

    @property
    def _note(self) -> str:
        return f"ramp/{self.uid}"
