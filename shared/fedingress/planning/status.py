"""What the source should say of itself: address, conditions, one row per member."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fedingress.domain import names
from fedingress.domain.condition import ClusterRow, Condition
from fedingress.domain.ingress import Source, status_entry
from fedingress.domain.report import BackendsReport, FanoutReport
from fedingress.planning import news
from fedingress.planning.groups import Problem
from fedingress.planning.news import Cause

_QUIET = frozenset({"ineligible", "placed"})
_NOT_PLACED = frozenset({"ineligible", "removing"})
_ANSWERED = frozenset({"published", "kept"})
"""States of a host that clients are led from."""
_NO_NEWS = frozenset({("Degraded", "False", "AsExpected"), ("Published", "Unknown", "NoHost")})
"""What needs no Event when it is said for the first time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """
    All that status is derived from; a report of another incarnation counts as missing.

    closed: reason and sentence of each firewall that the cloud does not let us open.
    members: what `dns` says of the members' shares, by cluster; see `DnsReport`.
    """

    source: Source
    fanout: FanoutReport | None
    backends: BackendsReport | None
    hosts: Mapping[str, Mapping[str, str]]
    retired: bool
    faults: tuple[str, ...] = ()
    closed: tuple[Problem, ...] = ()
    members: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusWish:
    """
    What to write, and what to tell by Events.

    news: conditions whose type, status or reason is new.   causes: see `planning.news`.
    """

    addresses: tuple[str, ...]
    annotations: Mapping[str, str]
    conditions: tuple[Condition, ...]
    rows: tuple[ClusterRow, ...]
    news: tuple[Condition, ...]
    causes: tuple[Cause, ...] = ()


def decide(standing: Standing, *, now: str) -> StatusWish:
    """
    Compute the status; times of conditions that did not change are kept.

    Args:
        standing: The reports.
        now: RFC 3339, for conditions that changed.
    """
    before = observed_conditions(standing.source)
    known = {condition.type: condition for condition in before}
    conditions = []
    for condition in _conditions(standing):
        old = known.get(condition.type)
        since = old.since if old and old.status == condition.status else now
        conditions.append(replace(condition, since=since))
    said = {condition.says() for condition in before} | (frozenset() if before else _NO_NEWS)
    rows = _rows(standing)
    table = {row.cluster: row.encode() for row in rows}
    degraded = known.get("Degraded")
    stays = degraded if degraded and degraded.status == conditions[-1].status else None
    turned = tuple(
        condition
        for condition in conditions
        if condition.says() not in said and not (stays and condition.type == "Degraded")
    )
    return StatusWish(
        addresses=_addresses(standing),
        annotations={
            names.CONDITIONS: _json([condition.encode() for condition in conditions]),
            names.TABLE: _json(table),
        },
        conditions=tuple(conditions),
        rows=rows,
        news=turned,
        causes=news.more(_wrong(standing), rows, stays, news.observed_table(standing.source)),
    )


def _addresses(standing: Standing) -> tuple[str, ...]:
    """
    Shown once the whole graph stands, and a name once it is published; from then on while it is
    ours.

    A change that is refused takes nothing down, so the address must not vanish from those who
    publish it.
    """
    built = standing.backends
    if built is None or not built.address:
        return ()
    shown = {built.address, *built.static} & {*standing.source.addresses}
    stays = not standing.retired and bool(shown)
    told = standing.hosts.get(built.address)  # only a name of ours has a row
    leads = "hostname" not in status_entry(built.address) or (
        told is not None and told["state"] in _ANSWERED
    )
    return built.addresses if (built.programmed and leads) or stays else ()


def observed_conditions(source: Source) -> tuple[Condition, ...]:
    """The conditions that stand on the source; unreadable ones count as none."""
    try:
        listed = json.loads(source.annotations.get(names.CONDITIONS, "[]"))
        return tuple(Condition.decode(body) for body in listed)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return ()


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _conditions(standing: Standing) -> list[Condition]:
    return [_accepted(standing), _programmed(standing), _published(standing), _degraded(standing)]


def _condition(
    standing: Standing, kind: str, verdict: bool | None, reason: str, message: str
) -> Condition:
    status = "Unknown" if verdict is None else str(verdict)
    return Condition(
        type=kind,
        status=status,
        reason=reason,
        message=message[: news.LONGEST],
        observed_generation=standing.source.generation,
    )


def _accepted(standing: Standing) -> Condition:
    faults = standing.faults or (standing.fanout.faults if standing.fanout else ())
    if faults:
        return _condition(standing, "Accepted", False, "Invalid", "; ".join(faults))
    if standing.retired:
        return _condition(standing, "Accepted", False, "Leaving", "the Ingress is being withdrawn")
    if standing.fanout is None:
        return _condition(standing, "Accepted", None, "Pending", "not looked at yet")
    lost = standing.fanout.lost_hosts
    if lost:
        text = "; ".join(f"host {host} belongs to {other}" for host, other in sorted(lost.items()))
        ingress = standing.source.ingress
        served = ingress and ingress.limited_to(standing.fanout.hosts).backends
        return _condition(standing, "Accepted", bool(served), "HostConflict", text)
    placed = _placed(standing.fanout)
    if not placed:
        text = "no member cluster is both chosen and eligible"
        return _condition(standing, "Accepted", False, "NoMember", text)
    return _condition(standing, "Accepted", True, "Accepted", f"placed in {', '.join(placed)}")


def _placed(report: FanoutReport) -> list[str]:
    return [name for name, row in report.clusters.items() if row["state"] not in _NOT_PLACED]


def _programmed(standing: Standing) -> Condition:
    built = standing.backends
    if standing.retired:
        if built is not None and not built.observed and built.message:
            return _condition(standing, "Programmed", False, built.reason, built.message)
        return _condition(standing, "Programmed", False, "Leaving", "the graph is being removed")
    if built is None:
        return _condition(standing, "Programmed", False, "Pending", "the graph is not built yet")
    if not built.programmed:
        reason = built.reason or "Pending"
        return _condition(standing, "Programmed", False, reason, built.message or "being built")
    text = f"{built.address} serves {built.healthy} healthy endpoints"
    if not built.healthy:
        return _condition(standing, "Programmed", True, "NoHealthyEndpoint", text)
    return _condition(standing, "Programmed", True, "Programmed", text)


def _published(standing: Standing) -> Condition:
    hosts = standing.hosts
    if standing.retired:
        return _condition(standing, "Published", False, "Leaving", "records are being removed")
    bad = {host: row for host, row in hosts.items() if row["state"] not in _ANSWERED}
    if not hosts:
        return _condition(standing, "Published", None, "NoHost", "no host is in a managed zone")
    if bad:
        reason = _REASONS.get(next(iter(sorted(row["state"] for row in bad.values()))), "Pending")
        text = "; ".join(f"{host}: {row['message']}" for host, row in sorted(bad.items()))
        return _condition(standing, "Published", False, reason, text)
    return _condition(standing, "Published", True, "Published", ", ".join(sorted(hosts)))


_REASONS = {
    "conflict": "RecordConflict",
    "failed": "ZoneFailed",
    "held": "UnsafePlan",
    "no-zone": "NoZone",
    "waiting": "Waiting",
}


def _wrong(standing: Standing) -> list[Cause]:
    """All that is not as it should be; of one that leaves, what holds it."""
    closed = [Cause(reason=reason, sentence=text) for reason, text in standing.closed]
    if standing.retired:
        return closed
    rows = standing.fanout.clusters if standing.fanout else {}
    found = [
        Cause(reason=row["reason"], sentence=_naming(name, row["message"]), cluster=name)
        for name, row in sorted(rows.items())
        if row["state"] not in _QUIET
    ]
    problems = standing.backends.problems if standing.backends else ()
    found += [Cause(reason=reason, sentence=text) for reason, text in problems]
    return [*found, *_kept(standing), *closed]


def _kept(standing: Standing) -> list[Cause]:
    """Hosts whose answers are those of before; for each reason once."""
    found: dict[str, list[str]] = {}
    for host, row in sorted(standing.hosts.items()):
        if row["state"] == "kept":
            found.setdefault(row["message"], []).append(host)
    return [
        Cause(reason="AnswerKept", sentence=f"{', '.join(hosts)}: {text}")
        for text, hosts in found.items()
    ]


def _degraded(standing: Standing) -> Condition:
    if wrong := _wrong(standing):
        text = "; ".join(cause.sentence for cause in wrong)
        return _condition(standing, "Degraded", True, wrong[0].reason, text)
    return _condition(standing, "Degraded", False, "AsExpected", "every placed member is well")


def _naming(cluster: str, message: str) -> str:
    """*message* with the cluster that it is about, named once."""
    return message if message.startswith(f"{cluster}: ") else f"{cluster}: {message}"


def _rows(standing: Standing) -> tuple[ClusterRow, ...]:
    report = standing.fanout
    if report is None:
        return ()
    told = {
        name: _told(row, _seen(standing, name), drained=name in report.drained)
        for name, row in report.clusters.items()
    }
    return tuple(_row(standing, name, row) for name, row in sorted(told.items()))


def _seen(standing: Standing, cluster: str) -> Mapping[str, object] | None:
    """What the load balancers say of a member; where records choose, its share is its capacity."""
    seen = standing.backends.clusters.get(cluster) if standing.backends else None
    share = standing.members.get(cluster, {}).get("share")
    return seen if seen is None or share is None else {**seen, "capacity": share}


def _row(standing: Standing, cluster: str, row: Mapping[str, str]) -> ClusterRow:
    seen = _seen(standing, cluster)
    shares = standing.members.get(cluster, {})
    addresses = standing.fanout.addresses if standing.fanout else {}
    return ClusterRow(
        cluster=cluster,
        state=row["state"],
        reason=row["reason"],
        message=row["message"],
        endpoints=_count(seen, "endpoints"),
        healthy=_count(seen, "healthy"),
        capacity=_capacity(seen),
        drained=row["reason"] == "Drained",
        addresses=tuple(addresses.get(cluster, ())),
        share=shares.get("share"),
        deserved=shares.get("wanted"),
        weight=shares.get("weight"),
    )


def _told(
    row: Mapping[str, str], seen: Mapping[str, object] | None, *, drained: bool
) -> Mapping[str, str]:
    """*row* of fan-out, or what the load balancer has to add for a member that is well there."""
    if row["state"] != "placed" or not seen:
        return row
    if seen.get("reason"):
        return {"state": "failed", "reason": str(seen["reason"]), "message": str(seen["message"])}
    if row["reason"] != "Applied" or "capacity" not in seen:
        return row
    if not drained:
        return _rising(row, _capacity(seen))
    if _capacity(seen):
        return {**row, "reason": "Draining", "message": "it shall get no new requests"}
    return {**row, "reason": "Drained", "message": "it gets no new requests"}


def _rising(row: Mapping[str, str], capacity: float) -> Mapping[str, str]:
    """*row*, or that the member is on its way up."""
    if not 0 < capacity < 1:
        return row
    text = f"it takes {100 * capacity:g} % of its capacity, and more with each step of the rollout"
    return {**row, "reason": "Rising", "message": text}


def _capacity(row: Mapping[str, object] | None) -> float:
    value = row.get("capacity", 0.0) if row else 0.0
    return float(value) if isinstance(value, int | float) else 0.0


def _count(row: Mapping[str, object] | None, name: str) -> int:
    value = row.get(name, 0) if row else 0
    return value if isinstance(value, int) else 0
