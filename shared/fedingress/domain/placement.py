"""What selects member clusters, and what was selected."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """
    One requirement on labels.

    operator: In, NotIn, Exists, DoesNotExist, Gt or Lt (Gt and Lt take one integer).
    """

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """All requirements must hold; an empty selector selects every cluster."""

    requirements: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementRule:
    """What a FederationPolicy allows: *clusters* wins over *selector*; both None selects none."""

    clusters: tuple[str, ...] | None = None
    selector: Selector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """
    The decision for one Ingress.

    placed: names of members that carry it, sorted.
    ineligible: chosen, but the topology cannot serve them; name -> reason sentence.
    unknown: chosen or drained by name, but no such member exists.
    drained: those of *placed* that get no new requests, sorted.
    preferred: those of *placed* that are filled first, sorted.
    """

    placed: tuple[str, ...]
    ineligible: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    drained: tuple[str, ...] = ()
    preferred: tuple[str, ...] = ()
