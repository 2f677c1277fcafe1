"""
Cloud DNS: managed zones, record sets, changes.

Served: what `discovery.DNS_RESOURCES` names. Not modelled: DNSSEC keys (the list is empty),
forwarding, peering and private visibility beyond their storing, checks of domain ownership, the
``filter`` parameter.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localcloud.gcp.call import ApiCall
from localcloud.gcp.errors import GoogleError, bad_value, missing, not_modelled
from localcloud.gcp.listing import page
from localcloud.gcp.operations import new_id
from localcloud.gcp.rrsets import canonical_name, name_fault
from localcloud.gcp.times import Clock, dns_time
from localcloud.gcp.zones import Change, Key, Zone

Answer = dict[str, Any] | None

_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_SHARDS = "abcde"  # as many public zones of one project can share a domain
_PAGE = 100
_MOST_PER_CHANGE = 1000
_FIXED = ("dnsName", "visibility")
_SERVER_FIELDS = ("id", "creationTime", "nameServers", "nameServerSet")


class Dns:
    """Carries out the methods of dns v1."""

    def __init__(
        self,
        clock: Clock,
        seconds: float,
        changed: Callable[[str], None],
        quotas: Mapping[str, int],
    ) -> None:
        """
        Serve no zone yet.

        Args:
            clock: Seconds since 1970.
            seconds: How long a change is pending.
            changed: Hears ``projects/P/managedZones/Z`` after each change.
            quotas: ``managedZones`` per project, ``resourceRecordSetsPerManagedZone``.
        """
        self.zones: dict[tuple[str, str], Zone] = {}
        self._clock = clock
        self._seconds = seconds
        self._changed = changed
        self._quotas = quotas
        self._methods: Mapping[str, Callable[[ApiCall], Answer]] = {
            "changes.create": self._change_create,
            "changes.get": self._change_get,
            "changes.list": self._change_list,
            "dnsKeys.list": self._keys_list,
            "managedZoneOperations.get": self._updates_get,
            "managedZoneOperations.list": self._updates_list,
            "managedZones.create": self._zone_create,
            "managedZones.delete": self._zone_delete,
            "managedZones.get": self._zone_get,
            "managedZones.list": self._zone_list,
            "managedZones.patch": self._zone_update,
            "managedZones.update": self._zone_update,
            "projects.get": self._project_get,
            "resourceRecordSets.create": self._rrset_create,
            "resourceRecordSets.delete": self._rrset_delete,
            "resourceRecordSets.get": self._rrset_get,
            "resourceRecordSets.list": self._rrset_list,
            "resourceRecordSets.patch": self._rrset_patch,
        }

    def answer(self, call: ApiCall) -> Answer:
        """
        Do what *call* asks.

        Raises:
            GoogleError: Refused.
        """
        resource, verb = call.method.resource, call.method.verb
        method = self._methods.get(f"{resource}.{verb}")
        if method is None:
            raise not_modelled(call.id)
        return method(call)

    def create_zone(self, project: str, body: Mapping[str, Any]) -> Zone:
        """
        Make a zone with its SOA and NS record sets.

        Raises:
            GoogleError: 400, 403 for a quota, 409.
        """
        at = "entity.managedZone"
        for name in ("name", "dnsName", "description"):
            if body.get(name) is None or (name != "description" and not body[name]):
                raise missing(f"{at}.{name}")
        name, domain = str(body["name"]), canonical_name(str(body["dnsName"]))
        if _NAME.fullmatch(name) is None:
            raise bad_value(f"{at}.name", name)
        if name_fault(domain) or "*" in domain:
            raise bad_value(f"{at}.dnsName", body["dnsName"])
        if (project, name) in self.zones:
            message = f"The resource '{at}' named '{name}' already exists"
            raise GoogleError(409, "alreadyExists", message)
        self._within("managedZones", sum(owner == project for owner, _ in self.zones))
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
        zone.begin(self._clock() - self._seconds)
        self.zones[project, name] = zone
        self._changed(f"projects/{project}/managedZones/{name}")
        return zone

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

    def _zone_create(self, call: ApiCall) -> Answer:
        return self.create_zone(call.project, call.body).zone

    def _zone_get(self, call: ApiCall) -> Answer:
        return self._zone(call).zone

    def _zone_list(self, call: ApiCall) -> Answer:
        wanted = call.query.get("dnsName")
        items = [
            zone.zone
            for (owner, _), zone in sorted(self.zones.items())
            if owner == call.project and wanted in (None, zone.domain)
        ]
        return _listed("managedZones", "managedZonesListResponse", items, call)

    def _zone_update(self, call: ApiCall) -> Answer:
        zone = self._zone(call)
        before = dict(zone.zone)
        for name in ("name", *_FIXED):
            if call.body.get(name) not in (None, before.get(name)):
                raise bad_value(f"entity.managedZone.{name}", call.body[name])
        given = {key: value for key, value in call.body.items() if key not in _SERVER_FIELDS}
        if call.method.verb == "update":
            kept = ("kind", "name", *_FIXED, *_SERVER_FIELDS)
            zone.zone = {key: before[key] for key in kept if key in before}
        zone.zone.update(given)
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
        self._tell(call, zone)
        return operation

    def _zone_delete(self, call: ApiCall) -> Answer:
        zone = self._zone(call)
        if any(name != zone.domain or kind not in {"NS", "SOA"} for name, kind in zone.rrsets):
            raise GoogleError(
                400,
                "containerNotEmpty",
                f"The resource named '{zone.zone['name']}' cannot be deleted because it contains "
                "one or more 'resource records'.",
            )
        del self.zones[call.project, zone.zone["name"]]
        self._tell(call, zone)
        return None

    def _change_create(self, call: ApiCall) -> Answer:
        zone = self._zone(call)
        additions = call.body.get("additions") or []
        deletions = call.body.get("deletions") or []
        for word, sets in (("Additions", additions), ("Deletions", deletions)):
            if len(sets) > _MOST_PER_CHANGE:
                raise _quota(f"resourceRecord{word}PerChange", _MOST_PER_CHANGE)
        return self._json(self._apply(call, zone, additions, deletions))

    def _change_get(self, call: ApiCall) -> Answer:
        number = call.values["changeId"]
        for change in self._zone(call).changes:
            if change.id == number:
                return self._json(change)
        raise _unknown("parameters.changeId", number)

    def _change_list(self, call: ApiCall) -> Answer:
        changes = self._zone(call).changes
        if call.query.get("sortOrder") != "ascending":
            changes = changes[::-1]
        return _listed("changes", "changesListResponse", [self._json(c) for c in changes], call)

    def _rrset_list(self, call: ApiCall) -> Answer:
        zone = self._zone(call)
        name, kind = call.query.get("name"), call.query.get("type")
        if call.query.get("filter"):
            raise not_modelled("the filter of resourceRecordSets.list")
        if kind and not name:
            raise missing("parameters.name")
        wanted = canonical_name(name) if name else None
        keys = [
            key
            for key in sorted(zone.rrsets, key=_tree_order)
            if wanted in (None, key[0]) and kind in (None, key[1])
        ]
        items = [zone.rrsets[key] for key in keys]
        return _listed("rrsets", "resourceRecordSetsListResponse", items, call)

    def _rrset_get(self, call: ApiCall) -> Answer:
        zone = self._zone(call)
        return zone.rrsets[_need(zone, call)]

    def _rrset_create(self, call: ApiCall) -> Answer:
        return self._apply(call, self._zone(call), [call.body], []).additions[0]

    def _rrset_patch(self, call: ApiCall) -> Answer:
        zone = self._zone(call)
        before = zone.rrsets[_need(zone, call)]
        after = {**before, **{k: v for k, v in call.body.items() if v is not None}}
        for mine, other in (("rrdatas", "routingPolicy"), ("routingPolicy", "rrdatas")):
            if call.body.get(mine) and not call.body.get(other):
                after.pop(other, None)
        if (canonical_name(after["name"]), after["type"]) != (before["name"], before["type"]):
            raise bad_value("entity.resourceRecordSet.name", after["name"])
        return self._apply(call, zone, [after], [before]).additions[0]

    def _rrset_delete(self, call: ApiCall) -> Answer:
        zone = self._zone(call)
        self._apply(call, zone, [], [zone.rrsets[_need(zone, call)]])
        return {}

    def _updates_list(self, call: ApiCall) -> Answer:
        items = self._zone(call).updates
        return _listed("operations", "managedZoneOperationsListResponse", items, call)

    def _updates_get(self, call: ApiCall) -> Answer:
        number = call.values["operation"]
        for operation in self._zone(call).updates:
            if operation["id"] == number:
                return operation
        raise _unknown("parameters.operation", number)

    def _keys_list(self, call: ApiCall) -> Answer:
        self._zone(call)
        return _listed("dnsKeys", "dnsKeysListResponse", [], call)

    def _project_get(self, call: ApiCall) -> Answer:
        quota = {"kind": "dns#quota", **self._quotas}
        return {"kind": "dns#project", "id": call.project, "number": "1", "quota": quota}

    def _zone(self, call: ApiCall) -> Zone:
        name = call.values["managedZone"]
        for (owner, mine), zone in self.zones.items():
            if owner == call.project and name in (mine, zone.zone["id"]):
                return zone
        raise _unknown("parameters.managedZone", name)

    def _apply(
        self,
        call: ApiCall,
        zone: Zone,
        additions: Sequence[Mapping[str, Any]],
        deletions: Sequence[Mapping[str, Any]],
    ) -> Change:
        count = len(zone.rrsets) + len(additions) - len(deletions)
        self._within("resourceRecordSetsPerManagedZone", count - 1)
        change = zone.change(additions, deletions, self._clock())
        self._tell(call, zone)
        return change

    def _json(self, change: Change) -> dict[str, Any]:
        return change.json(self._clock(), self._seconds)

    def _within(self, quota: str, count: int) -> None:
        limit = self._quotas.get(quota)
        if limit is not None and count >= limit:
            raise _quota(quota, limit)

    def _tell(self, call: ApiCall, zone: Zone) -> None:
        self._changed(f"projects/{call.project}/managedZones/{zone.zone['name']}")


def _need(zone: Zone, call: ApiCall) -> Key:
    key = (canonical_name(call.values["name"]), call.values["type"])
    if key not in zone.rrsets:
        raise _unknown("parameters.name", f"{key[0]} ({key[1]})")
    return key


def _listed(
    field: str, kind: str, items: Sequence[Mapping[str, Any]], call: ApiCall
) -> dict[str, Any]:
    shown, token = page(items, call.query, _PAGE)
    found = {"kind": f"dns#{kind}", field: shown}
    return found | ({"nextPageToken": token} if token else {})


def _tree_order(key: Key) -> tuple[list[str], str]:
    return key[0].split(".")[::-1], key[1]


def _unknown(parameter: str, name: str) -> GoogleError:
    message = f"The '{parameter}' resource named '{name}' does not exist."
    return GoogleError(404, "notFound", message)


def _quota(name: str, limit: int) -> GoogleError:
    message = f"The resource cannot be changed because quota '{name}' of {limit} is exceeded."
    return GoogleError(403, "quotaExceeded", message)
