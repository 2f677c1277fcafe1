"""Where things of ours may be for one source: kept on the source itself, so that a teardown needs
neither the store nor the policy.
"""

import dataclasses
import json
from dataclasses import dataclass

from fedingress.domain import names
from fedingress.domain.ingress import Source
from fedingress.domain.policy import DeletionPolicy, ZoneRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """
    Written before anything is created; a place leaves it once it was observed empty.

    project: of the global graph.   projects: of every graph that may stand, that one included.
    networks: `project/network` whose firewall serves us.
    accelerator: whether a Global Accelerator may stand.
    mode, grace_seconds, drain_seconds, ttl_seconds: as the policy last said.
    """

    topology: str = ""
    project: str = ""
    projects: tuple[str, ...] = ()
    zones: tuple[ZoneRef, ...] = ()
    networks: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    accelerator: bool = False
    mode: str = "cascade"
    grace_seconds: int = 600
    drain_seconds: int = 300
    ttl_seconds: int = 60

    def grown(self, other: "Footprint") -> "Footprint":
        """*other*, newer, with every place that this one knows; a zone is known once."""
        zones = {zone.unit: zone for zone in (*self.zones, *other.zones)}
        return dataclasses.replace(
            other,
            projects=tuple(sorted({*self.projects, *other.projects})),
            zones=tuple(zones[unit] for unit in sorted(zones)),
            networks=tuple(sorted({*self.networks, *other.networks})),
            members=tuple(sorted({*self.members, *other.members})),
            accelerator=self.accelerator or other.accelerator,
        )

    def under(self, deletion: DeletionPolicy) -> "Footprint":
        """This footprint with the deletion settings of a policy."""
        return dataclasses.replace(
            self,
            mode=deletion.mode,
            grace_seconds=deletion.grace_seconds,
            drain_seconds=deletion.drain_seconds,
        )

    def encode(self) -> str:
        """The annotation's value."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, separators=(",", ":"))


def of(source: Source) -> Footprint | None:
    """The footprint that *source* carries; None when it has none, or one that is not ours."""
    text = source.annotations.get(names.FOOTPRINT)
    return decode(text) if text else None


def decode(text: str) -> Footprint | None:
    """The footprint that `encode` wrote; None for any other text."""
    try:
        body = json.loads(text)
        known = {item.name for item in dataclasses.fields(Footprint)}  # a newer version has more
        said = {name: value for name, value in body.items() if name in known}
        zones = tuple(ZoneRef(**zone) for zone in said.pop("zones"))
        networks = tuple(map(str, said.pop("networks")))
        members = tuple(map(str, said.pop("members")))
        projects = tuple(map(str, said.pop("projects", ())))
        found = Footprint(
            zones=zones, networks=networks, members=members, projects=projects, **said
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return found if _typed(found) and all(map(_typed, zones)) else None


def _typed(found: Footprint | ZoneRef) -> bool:
    """Whether every scalar has its type, so that what others wrote fails here and not later."""
    return all(
        isinstance(getattr(found, item.name), item.type)
        for item in dataclasses.fields(found)
        if isinstance(item.type, type)
    )
