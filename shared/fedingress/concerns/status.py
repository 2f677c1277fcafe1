"""Status: write address, conditions and the table of members on the source; events for news."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fedingress.concerns import firewall, networks
from fedingress.concerns.subject import Subject, subject
from fedingress.domain import names
from fedingress.domain.outcome import Outcome, Settled
from fedingress.domain.policy import ZoneRef
from fedingress.domain.report import BackendsReport, DnsReport, FanoutReport
from fedingress.domain.work import Work
from fedingress.planning import dns, status
from fedingress.planning.groups import Problem
from fedingress.planning.status import Standing, StatusWish
from fedingress.ports import Guard, Ports
from fedingress.ports.sources import Notice, StatusWrite


def reconcile(work: Work, ports: Ports, guard: Guard) -> Outcome:
    """
    Write what differs on the source `work.unit`.

    Raises:
        Unavailable, Forbidden, Conflict: The source cannot be read or written.
    """
    found = subject(work.unit, ports)
    if found is None:
        return Settled(summary="no such Ingress")
    if not found.federated and not found.involved:
        return _tidy(found, ports, guard)
    if _anothers(found, ports):
        return Settled(summary="another controller writes this status now")
    if _forgetful(found, ports):
        return Settled(summary="waiting for reports; what stands stays")
    wish = decide(found, ports)
    if not _differs(found, wish):
        return Settled(summary="as it was")
    guard.check(ports.clusters.call_timeout_seconds)
    ports.sources.write_status(
        found.source, StatusWrite(addresses=wish.addresses, annotations=wish.annotations)
    )
    for condition in wish.news:
        good = condition.status == "True"
        if condition.type == "Degraded":
            good = not good
        notice = Notice(
            type="Normal" if good else "Warning",
            reason=condition.reason,
            message=f"{condition.type} is {condition.status}: {condition.message}",
        )
        ports.sources.notify(found.source, notice)
    for cause in wish.causes:
        kind = "Warning" if cause.warning else "Normal"
        ports.sources.notify(
            found.source, Notice(type=kind, reason=cause.reason, message=cause.sentence)
        )
    return Settled(summary=f"{len(wish.news) + len(wish.causes)} news")


def _tidy(found: Subject, ports: Ports, guard: Guard) -> Outcome:
    """Take our annotations off an Ingress that is no longer ours."""
    ours = (names.CONDITIONS, names.TABLE, names.FOOTPRINT)
    left: dict[str, str | None] = {name: None for name in ours if name in found.source.annotations}
    if not left:
        return Settled(summary="no such federated Ingress")
    guard.check(ports.clusters.call_timeout_seconds)
    ports.sources.set_finalizers(found.source, found.source.finalizers, left)
    return Settled(summary="our annotations are gone")


def _anothers(found: Subject, ports: Ports) -> bool:
    """Whether the class was changed and whoever serves it now has written an address."""
    if found.source.deleting or found.federated or not found.source.addresses:
        return False
    built = ports.ledger.report("backends", found.key, BackendsReport)
    return built is None or found.source.addresses != built.addresses


def _forgetful(found: Subject, ports: Ports) -> bool:
    """
    Whether a status stands that the reports of a new or wiped store do not support yet.

    Every report that is missing publishes `status` when it comes.
    """
    stands = {
        condition.type: condition.status for condition in status.observed_conditions(found.source)
    }
    if stands.get("Programmed") != "True" or found.retired or found.faults:
        return False
    uid = found.source.uid
    fanned = ports.ledger.report("fanout", found.key, FanoutReport)
    if fanned is None or fanned.uid != uid:
        return True
    built = ports.ledger.report("backends", found.key, BackendsReport)
    if fanned.faults or not (fanned.negs or fanned.addresses):
        return False
    if built is None or built.uid != uid:
        return True
    managed = found.policy.dns.zones if found.policy else ()
    zones = {zone for host in fanned.hosts for zone in dns.zones_for(host, managed)}
    return any(
        ports.ledger.report(f"dns-{names.short_hash(zone.unit)}", found.key, DnsReport) is None
        for zone in zones
    )


def decide(found: Subject, ports: Ports) -> StatusWish:
    """Gather the reports and compute the status; nothing is written."""
    uid = found.source.uid
    fanned = ports.ledger.report("fanout", found.key, FanoutReport)
    built = ports.ledger.report("backends", found.key, BackendsReport)
    hosts, members = _published(found, fanned, ports)
    standing = Standing(
        source=found.source,
        fanout=fanned if fanned and fanned.uid == uid else None,
        backends=built if built and built.uid == uid else None,
        hosts=hosts,
        members=members,
        retired=found.retired,
        faults=found.faults,
        closed=_closed(found, ports),
    )
    now = datetime.fromtimestamp(ports.clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return status.decide(standing, now=now)


def _closed(found: Subject, ports: Ports) -> tuple[Problem, ...]:
    """What is to be said of the firewalls of the networks that the Ingress needs."""
    networks_ = found.footprint.networks if found.footprint else ()
    told = (firewall.refusal(networks.unit_of(text), ports) for text in networks_)
    return tuple(problem for problem in told if problem)


def _published(
    found: Subject, fanned: FanoutReport | None, ports: Ports
) -> tuple[dict[str, dict[str, str]], dict[str, Mapping[str, Any]]]:
    """
    What every host's zones say; a host without a zone says so itself.

    Returns:
        Rows by host, and shares by member: of zones that differ, the first one's.
    """
    zones = found.policy.dns.zones if found.policy else ()
    said: dict[str, DnsReport] = {}
    members: dict[str, Mapping[str, Any]] = {}
    for zone in zones:
        name = f"dns-{names.short_hash(zone.unit)}"
        report = ports.ledger.report(name, found.key, DnsReport)
        if report is not None and report.uid == found.source.uid:
            said[zone.unit] = report
            members = {**report.members, **members}
    hosts = [host for report in said.values() for host in report.hosts]
    hosts += fanned.hosts if fanned and zones else ()
    return {host: _row(host, zones, said) for host in dict.fromkeys(hosts)}, members


def _row(host: str, zones: Sequence[ZoneRef], said: Mapping[str, DnsReport]) -> dict[str, str]:
    """What is said of *host*: by a zone in which it is not published, if there is one."""
    told = {unit: dict(report.hosts[host]) for unit, report in said.items() if host in report.hosts}
    for zone in dns.zones_for(host, zones):
        text = "waiting for the load balancer"
        told.setdefault(zone.unit, {"zone": zone.unit, "state": "waiting", "message": text})
    if not told:
        return {"zone": "", "state": "no-zone", "message": "no managed zone holds this host"}
    well = {"kept": 1, "published": 2}
    return min(told.values(), key=lambda row: well.get(row["state"], 0))


def _differs(found: Subject, wish: StatusWish) -> bool:
    if found.source.addresses != wish.addresses:
        return True
    annotations = found.source.annotations
    return any(annotations.get(name) != text for name, text in wish.annotations.items())
