"""
Regions and zones, and the objects that say so.

Source: Google Cloud, "Regions and zones"; a world may have others (`GcpCloud(regions=...)`).
"""

from collections.abc import Mapping
from typing import Any

Regions = Mapping[str, tuple[str, ...]]

_LETTERS = {
    "abc": (
        "africa-south1 asia-east1 asia-east2 asia-northeast1 asia-northeast2 asia- "
        "northeast3 asia-south1 asia-south2 asia-southeast1 asia-southeast2 australia- "
        "southeast1 australia-southeast2 europe-central2 europe-north1 europe-north2 "
        "europe-southwest1 europe-west10 europe-west12 europe-west2 europe-west3 europe- "
        "west4 europe-west6 europe-west8 europe-west9 me-central1 me-central2 me-west1 "
        "northamerica-northeast1 northamerica-northeast2 northamerica-south1 "
        "southamerica-east1 southamerica-west1 us-east4 us-east5 us-south1 us-west1 us- "
        "west2 us-west3 us-west4"
    ),
    "bcd": "europe-west1 us-east1",
    "abcf": "us-central1",
}

REGIONS: Regions = dict(
    sorted(
        (region, tuple(f"{region}-{letter}" for letter in letters))
        for letters, names in _LETTERS.items()
        for region in names.split()
    )
)


def region_of(zone: str) -> str:
    """Give the region that a zone is in."""
    return zone.rpartition("-")[0]


def region_object(project: str, region: str, zones: tuple[str, ...], base: str) -> dict[str, Any]:
    """Give ``compute#region``; *base* is the beginning of every selfLink."""
    here = f"{base}projects/{project}"
    return {
        "kind": "compute#region",
        "id": _number(region),
        "name": region,
        "description": region,
        "status": "UP",
        "zones": [f"{here}/zones/{zone}" for zone in zones],
        "selfLink": f"{here}/regions/{region}",
    }


def zone_object(project: str, zone: str, base: str) -> dict[str, Any]:
    """Give ``compute#zone``; *base* is the beginning of every selfLink."""
    here = f"{base}projects/{project}"
    return {
        "kind": "compute#zone",
        "id": _number(zone),
        "name": zone,
        "description": zone,
        "status": "UP",
        "region": f"{here}/regions/{region_of(zone)}",
        "selfLink": f"{here}/zones/{zone}",
    }


def _number(name: str) -> str:
    return str(int.from_bytes(name.encode(), "big") % 10**4)
