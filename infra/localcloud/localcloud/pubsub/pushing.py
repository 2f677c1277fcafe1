"""
Pushing: a subscription's messages as HTTP requests, acknowledged by the answer's status.

At most a hundred are under way for one subscription. Not modelled: the slow start of a
subscription that fails, unwrapped messages.

Source: Pub/Sub, "Push subscriptions" (body, statuses that acknowledge, the deadline as timeout).
"""

import asyncio
import base64
import contextlib
from typing import Any, Final

import aiohttp

from localcloud.gcp.identity_tokens import Issuer
from localcloud.pubsub.backlog import Backlog, Held

_MOST: Final = 100
_ACKNOWLEDGING: Final = frozenset({102, 200, 201, 202, 204})
_AGENT: Final = "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)"
_LONG: Final = 3600.0


class Pusher:
    """Pushes what is in *backlog* until it is closed."""

    def __init__(self, backlog: Backlog, issuer: Issuer) -> None:
        self._backlog = backlog
        self._issuer = issuer
        self._room = asyncio.Semaphore(_MOST)
        self._pushes: set[asyncio.Task[None]] = set()
        self._task = asyncio.create_task(self._run(), name="pusher")

    async def close(self) -> None:
        """End; what is under way is given up and comes again by its deadline."""
        tasks = [self._task, *self._pushes]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        # no proxy of the environment: pushes stay on this machine
        async with aiohttp.ClientSession(trust_env=False) as session:
            while True:
                await self._room.acquire()
                found = await self._backlog.get(1, _LONG)
                if not found:
                    self._room.release()
                for held in found:
                    task = asyncio.create_task(self._push(session, held, held.ack_id))
                    self._pushes.add(task)
                    task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._pushes.discard(task)
        self._room.release()

    async def _push(self, session: aiohttp.ClientSession, held: Held, ack_id: str) -> None:
        properties = self._backlog.properties
        config = properties.push_config
        acknowledged = False
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with session.post(
                config.push_endpoint,
                json=body(properties.name, held, counted=self._backlog.has_dead_letters),
                headers=self._headers(config),
                timeout=aiohttp.ClientTimeout(total=properties.ack_deadline_seconds),
                allow_redirects=False,
            ) as answer:
                acknowledged = answer.status in _ACKNOWLEDGING
        if acknowledged:
            self._backlog.acknowledge(ack_id)
        else:
            self._backlog.extend(ack_id, 0)

    def _headers(self, config: Any) -> dict[str, str]:
        headers = {"Accept": "application/json", "From": "noreply@google.com", "User-Agent": _AGENT}
        email = config.oidc_token.service_account_email
        if email:
            audience = config.oidc_token.audience or config.push_endpoint
            headers["Authorization"] = f"Bearer {self._issuer.token(email, audience)}"
        return headers


def body(subscription: str, held: Held, *, counted: bool) -> dict[str, Any]:
    """
    Give the JSON of a push.

    Args:
        subscription: Its full name.
        held: What is pushed.
        counted: Whether the attempt is told, as where there are dead letters.
    """
    sent = held.message
    published = sent.publish_time.ToJsonString()
    message: dict[str, Any] = {
        "data": base64.b64encode(sent.data).decode(),
        "messageId": sent.message_id,
        "message_id": sent.message_id,
        "publishTime": published,
        "publish_time": published,
    }
    if sent.attributes:
        message["attributes"] = dict(sent.attributes)
    envelope = {"message": message, "subscription": subscription}
    return envelope | ({"deliveryAttempt": held.attempts} if counted else {})
