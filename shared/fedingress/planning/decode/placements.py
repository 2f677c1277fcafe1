"""
From the JSON of a placement to the domain's rule.

Called by the decoders of policies and of their backends.
"""

from typing import Final

from fedingress.domain.placement import PlacementRule
from fedingress.planning.decode.reading import Cell
from fedingress.planning.decode.requirements import selector
from fedingress.planning.decode.words import DNS_1123_SUBDOMAIN

_MOST_CLUSTERS: Final = 500


def placement(cell: Cell) -> PlacementRule:
    """A rule: names of members, a selector, both or none."""
    cell.fields("clusters", "clusterSelector")
    return PlacementRule(
        clusters=clusters(cell.child("clusters")), selector=selector(cell.child("clusterSelector"))
    )


def clusters(cell: Cell) -> tuple[str, ...] | None:
    """Names of members, each once; None where none are given."""
    if not cell.given:
        return None
    found: list[str] = []
    for item in cell.items(most=_MOST_CLUSTERS):
        name = item.required(like=DNS_1123_SUBDOMAIN, noun="the name of a member cluster")
        if name and name in found:
            item.fault(f"{name} is named twice")
        found.append(name)
    return tuple(found)
