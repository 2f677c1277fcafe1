"""
The instance groups that a member's own ingress controller reports on the copy of an Ingress.

Called by fan-out, in mode instance-group. Whoever may write Ingresses in a member may write this
annotation, so every word of it is checked before the load balancer is asked for it.

Source: kubernetes/ingress-gce, `pkg/instancegroups` and `pkg/annotations`: a JSON list of objects
with `Name` and `Zone`; the zone is a name, in older versions a URL.
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from fedingress.domain import names
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.graph import InstanceGroupRef
from fedingress.domain.ingress import Manifest
from fedingress.planning.decode.words import GCE_NAME, quoted

_ZONE: Final = re.compile(r"[a-z]+(-[a-z0-9]+){1,4}")
_MOST_GROUPS: Final = 50
_LONGEST: Final = 16384

Groups = tuple[InstanceGroupRef, ...]
UNNAMED: Final = "(known after apply)"


def named(copy: Manifest, project: str) -> Groups | str:
    """
    The groups that a copy names, sorted; empty until its controller has named them.

    Returns:
        A sentence instead where the annotation is none that a controller writes.
    """
    text = (copy["metadata"].get("annotations") or {}).get(names.INSTANCE_GROUPS)
    if not text:
        return ()
    listed = _listed(text)
    if listed is None:
        return f"annotation {names.INSTANCE_GROUPS} is {quoted(text)}, not a list of groups"
    found = set()
    for entry in listed:
        group = _group(entry, project)
        if group is None:
            return f"annotation {names.INSTANCE_GROUPS} names {quoted(entry)}, which is no group"
        found.add(group)
    return tuple(sorted(found))


def _listed(text: object) -> list[Any] | None:
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return listed if isinstance(listed, list) and len(listed) <= _MOST_GROUPS else None


def _group(entry: object, project: str) -> InstanceGroupRef | None:
    if not isinstance(entry, Mapping):
        return None
    name, zone = entry.get("Name"), entry.get("Zone")
    if not isinstance(name, str) or not isinstance(zone, str):
        return None
    zone = zone.rpartition("/")[2]
    if not GCE_NAME.fullmatch(name) or not _ZONE.fullmatch(zone):
        return None
    return InstanceGroupRef(project=project, zone=zone, name=name)


def unnamed(member: MemberCluster) -> Groups:
    """Those that its controller has not made or named yet, one in each zone, for a preview."""
    zones = member.zones or (UNNAMED,)
    return tuple(
        InstanceGroupRef(project=member.project, zone=zone, name=UNNAMED) for zone in zones
    )


def shared(
    found: Mapping[str, Collection[InstanceGroupRef]], before: Mapping[str, str]
) -> dict[str, str]:
    """
    Members that name a group of another member, each with a sentence.

    Two clusters of one UID in one zone fight over one group: each takes the other's nodes out. Who
    was known to have it stays; of newcomers none comes in.

    Args:
        found: By member.
        before: The member that had a group until now, by the group's path.
    """
    owners: dict[str, list[str]] = {}
    for cluster in sorted(found):
        for group in found[cluster]:
            owners.setdefault(group.path, []).append(cluster)
    told: dict[str, str] = {}
    for path, clusters in sorted(owners.items()):
        for cluster in clusters if len(clusters) > 1 else ():
            if before.get(path) != cluster:
                told.setdefault(cluster, _fight(path, clusters))
    return told


def _fight(path: str, clusters: Collection[str]) -> str:
    _, _, _, zone, _, name = path.split("/")
    return (
        f"{' and '.join(clusters)} name the same instance group {name} in {zone}; clusters of one "
        "ingress-uid cannot share a zone: give each a UID of its own, or use mode neg"
    )
