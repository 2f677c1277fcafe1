"""A world for code without asyncio: it runs in a thread of its own. For tests, above all."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from localcloud.control_client import ControlClient
from localcloud.gcp.cloud import GcpCloud
from localcloud.kube.cluster import KubeCluster
from localcloud.world.spec import WorldSpec
from localcloud.world.world import World

Result = TypeVar("Result")

_STOP_SECONDS = 20.0


class RunningWorld:
    """A world that lives in another thread; read it freely, change it through `run` or the wire."""

    def __init__(self, world: World, loop: asyncio.AbstractEventLoop) -> None:
        self.world = world
        self.control = ControlClient(world.env()["LOCALCLOUD_CONTROL"])
        self._loop = loop

    def env(self) -> dict[str, str]:
        """Give the variables for functions and people."""
        return self.world.env()

    @property
    def kubeconfig(self) -> Path:
        """Give the file with a context per cluster."""
        return self.world.kubeconfig

    @property
    def clusters(self) -> Mapping[str, KubeCluster]:
        """Give the API servers' state by cluster name."""
        return {name: cluster.kube for name, cluster in self.world.clusters.items()}

    @property
    def gcp(self) -> GcpCloud:
        """Give Google Cloud's state."""
        return self.world.gcp

    def run(self, work: Callable[[World], Result]) -> Result:
        """Call *work* in the world's own thread, where its state may be changed."""

        async def call() -> Result:
            return work(self.world)

        return self.wait(call)

    def wait(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Run a coroutine function in the world's own loop and give its result."""

        async def call() -> Result:
            return await work()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(_STOP_SECONDS)


@contextlib.contextmanager
def running_world(spec: WorldSpec | None = None) -> Iterator[RunningWorld]:
    """
    Run a world of *spec* (by default the default one) inside a ``with`` block.

    Raises:
        What `World.start` raises.
    """
    started: Future[RunningWorld] = Future()
    thread = threading.Thread(target=_live, args=(spec, started), name="localcloud", daemon=True)
    thread.start()
    running = started.result()
    try:
        yield running
    finally:
        running.run(World.stop_soon)
        thread.join(_STOP_SECONDS)
        if thread.is_alive():
            raise TimeoutError(f"the world did not end within {_STOP_SECONDS:g} s")


def _live(spec: WorldSpec | None, started: "Future[RunningWorld]") -> None:
    async def live() -> None:
        async with World(spec) as world:
            started.set_result(RunningWorld(world, asyncio.get_running_loop()))
            await world.ended()

    try:
        asyncio.run(live())
    except BaseException as error:
        if started.done():
            raise
        started.set_exception(error)
