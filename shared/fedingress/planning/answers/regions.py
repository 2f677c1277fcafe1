"""
Which regions are near one another: where a region's traffic goes when it is short.

Distance on the globe between the cities that stand for the regions. One that is not in the tables
comes after those that are, by name.

Source: the lists of AWS regions and of Google Cloud's ("Regions and zones"), and the places they
are named for.
"""

import math
import re
from collections.abc import Iterable
from functools import cache
from typing import Final

_AWS_PLACES: Final[dict[str, tuple[float, float]]] = {
    "af-south-1": (-33.9, 18.4),
    "ap-east-1": (22.3, 114.2),
    "ap-east-2": (25.0, 121.6),
    "ap-northeast-1": (35.7, 139.7),
    "ap-northeast-2": (37.6, 127.0),
    "ap-northeast-3": (34.7, 135.5),
    "ap-south-1": (19.1, 72.9),
    "ap-south-2": (17.4, 78.5),
    "ap-southeast-1": (1.3, 103.8),
    "ap-southeast-2": (-33.9, 151.2),
    "ap-southeast-3": (-6.2, 106.8),
    "ap-southeast-4": (-37.8, 145.0),
    "ap-southeast-5": (3.1, 101.7),
    "ap-southeast-7": (13.8, 100.5),
    "ca-central-1": (45.5, -73.6),
    "ca-west-1": (51.0, -114.1),
    "eu-central-1": (50.1, 8.7),
    "eu-central-2": (47.4, 8.5),
    "eu-north-1": (59.3, 18.1),
    "eu-south-1": (45.5, 9.2),
    "eu-south-2": (41.6, -0.9),
    "eu-west-1": (53.3, -6.3),
    "eu-west-2": (51.5, -0.1),
    "eu-west-3": (48.9, 2.4),
    "il-central-1": (32.1, 34.8),
    "me-central-1": (24.5, 54.4),
    "me-south-1": (26.1, 50.6),
    "mx-central-1": (20.6, -100.4),
    "sa-east-1": (-23.5, -46.6),
    "us-east-1": (39.0, -77.5),
    "us-east-2": (40.0, -83.0),
    "us-west-1": (37.4, -121.9),
    "us-west-2": (45.8, -119.7),
}
_GOOGLE_PLACES: Final[dict[str, tuple[float, float]]] = {
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
    "australia-southeast1": (-33.9, 151.2),
    "australia-southeast2": (-37.8, 145.0),
    "europe-central2": (52.2, 21.0),
    "europe-north1": (60.6, 27.2),
    "europe-north2": (59.3, 18.1),
    "europe-southwest1": (40.4, -3.7),
    "europe-west1": (50.5, 3.8),
    "europe-west10": (52.5, 13.4),
    "europe-west12": (45.1, 7.7),
    "europe-west2": (51.5, -0.1),
    "europe-west3": (50.1, 8.7),
    "europe-west4": (53.4, 6.8),
    "europe-west6": (47.4, 8.5),
    "europe-west8": (45.5, 9.2),
    "europe-west9": (48.9, 2.4),
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
_PLACES: Final = _AWS_PLACES | _GOOGLE_PLACES
_AWS: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-\d+")


def of_aws(region: str) -> bool:
    """Whether *region* is written as AWS writes its own (`us-east-1`; Google's is `us-east1`)."""
    return bool(_AWS.fullmatch(region))


def of_google(region: str) -> bool:
    """Whether *region* is one of Google Cloud's, where a location of Cloud DNS may be."""
    return region in _GOOGLE_PLACES


@cache
def google(region: str) -> str:
    """The region of Google Cloud that is *region*, or next to it; empty when nobody knows it."""
    if region not in _AWS_PLACES:
        return region if of_google(region) else ""
    return min(_GOOGLE_PLACES, key=lambda other: (_distance(region, other), other))


def nearest(region: str, others: Iterable[str]) -> tuple[str, ...]:
    """The *others* without *region* itself, the nearest first."""
    return tuple(sorted({*others} - {region}, key=lambda other: (_distance(region, other), other)))


@cache
def _distance(one: str, other: str) -> float:
    """The angle between two regions; more than any where one of them is not known."""
    if one not in _PLACES or other not in _PLACES:
        return math.inf
    (lat1, lon1), (lat2, lon2) = (tuple(map(math.radians, _PLACES[each])) for each in (one, other))
    cosine = math.sin(lat1) * math.sin(lat2)
    cosine += math.cos(lat1) * math.cos(lat2) * math.cos(lon1 - lon2)
    return math.acos(max(-1.0, min(1.0, cosine)))
