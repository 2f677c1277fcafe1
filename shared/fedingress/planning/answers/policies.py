"""
Pools and trees as routing policies of Cloud DNS, where one record set of a type holds all choices.

```
root              policy
a pool            wrr: an item per member, by its weight
latency           geo: an item per region, with the addresses of its pool that have a weight
failover          primaryBackup: the first region's addresses, then those of the second
```

A region's addresses share alike, for geo has no weights of its own; members on standby are among
them while they are to carry more than the region's own. Health fails over without us: by wrr to the
other items, by geo to the next nearest region, by primaryBackup to the backup. Never is an item
without an address, nor are all weights zero.

Called by `compiling`, `checks` and `weighing`; pure.

Source: dns v1 RRSetRoutingPolicy (fencing is off unless it is asked for).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from fedingress.domain import names
from fedingress.domain.policy import DnsHealthCheck
from fedingress.domain.record import RecordSet, policy_text
from fedingress.planning.answers import regions
from fedingress.planning.answers.marks import POOL_PREFIX, is_node
from fedingress.planning.answers.pools import Entry, Forest, Pool

_ANYWHERE: Final = "us-central1"
"""Where the only item of a backup is says nothing: everybody gets it."""

Weights = Mapping[str, Mapping[str, int]]
Json = dict[str, Any]


def needed(forest: Forest) -> tuple[str, ...]:
    """Labels of the roots that stand as a policy, in order; one member needs none."""
    roots = {
        forest.roots[wish.uid]
        for users in forest.users.values()
        for wish in users
        if wish.in_cloud_dns
    }
    return tuple(sorted(root for root in roots if len(forest.entries(root)) > 1))


def check_of(forest: Forest, root: str) -> DnsHealthCheck:
    """How the addresses of the policy *root* are checked: all of a tree's pools alike."""
    pool = _pools(forest, root)[0]
    return pool.check or DnsHealthCheck()


def answers(
    name: str, root: str, forest: Forest, weights: Weights, check: str
) -> tuple[RecordSet, ...]:
    """
    The record sets of the policy *root*, at *name*.

    Args:
        name: Of the node, or of a host at the apex of its zone.
        root: A label of `needed`.
        forest: All nodes.
        weights: Label of a pool -> cluster -> 0 to 255.
        check: Id of the health check of all its addresses.
    """
    users = (user for pool in _pools(forest, root) for user in forest.users[pool.label])
    ttl = min(user.intent.ttl_seconds for user in users)
    return tuple(
        RecordSet(
            name=name,
            type=kind,
            ttl_seconds=ttl,
            policy=policy_text(_policy(root, forest, weights, kind)),
            health_check=check,
        )
        for kind in forest.types(root)
    )


def recalled(
    observed: Iterable[RecordSet], ours: Iterable[str], keys: Mapping[str, frozenset[str]]
) -> dict[str, dict[str, int]]:
    """
    The weights that policies of ours tell of.

    Args:
        observed: Record sets of the zone.
        ours: Names that carry a mark of ours.
        keys: Address of a load balancer -> keys of its entries: a policy tells of no member.

    Returns:
        Label of a pool -> key of an entry -> weight; a place of a tree is a pool of its own, whose
        label says nothing.
    """
    marked = frozenset(ours)
    found: dict[str, dict[str, int]] = {}
    for item in sorted(observed, key=lambda each: each.identity, reverse=True):
        if not item.policy or item.name not in marked or not is_node(item.name):
            continue
        label = item.name.partition(".")[0]
        for place, rows in _told(json.loads(item.policy)).items():
            within = POOL_PREFIX + names.short_hash(label, place) if place else label
            weights = found.setdefault(within, {})
            weights |= {key: each for at, each in rows.items() for key in keys.get(at, ())}
    return {label: rows for label, rows in found.items() if any(rows.values())}


def told(text: str) -> tuple[str, ...]:
    """What `RecordSet.policy` leads to, for people: a line per choice."""
    policy = json.loads(text)
    backup = policy.get("primaryBackup", {})
    geo = policy.get("geo", backup.get("backupGeoTargets", {})).get("items", ())
    weighted = policy.get("wrr", {}).get("items", ())
    whole = sum(each.get("weight", 0) for each in weighted) or 1
    lines = [
        f"{each.get('weight', 0) / whole:.1%} (weight {each.get('weight', 0)}), {_data(each)}"
        for each in weighted
    ]
    if backup:
        first = {"healthCheckedTargets": backup.get("primaryTargets")}
        lines.append(f"while any is healthy: {_data(first)}")
    near = "else" if backup else "near"
    return (*lines, *(f"{near} {each.get('location')}: {_data(each)}" for each in geo))


def _data(item: Mapping[str, Any]) -> str:
    checked = item.get("healthCheckedTargets") or {}
    return ", ".join([*item.get("rrdatas", ()), *checked.get("externalEndpoints", ())]) or "nothing"


def _pools(forest: Forest, root: str) -> list[Pool]:
    return [forest.pools[label] for label in forest.below(root) if label in forest.pools]


def _policy(root: str, forest: Forest, weights: Weights, kind: str) -> Json:
    if root in forest.pools:
        return _weighted(forest.pools[root], weights[root], kind)
    choices = forest.trees[root].choices
    by_choice = {
        choice.identifier: (choice, served)
        for choice in choices
        if (served := _served(forest.pools[choice.to], weights[choice.to], kind))
    }
    if "primary" not in by_choice or "secondary" not in by_choice:
        items = [
            {"location": choice.region or _ANYWHERE, "healthCheckedTargets": _targets(served)}
            for choice, served in by_choice.values()
        ]
        return {"geo": {"items": items}}
    second, backup = by_choice["secondary"]
    place = regions.google(forest.pools[second.to].own[0].region) or _ANYWHERE
    items = [{"location": place, "healthCheckedTargets": _targets(backup)}]
    return {
        "primaryBackup": {
            "primaryTargets": _targets(by_choice["primary"][1]),
            "backupGeoTargets": {"items": items},
        }
    }


def _weighted(pool: Pool, weights: Mapping[str, int], kind: str) -> Json:
    """Of a type that nobody with a weight has, the first one has some."""
    entries = [each for each in pool.own if kind in each.types]
    idle = not any(weights[each.cluster] for each in entries)
    return {
        "wrr": {
            "items": [
                {
                    "weight": 1 if idle and not number else weights[each.cluster],
                    "healthCheckedTargets": _targets([each]),
                }
                for number, each in enumerate(entries)
            ]
        }
    }


def _served(pool: Pool, weights: Mapping[str, int], kind: str) -> Sequence[Entry]:
    """Who is answered for a region; nobody, where none of its own has the type."""
    own = [each for each in pool.own if kind in each.types]
    spills = _sum(pool.standby, weights) > _sum(pool.own, weights)
    among = [*pool.own, *pool.standby] if spills else pool.own
    live = [each for each in among if kind in each.types and weights[each.cluster]]
    return live if own and live else own[:1]


def _sum(entries: Iterable[Entry], weights: Mapping[str, int]) -> int:
    return sum(weights[each.cluster] for each in entries)


def _targets(entries: Iterable[Entry]) -> Json:
    return {"externalEndpoints": sorted({each.address for each in entries})}


def _told(policy: Json) -> dict[str, dict[str, int]]:
    """Place (empty for the whole) -> address -> weight."""
    weighted = policy.get("wrr", {}).get("items", ())
    found = {"": dict(_weights(weighted))} if weighted else {}
    backup = policy.get("primaryBackup", {})
    for item in policy.get("geo", backup.get("backupGeoTargets", {})).get("items", ()):
        found[str(item.get("location"))] = dict(_weights([item]))
    if backup:
        found["primary"] = dict(_weights([{"healthCheckedTargets": backup.get("primaryTargets")}]))
    return found


def _weights(items: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, int]]:
    for item in items:
        for address in (item.get("healthCheckedTargets") or {}).get("externalEndpoints", ()):
            yield address, int(item.get("weight", 1))
