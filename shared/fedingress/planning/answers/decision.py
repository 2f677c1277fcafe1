"""What a decision on a zone is made from, and what it says: for `zone` and whoever calls it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fedingress.domain.change import Plan
from fedingress.domain.record import RecordSet
from fedingress.domain.report import ZoneIntent
from fedingress.planning.answers.units import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Who let go of a host, and until when (Unix seconds) resolvers may remember."""

    source: str
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """
    How the zone was found.

    records: every record set of the zone, or of the names of some units.
    units: names of those units; None for the whole zone.
    """

    records: Sequence[RecordSet]
    units: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """
    What a zone should hold.

    units: every unit, by name.   prints: of each, to be compared with those of what stood.
    lost: host -> intents that want it too, and do not get it.
    """

    units: Mapping[str, Unit]
    prints: Mapping[str, str]
    lost: Mapping[str, Sequence[ZoneIntent]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneDecision:
    """
    plan: every change, in no particular order.
    parts: name of the unit -> its changes, which go together (see `batches` for the order).
    hosts: source uid -> host -> (state, sentence), for the reports; of those that were looked at.
    units: name -> the unit as it should stand.
    prints: name -> print of the unit, for each that needs no other look until that changes; of the
        units that were found, or of all.
    released: host -> who lets go of it by this plan.
    shown: host -> digest of a foreign answer and of ours, where the user wants it to be replaced:
        told now, and done by a later decision that is given it.
    """

    plan: Plan[RecordSet]
    parts: Mapping[str, Plan[RecordSet]] = field(default_factory=dict)
    hosts: Mapping[str, Mapping[str, tuple[str, str]]] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)
    prints: Mapping[str, str] = field(default_factory=dict)
    released: Mapping[str, Release] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lately:
    """
    What happened before.

    now: Unix seconds.   released: host -> who let go of it.   shown: as the last decision said.
    """

    now: float = 0.0
    released: Mapping[str, Release] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)
