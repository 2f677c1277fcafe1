"""Tick: publish what is due, resync every Ingress in turn, and notice when all were seen."""

from collections.abc import Callable, Iterable, Sequence
from zlib import crc32

from fedingress.concerns.claim import COMPLETE
from fedingress.domain.footprint import Footprint, of
from fedingress.domain.ingress import Source
from fedingress.domain.names import FINALIZERS
from fedingress.domain.outcome import Outcome, Settled
from fedingress.domain.report import FanoutReport, Report
from fedingress.domain.work import RESYNC, WINDOW, Work
from fedingress.planning import firewall
from fedingress.ports import Ports

RESYNC_SECONDS = 600.0
_DUE_LIMIT = 500
_LAST = "tick/last"


def reconcile(ports: Ports, due: Callable[[int], Iterable[Work]]) -> Outcome:
    """
    Publish events only; nothing is decided here.

    Args:
        ports: Sources and the bus.
        due: Gives the work that waits in the queue, the longest waiting first, at most that many.

    Raises:
        Unavailable, Forbidden: The sources cannot be listed; what is due was published before.
    """
    waiting = list(due(_DUE_LIMIT))
    ports.bus.publish(waiting)
    sources = ports.sources.list()
    stones = [str(stone.key) for stone in ports.sources.tombstones()]
    resyncs = _turn([*(str(source.key) for source in sources), *stones], ports)
    works = [Work(concern="fanout", unit=unit, cause=RESYNC) for unit in sorted(set(resyncs))]
    ports.bus.publish(works)
    windows = _windows(sources)
    ports.bus.publish(windows)
    _notice_completeness(sources, ports)
    ports.ledger.put_note(_LAST, {"at": ports.clock.now()})
    return Settled(summary=f"{len(waiting)} due, {len(works)} resynced")


def _windows(sources: Sequence[Source]) -> list[Work]:
    """A look at the health of each zone whose records lead to members by shares."""
    footprints = [each for each in map(of, sources) if each and each.topology == "aws"]
    units = {zone.unit for each in footprints for zone in each.zones}
    return [Work(concern="dns", unit=unit, cause=WINDOW) for unit in sorted(units)]


def _turn(keys: Sequence[str], ports: Ports) -> list[str]:
    """Whose turn came since the last tick: each once per `RESYNC_SECONDS`, spread by its name."""
    now = ports.clock.now()
    note = ports.ledger.note(_LAST)
    last = float(note["at"]) if note else now - RESYNC_SECONDS
    return [key for key in keys if _round(key, now) > _round(key, last)]


def _round(key: str, at: float) -> int:
    offset = crc32(key.encode()) % RESYNC_SECONDS
    return int((at + offset) // RESYNC_SECONDS)


def _notice_completeness(sources: Sequence[Source], ports: Ports) -> None:
    """Shared units may delete what nobody claims only after every source has spoken."""
    if ports.ledger.note(COMPLETE) is None and all(_has_spoken(each, ports) for each in sources):
        ports.ledger.put_note(COMPLETE, {"at": ports.clock.now()})
        shared: list[Work] = []  # what waited for it
        for footprint in filter(None, map(of, sources)):
            for zone in footprint.zones:
                shared.append(Work(concern="dns", unit=zone.unit, cause="complete"))
            for text in footprint.networks:
                unit = firewall.unit(*text.partition("/")[::2])
                shared.append(Work(concern="backends", unit=unit, cause="complete"))
        ports.bus.publish(sorted(set(shared), key=lambda work: (work.concern, work.unit)))


def _has_spoken(source: Source, ports: Ports) -> bool:
    """Whether fan-out has reported on *source*, and every shared unit it uses holds its intent."""
    report = ports.ledger.report("fanout", str(source.key), FanoutReport)
    if report is None or report.uid != source.uid:
        return False
    footprint = of(source) or Footprint()
    networks = (text.partition("/") for text in footprint.networks)
    units = [firewall.unit(project, network) for project, _, network in networks]
    if FINALIZERS["dns"] in source.finalizers:
        units += [zone.unit for zone in footprint.zones]
    return all(ports.ledger.intent(unit, source.uid, Report) is not None for unit in units)
