"""
One look at a hosted zone: believe, weigh, compare, and read and write only what differs.

Called by `dns`. A quiet zone costs a read of what is remembered and, where members' load balancers
are checked from outside, one bulk read of what those checks found.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from fedingress.concerns import zone_checks, zone_memory
from fedingress.concerns.claim import COMPLETE
from fedingress.concerns.zone_batches import Carried, carry_out
from fedingress.concerns.zone_memory import ZoneMemory
from fedingress.domain import names
from fedingress.domain.change import Create, Delete
from fedingress.domain.policy import ZoneRef
from fedingress.domain.record import RecordSet
from fedingress.domain.report import ZoneIntent
from fedingress.domain.work import FORCE, RESYNC, Work
from fedingress.planning import checks, dns
from fedingress.planning.answers import zone as planning
from fedingress.planning.answers.decision import Lately, Standing, Wanted, ZoneDecision
from fedingress.planning.answers.marks import is_node, marks_in
from fedingress.planning.answers.units import names_of, to_look_at
from fedingress.planning.answers.weighing import (
    Weighed,
    Weighing,
    keys_by_address,
    recalled,
    weigh,
)
from fedingress.planning.answers.written import as_written, unwritten
from fedingress.ports import Guard, Ports

_LISTED_SECONDS = 300.0
"""Resyncs of many Ingresses come one after the other; the zone is listed for one of them."""
_SOON_SECONDS = 5.0
_INCOMPLETE_SECONDS = 60.0
"""Until every source has spoken, which a tick asks for."""
_UNITS_PER_SECOND = 20.0
"""A larger zone is listed later for the sake of nodes that nobody wants: that costs more there."""

Intents = Mapping[str, ZoneIntent]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """
    What a look found and did.

    memory, prints: to be kept once everybody was told; prints are None where there are no news. An
        instance that dies before leaves them as they were, and the next one looks and tells again.
    records: what stands afterwards, of the units that were looked at.
    failed: unit -> the provider's words.   held: what keeps checks from being made.
    again_seconds: when to look again for what no event tells; 0 is never.
    """

    memory: ZoneMemory
    weighed: Weighed
    decision: ZoneDecision
    records: Sequence[RecordSet]
    prints: Mapping[str, str] | None = None
    failed: Mapping[str, str] = field(default_factory=dict)
    held: tuple[str, ...] = ()
    again_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Compared:
    """
    What is wanted, beside what stands.

    known: prints of what was found to stand before.   standing: what was looked at now.
    """

    wanted: Wanted
    known: Mapping[str, str]
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One visit: the zone, who wants what of it, why we come, and when (Unix seconds)."""

    zone: ZoneRef
    domain: str
    intents: Intents
    work: Work
    now: float

    def look(self, memory: ZoneMemory, ports: Ports, guard: Guard) -> Look:
        """
        Bring the zone in line.

        Raises:
            Conflict: It changed meanwhile; observe again.
            Unavailable, Forbidden: As the ports.
        """
        known = memory
        memory = replace(known, domain=self.domain, unsure=False, unsure_checks=False)
        memory = self._settled_changes(memory, ports)
        foresee = partial(zone_memory.foresee, self.zone.unit, known, ports.ledger)
        records = self._listed(known, ports)
        if records is not None:
            memory = _with_listing(memory, records, self.now, complete=_complete(ports))
        before = self._before(memory, records or (), ports)
        weighed = self._weighed(before, memory, ports)
        checked = zone_checks.Checks(memory=memory)
        if _checks_matter(weighed, known):
            told, whole = partial(foresee, checks=True), records is not None
            checked = zone_checks.settle(
                self.zone, weighed, memory, ports, guard, thorough=whole, foresee=told
            )
        memory = checked.memory
        wanted = self._wanted(weighed, memory, ports)
        waits = {} if self._asked else zone_memory.waiting(memory, wanted.prints, self.now)
        found = self._compared(memory, wanted, records, waits, ports)
        decision = _without(self._decide(wanted, memory, found.standing, ports), waits)
        self._remember_removals(decision, ports)
        if any(isinstance(each, Create) for part in decision.parts.values() for each in part):
            foresee(checks=checked.made)
        carried = carry_out(self.zone, decision, ports, guard)
        memory, prints = self._learned(memory, found, decision, carried, ports.owner)
        stands = found.known if prints is None else prints
        weighed = as_written(weighed, before, unwritten(weighed, wanted, stands))
        memory = replace(memory, weighing=weighed.state.encode())
        return Look(
            memory=memory,
            prints=prints,
            weighed=weighed,
            decision=decision,
            records=_after(found.standing.records, decision, carried),
            failed={name: it.text for name, it in memory.refused.items() if name in wanted.units},
            held=checked.held,
            again_seconds=self._again(memory, wanted.units, carried),
        )

    def preview(self, memory: ZoneMemory, ports: Ports) -> ZoneDecision:
        """What a thorough look would change in the zone; nothing is written."""
        records = ports.record_sets.list(self.zone)
        weighed = self._weighed(self._before(memory, records, ports), memory, ports)
        coming = {name: f"(to be made: {name})" for name in checks.wanted(weighed)}
        memory = replace(memory, checks={**coming, **memory.checks})
        wanted = self._wanted(weighed, memory, ports)
        return self._decide(wanted, memory, Standing(records=records), ports)

    def _wanted(self, weighed: Weighed, memory: ZoneMemory, ports: Ports) -> Wanted:
        return planning.wanted(
            self.domain, self.intents, ports.owner, weighed, checks=memory.checks
        )

    def _before(self, memory: ZoneMemory, records: Iterable[RecordSet], ports: Ports) -> Weighing:
        """What was believed, and the weights that stand."""
        if memory.weighing is not None:
            return Weighing.decode(memory.weighing)
        keys = keys_by_address(self.intents)
        return recalled(records, self.domain, ports.owner, self.now, keys)

    def _weighed(self, before: Weighing, memory: ZoneMemory, ports: Ports) -> Weighed:
        found = zone_checks.probes(self.zone, memory, ports)
        return weigh(before, self.intents, self.now, owner=ports.owner, probes=found)

    @property
    def _asked(self) -> bool:
        """Whether a person asked, who is told what is refused now."""
        return self.work.thorough and self.work.cause != RESYNC

    def _listed(self, memory: ZoneMemory, ports: Ports) -> Sequence[RecordSet] | None:
        """The whole zone, where it has to be read; else None."""
        lately = self.now - memory.listed_at < _LISTED_SECONDS
        resync = self.work.cause == RESYNC and not lately
        unknown = memory.weighing is None or memory.complete != _complete(ports) or memory.unsure
        # Nothing is swept before every source has spoken.
        idle = memory.idle_since and memory.complete
        idle = idle and self.now - memory.idle_since >= self._sweep_seconds
        asked = self._asked or resync or unknown or idle
        return ports.record_sets.list(self.zone) if asked else None

    @property
    def _sweep_seconds(self) -> float:
        hosts = sum(len(each.hosts) for each in self.intents.values())
        return _SOON_SECONDS + hosts / _UNITS_PER_SECOND

    def _compared(
        self,
        memory: ZoneMemory,
        wanted: Wanted,
        records: Sequence[RecordSet] | None,
        waits: Iterable[str],
        ports: Ports,
    ) -> _Compared:
        """
        What has to be looked at, and the prints of what was found to stand before.

        That is the whole zone, or the units that are not known to stand as they are wanted.
        """
        prints = wanted.prints
        quiet = memory.digest and not memory.idle_since  # the digest tells of wanted units only
        if records is None and quiet and memory.digest == zone_memory.digest(prints):
            return _Compared(wanted, prints, Standing(records=(), units=frozenset()))
        known = zone_memory.prints(self.zone.unit, memory, ports.ledger)
        if records is None and known is None:
            records = ports.record_sets.list(self.zone)
        if records is not None or known is None:
            return _Compared(wanted, known or {}, Standing(records=records or ()))
        touched = zone_memory.touched(prints, known, waits)
        units = to_look_at(wanted.units, touched) if touched else frozenset()
        asked = names_of(units, self.domain)
        found = ports.record_sets.find(self.zone, asked) if asked else ()
        return _Compared(wanted, known, Standing(records=found, units=units))

    def _decide(
        self, wanted: Wanted, memory: ZoneMemory, standing: Standing, ports: Ports
    ) -> ZoneDecision:
        return planning.decide(
            self.domain,
            self.intents,
            standing,
            ports.owner,
            wanted,
            complete=_complete(ports),
            force=self.work.cause == FORCE,
            lately=Lately(now=self.now, released=memory.released, shown=memory.shown),
        )

    def _remember_removals(self, decision: ZoneDecision, ports: Ports) -> None:
        """Keep when a source lost a host, for resolvers remember where it led for a while."""
        for uid in sorted(dns.losers(decision.plan, self.domain)):
            ports.ledger.put_note(gone_note(uid, self.zone.unit), {"at": self.now})

    def _settled_changes(self, memory: ZoneMemory, ports: Ports) -> ZoneMemory:
        """Forget the changes that every server has; only who wants to delete a check asks."""
        if not memory.pending:
            return memory
        if not memory.spare:
            return replace(memory, pending=memory.pending[-1:])
        left = tuple(each for each in memory.pending if not ports.record_sets.done(self.zone, each))
        return replace(memory, pending=left)

    def _learned(
        self,
        memory: ZoneMemory,
        found: _Compared,
        decision: ZoneDecision,
        carried: Carried,
        owner: str,
    ) -> tuple[ZoneMemory, Mapping[str, str] | None]:
        """What the next look can rely on: the memory, and the prints where there are news."""
        prints, looked = found.wanted.prints, found.standing.units
        stands = {} if looked is None else {n: p for n, p in found.known.items() if n not in looked}
        undone = set(decision.parts) - carried.done
        stands |= {name: text for name, text in decision.prints.items() if name not in undone}
        after = _after(found.standing.records, decision, carried) if looked is None else []
        if not memory.complete:  # nothing was swept, so what nobody wants must not be forgotten
            stands |= dict.fromkeys(self._nodes(after, owner) - prints.keys(), "")
        news = stands if stands != found.known or not memory.notes else None
        idle = zone_memory.idle(prints, stands)
        whole = {name: text for name, text in stands.items() if name not in idle} == prints
        idle_since = (memory.idle_since or self.now) if idle else 0.0
        if looked == frozenset():  # nothing was looked at: what was learned of idle nodes stays,
            idle_since = memory.idle_since or idle_since  # and prints may know of newer ones
        units = found.wanted.units.values()
        attached = {item.health_check for unit in units for item in unit.records}
        elsewhere = set(memory.elsewhere)
        if looked is None:
            attached |= {item.health_check for item in after}
            elsewhere = {item.health_check for item in after if item.name not in found.wanted.units}
        elif idle_since or not whole:
            attached |= set(memory.attached)
        released = {**memory.released, **decision.released}
        shown = {} if looked is None else {h: p for h, p in memory.shown.items() if h not in looked}
        learned = replace(
            memory,
            digest=zone_memory.digest(prints) if whole else "",
            idle_since=idle_since,
            attached=tuple(sorted((attached | elsewhere) - {""})),
            elsewhere=tuple(sorted(elsewhere - {""})),
            pending=(*memory.pending, *carried.changes),
            refused=zone_memory.refusals(memory, prints, carried.failed, self.now),
            released={host: each for host, each in released.items() if self.now < each.until},
            shown={**shown, **decision.shown},
        )
        return learned, news

    def _nodes(self, records: Iterable[RecordSet], owner: str) -> set[str]:
        """Names of our nodes among *records*."""
        marks = marks_in(records, self.domain).items()
        return {name for name, mark in marks if is_node(name) and mark.owner == owner}

    def _again(self, memory: ZoneMemory, wanted: Iterable[str], carried: Carried) -> float:
        """Seconds until something is to be done that nobody tells; 0 when there is nothing."""
        waits = [each.until - self.now for each in memory.refused.values()]
        lately = memory.released
        waits += [lately[host].until - self.now for host in wanted if host in lately]
        if memory.idle_since and not memory.complete:
            waits.append(_INCOMPLETE_SECONDS)
        elif memory.idle_since:
            waits.append(memory.idle_since + self._sweep_seconds - self.now)
        if memory.loose or carried.unfinished:
            waits.append(_SOON_SECONDS)
        return max(1.0, min(waits)) if waits else 0.0


def _checks_matter(weighed: Weighed, known: ZoneMemory) -> bool:
    """Whether there are health checks to be made, or to be found."""
    return bool(weighed.forest.pools or known.checks or known.spare or known.unsure_checks)


def gone_note(uid: str, unit: str) -> str:
    """Under which name it is kept when a source lost a host of the zone *unit*."""
    return f"dns-gone/{uid}/{names.short_hash(unit)}"


def _with_listing(
    memory: ZoneMemory, records: Sequence[RecordSet], now: float, *, complete: bool
) -> ZoneMemory:
    attached = {item.health_check for item in records if item.health_check}
    return replace(
        memory,
        listed_at=now,
        complete=complete,
        attached=tuple(sorted({*memory.attached, *attached})),
    )


def _complete(ports: Ports) -> bool:
    return ports.ledger.note(COMPLETE) is not None


def _without(decision: ZoneDecision, waits: Iterable[str]) -> ZoneDecision:
    """*decision* without the units that the provider refused lately as they are."""
    skipped = set(waits)
    parts = {name: plan for name, plan in decision.parts.items() if name not in skipped}
    return replace(decision, parts=parts)


def _after(
    before: Iterable[RecordSet], decision: ZoneDecision, carried: Carried
) -> list[RecordSet]:
    """What stands when the accepted changes are made."""
    found = {item.identity: item for item in before}
    for name in carried.done:
        for change in decision.parts[name]:
            if not isinstance(change, Create):
                found.pop(change.observed.identity, None)
        for change in decision.parts[name]:
            if not isinstance(change, Delete):
                found[change.desired.identity] = change.desired
    return [found[key] for key in sorted(found)]
