"""
What to change in a hosted zone: its hosts, the pools and trees they lead to, and their marks.

Each host and node has a TXT beside it that says whose it is (`marks`). Without our mark a record is
foreign and stays; a mark without an intent goes only when every source has spoken. A node goes when
no record of the zone leads to it any more.
"""

from collections.abc import Collection, Mapping

from fedingress.domain import names
from fedingress.domain.change import Change, Delete, Plan, Update
from fedingress.domain.policy import DeletionPolicy
from fedingress.domain.record import RecordSet
from fedingress.domain.report import ZoneIntent
from fedingress.planning.answers import hosts as naming
from fedingress.planning.answers.compiling import compiled
from fedingress.planning.answers.decision import (
    Lately,
    Release,
    Standing,
    Wanted,
    ZoneDecision,
)
from fedingress.planning.answers.found import ANSWER_TYPES, Found
from fedingress.planning.answers.marks import HostMark, is_node
from fedingress.planning.answers.units import Unit
from fedingress.planning.answers.weighing import Weighed

LEAVING = frozenset({"deleting", "orphan"})
"""States of an intent whose records are still to go, or to be left and marked so."""
NOTHING_LATELY = Lately()
_BRAKE_FROM = 10
_BRAKE_RATIO = 0.3


def decide(
    domain: str,
    intents: Mapping[str, ZoneIntent],
    standing: Standing,
    owner: str,
    wish: Wanted,
    *,
    complete: bool,
    force: bool = False,
    lately: Lately = NOTHING_LATELY,
) -> ZoneDecision:
    """
    Plan the zone.

    Args:
        domain: The zone's DNS name.
        intents: By uid of the source.
        standing: What is in the zone.
        owner: Our installation; other installations' marks are foreign.
        wish: See `wanted`.
        complete: Whether every source has spoken since the store was new.
        force: Lift the brake.
        lately: The time, and what happened before.

    Returns:
        The plan; nothing of it is an empty answer for a host that has one.
    """
    zone = _Zone(domain, intents, standing, owner, wish)
    zone.lately, zone.complete = lately, complete
    return zone.decide(force=force)


def wanted(
    domain: str,
    intents: Mapping[str, ZoneIntent],
    owner: str,
    weighed: Weighed,
    *,
    checks: Mapping[str, str],
) -> Wanted:
    """
    What the zone should hold, whatever stands there.

    Args:
        domain: The zone's DNS name.
        intents: By uid of the source.
        owner: Our installation.
        weighed: Pools, trees and weights.
        checks: `planning.checks.key` -> id of the health check that stands.
    """
    won, lost = naming.claimed(intents)
    units = compiled(domain, won, weighed, checks, owner=owner)
    prints = {name: unit.print for name, unit in units.items()}
    return Wanted(units=units, prints=prints, lost=lost)


class _Zone:
    """The working state of one decision."""

    def __init__(
        self,
        domain: str,
        intents: Mapping[str, ZoneIntent],
        standing: Standing,
        owner: str,
        wish: Wanted,
    ) -> None:
        self.domain = domain
        self.intents = intents
        self.owner = owner
        self.wish = wish
        self.units = wish.units
        self.looked_at = standing.units
        self.found = Found(domain, standing.records)
        self.marks = self.found.marks
        self.parts: dict[str, list[Change[RecordSet]]] = {}
        self.said: dict[str, dict[str, tuple[str, str]]] = {uid: {} for uid in intents}
        self.prints: dict[str, str] = {}
        self.released: dict[str, Release] = {}
        self.shown: dict[str, str] = {}
        self.lately = NOTHING_LATELY
        self.complete = False
        self.needed: set[str] = set()
        self.risky = 0

    def decide(self, *, force: bool) -> ZoneDecision:
        hosts = {name: unit for name, unit in self.units.items() if unit.uid}
        for host in sorted(hosts):
            if self._seen(host):
                self._publish(hosts[host])
            for loser in self.wish.lost.get(host, ()):
                owner = self.intents[hosts[host].uid].source
                self._say(loser.uid, host, "conflict", f"the host belongs to {owner}")
        for host, mark in sorted(self.marks.items()):
            if host not in hosts and not is_node(host) and self._mine(mark):
                self._release(host, mark, complete=self.complete)
        needed = {each for name in self.needed for each in (name, *self._below(name))}
        for name in sorted(self.units):
            if is_node(name) and self._seen(name):
                self._stand(self.units[name], needed)
        if self.looked_at is None and self.complete:
            self._sweep(needed)
        held = self._brake(force=force)
        parts = {} if held else {name: self._plan(name) for name in sorted(self.parts)}
        changes = sorted((each for part in parts.values() for each in part), key=_order)
        return ZoneDecision(
            plan=Plan(changes=tuple(changes), held=held),
            parts=parts,
            hosts=self.said,
            units=self.units,
            prints={} if held else self.prints,
            released={} if held else self.released,
            shown=self.shown,
        )

    def _plan(self, name: str) -> Plan[RecordSet]:
        return Plan(changes=tuple(sorted(self.parts[name], key=_order)))

    def _seen(self, name: str) -> bool:
        return self.looked_at is None or name in self.looked_at

    def _mine(self, mark: HostMark | None) -> bool:
        return mark is not None and mark.owner == self.owner and not mark.orphan

    def _say(self, uid: str, host: str, state: str, text: str) -> None:
        self.said[uid][host] = (state, text)

    def _publish(self, unit: Unit) -> None:
        host, intent = unit.name, self.intents[unit.uid]
        mark = self.marks.get(host)
        mine = mark is not None and mark.owner == self.owner
        foreign = self._foreign(host, mark, mine=mine)
        if foreign and not self._adopted(unit, mark):
            self._say_conflict(unit, foreign, mark)
            return
        if stranger := self._stranger(intent, host, mark if mine else None):
            self._say(unit.uid, host, "waiting", stranger)
            if mine and mark is not None:
                self._release(host, mark, complete=self.complete)
            return
        published = mine and mark is not None and mark.uid == unit.uid
        former = mark if mine and not published and self._leaves(mark) else None
        if why := self._must_wait(unit, intent, published=published, former=former):
            stands = "kept" if unit.fault else "published"
            self._say(unit.uid, host, stands if published else "waiting", why)
            if former:  # its address goes back to the cloud, so no name may lead there
                self._release(host, former, complete=False)
            elif not mine:
                self.prints[host] = self.wish.prints[host]
            return
        self._want(unit, risky=published)
        self.needed |= unit.leads_to
        self.prints[host] = self.wish.prints[host]
        self._say(unit.uid, host, "published", unit.shown)

    def _foreign(self, host: str, mark: HostMark | None, *, mine: bool) -> str:
        """Why the host is not ours to write; empty when it is."""
        if mine:
            return ""
        kinds = {item.type for item in self.found.answers(host)}
        what = "/".join(kind for kind in ANSWER_TYPES if kind in kinds)
        if mark is not None:
            what = what or "a mark of another installation"
        if not what:
            return ""
        text = f"{what} for {host} exists in the zone and is not ours; delete it to hand it over"
        return text if mark else f"{text}, or annotate the Ingress with {names.ADOPT}: dns"

    def _say_conflict(self, unit: Unit, why: str, mark: HostMark | None) -> None:
        """Tell of a foreign answer and, where it is to be replaced, by what."""
        if unit.adopts and mark is None:
            self.shown[unit.name] = self._adoption(unit)
            there = "; ".join(f"{item.label} ({_told(item)})" for item in self._there(unit))
            ours = "; ".join(f"{item.type} ({_told(item)})" for item in unit.records[1:])
            ours = ours or "what is not known yet"
            why = f"as the Ingress asks, {there} will be replaced by {ours}"
        else:
            self.prints[unit.name] = self.wish.prints[unit.name]
        self._say(unit.uid, unit.name, "conflict", why)

    def _adopted(self, unit: Unit, mark: HostMark | None) -> bool:
        """Whether the user wants just this replacement, and was told of it before."""
        shown = self.lately.shown.get(unit.name, "")
        return unit.adopts and mark is None and shown == self._adoption(unit)

    def _adoption(self, unit: Unit) -> str:
        return names.short_hash(*map(str, self._there(unit)), *map(str, unit.records[1:]))

    def _there(self, unit: Unit) -> list[RecordSet]:
        return sorted(self.found.answers(unit.name), key=lambda item: item.identity)

    def _stranger(self, intent: ZoneIntent, host: str, mark: HostMark | None) -> str:
        """
        Why a host of another namespace is not taken over yet; empty when nothing is in the way.

        What resolvers remember still leads to whoever had it. One that still names the host lost
        it to an older Ingress, and nobody is to wait.
        """
        own = _namespace(intent.source)
        before = self.lately.released.get(host)
        if before and self.lately.now < before.until and _namespace(before.source) != own:
            return f"{before.source} let go of {host} lately, and resolvers may still remember it"
        if mark is None or mark.orphan or _namespace(mark.source) == own:
            return ""
        if mark.uid in {each.uid for each in self.wish.lost.get(host, ())}:
            return ""
        return f"{mark.source} has not let go of {host} yet"

    def _must_wait(
        self, unit: Unit, intent: ZoneIntent, *, published: bool, former: HostMark | None
    ) -> str:
        """Why the host is not written now; empty when it may be."""
        if unit.fault:
            return f"{unit.fault}; what is published stays" if published else unit.fault
        known = len(unit.records) > 1
        # Another address is not published before it serves.
        unproven = published and not intent.healthy and self.found.differs(unit)
        if not known or unproven or not (published or intent.healthy or former):
            what = "a first healthy member" if known else "the address"
            return f"waiting for {what}; what is published stays"
        missing = sorted(name for name in self._below(unit.name) if not self._may_stand(name))
        if missing:
            return f"{missing[0]} is not ready; what is published stays"
        return ""

    def _may_stand(self, name: str) -> bool:
        """Whether a node is wanted, and is nobody else's."""
        mark = self.marks.get(name)
        if name not in self.units:
            return False
        return not self._seen(name) or not self._foreign(
            name, mark, mine=mark is not None and mark.owner == self.owner
        )

    def _below(self, name: str) -> set[str]:
        """Every node under a unit."""
        found: set[str] = set()
        left = [*self.units[name].leads_to]
        while left:
            each = left.pop()
            found.add(each)
            left += self.units[each].leads_to if each in self.units else ()
        return found

    def _leaves(self, mark: HostMark | None) -> bool:
        """Whether the source that *mark* names has still to let go of the host."""
        intent = self.intents.get(mark.uid) if mark else None
        return (
            mark is not None and not mark.orphan and intent is not None and intent.state in LEAVING
        )

    def _stand(self, unit: Unit, needed: Collection[str]) -> None:
        """
        A node that is needed, or that stands and is needed by hosts that were not looked at.

        One whose checks are not there stays as it is.
        """
        stands = self.looked_at is not None and self._mine(self.marks.get(unit.name))
        if not unit.fault and (unit.name in needed or stands):
            self._want(unit, risky=False)
        self.prints[unit.name] = self.wish.prints[unit.name]

    def _want(self, unit: Unit, *, risky: bool) -> None:
        changes = self.found.changes(unit)
        if changes:
            self.parts[unit.name] = changes
        if risky:
            self.risky += sum(map(_is_risky, changes))

    def _release(self, host: str, mark: HostMark, *, complete: bool) -> None:
        """Take away a host that no present Ingress wants."""
        intent = self.intents.get(mark.uid)
        if intent is not None and intent.state == "frozen":
            return
        if intent is not None and intent.state == "orphan":
            txt = self.found.mark(host)
            left = HostMark(
                owner=mark.owner, uid=mark.uid, source=mark.source, host=host, orphan=True
            )
            marked = left.record(self.domain, txt.ttl_seconds)
            self.parts[host] = [
                Update(observed=txt, desired=marked, fields=("values",), why="left as an orphan")
            ]
            return
        if intent is None and not complete:
            return
        if intent is None:
            self.risky += 1
        why = "its Ingress is gone" if intent is None or intent.state != "present" else "no rule"
        self.parts[host] = self.found.going(host, why)
        ttl = intent.ttl_seconds if intent else self.found.mark(host).ttl_seconds
        drain = intent.drain_seconds if intent else DeletionPolicy().drain_seconds
        until = self.lately.now + ttl + drain
        self.released[host] = Release(source=mark.source, until=until)

    def _sweep(self, needed: Collection[str]) -> None:
        """Take away nodes of ours that nothing leads to any more."""
        nodes = {
            name
            for name, mark in self.marks.items()
            if is_node(name) and self._mine(mark) and name not in needed
        }
        planned = [change for part in self.parts.values() for change in part]
        self.parts |= self.found.idle(nodes, planned)

    def _brake(self, *, force: bool) -> tuple[str, ...]:
        owned = sum(
            mark.owner == self.owner and not is_node(name) for name, mark in self.marks.items()
        )
        owned += sum(bool(u.uid) and not self._seen(name) for name, u in self.units.items())
        if force or owned < _BRAKE_FROM or self.risky <= owned * _BRAKE_RATIO:
            return ()
        text = (
            f"the plan changes {self.risky} of {owned} hosts in {self.domain}, more than "
            f"{_BRAKE_RATIO:.0%}; look at `fedingress plan`, then repair with --force"
        )
        return (text,)


def _namespace(source: str) -> str:
    return source.partition("/")[0]


def _told(item: RecordSet) -> str:
    """What a record set answers, for people."""
    if item.alias or is_node(item.leads_to):
        return f"alias of {item.leads_to}"
    return ", ".join(item.values) or "a policy"


def _is_risky(change: Change[RecordSet]) -> bool:
    """Whether an address that is answered becomes another; an alias leads to nodes of ours only."""
    if not isinstance(change, Update) or change.desired.type == "TXT":
        return False
    items = (change.observed, change.desired)
    weighed = all(item.policy for item in items)  # at the apex of a zone of Cloud DNS
    return not (weighed or all(item.alias or is_node(item.leads_to) for item in items))


def _order(change: Change[RecordSet]) -> tuple[str, str, str]:
    item = change.observed if isinstance(change, Delete) else change.desired
    return item.identity
