"""
Cloud DNS's part: from a method of dns v1 to what it does.

Served: what `discovery.DNS_RESOURCES` names. Not modelled: DNSSEC keys (the list is empty) and the
``filter`` parameter of record sets; that a health check stays while a policy names it, of which no
page speaks: whoever deletes it has policies that lead to everybody.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localcloud.gcp.call import ApiCall
from localcloud.gcp.errors import bad_value, missing, not_modelled
from localcloud.gcp.listing import page
from localcloud.gcp.managed_zones import ManagedZones, over_quota, unknown
from localcloud.gcp.routing import check_path, endpoints
from localcloud.gcp.rrsets import canonical_name
from localcloud.gcp.times import Clock
from localcloud.gcp.zones import Change, Key, Zone

Answer = dict[str, Any] | None

_PAGE = 100  # record sets, when the client does not say; it must ask for the next page
_MOST_PER_CHANGE = 1000


class Dns:
    """Carries out the methods of dns v1."""

    def __init__(
        self,
        managed: ManagedZones,
        clock: Clock,
        seconds: float,
        compute: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """
        Serve zones.

        Args:
            managed: The zones.
            clock: Seconds since 1970.
            seconds: How long a change is pending.
            compute: Objects of Compute Engine by path: the health checks that policies name.
        """
        self._managed = managed
        self._compute = compute
        self._clock = clock
        self._seconds = seconds
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
        method = self._methods.get(f"{call.method.resource}.{call.method.verb}")
        if method is None:
            raise not_modelled(call.id)
        return method(call)

    def _zone_create(self, call: ApiCall) -> Answer:
        return self._managed.create(call.project, call.body).zone

    def _zone_get(self, call: ApiCall) -> Answer:
        return self._zone(call).zone

    def _zone_list(self, call: ApiCall) -> Answer:
        items = list(self._managed.each(call.project, call.query.get("dnsName")))
        return _listed("managedZones", "managedZonesListResponse", items, call)

    def _zone_update(self, call: ApiCall) -> Answer:
        replace = call.method.verb == "update"
        return self._managed.change(call.project, self._zone(call), call.body, replace=replace)

    def _zone_delete(self, call: ApiCall) -> Answer:
        self._managed.delete(call.project, self._zone(call))
        return None

    def _change_create(self, call: ApiCall) -> Answer:
        additions = call.body.get("additions") or []
        deletions = call.body.get("deletions") or []
        for word, sets in (("Additions", additions), ("Deletions", deletions)):
            if len(sets) > _MOST_PER_CHANGE:
                raise over_quota(f"resourceRecord{word}PerChange", _MOST_PER_CHANGE)
        return self._json(self._apply(call, self._zone(call), additions, deletions))

    def _change_get(self, call: ApiCall) -> Answer:
        number = call.values["changeId"]
        for change in self._zone(call).changes:
            if change.id == number:
                return self._json(change)
        raise unknown("parameters.changeId", number)

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
        items = [
            zone.rrsets[key]
            for key in sorted(zone.rrsets, key=_tree_order)
            if wanted in (None, key[0]) and kind in (None, key[1])
        ]
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
        raise unknown("parameters.operation", number)

    def _keys_list(self, call: ApiCall) -> Answer:
        self._zone(call)
        return _listed("dnsKeys", "dnsKeysListResponse", [], call)

    def _project_get(self, call: ApiCall) -> Answer:
        quota = {"kind": "dns#quota", "resourceRecordAdditionsPerChange": _MOST_PER_CHANGE}
        return {"kind": "dns#project", "id": call.project, "number": "1", "quota": quota}

    def _zone(self, call: ApiCall) -> Zone:
        return self._managed.find(call.project, call.values["managedZone"])

    def _apply(
        self,
        call: ApiCall,
        zone: Zone,
        additions: Sequence[Mapping[str, Any]],
        deletions: Sequence[Mapping[str, Any]],
    ) -> Change:
        count = len(zone.rrsets) + len(additions) - len(deletions)
        self._managed.within("resourceRecordSetsPerManagedZone", count - 1)
        for index, each in enumerate(additions):
            at = f"entity.change.additions[{index}].routingPolicy"
            self._check_policy(zone, each.get("routingPolicy") or {}, at)
        change = zone.change(additions, deletions, self._clock())
        self._managed.tell(call.project, zone)
        return change

    def _check_policy(self, zone: Zone, policy: Mapping[str, Any], at: str) -> None:
        """
        Refuse a policy whose check is not there, or looks at no external endpoints.

        Those are looked at for public zones only.
        """
        path, ends = check_path(policy), endpoints(policy)
        check = self._compute.get(path)
        if path and (check is None or (ends and not check.get("sourceRegions"))):
            raise bad_value(f"{at}.healthCheck", policy["healthCheck"])
        if ends and zone.zone.get("visibility") == "private":
            raise bad_value(f"{at}.externalEndpoints", min(ends))

    def _json(self, change: Change) -> dict[str, Any]:
        return change.json(self._clock(), self._seconds)


def _need(zone: Zone, call: ApiCall) -> Key:
    key = (canonical_name(call.values["name"]), call.values["type"])
    if key not in zone.rrsets:
        raise unknown("parameters.name", f"{key[0]} ({key[1]})")
    return key


def _listed(
    field: str, kind: str, items: Sequence[Mapping[str, Any]], call: ApiCall
) -> dict[str, Any]:
    shown, token = page(items, call.query, _PAGE)
    found = {"kind": f"dns#{kind}", field: shown}
    return found | ({"nextPageToken": token} if token else {})


def _tree_order(key: Key) -> tuple[list[str], str]:
    return key[0].split(".")[::-1], key[1]
