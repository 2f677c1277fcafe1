"""What the cloud refuses, of a create and of a deletion: a condition that says what to do."""

import pytest

from fedingress.domain.errors import Forbidden, QuotaExceeded
from fedingress.domain.graph import GlobalResource, Kind
from tests.functions.test_life import conditions
from tests.functions.world import KEY, World, ingress_manifest

QUOTA = "Quota 'URL_MAPS' exceeded. Limit: 10.0 globally; raise this quota"
RIGHT = "Required 'compute.urlMaps.create' permission; grant roles/compute.loadBalancerAdmin"


def refusing(world: World, verb: str, error: Exception):
    """The cloud refuses that verb for URL maps until it is allowed."""

    def fault(moment, what, label):
        if (moment, what) == ("before", verb) and "urlMaps" in label:
            raise error

    world.load_balancers.fault = fault


def allow(world: World) -> None:
    """Whoever can has done what the condition asked for."""
    world.load_balancers.fault = lambda *_: None


def submitted() -> World:
    """The shop, served."""
    world = World()
    world.install()
    world.submit(ingress_manifest())
    world.settle()
    return world


@pytest.mark.parametrize(
    ("error", "reason"),
    [(QuotaExceeded(QUOTA), "QuotaExceeded"), (Forbidden(RIGHT), "Forbidden")],
)
def test_a_create_that_is_refused_is_told_and_goes_on_when_it_is_allowed(error, reason):
    """The reason is the refusal, the message the cloud's with what to do; once as an Event."""
    world = World()
    world.install()
    refusing(world, "create", error)
    world.submit(ingress_manifest())
    world.settle(within_seconds=600)
    programmed = conditions(world)["Programmed"]
    notices = [notice for _, notice in world.sources.notices if notice.reason == reason]
    allow(world)
    world.settle(within_seconds=600)

    assert (programmed["status"], programmed["reason"]) == ("False", reason)
    assert str(error) in programmed["message"]
    assert len(notices) == 1
    assert conditions(world)["Programmed"]["status"] == "True"


@pytest.mark.parametrize(
    ("error", "reason"),
    [(Forbidden("Required 'compute.urlMaps.delete' permission; grant it"), "Forbidden")],
)
def test_a_deletion_that_is_forbidden_is_told_and_goes_on_when_it_is_allowed(error, reason):
    """What leads clients is gone by then; members keep what the graph may still refer to."""
    world = submitted()
    refusing(world, "delete", error)
    world.delete()
    world.settle(within_seconds=600)
    programmed = conditions(world)["Programmed"]
    rules = [name for name in world.graph() if name.startswith("forwardingRules/")]
    kept = world.ours("gke-us")
    allow(world)
    world.settle(within_seconds=600)

    assert (programmed["status"], programmed["reason"]) == ("False", reason)
    assert "compute.urlMaps.delete" in programmed["message"]
    assert "the deletion goes on once that is done" in programmed["message"]
    assert rules == []
    assert len(kept) == 3
    assert world.sources.stored(KEY) is None
    assert world.graph() == {}


def test_what_somebody_else_refers_to_is_told_and_goes_once_they_let_go():
    """Another's URL map leads to our backend service: told by name, waited for, then deleted."""
    world = submitted()
    (service, *_) = world.load_balancers.observe("lab", (Kind.BACKEND_SERVICE,), "")
    theirs = world.load_balancers.put(
        GlobalResource(
            kind=Kind.URL_MAP, project="lab", name="theirs", spec={"defaultService": service.path}
        )
    )
    world.delete()
    world.settle(within_seconds=900)
    programmed = conditions(world)["Programmed"]
    left = sorted(world.graph())
    world.load_balancers.put(
        GlobalResource(
            kind=Kind.URL_MAP,
            project="lab",
            name="theirs",
            spec={"defaultUrlRedirect": {"httpsRedirect": True}},
        )
    )
    world.settle(within_seconds=900)

    assert (programmed["status"], programmed["reason"]) == ("False", "InUse")
    assert f"already being used by '{theirs.path}'" in programmed["message"]
    assert [name for name in left if name.startswith("backendServices/")] == [
        f"backendServices/{service.name}"
    ]
    assert not [name for name in left if name.startswith(("forwardingRules/", "targetHttp"))]
    assert world.sources.stored(KEY) is None
    assert sorted(world.graph()) == ["urlMaps/theirs"]


@pytest.mark.parametrize("verb", ["create", "delete"])
def test_an_operation_that_ends_in_an_error_is_told_in_both_directions(verb):
    """It was accepted, and came to nothing: the operation's own words."""
    world = World() if verb == "create" else submitted()
    world.load_balancers.operation_seconds = 0.5
    real = getattr(world.load_balancers, verb)
    failing = [True]

    def call(item, guard):
        if item.kind is Kind.URL_MAP and failing:
            world.load_balancers.fail(verb, item.label, "an internal error; try again later")
        return real(item, guard)

    setattr(world.load_balancers, verb, call)
    if verb == "create":
        world.install()
        world.submit(ingress_manifest())
    else:
        world.delete()
    world.settle(within_seconds=60, ticks=False)
    programmed = conditions(world)["Programmed"]
    failing.clear()
    world.settle(within_seconds=1800)

    assert (programmed["status"], programmed["reason"]) == ("False", "OperationFailed")
    assert "an internal error" in programmed["message"]
    if verb == "create":
        assert conditions(world)["Programmed"]["status"] == "True"
    else:
        assert world.sources.stored(KEY) is None
