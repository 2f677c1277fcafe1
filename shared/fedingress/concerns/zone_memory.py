"""
What `dns` remembers of a hosted zone between two looks: so that a quiet zone is not read at all.

Everything here can be lost. Then the zone is listed once, and weights stay for one dwell. A part of
it that is lost is as good as all of it.

A zone has one note, which is written last and tells which others belong to it: the prints of its
units and, where the rest is too much for one document, the parts of that. Who dies before it is
written leaves parts that no note names; the next look finds and drops them.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from zlib import crc32

from fedingress.concerns import zone_parts
from fedingress.domain import names
from fedingress.planning.answers.decision import Release
from fedingress.planning.answers.marks import is_node
from fedingress.ports.ledger import Ledger

_PRINTS_BYTES: Final = 200_000
"""About what a note of prints has, so that it stays well within what any store takes."""
_PRINT_OVERHEAD: Final = len('"":"",')
_FIRST_PAUSE_SECONDS: Final = 60.0
_LONGEST_PAUSE_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """
    The provider refused a unit as it is wanted.

    print: of that wish; another one is tried at once.   until: Unix seconds of the next attempt.
    tries: refusals in a row.   text: the provider's words.
    """

    print: str
    until: float
    tries: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneMemory:
    """
    What one look leaves to the next.

    domain: the zone's DNS name.
    weighing: what the planner believes of members, and the weights that stand; None at first.
    digest: of every unit, as all of them were last found to stand; empty while some do not.
    notes: how many notes hold the prints of the units.
    listed_at: Unix seconds of the last listing of the whole zone.
    complete: whether every source had spoken then.
    checks: what a health check is for -> its id.   wish: a digest of all that should stand.
    probed: address of a load balancer -> ids of its checks.
    idle_since: Unix seconds since when nodes stand that nobody wants; 0 when none does.
    attached: ids of health checks that records may name.   elsewhere: those of records that nobody
        wants, but that stayed when the zone was listed last: somebody's record leads there.
    spare: ids of those that no pool needs.   doomed: those among them that no record names.
    pending: ids of changes that not every server of the provider has yet.
    refused: unit -> why it waits.
    released: host -> who let go of it lately.
    moving: whether some shares were on their way to what members deserve.
    shown: host -> digest of the foreign answer that is to be replaced, and was told of.
    unsure: whether something was about to be made of which the rest does not tell.
    unsure_checks: whether health checks were.
    parts, strays: names of the notes that belong to this beside its own, and of those that belong
        to nothing; neither is kept.
    """

    domain: str = ""
    weighing: Mapping[str, Any] | None = None
    digest: str = ""
    notes: int = 0
    listed_at: float = 0.0
    complete: bool = False
    checks: Mapping[str, str] = field(default_factory=dict)
    wish: str = ""
    probed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    idle_since: float = 0.0
    attached: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    spare: tuple[str, ...] = ()
    doomed: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    refused: Mapping[str, Refusal] = field(default_factory=dict)
    released: Mapping[str, Release] = field(default_factory=dict)
    moving: bool = False
    shown: Mapping[str, str] = field(default_factory=dict)
    unsure: bool = False
    unsure_checks: bool = False
    parts: tuple[str, ...] = field(default=(), compare=False)
    strays: tuple[str, ...] = field(default=(), compare=False)

    @property
    def unswept(self) -> bool:
        """Whether something of ours stands that is only waiting to go."""
        return bool(self.idle_since or self.loose or self.unsure)

    @property
    def loose(self) -> frozenset[str]:
        """Ids of spare checks that may go soon: nobody else's record keeps them."""
        return frozenset(self.spare) - frozenset(self.elsewhere)


def recall(unit: str, ledger: Ledger) -> ZoneMemory:
    """What was remembered last; an empty memory when nothing is, or when some of it is missing."""
    kept = ledger.note(_name(unit))
    if kept is None:
        return ZoneMemory(strays=tuple(ledger.notes(f"{_name(unit)}/")))
    if not kept.get("parted"):
        return _decoded(kept)
    stand = ledger.notes(_part_name(unit, ""))
    parts = [_part_name(unit, each) for each in kept.get("parts", ())]
    strays = tuple(name for name in stand if name not in parts)
    if any(name not in stand for name in parts):  # what was being made is not known either
        return ZoneMemory(unsure=True, unsure_checks=True, strays=tuple(stand))
    body = zone_parts.join(kept, (stand[name] for name in parts)) if parts else kept
    return dataclasses.replace(_decoded(body), parts=tuple(parts), strays=strays)


def _decoded(body: Mapping[str, Any]) -> ZoneMemory:
    known = {item.name for item in dataclasses.fields(ZoneMemory)} - {"parts", "strays"}
    said = {name: value for name, value in body.items() if name in known}
    for name in ("attached", "elsewhere", "spare", "doomed", "pending"):
        said[name] = tuple(said.get(name, ()))
    probed = {address: tuple(ids) for address, ids in said.pop("probed", {}).items()}
    refused = {name: Refusal(**row) for name, row in said.pop("refused", {}).items()}
    released = {name: Release(**row) for name, row in said.pop("released", {}).items()}
    return ZoneMemory(**said, probed=probed, refused=refused, released=released)


def remember(unit: str, before: ZoneMemory, now: ZoneMemory, ledger: Ledger) -> None:
    """Keep *now*, unless it is what stands there; *before* is as recalled."""
    if now == before and not before.strays:
        return
    body = dataclasses.asdict(now)
    del body["parts"], body["strays"]
    head, parts = zone_parts.split(body)
    named = {_part_name(unit, each): part for each, part in parts.items()}
    stands = (ledger.note(_name(unit)) or {}) if named else {}
    if named and not stands.get("parted"):  # whoever comes after us must look for them
        ledger.put_note(_name(unit), {**stands, "parted": True})
    for name, part in named.items():
        if name not in before.parts:
            ledger.put_note(name, part)
    ledger.put_note(_name(unit), {**head, "parted": bool(named or before.parts or before.strays)})
    needed = {*named, *(_prints_name(unit, number) for number in range(now.notes))}
    for name in sorted({*before.parts, *before.strays} - needed):
        ledger.drop_note(name)


def foresee(unit: str, memory: ZoneMemory, ledger: Ledger, *, checks: bool) -> None:
    """
    Note that something (*checks* among it) is about to be made, over *memory* as recalled.

    Who dies before it is remembered leaves that behind, and the next look reads everything: else
    nobody would know of it once its Ingress is gone.
    """
    checks = checks or memory.unsure_checks
    unsure = dataclasses.replace(memory, unsure=True, unsure_checks=checks)
    remember(unit, memory, unsure, ledger)


def prints(unit: str, memory: ZoneMemory, ledger: Ledger) -> dict[str, str] | None:
    """Unit name -> print, of all that was found to stand; None when that is not known."""
    if not memory.notes:
        return None
    found: dict[str, str] = {}
    for number in range(memory.notes):
        note = ledger.note(_prints_name(unit, number))
        if note is None:
            return None
        found |= note
    return found


def keep_prints(
    unit: str, memory: ZoneMemory, known: Mapping[str, str], ledger: Ledger
) -> ZoneMemory:
    """Keep *known*; gives the memory that finds them again."""
    size = sum(len(name) + len(text) + _PRINT_OVERHEAD for name, text in known.items())
    notes = max(1, -(-size // _PRINTS_BYTES))
    parts: list[dict[str, str]] = [{} for _ in range(notes)]
    for name in sorted(known):
        parts[crc32(name.encode()) % notes][name] = known[name]
    for number, part in enumerate(parts):
        ledger.put_note(_prints_name(unit, number), part)
    for number in range(notes, memory.notes):
        ledger.drop_note(_prints_name(unit, number))
    return dataclasses.replace(memory, notes=notes)


def digest(known: Mapping[str, str]) -> str:
    """One word for all prints together."""
    return names.short_hash(*(text for item in sorted(known.items()) for text in item), length=20)


def waiting(memory: ZoneMemory, wanted: Mapping[str, str], now: float) -> dict[str, Refusal]:
    """Units that the provider refused as they are wanted now, and whose time has not come."""
    return {
        name: refusal
        for name, refusal in memory.refused.items()
        if wanted.get(name) == refusal.print and now < refusal.until
    }


def refusals(
    memory: ZoneMemory, wanted: Mapping[str, str], failed: Mapping[str, str], now: float
) -> dict[str, Refusal]:
    """What waits after a look in which *failed* (unit -> words) were refused."""
    still = waiting(memory, wanted, now)
    for name, text in failed.items():
        before = memory.refused.get(name)
        same = before is not None and before.print == wanted.get(name)
        tries = before.tries + 1 if before is not None and same else 1
        pause = min(_FIRST_PAUSE_SECONDS * 2 ** (tries - 1), _LONGEST_PAUSE_SECONDS)
        still[name] = Refusal(
            print=wanted.get(name, ""), until=now + pause, tries=tries, text=text[:512]
        )
    return still


def touched(
    wanted: Mapping[str, str], known: Mapping[str, str], waits: Iterable[str]
) -> frozenset[str]:
    """
    Units that do not stand as they are wanted, as far as is known; without those that wait.

    Nodes that nobody wants any more do no harm, and go when the zone is listed.
    """
    differ = {name for name in {*wanted, *known} if wanted.get(name) != known.get(name)}
    return frozenset(differ - set(waits) - idle(wanted, known))


def idle(wanted: Mapping[str, str], known: Mapping[str, str]) -> frozenset[str]:
    """Nodes that stand and that nobody wants."""
    return frozenset(name for name in known if name not in wanted and is_node(name))


def _name(unit: str) -> str:
    return f"zone/{names.short_hash(unit)}"


def _prints_name(unit: str, number: int) -> str:
    return f"{_name(unit)}/prints/{number}"


def _part_name(unit: str, digest: str) -> str:
    return f"{_name(unit)}/part/{digest}"
