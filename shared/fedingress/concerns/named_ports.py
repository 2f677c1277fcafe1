"""Our names of ports on members' instance groups, and the note of those that we have given."""

from collections.abc import Sequence

from fedingress.domain.change import Update
from fedingress.domain.errors import Forbidden, Invalid
from fedingress.domain.graph import GlobalResource, Kind
from fedingress.planning import named_ports
from fedingress.planning.groups import Problem
from fedingress.planning.named_ports import Uses
from fedingress.ports import Ports

NOTE = "named-ports"


class NamedPorts:
    """
    The named ports of one Ingress, during one invocation.

    project: of the graph; empty where there shall be none.
    chosen: whether node ports are: then nobody else's Service can be behind one of them, and its
        name is ours whoever has written it.

    A group cannot carry a mark, so what is ours on it is noted before it is written. A lost note
    leaves a name behind at worst, which leads nowhere.
    """

    def __init__(self, uid: str, ports: Ports, *, project: str = "", chosen: bool = True) -> None:
        self._name = f"{NOTE}/{uid}"
        self._project = project
        self._chosen = chosen
        self._ports = ports
        self._uses: Uses = frozenset()
        self.groups: Sequence[GlobalResource] = ()

    def observe(self) -> Sequence[GlobalResource]:
        """Every instance group where ours may be; nothing is asked where there can be none."""
        projects = {path.split("/")[1] for path, _ in self._noted()}
        if self._project:
            projects.add(self._project)
        self.groups = [item for name in sorted(projects) for item in self._see(name)]
        return self.groups

    def _see(self, project: str) -> Sequence[GlobalResource]:
        """The groups of one project; of an earlier one that is closed to us now, none."""
        try:
            return self._ports.load_balancers.observe(project, (Kind.INSTANCE_GROUP,), "")
        except (Forbidden, Invalid):
            if project == self._project:
                raise
            return ()

    def additions(self, uses: Uses) -> tuple[Update[GlobalResource], ...]:
        """What is to be named so that *uses* can be reached."""
        self._uses = uses
        return named_ports.additions(uses, self.groups)

    def removals(self) -> tuple[Update[GlobalResource], ...]:
        """What of ours nobody uses any more, in any backend service of the project."""
        noted = self._noted()
        if not named_ports.removals(noted, self._uses, self.groups, ()):
            return ()
        projects = sorted({item.project for item in self.groups})
        see = self._ports.load_balancers.observe
        services = [i for name in projects for i in see(name, (Kind.BACKEND_SERVICE,), "")]
        return named_ports.removals(noted, self._uses, self.groups, services)

    def conflicts(self) -> tuple[Problem, ...]:
        """Names that others have given to other ports."""
        return named_ports.conflicts(self._uses, self.groups)

    def note(self) -> None:
        """Keep which names are ours, before they are written; forget those that are gone."""
        before = self._noted()
        added = self._uses - named_ports.standing(self._uses, frozenset(), self.groups)
        new = self._uses if self._chosen else added
        after = named_ports.standing(before, new, self.groups)
        ledger = self._ports.ledger
        if after and after != before:
            ledger.put_note(self._name, {"ports": sorted(map(list, after))})
        elif before and not after:
            ledger.drop_note(self._name)

    def _noted(self) -> Uses:
        note = self._ports.ledger.note(self._name)
        listed = note["ports"] if note else ()
        return frozenset((str(path), int(number)) for path, number in listed)
