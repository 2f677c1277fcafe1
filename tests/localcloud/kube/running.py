"""A cluster of our own on a free port, in a thread with its own loop."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from localcloud.kube import KubeCluster, Server, serve


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A served cluster; `call` runs a function in its loop, where it may be touched."""

    cluster: KubeCluster
    server: Server
    loop: asyncio.AbstractEventLoop

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        async def run() -> Any:
            return function(*args, **kwargs)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(20)


@contextmanager
def running(
    cluster: KubeCluster, *, ssl_context: ssl.SSLContext | None = None
) -> Iterator[Running]:
    """Serve *cluster* until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="kube-server")
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(
            serve(cluster, ssl_context=ssl_context), loop
        ).result(20)
        try:
            yield Running(cluster=cluster, server=server, loop=loop)
        finally:
            asyncio.run_coroutine_threadsafe(server.close(), loop).result(20)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()
