"""
The health checks that a zone's pools need: which should stand, and what to change.

One per load balancer, port, kind and path, shared by every pool of the zone; several paths of one
are children of a calculated one. A check's reference says whose it is and what it is for, so none
is made twice and none is leaked. The order is: create, attach to records, wait until every server
of the provider has those, delete what nothing refers to any more.

Those of Cloud DNS are Compute Engine's, and know no address: one per port, kind and path for all
addresses of the zone. They have one path, no calculated ones, and cannot be told to fail.

Source: compute v1 HealthCheck; Route 53 API reference, CreateHealthCheck (CallerReference of at
most 64 characters, never used again; type and interval cannot be changed), "Quotas" (200 health
checks in an account).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from fedingress.domain import names
from fedingress.domain.change import Change, Create, Delete, Plan, Update
from fedingress.domain.check import Check, CheckConfig
from fedingress.domain.policy import DnsHealthCheck
from fedingress.planning.answers import policies
from fedingress.planning.answers.clouddns import PROVIDER
from fedingress.planning.answers.pools import Pool
from fedingress.planning.answers.weighing import Weighed

_CALCULATED: Final = "CALCULATED"


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedCheck:
    """
    One health check that should stand.

    config: for a calculated one without its children.   children: keys of those.
    """

    key: str
    config: CheckConfig
    children: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPlan:
    """
    plan: creates first, deletes last; a created one has no id yet.
    ids: key -> id of the check that stands; what pools are compiled with.
    doomed: ids of those that may go in a later look, when nothing refers to them.
    """

    plan: Plan[Check]
    ids: Mapping[str, str]
    doomed: tuple[str, ...] = ()


def key(address: str, spec: DnsHealthCheck) -> str:
    """
    What a check is for, as one word; several paths of one load balancer are one thing.

    Without an address it is for every one of the zone.
    """
    paths = "&".join(spec.paths) if spec.kind != "TCP" else ""
    return f"{spec.kind.lower()}://{address or '*'}:{spec.port}{paths}"


def prefix(owner: str, unit: str) -> str:
    """
    How the references of all checks begin that our installation keeps for the zone *unit*.

    Those of Cloud DNS are paths of Compute Engine, in the zone's project.
    """
    word = names.short_hash(owner, unit, length=16)
    provider, _, place = unit.partition(":")
    if provider == PROVIDER:
        project, _, _ = place.partition("/")
        return f"projects/{project}/global/healthChecks/fi-{word}-"
    return f"fi:{word}:"


def wanted(weighed: Weighed) -> dict[str, WantedCheck]:
    """The checks that the zone's pools need, by key; children before what is calculated of them."""
    found: dict[str, WantedCheck] = {}
    forced = forced_down(weighed)
    for root in policies.needed(weighed.forest):
        (each,) = _wanted("", policies.check_of(weighed.forest, root), forced=False)
        found.setdefault(each.key, each)
    for pool in weighed.forest.pools.values():
        for entry in () if _in_cloud_dns(weighed, pool) else pool.entries:
            if spec := pool.check_of(entry):
                for each in _wanted(entry.address, spec, forced=entry.address in forced):
                    found.setdefault(each.key, each)
    return {name: found[name] for name in sorted(found, key=lambda name: _late(found[name]))}


def _in_cloud_dns(weighed: Weighed, pool: Pool) -> bool:
    return weighed.forest.users[pool.label][0].in_cloud_dns


def forced_down(weighed: Weighed) -> frozenset[str]:
    """
    Addresses of load balancers whose checks are told to fail.

    Those that the operator drains, when weights cannot keep clients away: nobody else of the pool
    can serve, although another pool of the same tree can.
    """
    forest = weighed.forest
    serving = {user.uid for label in weighed.deserving for user in forest.users[label]}
    found: set[str] = set()
    for label, pool in forest.pools.items():
        users = forest.users[label]
        if label in weighed.deserving or not any(user.uid in serving for user in users):
            continue
        found |= {
            each.address
            for each in pool.entries
            if not any(user.targets[each.cluster].multiplier for user in users)
        }
    return frozenset(found)


def plan(
    desired: Mapping[str, WantedCheck],
    observed: Sequence[Check],
    *,
    prefix: str,
    nonce: str,
    referenced: Collection[str],
    doomed: Collection[str] = (),
    settled: bool = True,
) -> CheckPlan:
    """
    Decide what to create, update and delete.

    Args:
        desired: By key.
        observed: Every check whose reference begins with *prefix*.
        prefix: See `prefix`.
        nonce: Part of the references of new ones; another one after each that was refused.
        referenced: Ids that any record of the zone refers to.
        doomed: As the plan of an earlier look gave it.
        settled: Whether no change of the zone is still on its way to the provider's servers.

    Returns:
        A calculated check is created once its children stand: plan again after creating.
    """
    stands = _standing(desired, observed, prefix, referenced)
    ids = {name: check.id for name, check in stands.items()}
    changes: list[Change[Check]] = []
    for name, want in desired.items():
        if not all(child in ids for child in want.children):
            continue
        config = _with_children(want, ids)
        have = stands.get(name)
        if have is None:
            new = Check(id="", reference=f"{_stem(prefix, want)}{prefix[-1]}{nonce}", config=config)
            changes.append(Create(desired=new, why="is needed"))
        elif have.config != config:
            fields = _differing(have.config, config)
            changed = replace(have, config=config)
            changes.append(
                Update(
                    observed=have,
                    desired=changed,
                    fields=fields,
                    why="differs in " + ", ".join(fields),
                )
            )
    needless = [each for each in observed if each.id not in ids.values()]
    kept = [each for each in needless if each.id in referenced]
    going = [each for each in needless if each not in kept and each.id in doomed and settled]
    changes += [Delete(observed=each, why="nothing refers to it") for each in _parents_first(going)]
    return CheckPlan(
        plan=Plan(changes=tuple(changes)),
        ids=ids,
        doomed=tuple(
            sorted(each.id for each in needless if each not in kept and each not in going)
        ),
    )


def _wanted(address: str, spec: DnsHealthCheck, *, forced: bool) -> Iterable[WantedCheck]:
    single = CheckConfig(
        kind=spec.kind,
        address=address,
        port=spec.port,
        interval_seconds=spec.interval_seconds,
        threshold=spec.threshold,
        forced_down=forced,
    )
    paths = spec.paths or ("/",)
    if spec.kind == "TCP":
        return [WantedCheck(key=key(address, spec), config=single)]
    if len(paths) == 1:
        return [WantedCheck(key=key(address, spec), config=replace(single, path=paths[0]))]
    children = [
        WantedCheck(
            key=key(address, replace(spec, paths=(path,))),
            config=replace(single, path=path, forced_down=False),
        )
        for path in paths
    ]
    whole = CheckConfig(kind=_CALCULATED, threshold=len(paths), forced_down=forced)
    return [
        *children,
        WantedCheck(
            key=key(address, spec), config=whole, children=tuple(each.key for each in children)
        ),
    ]


def _late(want: WantedCheck) -> tuple[bool, str]:
    return (bool(want.children), want.key)


def _stem(prefix: str, want: WantedCheck) -> str:
    word = names.short_hash(want.key, *map(str, want.config.fixed), length=16)
    return f"{prefix}{word}"


def _standing(
    desired: Mapping[str, WantedCheck],
    observed: Iterable[Check],
    prefix: str,
    referenced: Collection[str],
) -> dict[str, Check]:
    """Key -> the check that serves it; of two, the one that records refer to."""
    by_stem: dict[str, list[Check]] = {}
    for each in observed:
        by_stem.setdefault(each.reference.rpartition(prefix[-1])[0], []).append(each)
    found = {}
    for name, want in desired.items():
        if rivals := by_stem.get(_stem(prefix, want)):
            found[name] = min(rivals, key=lambda each: (each.id not in referenced, each.reference))
    return found


def _with_children(want: WantedCheck, ids: Mapping[str, str]) -> CheckConfig:
    return replace(want.config, children=tuple(sorted(ids[child] for child in want.children)))


def _differing(one: CheckConfig, other: CheckConfig) -> tuple[str, ...]:
    names_ = ("port", "path", "threshold", "children", "forced_down")
    return tuple(name for name in names_ if getattr(one, name) != getattr(other, name))


def _parents_first(checks: Iterable[Check]) -> list[Check]:
    """A child may not go before what is calculated of it."""
    return sorted(checks, key=lambda each: (each.config.kind != _CALCULATED, each.reference))
