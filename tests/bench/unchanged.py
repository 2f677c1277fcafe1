"""What it costs that nothing changed: rates, store calls and messages of a world at rest."""

import time
from collections.abc import Callable

from fedingress.domain.work import Concern
from tests.bench.figures import Figure
from tests.bench.world import Many, many

PASS: tuple[Concern, ...] = ("fanout", "backends", "status")


def measure(count: int = 500, *, filed: int = 50, reconciled: int = 500) -> list[Figure]:
    """
    Rates over sources in memory and in a directory, and the cost of single events.

    Args:
        count: Ingresses in the world in memory, among which each event finds its own.
        filed: Ingresses in the directory, where each run looks at every file.
        reconciled: How many unchanged Ingresses are reconciled, one round after the other; over
            a directory a fifth of that.
    """
    with many(count) as world:
        rounds = max(1, reconciled // count)
        figures = [_rate("reconcile.unchanged.rate", world, rounds), *_events(world)]
    with many(filed, directory=True) as world:
        rounds = max(1, reconciled // (5 * filed))
        figures.append(_rate("reconcile.unchanged.directory.rate", world, rounds))
    return figures


def _rate(name: str, world: Many, rounds: int) -> Figure:
    """Ingresses per second, each with one run of fan-out, backends and status."""
    began = time.perf_counter()
    for _ in range(rounds):
        for key in world.keys:
            for concern in PASS:
                world.once(concern, key)
    seconds = time.perf_counter() - began
    return Figure(name=name, value=round(rounds * world.count / seconds, 1), unit="Ingresses/s")


def _events(world: Many) -> list[Figure]:
    """Store calls, messages and mutating calls that one event leads to."""
    key = world.keys[0]
    figures = []
    for concern in PASS:
        figures += _counted(world, f"converged.{concern}", lambda c=concern: world.once(c, key))
    figures += _counted(world, "converged.resync", lambda: world.once("fanout", key, "resync"))
    return figures


def _counted(world: Many, name: str, event: Callable[[], None]) -> list[Figure]:
    mark, published = world.mark(), []
    real = world.bus.publish

    def publish(works: object) -> None:
        listed = list(works)  # type: ignore[call-overload]
        published.extend(listed)
        real(listed)

    world.store.calls.clear()
    world.bus.publish = publish  # type: ignore[method-assign]
    event()
    world.rest()
    world.bus.publish = real  # type: ignore[method-assign]
    return [
        Figure(name=f"{name}.store.reads", value=world.store.calls["read"], unit="calls"),
        Figure(name=f"{name}.store.writes", value=world.store.calls["write"], unit="calls"),
        Figure(name=f"{name}.messages", value=len(published), unit="messages"),
        Figure(name=f"{name}.changes", value=len(world.since(mark)), unit="calls"),
    ]
