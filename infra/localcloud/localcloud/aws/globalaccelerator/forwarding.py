"""
Accelerators at work: connections to their static addresses go on to a load balancer, byte by byte.

The client's place is its source address, which the load balancer sees too, as an Application Load
Balancer behind an accelerator does. A connection stays where it went; rules count for new ones.

Not modelled: UDP, client affinity, edges of their own health (any is as good as another).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from localcloud.aws.elb.balancers import Balancers
from localcloud.aws.globalaccelerator.accelerators import Listener, route
from localcloud.aws.globalaccelerator.api import GlobalAccelerators
from localcloud.dataplane.haproxy.program import BOUND_PORTS
from localcloud.dataplane.relay import relay

log = logging.getLogger(__name__)
_CONNECT_SECONDS = 3.0

Key = tuple[str, int]


class Forwarding:
    """Listens for enabled accelerators until `close`."""

    def __init__(
        self,
        accelerators: GlobalAccelerators,
        balancers: Balancers,
        distance: Callable[[str, str], float],
    ) -> None:
        """
        Follow *accelerators*; nothing listens yet.

        Args:
            accelerators: Of the account.
            balancers: Their endpoints.
            distance: Address of a client, region -> how far it is.
        """
        self._accelerators = accelerators
        self._balancers = balancers
        self._distance = distance
        self._servers: dict[Key, asyncio.Server] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen, and follow changes."""
        self._accelerators.changed = self._wake.set
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop listening and end all connections."""
        self._accelerators.changed = lambda: None
        tasks = [*self._connections, *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._listen({})

    async def _follow(self) -> None:
        while True:
            self._wake.clear()
            await self._listen(self._wanted())
            await self._wake.wait()

    def _wanted(self) -> Mapping[Key, tuple[str, str]]:
        return {
            (address, port): (found.arn, listener.arn)
            for found in self._accelerators.all.values()
            if found.enabled
            for listener in found.listeners.values()
            for address in found.addresses
            for first, last in listener.ports
            for port in range(first, last + 1)
            if port in BOUND_PORTS
        }

    async def _listen(self, wanted: Mapping[Key, tuple[str, str]]) -> None:
        for key in [each for each in self._servers if each not in wanted]:
            self._servers.pop(key).close()
        for key, (accelerator, listener) in wanted.items():
            if key not in self._servers:
                address, port = key
                try:
                    self._servers[key] = await asyncio.start_server(
                        self._accepted(accelerator, listener, port), address, BOUND_PORTS[port]
                    )
                except OSError:
                    log.exception("%s:%d is not served", address, port)

    def _accepted(
        self, accelerator: str, listener: str, port: int
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._connections.add(task)
            try:
                found = self._accelerators.all.get(accelerator)
                if found is not None and listener in found.listeners:
                    await self._carry(found.listeners[listener], port, reader, writer)
            except (OSError, TimeoutError) as error:
                log.info("a connection to %s ended: %s", accelerator, error)
            finally:
                self._connections.discard(task)
                writer.close()

        return accepted

    async def _carry(
        self,
        listener: Listener,
        port: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        client = writer.get_extra_info("peername")[0]
        arn = route(
            [*listener.groups.values()],
            lambda region: self._distance(client, region),
            self._accelerators.healthy,
        )
        balancer = self._balancers.all.get(arn)
        if balancer is None:
            return
        connecting = asyncio.open_connection(
            balancer.address, BOUND_PORTS[port], local_addr=(client, 0)
        )
        await relay((reader, writer), await asyncio.wait_for(connecting, _CONNECT_SECONDS))
