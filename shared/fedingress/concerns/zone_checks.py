"""
The health checks of a zone's pools: made before records name them, gone after none does.

Called by `zone_look`. A quiet zone's checks are not listed.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from fedingress.concerns.zone_memory import ZoneMemory
from fedingress.domain.change import Create, Delete, Update
from fedingress.domain.check import Check
from fedingress.domain.errors import Forbidden, Invalid, QuotaExceeded
from fedingress.domain.policy import ZoneRef
from fedingress.planning import checks as planning
from fedingress.planning.answers.weighing import Weighed
from fedingress.planning.diff import fingerprint
from fedingress.ports import Guard, HealthChecks, Ports

_ROUNDS = 3
"""Children, what is calculated of them, and one look more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """
    The checks as they stand.

    memory: with what was learned.   held: why some could not be made.
    made: whether one was, or was about to be.
    """

    memory: ZoneMemory
    held: tuple[str, ...] = ()
    made: bool = False


def probes(zone: ZoneRef, memory: ZoneMemory, ports: Ports) -> dict[str, bool]:
    """Address of a load balancer -> whether every outside check of it succeeds, where known."""
    if not memory.probed:
        return {}
    asked = {each for ids in memory.probed.values() for each in ids}
    states = ports.health_checks.of(zone).states(asked)
    return {
        address: all(states[each] for each in ids)
        for address, ids in memory.probed.items()
        if all(each in states for each in ids)
    }


def settle(
    zone: ZoneRef,
    weighed: Weighed,
    memory: ZoneMemory,
    ports: Ports,
    guard: Guard,
    *,
    thorough: bool,
    foresee: Callable[[], None],
) -> Checks:
    """
    Bring the checks in line with what the pools need; *foresee* is called before one is made.

    Raises:
        Unavailable, Forbidden: As the port.
        Conflict: Someone else changed one meanwhile.
    """
    desired = planning.wanted(weighed)
    wish = fingerprint([repr(each) for each in desired.values()]) if desired else ""
    if wish == memory.wish and not memory.loose and not thorough:
        return Checks(memory=memory)
    prefix = planning.prefix(ports.owner, zone.unit)
    try:
        port = ports.health_checks.of(zone)
        observed = list(port.list(prefix))
    except Forbidden:
        if desired or memory.checks or memory.spare:
            raise
        return Checks(memory=memory)  # whoever may not look has made none, and needs none
    held: tuple[str, ...] = ()
    made = False
    for _ in range(_ROUNDS):
        plan = planning.plan(
            desired,
            observed,
            prefix=prefix,
            nonce=f"{int(ports.clock.now() * 1000):x}",
            referenced=memory.attached,
            doomed=memory.doomed,
            settled=not memory.pending and bool(memory.digest),
        )
        if not plan.plan:
            break
        if not made and any(isinstance(change, Create) for change in plan.plan):
            foresee()
            made = True
        observed, refused = _carry_out(plan, observed, port, guard)
        held = refused or held
        if refused:
            break
    ids = dict(plan.ids)
    memory = replace(
        memory,
        checks=ids,
        wish=wish if {*ids} >= {*desired} else "",
        probed=_probed(weighed, ids),
        spare=tuple(sorted({each.id for each in observed} - {*ids.values()})),
        doomed=plan.doomed,
    )
    return Checks(memory=memory, held=held, made=made)


def _carry_out(
    plan: planning.CheckPlan, observed: Collection[Check], port: HealthChecks, guard: Guard
) -> tuple[list[Check], tuple[str, ...]]:
    """
    What stands after the plan, and the provider's words for what it refused.

    Where there may be no more of them, nothing else is made, and all the rest goes on.
    """
    found = {each.id: each for each in observed}
    refused: list[str] = []
    full, unmade = "", 0
    for change in plan.plan:
        try:
            match change:
                case Create() if full:
                    unmade += 1
                case Create(desired=desired):
                    made = port.create(desired.reference, desired.config, guard)
                    found[made.id] = made
                case Update(observed=before, desired=desired):
                    made = port.update(before, desired.config, guard)
                    found[made.id] = made
                case Delete(observed=before):
                    port.delete(before, guard)
                    found.pop(before.id, None)
        except QuotaExceeded as error:
            full, unmade = str(error), 1
        except Invalid as error:
            refused.append(str(error))
    if full:
        refused.append(f"{unmade} health checks cannot be made: {full}")
    return list(found.values()), tuple(dict.fromkeys(refused))


def _probed(weighed: Weighed, ids: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for pool in weighed.forest.pools.values():
        for entry in pool.entries:
            spec = pool.check_of(entry)
            if spec and (check := ids.get(planning.key(entry.address, spec))):
                found.setdefault(entry.address, set()).add(check)
    return {address: tuple(sorted(found[address])) for address in sorted(found)}
