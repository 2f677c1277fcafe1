"""
Where clients and regions are: what latency and geolocation records go by.

Distance on the globe stands for latency. A client's place is that of the region its network stands
for: coordinates are those of the city both companies name, country and state as well.

Source: the lists of AWS and Compute Engine regions; ISO 3166 for countries and US states; Route 53
Developer Guide, "Geolocation routing" (continent codes).
"""

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass

Coordinates = tuple[float, float]

# AWS region: latitude, longitude.
_AWS: dict[str, Coordinates] = {
    "af-south-1": (-33.9, 18.4),
    "ap-east-1": (22.3, 114.2),
    "ap-northeast-1": (35.7, 139.7),
    "ap-northeast-2": (37.6, 127.0),
    "ap-northeast-3": (34.7, 135.5),
    "ap-south-1": (19.1, 72.9),
    "ap-south-2": (17.4, 78.5),
    "ap-southeast-1": (1.3, 103.8),
    "ap-southeast-2": (-33.9, 151.2),
    "ap-southeast-3": (-6.2, 106.8),
    "ap-southeast-4": (-37.8, 145.0),
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
    "sa-east-1": (-23.5, -46.6),
    "us-east-1": (39.0, -77.5),
    "us-east-2": (40.0, -83.0),
    "us-west-1": (37.4, -121.9),
    "us-west-2": (45.8, -119.7),
}
# The beginning of a region's name: country (and state). The longest beginning counts.
_COUNTRIES: dict[str, tuple[str, ...]] = {
    "af-south-1": ("ZA",),
    "africa-south1": ("ZA",),
    "ap-east-1": ("HK",),
    "ap-northeast-1": ("JP",),
    "ap-northeast-2": ("KR",),
    "ap-northeast-3": ("JP",),
    "ap-south-": ("IN",),
    "ap-southeast-1": ("SG",),
    "ap-southeast-2": ("AU",),
    "ap-southeast-3": ("ID",),
    "ap-southeast-4": ("AU",),
    "asia-east1": ("TW",),
    "asia-east2": ("HK",),
    "asia-northeast": ("JP",),
    "asia-northeast3": ("KR",),
    "asia-south": ("IN",),
    "asia-southeast1": ("SG",),
    "asia-southeast2": ("ID",),
    "australia-": ("AU",),
    "ca-": ("CA",),
    "eu-central-1": ("DE",),
    "eu-central-2": ("CH",),
    "eu-north-1": ("SE",),
    "eu-south-1": ("IT",),
    "eu-south-2": ("ES",),
    "eu-west-1": ("IE",),
    "eu-west-2": ("GB",),
    "eu-west-3": ("FR",),
    "europe-central2": ("PL",),
    "europe-north1": ("FI",),
    "europe-north2": ("SE",),
    "europe-southwest1": ("ES",),
    "europe-west1": ("BE",),
    "europe-west2": ("GB",),
    "europe-west3": ("DE",),
    "europe-west4": ("NL",),
    "europe-west6": ("CH",),
    "europe-west8": ("IT",),
    "europe-west9": ("FR",),
    "europe-west10": ("DE",),
    "europe-west12": ("IT",),
    "il-": ("IL",),
    "me-central-1": ("AE",),
    "me-central1": ("QA",),
    "me-central2": ("SA",),
    "me-south-1": ("BH",),
    "me-west1": ("IL",),
    "northamerica-northeast": ("CA",),
    "northamerica-south1": ("MX",),
    "sa-east-1": ("BR",),
    "southamerica-east1": ("BR",),
    "southamerica-west1": ("CL",),
    "us-central1": ("US", "IA"),
    "us-east-1": ("US", "VA"),
    "us-east-2": ("US", "OH"),
    "us-east1": ("US", "SC"),
    "us-east4": ("US", "VA"),
    "us-east5": ("US", "OH"),
    "us-south1": ("US", "TX"),
    "us-west-1": ("US", "CA"),
    "us-west-2": ("US", "OR"),
    "us-west1": ("US", "OR"),
    "us-west2": ("US", "CA"),
    "us-west3": ("US", "UT"),
    "us-west4": ("US", "NV"),
}
_CONTINENTS = {
    "AF": ("ZA",),
    "AS": ("AE", "BH", "HK", "ID", "IL", "IN", "JP", "KR", "QA", "SA", "SG", "TW"),
    "EU": ("BE", "CH", "DE", "ES", "FI", "FR", "GB", "IE", "IT", "NL", "PL", "SE"),
    "NA": ("CA", "MX", "US"),
    "OC": ("AU",),
    "SA": ("BR", "CL"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    Where a client is.

    Attributes:
        region: By any provider's name; empty when unknown.
        at: Coordinates, if known.
    """

    region: str = ""
    at: Coordinates | None = None

    def locations(self) -> tuple[tuple[str, str, str], ...]:
        """
        Give the geolocations that hold the place, from the smallest; the default is last.

        Each is continent, country, subdivision, as far as a record set would name them.
        """
        begun = [beginning for beginning in _COUNTRIES if self.region.startswith(beginning)]
        country, *states = _COUNTRIES[max(begun, key=len)] if begun else ("",)
        found = [("", country, state) for state in states]
        if country:
            found.append(("", country, ""))
            found.extend((name, "", "") for name, those in _CONTINENTS.items() if country in those)
        return (*found, ("", "*", ""))

    def distance(self, region: str) -> tuple[float, str]:
        """Give what sorts AWS regions from near to far; those of unknown place last, by name."""
        if region == self.region:
            return (-1.0, region)
        there = _AWS.get(region)
        if self.at is None or there is None:
            return (math.inf, region)
        return (_kilometres(self.at, there), region)


class Places:
    """Finds the place of a client by the network it is in."""

    def __init__(
        self, networks: Mapping[str, str], others: Mapping[str, Coordinates] | None = None
    ) -> None:
        """
        Know the places of *networks*.

        Args:
            networks: CIDR network to region.
            others: Coordinates of regions that are not Amazon's.
        """
        known = {**(others or {}), **_AWS}
        self._places = [
            (ipaddress.ip_network(network), Place(region=region, at=known.get(region)))
            for network, region in networks.items()
        ]

    def of(self, client: str) -> Place:
        """Give the place of the client at that address; an unknown one for one of no network."""
        address = ipaddress.ip_address(client)
        return next((place for network, place in self._places if address in network), Place())


def _kilometres(here: Coordinates, there: Coordinates) -> float:
    """Great-circle distance by the haversine formula."""
    lat1, lon1, lat2, lon2 = map(math.radians, (*here, *there))
    half = (
        math.sin((lat2 - lat1) / 2) ** 2
        + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 2 * 6371.0 * math.asin(math.sqrt(half))
