"""
Tombstones as ConfigMaps beside the ClusterProfiles.

`sources` keeps one per source uid and member, until the member's leftovers are gone. One that
nobody can read any more is logged, and left for the operator.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fedingress.domain.ingress import IngressKey
from fedingress.domain.names import short_hash
from fedingress.ports.sources import Tombstone

LABEL: Final = "fedingress.dev/tombstone"

_LOG = logging.getLogger("fedingress")


def name(tombstone: Tombstone) -> str:
    """The ConfigMap's name: one per source uid and member."""
    return f"tombstone-{short_hash(tombstone.uid, tombstone.cluster, length=20)}"


def encode(tombstone: Tombstone, namespace: str) -> dict[str, Any]:
    """The ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "namespace": namespace,
            "name": name(tombstone),
            "labels": {LABEL: "true"},
        },
        "data": {
            "source": str(tombstone.key),
            "uid": tombstone.uid,
            "cluster": tombstone.cluster,
            "since": repr(tombstone.since),
        },
    }


def decode(config_maps: Sequence[Mapping[str, Any]]) -> Sequence[Tombstone]:
    """The tombstones in these ConfigMaps."""
    found = []
    for item in config_maps:
        data = item.get("data") or {}
        try:
            tombstone = Tombstone(
                key=IngressKey.parse(data["source"]),
                uid=data["uid"],
                cluster=data["cluster"],
                since=float(data["since"]),
            )
        except (KeyError, ValueError) as error:
            where = f"{item['metadata'].get('namespace')}/{item['metadata'].get('name')}"
            _LOG.warning("tombstone %s cannot be read: %s", where, error)
        else:
            found.append(tombstone)
    return found
