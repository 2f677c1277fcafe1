"""A Google Cloud of the local cloud for contract tests: wire, metadata server, event loop."""

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from localcloud.gcp import GcpCloud, serve_gcp, serve_metadata

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningCloud:
    """The cloud behind *endpoint*; `do` touches it in its own loop."""

    cloud: GcpCloud
    endpoint: str
    metadata: str
    loop: asyncio.AbstractEventLoop

    def do(self, call: Callable[[], T]) -> T:
        """Run *call* in the cloud's loop and give what it gives."""

        async def run() -> T:
            return call()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(timeout=10)


@contextmanager
def running_cloud(
    project: str, *, operation_seconds: float = 0.03, **settings: Any
) -> Iterator[RunningCloud]:
    """Serve an empty cloud from a thread, on free ports; *settings* are others of `GcpCloud`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    numbers = itertools.count(1)
    cloud = GcpCloud(
        next_address=lambda: f"127.0.9.{next(numbers)}",
        operation_seconds=operation_seconds,
        **{"require_token": True, **settings},
    )

    def run(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(timeout=10)

    wire = run(serve_gcp(cloud, host="127.0.0.1"))
    metadata = run(serve_metadata(project, access=cloud.access, host="127.0.0.1"))
    try:
        yield RunningCloud(
            cloud=cloud,
            endpoint=wire.url,
            metadata=f"{metadata.host}:{metadata.port}",
            loop=loop,
        )
    finally:
        run(wire.close())
        run(metadata.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.close()


def use_metadata(monkeypatch: pytest.MonkeyPatch, host: str, empty: str) -> None:
    """Lead the application default credentials to the metadata server at *host*."""
    for name in ("GCE_METADATA_HOST", "GCE_METADATA_IP", "GCE_METADATA_ROOT"):
        monkeypatch.setenv(name, host)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", empty)
    # Read from the environment once, at import; another test may have imported it.
    monkeypatch.setattr("google.auth.compute_engine._metadata._GCE_METADATA_HOST", host)
