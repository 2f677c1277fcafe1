"""
The brake on a graph: no plan leaves its addresses without any backend.

Called by `planning.backends` for every plan but that of a deletion. A single backend service never
loses its last backend either; this is about all of them together, when routes go over to others.

Source: compute v1 Backend (`capacityScaler` 0: no new requests).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from fedingress.domain.graph import GlobalResource, Kind

HELD = "the load balancer would be left without any backend; it keeps what it has"


def serving(spec: Mapping[str, Any]) -> bool:
    """Whether a backend service with this spec has a backend that takes new requests."""
    return any(entry.get("capacityScaler", 1) != 0 for entry in spec.get("backends") or ())


def would_empty(found: GlobalResource, item: GlobalResource) -> bool:
    """Whether *found* would lose its last backend by becoming *item*."""
    return (
        item.kind is Kind.BACKEND_SERVICE
        and bool(found.spec.get("backends"))
        and not item.spec["backends"]
    )


def stranded(
    wanted: Sequence[GlobalResource],
    observed: Sequence[GlobalResource],
    stay: Collection[str],
) -> bool:
    """
    Whether requests are taken now and would not be any more.

    Args:
        wanted: The whole graph; an empty one is a deletion.
        observed: What of ours stands.
        stay: Paths of what is led to still although nobody wants it for itself.
    """
    have = {item.path: item for item in observed if item.kind is Kind.BACKEND_SERVICE}
    if not wanted or not any(serving(item.spec) for item in have.values()):
        return False
    left = [have[path] for path in stay if path in have]
    for item in wanted:
        found = have.get(item.path)
        left.append(found if found is not None and would_empty(found, item) else item)
    return not any(item.kind is Kind.BACKEND_SERVICE and serving(item.spec) for item in left)
