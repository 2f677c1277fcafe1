"""
Cloud Scheduler's part: a call of one door at each tick, with an identity token.

A door that is away is called again at the next tick. Not modelled: cron expressions (one period),
retries within a tick.

Source: Cloud Scheduler, "Use authentication with HTTP targets".
"""

import asyncio
import contextlib

import aiohttp

_CALL_SECONDS = 60.0


class Scheduler:
    """Calls *url* every *seconds* from `start` to `close`."""

    def __init__(self, url: str, *, seconds: float, identity: str) -> None:
        """*identity*: where a token for the call is given, audience included."""
        self._url = url
        self._seconds = seconds
        self._identity = identity
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="scheduler")

    async def close(self) -> None:
        """End; twice is harmless."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        limit = aiohttp.ClientTimeout(total=_CALL_SECONDS)
        async with aiohttp.ClientSession(trust_env=False, timeout=limit) as session:
            while True:
                await asyncio.sleep(self._seconds)
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    await self._call(session)

    async def _call(self, session: aiohttp.ClientSession) -> None:
        async with session.get(self._identity, headers={"Metadata-Flavor": "Google"}) as answer:
            answer.raise_for_status()
            token = await answer.text()
        headers = {"Authorization": f"Bearer {token}"}
        async with session.post(self._url, headers=headers, data=b"") as answer:
            await answer.read()
