"""Who is healthy behind backend services, as probes see it, and when to ask again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fedingress.domain.errors import FederationError
from fedingress.domain.graph import GlobalResource, Kind
from fedingress.domain.outcome import Outcome, Settled
from fedingress.domain.report import BackendsReport
from fedingress.planning.groups import Group
from fedingress.ports import Ports
from fedingress.ports.load_balancers import GroupHealth

_PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Asks about *groups*, whatever backend service refers to them."""

    groups: tuple[Group, ...]
    ports: Ports

    def rows(self, observed: Sequence[GlobalResource]) -> list[GroupHealth]:
        """The health of every group in each backend service."""
        services = [item for item in observed if item.kind is Kind.BACKEND_SERVICE]
        return [row for rows in self._answers(services).values() for row in rows]

    def members(self, services: Sequence[GlobalResource]) -> dict[str, set[str]]:
        """The members with a healthy endpoint, by path; only of those that can be asked."""
        whose = {group.neg.path: group.cluster for group in self.groups}
        return {
            path: {whose[row.neg.path] for row in rows if row.healthy}
            for path, rows in self._answers(services).items()
        }

    def serving(self, observed: Sequence[GlobalResource]) -> frozenset[str]:
        """The members that are attached somewhere, and healthy wherever they are."""
        whose = {group.neg.path: group.cluster for group in self.groups}
        services = [item for item in observed if item.kind is Kind.BACKEND_SERVICE]
        found = self.members(services)
        there = {
            item.path: {whose.get(str(each["group"])) for each in item.spec.get("backends") or ()}
            for item in services
        }
        return frozenset(
            name
            for name in {*whose.values()}
            if any(name in names for names in there.values())
            and all(name in found.get(path, ()) for path, names in there.items() if name in names)
        )

    def _answers(self, listed: Sequence[GlobalResource]) -> Mapping[str, Sequence[GroupHealth]]:
        services = {item.path: item for item in listed if item.spec.get("backends")}
        by_path = {group.neg.path: group.neg for group in self.groups}

        def ask(path: str) -> Sequence[GroupHealth]:
            groups = (str(entry["group"]) for entry in services[path].spec["backends"])
            negs = [by_path[group] for group in groups if group in by_path]
            return self.ports.load_balancers.health(services[path], negs)

        answers = self.ports.parallel.each(services, ask)
        return {
            path: rows for path, rows in answers.items() if not isinstance(rows, FederationError)
        }


def until_healthy(report: BackendsReport, uid: str, ports: Ports) -> Outcome:
    """Look again while some endpoint is not healthy, ever more seldom, for ten minutes."""
    ledger, note = ports.ledger, f"unhealthy/{uid}"
    begun = ledger.note(note)
    if report.well:
        if begun is not None:
            ledger.drop_note(note)
        return Settled(summary="the graph is in place")
    now = ports.clock.now()
    if begun is None:
        ledger.put_note(note, {"since": now})
    waited = now - float(begun["since"]) if begun else 0.0
    why = f"{report.healthy} of {report.endpoints} are healthy"
    if report.healthy and waited > _PATIENCE_SECONDS:
        return Settled(summary=why)  # the resync looks again
    return Settled(summary=why, look_again_seconds=min(60.0, max(1.0, waited / 2)))
