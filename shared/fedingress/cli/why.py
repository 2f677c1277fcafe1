"""`fedingress why`: the chain of record sets that leads a client to a load balancer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fedingress.cli.output import Format, Output, emit, say
from fedingress.cli.session import home
from fedingress.concerns.dns import report_name
from fedingress.domain import footprint
from fedingress.domain.errors import Forbidden, Invalid
from fedingress.domain.policy import ZoneRef
from fedingress.domain.record import RecordSet
from fedingress.domain.report import DnsReport
from fedingress.planning import dns
from fedingress.planning.answers.why import Client, names, why

if TYPE_CHECKING:
    from fedingress.ports import Ports

EXAMPLES = """Examples:

fedingress why shop.example.com --region eu-west-1

fedingress why shop.example.com --country US --state CA -o json
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """
    One zone's answer.

    lines: the chain, as it stands.   shares: a row for each member to which the host's Ingress
        leads, as `dns` has told last; see `domain.report.DnsReport.members`.
    """

    zone: str
    lines: Sequence[str]
    shares: Sequence[dict[str, Any]]


def explain(
    host: Annotated[str, typer.Argument(help="A host of some Ingress, or an own name.")],
    *,
    region: Annotated[str, typer.Option(help="The region of AWS next to the client.")] = "",
    country: Annotated[str, typer.Option(help="Of the client: two letters.")] = "",
    continent: Annotated[str, typer.Option(help="Likewise.")] = "",
    state: Annotated[str, typer.Option(help="Of the United States: two letters.")] = "",
    output: Output = Format.table,
) -> None:
    """Tell where a host leads a client, and why: record sets, shares and health as they stand."""
    host = host.lower().removesuffix(".")
    client = Client(region=region, country=country, continent=continent, state=state)
    with home() as found:
        zones = _zones(found.ports)
        chosen = dns.zones_for(host, zones)
        if not chosen:
            raise Invalid(f"{host} is in no hosted zone of any federated Ingress")
        told = [
            Told(
                zone=zone.unit,
                lines=_told(found.ports, zone, host, client),
                shares=_shares(found.ports, zone, host),
            )
            for zone in chosen
        ]
    if output is Format.json:
        emit(
            [
                {"zone": each.zone, "host": host, "lines": [*each.lines], "shares": [*each.shares]}
                for each in told
            ]
        )
        return
    for each in told:
        say(each.zone)
        for row in [*each.lines, *map(_share, each.shares)]:
            say(f"  {row}")


def _share(row: dict[str, Any]) -> str:
    """What a member has of its pool, beside what it deserves."""
    why_not = f", {row['reason']}" if row["reason"] else ""
    return f"{row['cluster']} has {row['share']:.1%} and deserves {row['wanted']:.1%}{why_not}"


def _shares(ports: "Ports", zone: ZoneRef, host: str) -> list[dict[str, Any]]:
    """The members' rows of the Ingress that has the host, where its members answer themselves."""
    for source in ports.sources.list():
        told = ports.ledger.report(report_name(zone.unit), str(source.key), DnsReport)
        if told and told.uid == source.uid and host in told.hosts:
            return [{"cluster": name, **row} for name, row in sorted(told.members.items())]
    return []


def _zones(ports: "Ports") -> tuple[ZoneRef, ...]:
    """Every zone that some source uses."""
    carried = (footprint.of(source) for source in ports.sources.list())
    return tuple(sorted({zone for each in carried if each for zone in each.zones}))


def _told(ports: "Ports", zone: ZoneRef, host: str, client: Client) -> tuple[str, ...]:
    """The lines of one zone; where we may not look, why: another zone may tell."""
    try:
        return _lines(ports, zone, host, client)
    except Forbidden as error:
        return (f"not to be seen: {error}",)


def _lines(ports: "Ports", zone: ZoneRef, host: str, client: Client) -> tuple[str, ...]:
    records: list[RecordSet] = []
    wanted = names((), host)
    known: frozenset[str] = frozenset()
    while wanted - known:  # one look for each step of the chain
        records = [*records, *ports.record_sets.find(zone, wanted - known)]
        known, wanted = known | wanted, names(records, host)
    checks = {item.health_check for item in records if item.health_check}
    states = ports.health_checks.of(zone).states(checks) if checks else {}
    return why(records, host, client, states)
