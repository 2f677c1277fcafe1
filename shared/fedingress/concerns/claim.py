"""Claims on hosts: kept in the ledger, contested by age, checked against the sources in doubt."""

from collections.abc import Iterable, Mapping

from fedingress.domain.ingress import IngressKey, Source
from fedingress.domain.report import HostClaim
from fedingress.domain.work import Work
from fedingress.planning import claims
from fedingress.ports import Ports
from fedingress.ports.ledger import intent_entry

COMPLETE = "complete"
"""The note that every source has been seen since the store was new."""


def contest(source: Source, ports: Ports) -> dict[str, str]:
    """
    Claim every host of *source*, give up those it no longer names, and say which are lost.

    Returns:
        Host -> `namespace/name` of the older Ingress that owns it.
    """
    mine = claims.claim(source)
    hosts = source.ingress.hosts if source.ingress else ()
    noted = _noted_hosts(source, ports)
    named = noted | {*hosts}
    if named != noted:  # before any claim, so that a run cut short leaves none that nobody knows of
        _note_hosts(source.uid, named, ports)
    for host in hosts:
        unit = claims.unit(host)
        before = ports.ledger.intents(unit, HostClaim)
        entry = intent_entry(unit, HostClaim(**{**mine.encode(), "generation": 0}))
        if ports.ledger.announce(ports.bus, [entry], _others(before, source)):
            # Who claimed it between our look and our write has not seen our claim.
            late = ports.ledger.intents(unit, HostClaim)
            missed = {uid: each for uid, each in late.items() if uid not in before}
            ports.bus.publish(_others(missed, source))
    _give_up(source, named - {*hosts}, ports)
    if named != {*hosts}:
        _note_hosts(source.uid, {*hosts}, ports)
    return losses(source, ports)


def losses(source: Source, ports: Ports) -> dict[str, str]:
    """The hosts of *source* that an older, living Ingress names too; writes nothing."""
    if ports.ledger.note(COMPLETE) is None:
        rivals = claims.claims_of(each for each in ports.sources.list() if _stays(each, ports))
        hosts = source.ingress.hosts if source.ingress else ()
        return claims.lost(source, {host: rivals.get(host, ()) for host in hosts})
    found: dict[str, str] = {}
    for host in source.ingress.hosts if source.ingress else ():
        kept = ports.ledger.intents(claims.unit(host), HostClaim)
        living = [each for each in kept.values() if _older_and_alive(each, source, host, ports)]
        found |= claims.lost(source, {host: living})
    return found


def abandon(source: Source, ports: Ports) -> None:
    """Give up every host of *source*, which is on its way out; whoever waited is told."""
    hosts = source.ingress.hosts if source.ingress else ()
    _give_up(source, _noted_hosts(source, ports) | {*hosts}, ports)
    ports.ledger.drop_note(_hosts_note(source.uid))


def _give_up(source: Source, hosts: Iterable[str], ports: Ports) -> None:
    for host in sorted(hosts):
        unit = claims.unit(host)
        before = ports.ledger.intents(unit, HostClaim)
        if source.uid in before:
            ports.bus.publish(_others(before, source))  # before: they look our claim up anyway
            ports.ledger.drop_intent(unit, source.uid)


def _noted_hosts(source: Source, ports: Ports) -> set[str]:
    """What was claimed, so that a host no longer named is given up."""
    note = ports.ledger.note(_hosts_note(source.uid))
    return {*note["hosts"]} if note else set()


def _note_hosts(uid: str, hosts: set[str], ports: Ports) -> None:
    ports.ledger.put_note(_hosts_note(uid), {"hosts": sorted(hosts)})


def _others(kept: Mapping[str, HostClaim], source: Source) -> list[Work]:
    return [
        Work(concern="fanout", unit=each.source, cause="host.claim.changed")
        for uid, each in sorted(kept.items())
        if uid != source.uid
    ]


def _older_and_alive(each: HostClaim, source: Source, host: str, ports: Ports) -> bool:
    """Whether *each* beats *source*; looked up, because a claim may have outlived its owner."""
    if each.uid == source.uid or each.order > claims.claim(source).order:
        return False
    rival = ports.sources.get(IngressKey.parse(each.source))
    alive = (
        rival is not None
        and rival.uid == each.uid
        and _stays(rival, ports)
        and rival.ingress is not None
        and host in rival.ingress.hosts
    )
    if not alive:
        ports.ledger.drop_intent(claims.unit(host), each.uid)
    return alive


def _stays(source: Source, ports: Ports) -> bool:
    """Whether *source* is neither being deleted nor of a class that is not ours any more."""
    return not source.deleting and ports.sources.policy(source).federated


def _hosts_note(uid: str) -> str:
    return f"hosts/{uid}"
