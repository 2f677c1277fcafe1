"""Ending asyncio servers so that no connection is left half accepted."""

import asyncio
from collections.abc import Iterable

# Turns of the loop from accept to a connection the server knows of.
_ACCEPT_TURNS = 5


async def stop_accepting(servers: Iterable[asyncio.Server]) -> None:
    """
    Close the listening sockets once every connection taken from them has reached its protocol.

    `asyncio.Server.close` alone drops a connection whose accept is under way: its socket stays open
    until it is collected (CPython's ``Server._attach`` refuses a closed server).
    """
    listening = list(servers)
    loop = asyncio.get_running_loop()
    for server in listening:
        for listener in server.sockets:
            loop.remove_reader(listener.fileno())
    for _ in range(_ACCEPT_TURNS):
        await asyncio.sleep(0)
    for server in listening:
        server.close()
