"""
The record sets of one hosted zone, from the intents of the Ingresses that use it.

Each host of ours has a TXT beside it, `_fedingress-<hash>.<zone>`, that says whose it is. Without
our mark a record is foreign and stays; a mark without an intent goes only when every source has
spoken.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fedingress.domain import names
from fedingress.domain.change import Change, Create, Delete, Plan, Update
from fedingress.domain.policy import ZoneRef
from fedingress.domain.record import RecordSet
from fedingress.domain.report import ZoneIntent

ADDRESS_TYPES = ("A", "AAAA")
LEAVING = frozenset({"deleting", "orphan"})
"""States of an intent whose records are still to go, or to be left and marked so."""
_BRAKE_FROM = 10
_BRAKE_RATIO = 0.3


def zone_for(host: str, zones: Iterable[ZoneRef]) -> ZoneRef | None:
    """The zone with the longest domain that *host* is in; None when there is none."""
    bare = host.removeprefix("*.")
    fitting = [zone for zone in zones if bare == zone.domain or bare.endswith("." + zone.domain)]
    return max(fitting, key=lambda zone: (len(zone.domain), zone.unit), default=None)


def zones_for(host: str, zones: Iterable[ZoneRef]) -> tuple[ZoneRef, ...]:
    """Where *host* is published: of each visibility the zone with the longest domain."""
    listed = tuple(zones)
    kinds = sorted({zone.visibility for zone in listed}, reverse=True)
    found = (zone_for(host, (z for z in listed if z.visibility == kind)) for kind in kinds)
    return tuple(zone for zone in found if zone)


def mark_name(host: str, domain: str) -> str:
    """The name of the TXT that marks *host*."""
    return f"_fedingress-{names.short_hash(host)}.{domain}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMark:
    """What our TXT says: the installation, the source, and the host meant."""

    owner: str
    uid: str
    source: str
    host: str
    orphan: bool = False

    def encode(self) -> str:
        """The TXT's value."""
        words = {"heritage": "fedingress", "owner": self.owner, "uid": self.uid}
        words |= {"source": self.source, "host": self.host}
        if self.orphan:
            words["orphan"] = "true"
        return ",".join(f"{key}={value}" for key, value in words.items())

    @classmethod
    def decode(cls, value: str) -> "HostMark | None":
        """The mark in a TXT value; None when it is no mark of this system."""
        words = dict(part.partition("=")[::2] for part in value.split(","))
        if words.get("heritage") != "fedingress" or not words.get("host"):
            return None
        return cls(
            owner=words.get("owner", ""),
            uid=words.get("uid", ""),
            source=words.get("source", ""),
            host=words["host"],
            orphan="orphan" in words,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneDecision:
    """
    plan: one atomic batch.   hosts: source uid -> host -> (state, sentence), for the reports.
    owned: hosts that carry our mark now.
    """

    plan: Plan[RecordSet]
    hosts: Mapping[str, Mapping[str, tuple[str, str]]] = field(default_factory=dict)


def decide(
    domain: str,
    intents: Mapping[str, ZoneIntent],
    observed: Sequence[RecordSet],
    owner: str,
    *,
    complete: bool,
    force: bool = False,
) -> ZoneDecision:
    """
    Plan the zone.

    Args:
        domain: The zone's DNS name.
        intents: By uid of the source.
        observed: Every record set of the zone.
        owner: Our installation; other installations' marks are foreign.
        complete: Whether every source has spoken since the store was new.
        force: Lift the brake.

    Returns:
        The plan; nothing of it is an empty answer for a host that has one.
    """
    return _Zone(domain, intents, observed, owner).decide(complete=complete, force=force)


class _Zone:
    """The working state of one decision."""

    def __init__(
        self,
        domain: str,
        intents: Mapping[str, ZoneIntent],
        observed: Sequence[RecordSet],
        owner: str,
    ) -> None:
        self.domain = domain
        self.intents = intents
        self.owner = owner
        self.have = {(item.name, item.type): item for item in observed}
        self.marks = {mark.host: mark for item in observed if (mark := _mark_of(item, domain))}
        self.changes: list[Change[RecordSet]] = []
        self.risky = 0
        self.said: dict[str, dict[str, tuple[str, str]]] = {uid: {} for uid in intents}

    def decide(self, *, complete: bool, force: bool) -> ZoneDecision:
        claims: dict[str, list[ZoneIntent]] = {}
        for intent in self.intents.values():
            if intent.state == "present":
                for host in intent.hosts:
                    claims.setdefault(host, []).append(intent)
        for host in sorted(claims):
            ranked = sorted(claims[host], key=lambda each: (each.created, each.uid))
            self._publish(host, ranked[0])
            for loser in ranked[1:]:
                self._say(loser, host, "conflict", f"the host belongs to {ranked[0].source}")
        for host, mark in sorted(self.marks.items()):
            if host not in claims and mark.owner == self.owner and not mark.orphan:
                self._release(host, mark, complete=complete)
        held = self._brake(force=force)
        changes = () if held else tuple(sorted(self.changes, key=_order))
        return ZoneDecision(plan=Plan(changes=changes, held=held), hosts=self.said)

    def _say(self, intent: ZoneIntent, host: str, state: str, text: str) -> None:
        self.said[intent.uid][host] = (state, text)

    def _publish(self, host: str, intent: ZoneIntent) -> None:
        mark = self.marks.get(host)
        mine = mark is not None and mark.owner == self.owner
        foreign = [
            kind for kind in (*ADDRESS_TYPES, "CNAME") if (host, kind) in self.have and not mine
        ]
        if foreign or (mark is not None and not mine):
            what = "/".join(foreign) or "a mark of another installation"
            self._say(
                intent,
                host,
                "conflict",
                f"{what} for {host} exists in the zone and is not ours; delete it to hand it over",
            )
            return
        wanted = self._records(host, intent)
        known = any(item.type in ADDRESS_TYPES for item in wanted)
        published = mine and mark is not None and mark.uid == intent.uid
        former = mark if mine and not published and self._leaves(mark) else None
        # Another address is not published before it serves.
        unproven = published and not intent.healthy and self._differs(host, intent)
        if not known or unproven or not (published or intent.healthy or former):
            what = "a first healthy member" if known else "the address"
            state = "published" if published else "waiting"
            self._say(intent, host, state, f"waiting for {what}; what is published stays")
            if former:  # its address goes back to the cloud, so no name may lead there
                self._release(host, former, complete=False)
            return
        for item in wanted:
            self._want(item, risky=published)
        kinds = {item.type for item in wanted}
        for kind in ADDRESS_TYPES:
            if kind not in kinds and (stale := self.have.get((host, kind))):
                self.changes.append(Delete(observed=stale, why="the address family is gone"))
        self._say(intent, host, "published", ", ".join(intent.addresses.get("A", ())))

    def _differs(self, host: str, intent: ZoneIntent) -> bool:
        """Whether an answer stands for *host*, and another one than *intent* has."""
        have = {
            kind: found.values for kind in ADDRESS_TYPES if (found := self.have.get((host, kind)))
        }
        return bool(have) and have != {
            k: tuple(sorted(v)) for k, v in intent.addresses.items() if v
        }

    def _leaves(self, mark: HostMark | None) -> bool:
        """Whether the source that *mark* names has still to let go of the host."""
        intent = self.intents.get(mark.uid) if mark else None
        return (
            mark is not None and not mark.orphan and intent is not None and intent.state in LEAVING
        )

    def _records(self, host: str, intent: ZoneIntent) -> list[RecordSet]:
        mark = HostMark(owner=self.owner, uid=intent.uid, source=intent.source, host=host)
        found = [
            RecordSet(
                name=mark_name(host, self.domain),
                type="TXT",
                ttl_seconds=intent.ttl_seconds,
                values=(mark.encode(),),
            )
        ]
        for kind in ADDRESS_TYPES:
            if values := tuple(sorted(intent.addresses.get(kind, ()))):
                found.append(
                    RecordSet(name=host, type=kind, ttl_seconds=intent.ttl_seconds, values=values)
                )
        return found

    def _want(self, item: RecordSet, *, risky: bool) -> None:
        have = self.have.get((item.name, item.type))
        if have is None:
            self.changes.append(Create(desired=item, why="is missing"))
        elif have != item:
            fields = tuple(
                name
                for name in ("ttl_seconds", "values", "policy")
                if getattr(have, name) != getattr(item, name)
            )
            self.risky += risky and item.type != "TXT"
            why = "differs in " + ", ".join(fields)
            self.changes.append(Update(observed=have, desired=item, fields=fields, why=why))

    def _release(self, host: str, mark: HostMark, *, complete: bool) -> None:
        """Take away a host that no present Ingress wants."""
        intent = self.intents.get(mark.uid)
        if intent is not None and intent.state == "frozen":
            return
        txt = self.have[mark_name(host, self.domain), "TXT"]
        if intent is not None and intent.state == "orphan":
            left = HostMark(
                owner=mark.owner, uid=mark.uid, source=mark.source, host=host, orphan=True
            )
            marked = RecordSet(
                name=txt.name, type="TXT", ttl_seconds=txt.ttl_seconds, values=(left.encode(),)
            )
            self.changes.append(
                Update(observed=txt, desired=marked, fields=("values",), why="left as an orphan")
            )
            return
        if intent is None and not complete:
            return
        if intent is None:
            self.risky += 1
        why = "its Ingress is gone" if intent is None or intent.state != "present" else "no rule"
        found = [self.have.get((host, kind)) for kind in ADDRESS_TYPES]
        self.changes += [Delete(observed=item, why=why) for item in (*found, txt) if item]

    def _brake(self, *, force: bool) -> tuple[str, ...]:
        owned = sum(mark.owner == self.owner for mark in self.marks.values())
        if force or owned < _BRAKE_FROM or self.risky <= owned * _BRAKE_RATIO:
            return ()
        text = (
            f"the plan changes {self.risky} of {owned} hosts in {self.domain}, more than "
            f"{_BRAKE_RATIO:.0%}; look at `fedingress plan`, then repair with --force"
        )
        return (text,)


def _mark_of(item: RecordSet, domain: str) -> HostMark | None:
    """The mark in *item*, if it stands where the host it speaks of would put it."""
    if item.type != "TXT" or not item.name.startswith("_fedingress-"):
        return None
    marks = (HostMark.decode(value) for value in item.values)
    return next(
        (mark for mark in marks if mark and item.name == mark_name(mark.host, domain)), None
    )


def marked(observed: Sequence[RecordSet], domain: str, owner: str) -> Mapping[str, frozenset[str]]:
    """Hosts that carry a living mark of *owner*, by the uid of their source."""
    found: dict[str, set[str]] = {}
    for item in observed:
        mark = _mark_of(item, domain)
        if mark and mark.owner == owner and not mark.orphan:
            found.setdefault(mark.uid, set()).add(mark.host)
    return {uid: frozenset(hosts) for uid, hosts in found.items()}


def losers(plan: Plan[RecordSet], domain: str) -> frozenset[str]:
    """Uids of the sources that lose a host by *plan*: resolvers remember it for a while."""
    found = set()
    for change in plan:
        if isinstance(change, Create) or (before := _mark_of(change.observed, domain)) is None:
            continue
        after = _mark_of(change.desired, domain) if isinstance(change, Update) else None
        if after is None or after.uid != before.uid:
            found.add(before.uid)
    return frozenset(found)


def by_host(plan: Plan[RecordSet], domain: str) -> Mapping[str, Plan[RecordSet]]:
    """The changes of each host, which go together; in order of the hosts."""
    found: dict[str, list[Change[RecordSet]]] = {}
    for change in plan:
        item = change.observed if isinstance(change, Delete) else change.desired
        mark = _mark_of(item, domain)
        found.setdefault(mark.host if mark else item.name, []).append(change)
    return {host: Plan(changes=tuple(found[host])) for host in sorted(found)}


def _order(change: Change[RecordSet]) -> tuple[str, str]:
    item = change.observed if isinstance(change, Delete) else change.desired
    return (item.name, item.type)


def batch(plan: Plan[RecordSet]) -> tuple[tuple[RecordSet, ...], tuple[RecordSet, ...]]:
    """The plan as deletions and additions of one atomic change."""
    deletions = [item.observed for item in plan if not isinstance(item, Create)]
    additions = [item.desired for item in plan if not isinstance(item, Delete)]
    return tuple(deletions), tuple(additions)
