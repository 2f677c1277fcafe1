"""
The managed zones of all projects: made, changed and deleted as a whole.

Source: Cloud DNS reference, ``managedZones``.

Not modelled: checks of domain ownership; forwarding and peering are stored and have no effect.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localcloud.gcp.errors import GoogleError, bad_value, missing
from localcloud.gcp.operations import new_id
from localcloud.gcp.rrsets import canonical_name, name_fault
from localcloud.gcp.times import Clock, dns_time
from localcloud.gcp.zones import Zone

_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_LONGEST_DESCRIPTION = 1024
_SHARDS = "abcde"  # as many public zones of one project can share a domain
_FIXED = ("name", "dnsName", "visibility")
_SERVER_FIELDS = ("kind", "id", "creationTime", "nameServers", "nameServerSet")


class ManagedZones:
    """All zones by project and name."""

    def __init__(
        self, clock: Clock, changed: Callable[[str], None], quotas: Mapping[str, int]
    ) -> None:
        """
        Keep no zone yet.

        Args:
            clock: Seconds since 1970.
            changed: Hears ``projects/P/managedZones/Z`` after each change.
            quotas: ``managedZones`` per project, ``resourceRecordSetsPerManagedZone``.
        """
        self.zones: dict[tuple[str, str], Zone] = {}
        self._clock = clock
        self._changed = changed
        self._quotas = quotas

    def create(self, project: str, body: Mapping[str, Any]) -> Zone:
        """
        Make a zone with its SOA and NS record sets.

        Raises:
            GoogleError: 400, 403 for a quota, 409.
        """
        at = "entity.managedZone"
        domain = _checked(body, at)
        name = str(body["name"])
        if (project, name) in self.zones:
            message = f"The resource '{at}' named '{name}' already exists"
            raise GoogleError(409, "alreadyExists", message)
        self.within("managedZones", sum(owner == project for owner, _ in self.zones))
        given = {key: value for key, value in body.items() if key not in _SERVER_FIELDS}
        public = given.setdefault("visibility", "public") == "public"
        zone = Zone(
            zone={
                "kind": "dns#managedZone",
                **given,
                "dnsName": domain,
                "id": new_id(),
                "creationTime": dns_time(self._clock()),
                "nameServers": self._name_servers(project, domain, public=public),
            }
        )
        zone.begin(self._clock())
        self.zones[project, name] = zone
        self.tell(project, zone)
        return zone

    def find(self, project: str, name: str) -> Zone:
        """
        Give a zone by its name or id.

        Raises:
            GoogleError: 404.
        """
        for (owner, mine), zone in self.zones.items():
            if owner == project and name in (mine, zone.zone["id"]):
                return zone
        raise unknown("parameters.managedZone", name)

    def each(self, project: str, domain: str | None = None) -> Iterator[dict[str, Any]]:
        """Give the zones of a project as a GET answers them, of one *domain* or of all."""
        for (owner, _), zone in sorted(self.zones.items(), key=lambda item: item[0]):
            if owner == project and domain in (None, zone.domain):
                yield zone.zone

    def change(
        self, project: str, zone: Zone, body: Mapping[str, Any], *, replace: bool
    ) -> dict[str, Any]:
        """
        Merge *body* into a zone, or *replace* what can change in it; give the operation.

        Raises:
            GoogleError: 400 for a field that cannot change.
        """
        before = dict(zone.zone)
        for name in _FIXED:
            if body.get(name) not in (None, before[name]):
                raise bad_value(f"entity.managedZone.{name}", body[name])
        if replace:
            kept = (*_FIXED, *_SERVER_FIELDS)
            zone.zone = {key: before[key] for key in kept if key in before}
        zone.zone.update({key: body[key] for key in body if key not in _SERVER_FIELDS})
        operation = {
            "kind": "dns#operation",
            "id": new_id(),
            "startTime": dns_time(self._clock()),
            "status": "done",
            "type": "update",
            "user": "functions@localcloud.iam.gserviceaccount.com",
            "zoneContext": {"oldValue": before, "newValue": dict(zone.zone)},
        }
        zone.updates.append(operation)
        self.tell(project, zone)
        return operation

    def delete(self, project: str, zone: Zone) -> None:
        """
        Delete a zone that holds nothing but its SOA and NS record sets.

        Raises:
            GoogleError: 400.
        """
        name = zone.zone["name"]
        if any(owner != zone.domain or kind not in {"NS", "SOA"} for owner, kind in zone.rrsets):
            raise GoogleError(
                400,
                "containerNotEmpty",
                f"The resource named '{name}' cannot be deleted because it contains one or more "
                "'resource records'.",
            )
        del self.zones[project, name]
        self.tell(project, zone)

    def within(self, quota: str, count: int) -> None:
        """
        Allow one more beyond *count*.

        Raises:
            GoogleError: 403.
        """
        limit = self._quotas.get(quota)
        if limit is not None and count >= limit:
            raise over_quota(quota, limit)

    def tell(self, project: str, zone: Zone) -> None:
        """Tell everyone that a zone changed."""
        self._changed(f"projects/{project}/managedZones/{zone.zone['name']}")

    def _name_servers(self, project: str, domain: str, *, public: bool) -> list[str]:
        if not public:
            return ["ns-gcp-private.googledomains.com."]
        taken = {
            zone.zone["nameServers"][0]
            for (owner, _), zone in self.zones.items()
            if owner == project and zone.domain == domain
        }
        for letter in _SHARDS:
            servers = [f"ns-cloud-{letter}{n}.googledomains.com." for n in range(1, 5)]
            if servers[0] not in taken:
                return servers
        raise GoogleError(
            400,
            "managedZoneDnsNameNotAvailable",
            f"The resource named '{domain}' is not available to be created: too many zones share "
            "its DNS name.",
        )


def _checked(body: Mapping[str, Any], at: str) -> str:
    """Check a new zone; give its domain as it is stored."""
    for field in ("name", "dnsName"):
        if not body.get(field):
            raise missing(f"{at}.{field}")
    if body.get("description") is None:
        raise missing(f"{at}.description")
    if _NAME.fullmatch(str(body["name"])) is None:
        raise bad_value(f"{at}.name", body["name"])
    if len(str(body["description"])) > _LONGEST_DESCRIPTION:
        raise bad_value(f"{at}.description", str(body["description"])[:64] + "...")
    domain = canonical_name(str(body["dnsName"]))
    if name_fault(domain) or "*" in domain:
        raise bad_value(f"{at}.dnsName", body["dnsName"])
    return domain


def unknown(parameter: str, name: str) -> GoogleError:
    """Give the 404 for what a path parameter names."""
    message = f"The '{parameter}' resource named '{name}' does not exist."
    return GoogleError(404, "notFound", message)


def over_quota(name: str, limit: int) -> GoogleError:
    """Give the 403 for a quota that is used up."""
    message = f"The resource cannot be changed because quota '{name}' of {limit} is exceeded."
    return GoogleError(403, "quotaExceeded", message)
