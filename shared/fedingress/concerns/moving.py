"""A policy that names another project: the earlier graph goes once every name leads to the new."""

from dataclasses import dataclass, replace

from fedingress.concerns.carrying import carry_out
from fedingress.concerns.former import Former
from fedingress.concerns.readdress import leads
from fedingress.concerns.subject import Subject
from fedingress.domain.footprint import Footprint
from fedingress.domain.outcome import Later, Outcome, Settled
from fedingress.domain.report import BackendsReport
from fedingress.ports import Guard, Ports

_PAUSE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """
    One Ingress whose graph moves.

    hosts: those in managed zones.   report: how the new graph stands.
    """

    found: Subject
    hosts: tuple[str, ...]
    former: Former
    report: BackendsReport

    def go(self, outcome: Settled, ports: Ports, guard: Guard) -> Outcome:
        """The next step; *outcome* is that of the new graph."""
        footprint = self.found.footprint or Footprint()
        wait = f"moved/{self.found.source.uid}"
        if len(self.report.former) == len(self.former.projects):
            ports.ledger.drop_note(wait)
            return outcome  # fan-out takes them off the footprint
        to = self.report.addresses
        led = leads(self.found, self.hosts, to, ports)
        if not (self.report.programmed and self.report.healthy and led):
            ports.ledger.drop_note(wait)
            pause = outcome.look_again_seconds or _PAUSE_SECONDS
            return replace(outcome, look_again_seconds=pause)
        note = ports.ledger.note(wait)
        if note is None:
            note = {"at": ports.clock.now()}
            ports.ledger.put_note(wait, note)
        over = float(note["at"]) + footprint.ttl_seconds + footprint.drain_seconds
        if (rest := over - ports.clock.now()) > 0:
            return Settled(summary="resolvers forget the old address", look_again_seconds=rest)
        carry_out(self.former.plan(), ports, guard)
        return Later(after_seconds=2.0, why="the graph of the former project is being deleted")
