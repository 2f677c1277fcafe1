"""A TCP link that can fall silent, and what a watcher told, for the watcher's tests."""

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable


def until(holds: Callable[[], object], *, seconds: float = 30.0) -> bool:
    """Whether *holds* came true before the deadline."""
    deadline = time.monotonic() + seconds
    while not (found := bool(holds())) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


class Told:
    """Records what a watcher told; `objects` is what its listener believes to be there."""

    def __init__(self) -> None:
        self.objects: dict[str, str] = {}
        self.uids: dict[str, str] = {}
        self.events: list[tuple[str, str]] = []
        self.lock = threading.Lock()

    def __call__(self, kind, change, manifest) -> None:
        with self.lock:
            if manifest is None:
                self.events.append((change, ""))
                return
            meta = manifest["metadata"]
            name = meta["name"]
            self.events.append((change, name))
            if change == "DELETED":
                del self.objects[name]
                del self.uids[name]
            else:
                self.objects[name] = str(manifest["spec"])
                self.uids[name] = meta["uid"]

    def changes(self, name: str) -> list[str]:
        with self.lock:
            return [change for change, which in self.events if which == name]

    def counts(self) -> Counter[str]:
        with self.lock:
            return Counter(change for change, _ in self.events)


class Link:
    """Forwards one port; while `silent`, it accepts and reads but passes nothing on."""

    def __init__(self, loop: asyncio.AbstractEventLoop, target: int) -> None:
        self._loop = loop
        self._target = target
        self._flowing = asyncio.Event()
        self._tasks: set[asyncio.Task] = set()
        self.port = asyncio.run_coroutine_threadsafe(self._start(), loop).result(10)

    def silence(self) -> None:
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def flow(self) -> None:
        self._loop.call_soon_threadsafe(self._flowing.set)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)

    async def _start(self) -> int:
        self._flowing.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader, writer) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        writers = [writer]
        pumps = []
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
            writers.append(there_writer)
            pumps.append(asyncio.ensure_future(self._pump(reader, there_writer)))
            pumps.append(asyncio.ensure_future(self._pump(there_reader, writer)))
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for each in writers:
                each.transport.abort()
            self._tasks.discard(task)

    async def _pump(self, reader, writer) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
