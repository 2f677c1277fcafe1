"""Connections carried on byte by byte: those to static addresses and to ports of nodes."""

import asyncio
import contextlib

_CHUNK = 64 * 1024


async def relay(
    near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    """
    Carry bytes both ways until both sides have ended; close both.

    When one side breaks, the other is cut too, so that nobody takes half an answer for a whole one.
    """
    writers = (near[1], far[1])
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_pump(near[0], far[1]))
            both.create_task(_pump(far[0], near[1]))
    except* OSError:
        for writer in writers:
            writer.transport.abort()
    finally:
        for writer in writers:
            writer.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(_CHUNK):
        sink.write(data)
        await sink.drain()
    with contextlib.suppress(OSError):
        sink.write_eof()
