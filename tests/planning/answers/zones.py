"""Intents with targets, and a zone that takes batches as strictly as a provider does."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fedingress.domain.policy import Damping, DnsHealthCheck, DnsPolicy, Place
from fedingress.domain.record import RecordSet
from fedingress.domain.report import ZoneIntent
from fedingress.domain.target import Target
from fedingress.planning import checks as health
from fedingress.planning.answers import batches
from fedingress.planning.answers.decision import Lately, Release, Standing, ZoneDecision
from fedingress.planning.answers.marks import is_node
from fedingress.planning.answers.pools import FAMILIES
from fedingress.planning.answers.weighing import Weighed, Weighing, weigh
from fedingress.planning.answers.zone import decide, wanted

DOMAIN = "example.com"
ZONE = {"provider": "route53", "project": "self", "name": "Z1", "domain": DOMAIN}
REGIONS = {"us": "us-east-1", "us2": "us-east-1", "ap": "ap-southeast-2", "eu": "eu-west-1"}
DAMPING = Damping(tick_seconds=60, ttl_seconds=60)
START = 1_800_000_000.0


def target(cluster: str, **more: Any) -> Target:
    """A healthy dedicated load balancer of *cluster*."""
    fields: dict[str, Any] = {
        "cluster": cluster,
        "region": REGIONS.get(cluster, cluster),
        "address": f"{cluster}.elb.test",
        "hosted_zone": "ZELB",
        "ready": 1.0,
        "balancer": True,
    }
    return Target(**(fields | more))


def intent(uid: str = "u1", *targets: Target, routing: str = "latency", **more: Any) -> ZoneIntent:
    """A present, healthy intent; further arguments are fields of the policy or of the intent."""
    known = DnsPolicy.__dataclass_fields__
    policy = DnsPolicy(
        routing=routing, **{k: v for k, v in more.items() if k in known and k != "ttl_seconds"}
    )
    said = asdict(policy)
    del said["zones"]
    fields: dict[str, Any] = {
        "uid": uid,
        "generation": 1,
        "source": f"ns/{uid}",
        "created": f"2026-01-01T00:00:0{uid[-1]}Z",
        "state": "present",
        "zone": ZONE,
        "hosts": (f"{uid}.{DOMAIN}",),
        "targets": tuple(each.encode() for each in targets),
        "routing": said,
        "healthy": True,
    }
    return ZoneIntent(
        **(fields | {k: v for k, v in more.items() if k not in known or k == "ttl_seconds"})
    )


class Zone:
    """
    A zone over many looks.

    records: what stands.   batches: of the last look.   checks: made as they are wanted.
    """

    def __init__(self, *intents: ZoneIntent, owner: str = "me") -> None:
        self.records: tuple[RecordSet, ...] = ()
        self.owner = owner
        self.now = START
        self.state = Weighing()
        self.released: dict[str, Release] = {}
        self.shown: dict[str, str] = {}
        self.checks: dict[str, str] = {}
        self.probes: dict[str, bool] = {}
        self.batches: list[batches.Batch] = []
        self.writes = 0
        if intents:
            self.look(*intents)

    def weigh(self, *intents: ZoneIntent) -> Weighed:
        """One look at health, without a write."""
        by_uid = {each.uid: each for each in intents}
        return weigh(self.state, by_uid, self.now, owner=self.owner, probes=self.probes)

    def decide(self, *intents: ZoneIntent, **more: Any) -> ZoneDecision:
        """What would be changed; every wanted check stands."""
        weighed = self.weigh(*intents)
        for key in health.wanted(weighed):
            self.checks.setdefault(key, f"hc-{len(self.checks)}")
        options = {
            "complete": True,
            "lately": Lately(now=self.now, released=self.released, shown=self.shown),
            "standing": Standing(records=self.records),
        }
        options |= more
        standing = options.pop("standing")
        by_uid = {each.uid: each for each in intents}
        checks = options.pop("checks", self.checks)
        wish = wanted(DOMAIN, by_uid, self.owner, weighed, checks=checks)
        return decide(DOMAIN, by_uid, standing, self.owner, wish, **options)

    def look(self, *intents: ZoneIntent, **more: Any) -> ZoneDecision:
        """One look, carried out."""
        weighed = self.weigh(*intents)
        decision = self.decide(*intents, **more)
        self.batches = [*batches.batches(batches.parts(decision))]
        for batch in self.batches:
            self.apply(batch)
        self.state = Weighing.decode(weighed.state.encode())
        self.released |= decision.released
        self.shown = dict(decision.shown)
        return decision

    def windows(self, count: int, *intents: ZoneIntent) -> ZoneDecision:
        """So many ticks."""
        for _ in range(count):
            self.now += DAMPING.tick_seconds
            decision = self.look(*intents)
        return decision

    def apply(self, batch: batches.Batch) -> None:
        """All or nothing: deletions match exactly, additions are new, targets of aliases exist."""
        have = {item.identity: item for item in self.records}
        for item in batch.deletions:
            assert have.pop(item.identity) == item
        for item in batch.additions:
            assert item.identity not in have
            if item.alias and not item.alias.hosted_zone:
                assert any(k[:2] == (item.alias.name, item.type) for k in have), item.label
            have[item.identity] = item
        self.records = tuple(have[key] for key in sorted(have))
        self.writes += 1
        require_whole(self.records)

    def at(self, name: str, kind: str = "A") -> list[RecordSet]:
        """The records of one name and type."""
        return [item for item in self.records if item.name == name and item.type == kind]

    def pools(self, kind: str = "A") -> dict[str, dict[str, int]]:
        """Name of a pool -> cluster -> weight."""
        found: dict[str, dict[str, int]] = {}
        for item in self.records:
            if item.weight is not None and item.type == kind:
                found.setdefault(item.name, {})[item.set_identifier] = item.weight
        return found

    def under(self, host: str, kind: str = "A") -> Mapping[str, Mapping[str, int]]:
        """What the host leads to: choice (empty for none) -> cluster -> weight."""
        (alias,) = self.at(host, kind)
        assert alias.alias
        pools = self.pools(kind)
        if alias.alias.name in pools:
            return {"": pools[alias.alias.name]}
        return {
            item.set_identifier: pools.get(item.alias.name, {})
            for item in self.at(alias.alias.name, kind)
            if item.alias
        }


def require_whole(records: tuple[RecordSet, ...]) -> None:
    """Every alias within the zone leads somewhere, and no group or policy is empty or all zero."""
    kinds = {(item.name, item.type) for item in records}
    groups: dict[tuple[str, str], list[int]] = {}
    for item in records:
        if item.alias and not item.alias.hosted_zone:
            assert (item.alias.name, item.type) in kinds, item.label
        if item.weight is not None:
            groups.setdefault((item.name, item.type), []).append(item.weight)
        if is_node(item.leads_to):
            assert {(item.leads_to, family) for family in FAMILIES} & kinds, item.label
        if item.policy:
            require_answers(json.loads(item.policy))
            assert item.health_check
    assert all(any(weights) for weights in groups.values())


def require_answers(policy: dict[str, Any]) -> None:
    """Each item has an address, weights are not all zero, and places are each named once."""
    ((_, body),) = policy.items()
    items = [*body.get("items", ()), *body.get("backupGeoTargets", {}).get("items", ())]
    targets = [each["healthCheckedTargets"] for each in items]
    targets += [body["primaryTargets"]] if "primaryTargets" in body else []
    assert items
    assert all(each["externalEndpoints"] for each in targets)
    assert any(each.get("weight", 1) for each in items)
    placed = [each["location"] for each in items if "location" in each]
    assert len({*placed}) == len(placed)


CHECK = DnsHealthCheck(kind="HTTP", paths=("/healthz",))
PLACES = (
    Place(location="continent:EU", region="eu-west-1"),
    Place(location="country:*", region="*"),
)
