"""
What is still there: the question after a test or a demo.

Everything in the clouds but what every project and zone begins with, and in the clusters what
somebody must still let go of (finalizers) or has marked as somebody's own (labels). The NEGs and
finalizers of the clusters' own NEG controllers count: they outlive the Services that asked.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localcloud.world.spec import WorldSpec
    from localcloud.world.world import World

_APEX_TYPES = frozenset({"SOA", "NS"})
_OWNER_LABEL = "fedingress.dev/owner-uid"
_NETWORKS = "/global/networks/"  # those of the members are there from the beginning
_RESOURCES = (
    "configmaps",
    "ingresses.networking.k8s.io",
    "secrets",
    "services",
    "servicenetworkendpointgroups.networking.gke.io",
)


def leftovers(world: "World") -> dict[str, Any]:
    """
    Give JSON with seven lists, all empty in a clean world.

    ``compute``: paths of resources, NEGs included. ``records``: record sets other than SOA and NS
    at a zone's apex. ``health_checks``: ids of Route 53's. ``load_balancers``, ``accelerators``:
    ARNs of Amazon's. ``finalizers``: objects that wait or will wait for somebody. ``owned``:
    objects in clusters that carry an owner's label.
    """
    return {
        "compute": sorted(path for path in world.gcp.compute if not _given(path, world.spec)),
        "records": list(_records(world)),
        "health_checks": sorted(
            check for each in world.aws.accounts.values() for check in each.route53.checks.checks
        ),
        "load_balancers": sorted(world.aws.balancers.all),
        "accelerators": sorted(world.aws.accelerators.all),
        "finalizers": list(_finalizers(world)),
        "owned": list(_owned(world)),
    }


def _given(path: str, spec: "WorldSpec") -> bool:
    if "/instances/" in path:
        return True
    _, marker, name = path.partition(_NETWORKS)
    return bool(marker) and name in {"default", *(member.network for member in spec.members)}


def _records(world: "World") -> Iterator[dict[str, str]]:
    for (project, name), zone in sorted(world.gcp.zones.items()):
        apex = zone.zone["dnsName"]
        for record, kind in sorted(zone.rrsets):
            if not (record == apex and kind in _APEX_TYPES):
                yield {"project": project, "zone": name, "name": record, "type": kind}
    for account, each in world.aws.accounts.items():
        for hosted in each.route53.zones.zones.values():
            for record, kind in sorted(hosted.groups):
                if not (record == hosted.name and kind in _APEX_TYPES):
                    yield {"project": account, "zone": hosted.id, "name": record, "type": kind}


def _finalizers(world: "World") -> Iterator[dict[str, Any]]:
    for place, obj in _objects(world):
        if obj["metadata"].get("finalizers"):
            yield {**place, "finalizers": list(obj["metadata"]["finalizers"])}


def _owned(world: "World") -> Iterator[dict[str, Any]]:
    for place, obj in _objects(world):
        if _OWNER_LABEL in (obj["metadata"].get("labels") or {}):
            yield place


def _objects(world: "World") -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for cluster in world.clusters.values():
        for resource in _RESOURCES:
            for obj in cluster.objects(resource):
                meta = obj["metadata"]
                place = {
                    "cluster": cluster.name,
                    "resource": resource,
                    "namespace": meta.get("namespace", ""),
                    "name": meta["name"],
                }
                yield place, obj
