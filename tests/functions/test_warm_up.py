"""Routes wait for Services that nobody asked before, and no longer than the policy says."""

import pytest

from tests.functions.test_life import conditions
from tests.functions.world import KEY, World, ingress_manifest, member, path


class Slow(World):
    """A world whose load balancer finds new endpoints unhealthy until told otherwise."""

    slow = False

    def _neg(self, cluster: str, zone: str, name: str, endpoints: int) -> None:
        self.load_balancers.add_neg("lab", zone, name, endpoints, 0 if self.slow else endpoints)


@pytest.fixture
def world():
    """The shop at rest, and slow from here on."""
    world = Slow((member("gke-us"),))
    world.install()
    world.submit(only("web"))
    world.settle()
    world.slow = True
    return world


def only(service: str, *more):
    """An Ingress that leads everything to *service*, but for the paths *more*."""
    rules = [{"host": "shop.example.com", "http": {"paths": [path("/", service), *more]}}]
    return ingress_manifest(rules=rules)


def routes(world: World) -> dict[str, str]:
    """Pattern -> Service, by the names that the members' endpoint groups have."""
    graph = world.graph()
    (maps,) = [spec for name, spec in graph.items() if name.startswith("urlMaps/")]
    services = {
        item["spec"]["selector"]["app"]: item["metadata"]["annotations"]["cloud.google.com/neg"]
        for item in world.members["gke-us"].list("Service")
        if "cloud.google.com/neg" in (item["metadata"].get("annotations") or {})
    }
    owner = {
        name: app for app, text in services.items() for name in text.split('"') if "fed" in name
    }
    found = {}
    for rule in maps["pathMatchers"][0]["pathRules"]:
        kind, _, name = rule["service"].rpartition("/global/")[2].partition("/")
        groups = graph[f"{kind}/{name}"]["backends"]
        (app,) = {owner[entry["group"].rpartition("/")[2]] for entry in groups}
        found |= dict.fromkeys(rule["paths"], app)
    return found


def looked(world: World, seconds: float) -> None:
    """So many seconds, without a tick."""
    world.settle(within_seconds=seconds, ticks=False)


def recovered(world: World) -> None:
    """The checkers find every endpoint healthy."""
    world.slow = False
    for service in ("web", "api"):
        world.members["gke-us"].run_pods("shop", {"app": service})


def test_a_path_keeps_its_service_until_the_new_one_answers(world: World):
    """The map changes nothing meanwhile, the condition says why; then the old parts go."""
    world.submit(only("api"))
    looked(world, 20.0)
    during, said = routes(world), conditions(world)["Programmed"]
    services = [name for name in world.graph() if name.startswith("backendServices/")]
    recovered(world)
    looked(world, 30.0)
    world.settle()

    assert during == {"/*": "web"}
    assert said["status"] == "False"
    assert "routes wait until api:80 can answer, for 120 s at most" in said["message"]
    assert len(services) == 2
    assert routes(world) == {"/*": "api"}
    assert conditions(world)["Programmed"]["status"] == "True"
    assert len(world.ours("gke-us")) == 2
    assert (
        world.ports.ledger.note(f"warming/{world.sources.stored(KEY)['metadata']['uid']}") is None
    )


def test_a_new_path_is_answered_by_the_old_prefix_until_its_service_can(world: World):
    """/api is web's as before, until api answers."""
    world.submit(only("web", path("/api", "api")))
    looked(world, 20.0)
    during = routes(world)
    recovered(world)
    world.settle()

    assert during == {"/*": "web"}
    assert routes(world) == {"/*": "web", "/api": "api", "/api/*": "api"}


def test_a_service_that_never_answers_is_waited_for_as_long_as_the_policy_says(world: World):
    """Ten seconds of the policy, and then the user's wish counts."""
    world.install(backends={"warmUpSeconds": 10})
    world.submit(only("api"))
    looked(world, 8.0)
    during = routes(world)
    looked(world, 30.0)

    assert (during, routes(world)) == ({"/*": "web"}, {"/*": "api"})


def test_without_a_warm_up_routes_change_at_once(world: World):
    """A policy of zero seconds."""
    world.install(backends={"warmUpSeconds": 0})
    world.submit(only("api"))
    looked(world, 3.0)

    assert routes(world) == {"/*": "api"}


def test_a_store_that_is_lost_begins_the_wait_anew(world: World):
    """It costs time only: the routes serve as before, and change in the end."""
    world.submit(only("api"))
    looked(world, 100.0)
    world.lose_store()
    world.tell("fanout", "shop/shop")
    looked(world, 100.0)
    during = routes(world)
    looked(world, 60.0)

    assert (during, routes(world)) == ({"/*": "web"}, {"/*": "api"})


def test_an_ingress_that_is_deleted_while_routes_wait_goes_at_once(world: World):
    """Nothing is left, also of the wait."""
    uid = world.sources.stored(KEY)["metadata"]["uid"]
    world.submit(only("api"))
    looked(world, 5.0)
    waiting = world.ports.ledger.note(f"warming/{uid}")
    world.delete()
    world.settle()

    assert waiting is not None
    assert world.ports.ledger.note(f"warming/{uid}") is None
    assert world.graph() == {}
    assert world.ours("gke-us") == []
