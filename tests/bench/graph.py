"""What the global graph costs: created as a whole, looked at again, and with one more member."""

import time
from collections.abc import Callable

from tests.bench.figures import Figure
from tests.functions.world import World, ingress_manifest, member, path, service_manifest

_OPERATION_SECONDS = 2.0
_MEMBERS = (
    member("gke-us"),
    member("gke-eu", region="europe-west1"),
    member("gke-asia", region="asia-east1"),
    member("gke-more", region="us-west1"),
)
_FIRST = ["gke-us", "gke-eu", "gke-asia"]


def measure(ingresses: int = 10, paths: int = 5) -> list[Figure]:
    """
    Mutating calls to GCE and to the members, and the seconds that are not spent waiting.

    The clock of the world only moves when somebody waits, so the time of operations (two seconds
    each) is apart from the time that deciding and calling takes.

    Args:
        ingresses: In three members, then in four.
        paths: Of each Ingress, each to a Service of its own.
    """
    world = World(_MEMBERS)
    world.load_balancers.operation_seconds = _OPERATION_SECONDS
    names = [f"svc-{number}" for number in range(paths)]
    for each in _MEMBERS:
        for name in names:
            world.members[each.name].put(service_manifest(name))
            world.members[each.name].run_pods("shop", {"app": name})
    keys = [f"shop/shop-{number}" for number in range(ingresses)]

    def submit() -> None:
        world.install(placement={"clusters": _FIRST})
        for number in range(ingresses):
            rules = [
                {
                    "host": f"shop-{number}.example.com",
                    "http": {"paths": [path(f"/{name}", name) for name in names]},
                }
            ]
            world.submit(ingress_manifest(f"shop-{number}", rules=rules))

    def look() -> None:
        for key in keys:
            world.tell("fanout", key, "resync")
            world.tell("backends", key, "resync")

    def join() -> None:
        world.install(placement={"clusters": [*_FIRST, "gke-more"]})
        for key in keys:
            world.tell("fanout", key)

    return [
        *_counted(world, "graph.create", submit),
        *_counted(world, "graph.unchanged", look),
        *_counted(world, "graph.member-added", join),
    ]


def _counted(world: World, name: str, event: Callable[[], None]) -> list[Figure]:
    clouds, members = len(world.load_balancers.calls), len(world.members.calls)
    began, waited = time.perf_counter(), world.clock.now()
    event()
    world.settle()
    seconds = time.perf_counter() - began
    return [
        Figure(name=f"{name}.gce", value=len(world.load_balancers.calls) - clouds, unit="calls"),
        Figure(name=f"{name}.members", value=len(world.members.calls) - members, unit="calls"),
        Figure(name=f"{name}.beside-waits", value=round(seconds, 3), unit="s"),
        Figure(name=f"{name}.waits", value=round(world.clock.now() - waited, 1), unit="s"),
    ]
