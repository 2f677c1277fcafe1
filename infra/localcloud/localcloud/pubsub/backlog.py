"""
The backlog of one subscription: who holds which message until when, and what comes again.

A message is waiting, or outstanding with an ack deadline. Returned by a refusal or by its deadline,
it waits for its turn by the retry policy, or goes to the dead letter topic after its last attempt.

Source: Pub/Sub, "Subscription properties", "Handle message failures" (retry policy, dead letter
topics and their attributes).
"""

import asyncio
import contextlib
import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from google.pubsub_v1 import types as pubsub

_FIRST_PUSH_BACKOFF: Final = 0.1
_LAST_PUSH_BACKOFF: Final = 60.0
_FIRST_BACKOFF: Final = 10.0
_LAST_BACKOFF: Final = 600.0
_ATTEMPTS: Final = 5
_GROWTH: Final = 16


@dataclass(slots=True, kw_only=True, eq=False)
class Held:
    """
    One message of one subscription.

    attempts: deliveries so far.   ack_id: of the last one.   deadline: of that delivery, by the
    loop's clock.
    """

    message: Any
    attempts: int = 0
    ack_id: str = ""
    deadline: float = 0.0


class Backlog:
    """
    The messages of a subscription that nobody has acknowledged.

    properties: the subscription itself, read anew at each step, for it may be updated.
    forward: takes a topic's name and a message that goes there as a dead letter.
    """

    def __init__(self, properties: Any, forward: Callable[[str, Any], None]) -> None:
        self.properties = properties
        self._forward = forward
        self._ready: deque[Held] = deque()
        self._later: list[tuple[float, int, Held]] = []
        self._outstanding: dict[str, Held] = {}
        self._expiry = math.inf  # no deadline is earlier
        self._changed = asyncio.Event()
        self._ids = itertools.count(1)

    @property
    def has_dead_letters(self) -> bool:
        """Whether attempts are counted, and told to the subscriber."""
        return bool(self.properties.dead_letter_policy.dead_letter_topic)

    def add(self, message: Any) -> None:
        """Keep *message* until it is acknowledged."""
        self._ready.append(Held(message=message))
        self._changed.set()

    async def get(self, most: int, seconds: float) -> list[Held]:
        """Take up to *most* messages; empty when none came in *seconds*."""
        end = self._now() + seconds
        while True:
            self._changed.clear()
            if found := self._take(most):
                return found
            if end <= (now := self._now()):
                return []
            left = min(end, self._expiry, *(due for due, _, _ in self._later[:1])) - now
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), max(left, 0.001))

    def acknowledge(self, ack_id: str) -> None:
        """Forget a message; an id that has expired is no error."""
        self._outstanding.pop(ack_id, None)

    def extend(self, ack_id: str, seconds: int) -> None:
        """Move the deadline to *seconds* from now; 0 gives the message back."""
        if ack_id not in self._outstanding:
            return
        if seconds == 0:
            self._return(self._outstanding.pop(ack_id))
        else:
            self._outstanding[ack_id].deadline = self._now() + seconds
            self._expiry = min(self._expiry, self._now() + seconds)
            self._changed.set()

    def holds(self, ack_id: str) -> bool:
        """Whether a delivery is still outstanding."""
        return ack_id in self._outstanding

    def _take(self, most: int) -> list[Held]:
        now = self._now()
        self._expire(now)
        while self._later and self._later[0][0] <= now:
            self._ready.append(heapq.heappop(self._later)[2])
        found = [self._ready.popleft() for _ in range(min(most, len(self._ready)))]
        for held in found:
            held.attempts += 1
            held.ack_id = f"{self.properties.name.split('/')[-1]}:{next(self._ids)}"
            held.deadline = now + self.properties.ack_deadline_seconds
            self._outstanding[held.ack_id] = held
            self._expiry = min(self._expiry, held.deadline)
        return found

    def _expire(self, now: float) -> None:
        if now < self._expiry:
            return
        for held in [each for each in self._outstanding.values() if each.deadline <= now]:
            self._return(self._outstanding.pop(held.ack_id))
        self._expiry = min((each.deadline for each in self._outstanding.values()), default=math.inf)

    def _return(self, held: Held) -> None:
        policy = self.properties.dead_letter_policy
        if self.has_dead_letters and held.attempts >= (policy.max_delivery_attempts or _ATTEMPTS):
            self._forward(policy.dead_letter_topic, self._dead(held))
            return
        due = self._now() + self._backoff(held.attempts)
        heapq.heappush(self._later, (due, next(self._ids), held))
        self._changed.set()

    def _dead(self, held: Held) -> Any:
        _, project, _, name = self.properties.name.split("/")
        dead = pubsub.PubsubMessage.pb(pubsub.PubsubMessage())
        dead.CopyFrom(held.message)
        prefix = "CloudPubSubDeadLetterSource"
        dead.attributes.update(
            {
                f"{prefix}DeliveryCount": str(held.attempts),
                f"{prefix}Subscription": name,
                f"{prefix}SubscriptionProject": project,
                f"{prefix}TopicPublishTime": held.message.publish_time.ToJsonString(),
            }
        )
        return dead

    def _backoff(self, attempts: int) -> float:
        """Seconds until the next attempt; without a policy pushes slow down, pulls do not."""
        grown = 2.0 ** min(attempts - 1, _GROWTH)
        if not self.properties.HasField("retry_policy"):
            pushed = self.properties.push_config.push_endpoint
            return min(_FIRST_PUSH_BACKOFF * grown, _LAST_PUSH_BACKOFF) if pushed else 0.0
        policy = self.properties.retry_policy
        first = _seconds(policy, "minimum_backoff", _FIRST_BACKOFF)
        last = _seconds(policy, "maximum_backoff", _LAST_BACKOFF)
        return min(first * grown, last)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _seconds(policy: Any, name: str, default: float) -> float:
    if not policy.HasField(name):
        return default
    return float(getattr(policy, name).ToTimedelta().total_seconds())
