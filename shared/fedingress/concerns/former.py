"""Graphs of one Ingress in projects that its policy no longer names: kept until they are free."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fedingress.domain.change import Plan
from fedingress.domain.graph import GlobalResource, Mark
from fedingress.planning import backends
from fedingress.planning.adoption import ours
from fedingress.ports import Ports


@dataclass(slots=True, kw_only=True)
class Former:
    """
    What stands of the source of *mark* in *projects*, observed when it is first asked for.

    It serves until the graph of the new project does and resolvers have forgotten the old address.
    """

    mark: Mark
    projects: tuple[str, ...]
    ports: Ports
    _found: Mapping[str, Sequence[GlobalResource]] | None = field(default=None)

    def attached(self) -> frozenset[str]:
        """Names of the NEGs that still get traffic there."""
        ours = [item for found in self._observed().values() for item in found]
        return backends.attached(ours)

    def empty(self) -> tuple[str, ...]:
        """The projects in which nothing of ours is left."""
        return tuple(project for project, found in self._observed().items() if not found)

    def plan(self) -> Plan[GlobalResource]:
        """The deletes that are left, over all projects, what refers first."""
        return removal(self.projects, self.mark, self.ports)

    def _observed(self) -> Mapping[str, Sequence[GlobalResource]]:
        if self._found is None:
            self._found = {
                project: _of(project, self.mark, self.ports) for project in self.projects
            }
        return self._found


def removal(projects: Sequence[str], mark: Mark, ports: Ports) -> Plan[GlobalResource]:
    """Deletes of everything in *projects* that carries *mark*, what refers first."""
    observed = [item for project in projects for item in _of(project, mark, ports)]
    return backends.plan((), observed, mark)


def _of(project: str, mark: Mark, ports: Ports) -> list[GlobalResource]:
    found = ports.load_balancers.observe(project, backends.KINDS, backends.prefix(mark.uid))
    return [item for item in found if ours(item, mark)]
