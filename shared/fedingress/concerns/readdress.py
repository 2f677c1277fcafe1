"""An Ingress that gets another address: the earlier one serves until resolvers forgot it."""

from collections.abc import Mapping
from dataclasses import dataclass

from fedingress.concerns.subject import Subject
from fedingress.domain import names
from fedingress.domain.footprint import Footprint
from fedingress.domain.report import DnsReport
from fedingress.ports import Ports


def leads(found: Subject, hosts: tuple[str, ...], addresses: tuple[str, ...], ports: Ports) -> bool:
    """Whether every one of *hosts*, in managed zones, was published with *addresses*."""
    footprint = found.footprint or Footprint()
    rows: dict[str, list[Mapping[str, str]]] = {host: [] for host in hosts}
    for zone in footprint.zones:
        name = f"dns-{names.short_hash(zone.unit)}"
        said = ports.ledger.report(name, found.key, DnsReport)
        if said is not None and said.uid == found.source.uid:
            for host in rows.keys() & said.hosts.keys():
                rows[host].append(said.hosts[host])
    wanted = ", ".join(addresses)
    return all(
        rows[host] and all(row.get("address") == wanted for row in rows[host]) for host in hosts
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Readdress:
    """
    The wait of one Ingress, begun when every name leads to the new addresses.

    hosts: those in managed zones.
    """

    found: Subject
    hosts: tuple[str, ...]
    ports: Ports

    def over(self, addresses: tuple[str, ...]) -> bool:
        """Whether nobody is led to an earlier address any more; writes nothing."""
        since = self._since(addresses)
        return since is not None and since + self._wait <= self.ports.clock.now()

    def begin(self, addresses: tuple[str, ...]) -> float:
        """Begin to wait as soon as may be; gives the seconds until the next look."""
        since = self._since(addresses)
        if since is None:
            if not leads(self.found, self.hosts, addresses, self.ports):
                return _LOOK_SECONDS
            since = self.ports.clock.now()
            self.ports.ledger.put_note(self._note, {"at": since, "to": list(addresses)})
        return max(1.0, since + self._wait - self.ports.clock.now())

    def done(self) -> None:
        """Forget the wait."""
        if self.ports.ledger.note(self._note) is not None:
            self.ports.ledger.drop_note(self._note)

    def _since(self, addresses: tuple[str, ...]) -> float | None:
        kept = self.ports.ledger.note(self._note)
        same = kept is not None and tuple(kept["to"]) == addresses
        return float(kept["at"]) if kept is not None and same else None

    @property
    def _wait(self) -> float:
        footprint = self.found.footprint or Footprint()
        return footprint.ttl_seconds + footprint.drain_seconds

    @property
    def _note(self) -> str:
        return f"readdress/{self.found.source.uid}"


_LOOK_SECONDS = 5.0
