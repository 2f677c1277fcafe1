"""
Where clients are: one region of them for each region of the members.

The data plane knows how far Google's regions are from one another; clients in a region of another
provider see them as Google's region next door does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.addresses import WorldBlock
from localcloud.dataplane.haproxy.regions import ClientRegion
from localcloud.world.spec import MemberSpec

# Google's region next to each of Amazon's, by the cities both companies name.
_NEXT_DOOR = {
    "af-south-1": "africa-south1",
    "ap-east-1": "asia-east2",
    "ap-northeast-1": "asia-northeast1",
    "ap-northeast-2": "asia-northeast3",
    "ap-northeast-3": "asia-northeast2",
    "ap-south-1": "asia-south1",
    "ap-southeast-1": "asia-southeast1",
    "ap-southeast-2": "australia-southeast1",
    "ap-southeast-3": "asia-southeast2",
    "ap-southeast-4": "australia-southeast2",
    "ca-central-1": "northamerica-northeast1",
    "eu-central-1": "europe-west3",
    "eu-central-2": "europe-west6",
    "eu-north-1": "europe-north2",
    "eu-south-1": "europe-west8",
    "eu-south-2": "europe-southwest1",
    "eu-west-1": "europe-west2",
    "eu-west-2": "europe-west2",
    "eu-west-3": "europe-west9",
    "il-central-1": "me-west1",
    "me-central-1": "me-central1",
    "sa-east-1": "southamerica-east1",
    "us-east-1": "us-east4",
    "us-east-2": "us-east5",
    "us-west-1": "us-west2",
    "us-west-2": "us-west1",
}


def client_regions(regions: Sequence[str], block: WorldBlock) -> tuple[ClientRegion, ...]:
    """
    Give the clients' regions, in the order of *regions*; the n-th has the block's n-th network.

    A region that is neither Google's nor Amazon's has itself nearest, then the others as listed.
    """
    return tuple(
        _client_region(region, block.client_network(index), regions)
        for index, region in enumerate(regions)
    )


def next_door(region: str) -> str:
    """Give Google's region next to one of Amazon's; any other is its own."""
    return _NEXT_DOOR.get(region, region)


def inside(
    zone: Mapping[str, Any], members: Sequence[MemberSpec], world: int
) -> tuple[str, ...] | None:
    """
    Give the networks of the pods that a private managed zone answers; None, everybody, if public.

    Args:
        zone: As Cloud DNS has it; its networks are those of members of provider ``gcp``.
        members: In order: the n-th has the n-th block of the world.
        world: Its number.
    """
    if zone.get("visibility") != "private":
        return None
    listed = (zone.get("privateVisibilityConfig") or {}).get("networks") or ()
    networks = {str(each.get("networkUrl", "")).rpartition("/")[2] for each in listed}
    return tuple(
        f"127.{world}.{index}.0/24"
        for index, member in enumerate(members)
        if member.provider == "gcp" and member.network in networks
    )


def _client_region(region: str, network: str, regions: Sequence[str]) -> ClientRegion:
    try:
        near = ClientRegion(name=next_door(region), network=network)
    except ValueError:
        others = [other for other in regions if other != region]
        return ClientRegion(name=region, network=network, order=(region, *others))
    if near.name == region:
        return near
    order = (region, *near.nearest_first(other for other in regions if other != region))
    return ClientRegion(name=region, network=network, order=order)
