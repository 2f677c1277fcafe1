"""
Streaming pull: one stream that gives messages and takes acknowledgements.

At the end of a stream what it still holds is given back at once.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from localcloud.pubsub.backlog import Backlog, Held

_AT_ONCE: Final = 100
_OUTSTANDING: Final = 1000
_LOOK_SECONDS: Final = 1.0
_FULL_SECONDS: Final = 0.02


async def stream(
    backlog: Backlog, first: Any, requests: AsyncIterator[Any]
) -> AsyncIterator[list[Held]]:
    """
    Give batches of messages, never more outstanding than the client allows.

    Args:
        backlog: Of the subscription.
        first: The request that opened the stream.
        requests: Those that follow; the stream ends with them.
    """
    limit = first.max_outstanding_messages or _OUTSTANDING
    mine: set[str] = set()
    reading = asyncio.create_task(_read(backlog, first, requests), name="streaming-pull")
    try:
        yield []
        while not reading.done():
            mine = {ack_id for ack_id in mine if backlog.holds(ack_id)}
            room = min(limit - len(mine), _AT_ONCE)
            if room <= 0:
                await asyncio.sleep(_FULL_SECONDS)
                continue
            if found := await backlog.get(room, _LOOK_SECONDS):
                mine.update(held.ack_id for held in found)
                yield found
    finally:
        reading.cancel()
        for ack_id in mine:
            backlog.extend(ack_id, 0)


async def _read(backlog: Backlog, first: Any, requests: AsyncIterator[Any]) -> None:
    request = first
    while request is not None:
        for ack_id in request.ack_ids:
            backlog.acknowledge(ack_id)
        seconds = request.modify_deadline_seconds
        for ack_id, each in zip(request.modify_deadline_ack_ids, seconds, strict=False):
            backlog.extend(ack_id, each)
        request = await anext(requests, None)
