"""Carrying out what was decided for a zone, batch by batch; one bad unit keeps nobody waiting."""

from dataclasses import dataclass, field

from fedingress.domain.errors import Invalid
from fedingress.domain.policy import ZoneRef
from fedingress.planning.answers.batches import Batch, batches, bisected, parts
from fedingress.planning.answers.decision import ZoneDecision
from fedingress.ports import Guard, Ports


@dataclass(slots=True, kw_only=True)
class Carried:
    """
    How far it went.

    done: units whose changes were accepted.   failed: unit -> the provider's words.
    changes: ids of accepted batches that not every server has yet.
    unfinished: the invocation's time ran out before the rest.
    """

    done: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    unfinished: bool = False


def carry_out(zone: ZoneRef, decision: ZoneDecision, ports: Ports, guard: Guard) -> Carried:
    """
    Send every change of *decision*.

    Raises:
        Conflict: What stands is not what was observed; batches before that one were accepted.
        Unavailable, Forbidden, LeaseLost: Likewise.
    """
    carrier = _Carrier(zone, ports, guard)
    for batch in batches(parts(decision)):
        if guard.remaining_seconds() <= 0:
            carrier.carried.unfinished = True
            break
        if batch.sweeps and carrier.carried.failed:
            continue  # what was refused may still lead there
        if why := carrier.send(batch):
            carrier.search(batch, why)
    return carrier.carried


class _Carrier:
    """One zone, and what was sent to it."""

    def __init__(self, zone: ZoneRef, ports: Ports, guard: Guard) -> None:
        self.carried = Carried()
        self._zone = zone
        self._ports = ports
        self._guard = guard

    def send(self, batch: Batch) -> str:
        """Why the provider refused *batch*; empty when it did not."""
        try:
            change = self._ports.record_sets.change(
                self._zone,
                deletions=batch.deletions,
                additions=batch.additions,
                guard=self._guard,
            )
        except Invalid as error:
            return str(error)
        self.carried.done |= {part.unit for part in batch.parts}
        if change:
            self.carried.changes.append(change)
        return ""

    def search(self, batch: Batch, why: str) -> None:
        """Carry out what is good of a refused batch, and find what is not."""
        said = {batch.parts[0].unit: why}
        search = bisected(batch)
        try:
            smaller = next(search)
            while True:
                words = self.send(smaller)
                if words and len(smaller.parts) == 1:
                    said[smaller.parts[0].unit] = words
                smaller = search.send(not words)
        except StopIteration as found:
            refused: tuple[str, ...] = found.value
        for unit in refused:
            self.carried.failed[unit] = said.get(unit, why)[:512]
