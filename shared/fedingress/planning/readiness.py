"""
How many endpoints of an Ingress are ready in a member, from the EndpointSlices of its Services.

Called by fan-out's visits. Source: discovery.k8s.io/v1 EndpointSlice (`ready` absent counts as
ready; a terminating endpoint is on its way out, however it is).
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from fedingress.domain import names
from fedingress.domain.ingress import Manifest


def counts(manifest: Manifest) -> tuple[int, int]:
    """The (ready, wanted) endpoints of one EndpointSlice."""
    found = [each.get("conditions") or {} for each in manifest.get("endpoints") or ()]
    living = [each for each in found if not each.get("terminating")]
    return sum(_ready(each) for each in living), len(living)


def _ready(conditions: Mapping[str, Any]) -> bool:
    return conditions.get("ready") is not False


def ready(slices: Iterable[Manifest], services: Collection[str]) -> tuple[int, int]:
    """
    The (ready, wanted) endpoints of *services* together, as far as the weakest of them reaches.

    An Ingress is as well as the worst of its Services: with half of one ready, half counts of all;
    with none of one, nothing.
    """
    found = dict.fromkeys(services, (0, 0))
    for manifest in slices:
        name = ((manifest.get("metadata") or {}).get("labels") or {}).get(names.SERVICE_NAME)
        if name in found:
            now, before = counts(manifest), found[name]
            found[name] = (before[0] + now[0], before[1] + now[1])
    wanted = sum(each[1] for each in found.values())
    least = min((have / want if want else 0.0 for have, want in found.values()), default=0.0)
    return (max(1, round(least * wanted)) if least else 0), wanted
