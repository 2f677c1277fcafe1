"""What a project finds in place: zones, regions, itself with its quotas."""

from collections.abc import Mapping

from localcloud.gcp.call import ApiCall
from localcloud.gcp.errors import invalid, not_found, not_modelled
from localcloud.gcp.kinds import COLLECTIONS
from localcloud.gcp.listing import list_answer
from localcloud.gcp.places import Regions, region_object, zone_object
from localcloud.gcp.references import BASE
from localcloud.gcp.resources import Object, Resources

RESOURCES = frozenset({"projects", "regions", "zones"})


class Catalogue:
    """Answers the methods of `RESOURCES`."""

    def __init__(self, resources: Resources, regions: Regions, quotas: Mapping[str, int]) -> None:
        self._resources = resources
        self._regions = regions
        self._quotas = quotas

    @property
    def regions(self) -> tuple[str, ...]:
        """Give the name of every region."""
        return tuple(self._regions)

    @property
    def zones(self) -> tuple[str, ...]:
        """Give the name of every zone."""
        return tuple(zone for zones in self._regions.values() for zone in zones)

    def check_place(self, call: ApiCall) -> None:
        """
        Hold the zone or region of a request to those that exist.

        Raises:
            GoogleError: 404 when the place itself is asked for, else 400.
        """
        for word, known in (("zone", self.zones), ("region", self.regions)):
            value = call.values.get(word)
            if value is not None and value not in known:
                if call.method.resource in RESOURCES:
                    raise not_found(f"projects/{call.project}/{word}s/{value}")
                raise invalid(word, value, f"Unknown {word}.")

    def answer(self, call: ApiCall) -> Object:
        """
        Do what *call* asks.

        Raises:
            GoogleError: 404 and 501.
        """
        resource, verb = call.method.resource, call.method.verb
        if verb not in {"get", "list"}:
            raise not_modelled(call.id)
        if resource == "projects":
            return self._project(call.project)
        items = self._places(call.project, resource)
        if verb == "list":
            path = f"projects/{call.project}/{resource}"
            return list_answer(path, resource.removesuffix("s"), items, call.query)
        name = call.values[resource.removesuffix("s")]
        return next(item for item in items if item["name"] == name)

    def _places(self, project: str, resource: str) -> list[Object]:
        if resource == "zones":
            return [zone_object(project, zone, BASE) for zone in self.zones]
        return [
            region_object(project, region, zones, BASE) for region, zones in self._regions.items()
        ]

    def _project(self, project: str) -> Object:
        quotas = [
            {
                "metric": COLLECTIONS[collection].metric,
                "limit": float(limit),
                "usage": float(sum(1 for _ in self._resources.each(project, collection))),
            }
            for collection, limit in self._quotas.items()
            if collection in COLLECTIONS
        ]
        return {
            "kind": "compute#project",
            "id": str(int.from_bytes(project.encode()[:7], "big")),
            "name": project,
            "selfLink": f"{BASE}projects/{project}",
            "quotas": quotas,
            "defaultNetworkTier": "PREMIUM",
            "xpnProjectStatus": "UNSPECIFIED_XPN_PROJECT_STATUS",
        }
