"""What Google refuses of a change, kind by kind over the wire: told by name, made good later."""

import pytest

from fedingress.domain.graph import Kind
from tests.gce.test_fingerprints import CASES, world
from tests.gce.test_refusals import REST, told
from tests.gce.world import GOOD, GceWorld

pytestmark = pytest.mark.wire

__all__ = ["world"]  # the fixture: the shop over HTTPS, and resources of others


def forbid(world: GceWorld, kind: Kind, verb: str) -> None:
    """The right is missing."""
    world.deny(f"compute.{REST.get(kind, kind.value)}.{verb}")


def throttle(world: GceWorld, kind: Kind, _verb: str) -> None:
    """Too many requests."""
    world.strike(method=CASES[kind].method, path=CASES[kind].path, status=429, times=None)


def come_to_nothing(world: GceWorld, kind: Kind, verb: str) -> None:
    """The change is accepted, and its operation ends in an error."""
    text = f"Operation rate exceeded for {kind.value}."
    world.fail(verb=verb, path=f"/{kind.value}/fedingress", times=6, message=text)


WAYS = {
    "forbidden": (forbid, "Forbidden", "grant roles/compute."),
    "throttled": (throttle, "Unavailable", "it is tried again by itself"),
    "broken": (come_to_nothing, "OperationFailed", "it is tried again by itself"),
}
VERBS = {"PATCH": "patch", "PUT": "update"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", CASES)
def test_a_change_that_is_refused_is_told_and_made_once_the_cause_is_gone(world, kind, way):
    """Meanwhile nothing else is touched, and everything that serves serves on."""
    case, (refuse, reason, advice) = CASES[kind], WAYS[way]
    name = next(item.name for item in world.see(kind) if item.name.startswith("fedingress-"))
    before = world.graph()
    case.drift(world, name)
    drifted = world.graph()
    refuse(world, kind, VERBS.get(case.method) or case.path.rpartition("/")[2])
    world.look(within_seconds=40)
    message, meanwhile = told(world), world.graph()
    world.recover()
    world.look()

    assert drifted != before, "the drift changed nothing"
    assert meanwhile == drifted
    if kind is Kind.FIREWALL and way == "forbidden":
        assert "FirewallForbidden: " in message
        assert "run: gcloud compute firewall-rules update" in message
    else:
        assert f"{reason}: " in message
        assert advice in message
    assert f"{kind.value} {name}" in message
    assert world.graph() == before
    assert world.verdicts() == GOOD
