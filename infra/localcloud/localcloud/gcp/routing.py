"""
Routing policies of record sets: weighted, by place, primary with backup.

Source: Cloud DNS, "DNS routing policies and health checks"; dns v1 ``RRSetRoutingPolicy``.

Not modelled: health-checked internal load balancers beyond their schema.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.gcp.errors import bad_value, missing
from localcloud.gcp.places import REGIONS

Json = Mapping[str, Any]
Reader = Callable[[list[str], str, str], list[str]]

_WAYS = ("wrr", "geo", "primaryBackup")
_TYPES = frozenset({"A", "AAAA", "CNAME", "MX", "SRV", "TXT"})
_CHECKED_TYPES = frozenset({"A", "AAAA"})
_HEALTH_CHECK = re.compile(r"https://[^/]+/compute/[^/]+/(projects/[^/]+/(.+/)?healthChecks/[^/]+)")
_KINDS = {
    "wrr": "dns#rRSetRoutingPolicyWrrPolicy",
    "geo": "dns#rRSetRoutingPolicyGeoPolicy",
    "primaryBackup": "dns#rRSetRoutingPolicyPrimaryBackupPolicy",
}


def check_policy(policy: Json, kind: str, at: str, read_data: Reader) -> None:
    """
    Refuse a routing policy that Cloud DNS refuses.

    Args:
        policy: As the request gives it.
        kind: Type of the record set.
        at: Where the policy stands in the request.
        read_data: Checks the data of a record set.

    Raises:
        GoogleError: 400.
    """
    given = [way for way in _WAYS if policy.get(way)]
    if len(given) != 1:
        raise bad_value(at, "exactly one of wrr, geo and primaryBackup must be set")
    if kind not in _TYPES:
        raise bad_value(at, f"not supported for type {kind}")
    check = policy.get("healthCheck")
    if check and _HEALTH_CHECK.fullmatch(check) is None:
        raise bad_value(f"{at}.healthCheck", check)
    way = given[0]
    body = policy[way]
    if way == "wrr":
        _items(body, policy, kind, f"{at}.wrr", read_data)
        for index, item in enumerate(body["items"]):
            if item.get("weight") is None or item["weight"] < 0:
                raise bad_value(f"{at}.wrr.items[{index}].weight", item.get("weight", ""))
    elif way == "geo":
        _geo(body, policy, kind, f"{at}.geo", read_data)
    else:
        _primary_backup(body, policy, kind, f"{at}.primaryBackup", read_data)


def check_path(policy: Json) -> str:
    """Give the path of the health check that a sound policy names; empty for none."""
    found = _HEALTH_CHECK.fullmatch(policy.get("healthCheck") or "")
    return found[1] if found else ""


def endpoints(policy: Json) -> frozenset[str]:
    """Give every external endpoint of a policy: what its health check looks at."""
    way: Json = next((policy[each] for each in _WAYS if policy.get(each)), {})
    backup = way.get("backupGeoTargets") or {}
    items = [*(way.get("items") or ()), *(backup.get("items") or ())]
    targets = [each.get("healthCheckedTargets") or {} for each in items]
    targets.append(way.get("primaryTargets") or {})
    return frozenset(end for each in targets for end in each.get("externalEndpoints") or ())


def policy_kinds(policy: Json) -> dict[str, Any]:
    """Give a checked policy as it is answered: with the ``kind`` of each part."""
    found: dict[str, Any] = {"kind": "dns#rRSetRoutingPolicy", **policy}
    for way in _WAYS:
        if policy.get(way):
            found[way] = _way_kinds(way, policy[way])
    return found


def same_policy(one: Json | None, other: Json | None) -> bool:
    """Say whether two policies are equal but for kinds and signatures."""
    return bool(_bare(one or {}) == _bare(other or {}))


def _way_kinds(way: str, body: Json) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": _KINDS[way], **body}
    if "items" in body:
        word = _KINDS[way] + ("WrrPolicyItem" if way == "wrr" else "GeoPolicyItem")
        found["items"] = [{"kind": word, **item} for item in body["items"]]
    if "backupGeoTargets" in body:
        found["backupGeoTargets"] = _way_kinds("geo", body["backupGeoTargets"])
    return found


def _geo(body: Json, policy: Json, kind: str, at: str, read_data: Reader) -> None:
    _items(body, policy, kind, at, read_data)
    taken: set[str] = set()
    for index, item in enumerate(body["items"]):
        place = item.get("location", "")
        if place not in REGIONS or place in taken:
            raise bad_value(f"{at}.items[{index}].location", place)
        taken.add(place)


def _primary_backup(body: Json, policy: Json, kind: str, at: str, read_data: Reader) -> None:
    if not body.get("primaryTargets"):
        raise missing(f"{at}.primaryTargets")
    _targets(body["primaryTargets"], policy, kind, f"{at}.primaryTargets", read_data)
    if not body.get("backupGeoTargets"):
        raise missing(f"{at}.backupGeoTargets")
    _geo(body["backupGeoTargets"], policy, kind, f"{at}.backupGeoTargets", read_data)
    trickle = body.get("trickleTraffic") or 0
    if not 0 <= trickle <= 1:
        raise bad_value(f"{at}.trickleTraffic", trickle)


def _items(body: Json, policy: Json, kind: str, at: str, read_data: Reader) -> None:
    if not body.get("items"):
        raise missing(f"{at}.items")
    for index, item in enumerate(body["items"]):
        here = f"{at}.items[{index}]"
        targets = item.get("healthCheckedTargets")
        if targets:
            _targets(targets, policy, kind, f"{here}.healthCheckedTargets", read_data)
        if item.get("rrdatas"):
            read_data(item["rrdatas"], kind, f"{here}.rrdata")
        elif not targets:
            raise missing(f"{here}.rrdata")


def _targets(targets: Json, policy: Json, kind: str, at: str, read_data: Reader) -> None:
    outside, inside = targets.get("externalEndpoints"), targets.get("internalLoadBalancers")
    if kind not in _CHECKED_TYPES or bool(outside) == bool(inside):
        raise bad_value(at, "one of externalEndpoints and internalLoadBalancers, for A and AAAA")
    if outside:
        read_data(outside, kind, f"{at}.externalEndpoints")
        if not policy.get("healthCheck"):
            raise missing(f"{at}.healthCheck")


def _bare(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _bare(each)
            for name, each in value.items()
            if name not in {"kind", "signatureRrdatas"} and each not in (None, [], {})
        }
    if isinstance(value, list):
        return [_bare(each) for each in value]
    return value
