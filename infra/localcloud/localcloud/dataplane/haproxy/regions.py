"""
Which region is near to which client; the anycast network of the lab.

Google's front ends take a request in at the nearest edge and prefer the backends with the lowest
round trip from there. Distance on the globe stands for it here. Coordinates are those of the places
in the list of Compute Engine regions (cloud.google.com/compute/docs/regions-zones).
"""

import ipaddress
import math
from collections.abc import Iterable
from dataclasses import dataclass

# Region: latitude, longitude.
PLACES: dict[str, tuple[float, float]] = {
    "africa-south1": (-26.2, 28.0),
    "asia-east1": (24.1, 120.5),
    "asia-east2": (22.3, 114.2),
    "asia-northeast1": (35.7, 139.7),
    "asia-northeast2": (34.7, 135.5),
    "asia-northeast3": (37.6, 127.0),
    "asia-south1": (19.1, 72.9),
    "asia-south2": (28.6, 77.2),
    "asia-southeast1": (1.3, 103.8),
    "asia-southeast2": (-6.2, 106.8),
    "asia-southeast3": (13.8, 100.5),
    "australia-southeast1": (-33.9, 151.2),
    "australia-southeast2": (-37.8, 145.0),
    "europe-central2": (52.2, 21.0),
    "europe-north1": (60.6, 27.2),
    "europe-north2": (59.3, 18.1),
    "europe-southwest1": (40.4, -3.7),
    "europe-west1": (50.5, 3.8),
    "europe-west2": (51.5, -0.1),
    "europe-west3": (50.1, 8.7),
    "europe-west4": (53.4, 6.8),
    "europe-west6": (47.4, 8.5),
    "europe-west8": (45.5, 9.2),
    "europe-west9": (48.9, 2.4),
    "europe-west10": (52.5, 13.4),
    "europe-west12": (45.1, 7.7),
    "me-central1": (25.3, 51.5),
    "me-central2": (26.4, 50.1),
    "me-west1": (32.1, 34.8),
    "northamerica-northeast1": (45.5, -73.6),
    "northamerica-northeast2": (43.7, -79.4),
    "northamerica-south1": (20.6, -100.4),
    "southamerica-east1": (-23.5, -46.6),
    "southamerica-west1": (-33.4, -70.7),
    "us-central1": (41.3, -95.9),
    "us-east1": (33.2, -80.0),
    "us-east4": (39.0, -77.5),
    "us-east5": (40.0, -83.0),
    "us-south1": (32.8, -96.8),
    "us-west1": (45.6, -121.2),
    "us-west2": (34.1, -118.2),
    "us-west3": (40.8, -111.9),
    "us-west4": (36.2, -115.1),
}
_LOOPBACK = ipaddress.IPv4Network("127.0.0.0/8")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRegion:
    """
    A place where clients are, told by the source network of their connections.

    name: A Compute Engine region, or any name of lower-case letters, digits and hyphens when
        *order* is given.
    network: CIDR within 127.0.0.0/8.
    order: Regions from near to far; by distance on the globe when empty. Regions it leaves out
        come last.
    """

    name: str
    network: str
    order: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not all(part.isascii() and part.isalnum() for part in self.name.split("-")):
            raise ValueError(f"region name {self.name!r}: only letters, digits and hyphens")
        if not self.order and self.name not in PLACES:
            raise ValueError(f"region {self.name!r} has no known place and no order of its own")
        if not ipaddress.IPv4Network(self.network).subnet_of(_LOOPBACK):
            raise ValueError(f"region {self.name!r}: {self.network} is not within {_LOOPBACK}")

    def nearest_first(self, regions: Iterable[str]) -> tuple[str, ...]:
        """*regions* sorted by distance; those of unknown place last, by name."""
        return tuple(sorted(set(regions), key=self._distance))

    def _distance(self, region: str) -> tuple[float, str]:
        if region in self.order:
            return (self.order.index(region), region)
        if self.order or region not in PLACES:
            return (math.inf, region)
        return (_kilometres(PLACES[self.name], PLACES[region]), region)


def region_of(group: str) -> str:
    """
    The region a group serves: of its zone, or its own; "global" when the path names neither.

    Source: a zone's name is its region's and a letter (``us-central1-a``).
    """
    parts = group.split("/")
    if "zones" in parts:
        return parts[parts.index("zones") + 1].rpartition("-")[0]
    if "regions" in parts:
        return parts[parts.index("regions") + 1]
    return "global"


def _kilometres(here: tuple[float, float], there: tuple[float, float]) -> float:
    """Great-circle distance by the haversine formula."""
    lat1, lon1, lat2, lon2 = map(math.radians, (*here, *there))
    half = (
        math.sin((lat2 - lat1) / 2) ** 2
        + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 2 * 6371.0 * math.asin(math.sqrt(half))
