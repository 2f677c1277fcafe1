"""The DNS policy and the targets of an intent, decoded once for all who plan with them."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fedingress.domain.policy import Damping, DnsHealthCheck, DnsPolicy, Place
from fedingress.domain.report import ZoneIntent
from fedingress.domain.target import Target
from fedingress.planning.answers import clouddns


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One intent with targets: the policy without its zones, and one target of each member."""

    intent: ZoneIntent
    policy: DnsPolicy
    targets: Mapping[str, Target]

    @property
    def uid(self) -> str:
        """Of the source."""
        return self.intent.uid

    @property
    def in_cloud_dns(self) -> bool:
        """Whether the zone is one of Cloud DNS; else it is one of Route 53."""
        return bool(self.intent.zone["provider"] == clouddns.PROVIDER)


def wishes(intents: Mapping[str, ZoneIntent]) -> tuple[Wish, ...]:
    """Those that want something and have targets, the oldest first."""
    found = [
        _wish(intent)
        for intent in intents.values()
        if intent.targets and intent.state in {"present", "frozen"}
    ]
    return tuple(sorted(found, key=lambda wish: (wish.intent.created, wish.uid)))


def policy_of(routing: Mapping[str, Any]) -> DnsPolicy:
    """The policy in `ZoneIntent.routing`; unknown fields of a newer version are left out."""
    said = _known(DnsPolicy, routing)
    if check := said.pop("health_check", None):
        said["health_check"] = DnsHealthCheck(**_known(DnsHealthCheck, check))
    said["places"] = tuple(Place(**_known(Place, row)) for row in said.get("places", ()))
    said["damping"] = Damping(**_known(Damping, said.get("damping", {})))
    said.pop("zones", None)
    return DnsPolicy(**said)


def _wish(intent: ZoneIntent) -> Wish:
    targets = [Target.decode(row) for row in intent.targets]
    policy = policy_of(intent.routing)
    if intent.zone["provider"] == clouddns.PROVIDER:
        targets = [clouddns.seen(each, policy.routing) for each in targets]
    return Wish(
        intent=intent,
        policy=policy,
        targets={each.cluster: each for each in sorted(targets, key=lambda each: each.cluster)},
    )


def _known(kind: type[Any], body: Mapping[str, Any]) -> dict[str, Any]:
    names = {item.name for item in dataclasses.fields(kind)}
    return {name: value for name, value in body.items() if name in names}
