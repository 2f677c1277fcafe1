"""
The methods of the Subscriber service: subscriptions, pulling, acknowledging.

Source: Pub/Sub RPC reference, google.pubsub.v1 (Subscriber).
"""

from collections.abc import AsyncIterator
from typing import Any, Final

from google.protobuf import empty_pb2
from google.pubsub_v1 import types as pubsub

from localcloud.gcp.identity_tokens import Issuer
from localcloud.pubsub import filters
from localcloud.pubsub.backlog import Backlog, Held
from localcloud.pubsub.properties import LEAST_DEADLINE, LONGEST_DEADLINE, check_properties
from localcloud.pubsub.pushing import Pusher
from localcloud.pubsub.refusals import invalid, missing
from localcloud.pubsub.streaming import stream
from localcloud.pubsub.topics import Subscription, Topics, check_new

_PULL_SECONDS: Final = 3.0
_IMMUTABLE: Final = frozenset({"name", "topic", "filter", "enable_message_ordering"})


class Subscriptions:
    """Methods are named as in the service; each gets the request as a protobuf message."""

    def __init__(self, topics: Topics, issuer: Issuer) -> None:
        self._topics = topics
        self._issuer = issuer

    async def close(self) -> None:
        """End all pushing."""
        for subscription in self._topics.subscriptions.values():
            await _stop(subscription)

    def create_subscription(self, request: Any) -> Any:
        """Begin to keep the messages of a topic."""
        check_new(request.name, "subscriptions", self._topics.subscriptions)
        self._topics.topic(request.topic)
        request.ack_deadline_seconds = request.ack_deadline_seconds or LEAST_DEADLINE
        check_properties(request, self._topics)
        wants = _filter(request.filter)
        found = Subscription(Backlog(request, self._topics.deliver), wants)
        self._topics.subscriptions[request.name] = found
        self._start(found)
        return request

    def get_subscription(self, request: Any) -> Any:
        """Give a subscription."""
        return self._one(request.subscription).properties

    def list_subscriptions(self, request: Any) -> Any:
        """Give all subscriptions of a project on one page."""
        answer = pubsub.ListSubscriptionsResponse.pb(pubsub.ListSubscriptionsResponse())
        answer.subscriptions.extend(
            found.properties
            for name, found in self._topics.subscriptions.items()
            if name.startswith(f"{request.project}/")
        )
        return answer

    async def update_subscription(self, request: Any) -> Any:
        """Take over the fields of the mask, unless they are fixed at creation."""
        found = self._one(request.subscription.name)
        for path in request.update_mask.paths:
            if path.split(".")[0] in _IMMUTABLE:
                raise invalid(f"Invalid update_mask provided: {path} is immutable.")
        changed = type(found.properties)()
        changed.CopyFrom(found.properties)
        request.update_mask.MergeMessage(request.subscription, changed, True, True)
        check_properties(changed, self._topics)
        await self._replace(found, changed)
        return changed

    async def modify_push_config(self, request: Any) -> Any:
        """Push elsewhere, or no more."""
        found = self._one(request.subscription)
        changed = type(found.properties)()
        changed.CopyFrom(found.properties)
        changed.push_config.CopyFrom(request.push_config)
        check_properties(changed, self._topics)
        await self._replace(found, changed)
        return empty_pb2.Empty()

    async def delete_subscription(self, request: Any) -> Any:
        """Forget a subscription with its backlog."""
        await _stop(self._one(request.subscription))
        del self._topics.subscriptions[request.subscription]
        return empty_pb2.Empty()

    def acknowledge(self, request: Any) -> Any:
        """Forget messages."""
        backlog = self._one(request.subscription).backlog
        for ack_id in request.ack_ids:
            backlog.acknowledge(ack_id)
        return empty_pb2.Empty()

    def modify_ack_deadline(self, request: Any) -> Any:
        """Move deadlines; 0 seconds gives messages back."""
        if not 0 <= request.ack_deadline_seconds <= LONGEST_DEADLINE:
            raise invalid("Invalid ack deadline given.")
        backlog = self._one(request.subscription).backlog
        for ack_id in request.ack_ids:
            backlog.extend(ack_id, request.ack_deadline_seconds)
        return empty_pb2.Empty()

    async def pull(self, request: Any) -> Any:
        """Give what is there, or comes within three seconds."""
        if request.max_messages <= 0:
            raise invalid("max_messages must be a positive number.")
        backlog = self._one(request.subscription).backlog
        seconds = 0.0 if request.return_immediately else _PULL_SECONDS
        answer = pubsub.PullResponse.pb(pubsub.PullResponse())
        for held in await backlog.get(request.max_messages, seconds):
            answer.received_messages.append(received(held, counted=backlog.has_dead_letters))
        return answer

    async def streaming_pull(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Give messages as they come, take acknowledgements as they come."""
        first = await anext(requests)
        backlog = self._one(first.subscription).backlog
        async for found in stream(backlog, first, requests):
            answer = pubsub.StreamingPullResponse.pb(pubsub.StreamingPullResponse())
            answer.subscription_properties.SetInParent()  # clients wait for it
            for held in found:
                answer.received_messages.append(received(held, counted=backlog.has_dead_letters))
            yield answer

    def _one(self, name: str) -> Subscription:
        if name not in self._topics.subscriptions:
            raise missing(name)
        return self._topics.subscriptions[name]

    def _start(self, found: Subscription) -> None:
        if found.properties.push_config.push_endpoint:
            found.pusher = Pusher(found.backlog, self._issuer)

    async def _replace(self, found: Subscription, properties: Any) -> None:
        await _stop(found)
        found.backlog.properties = properties
        self._start(found)


def received(held: Held, *, counted: bool) -> Any:
    """Give a message as pulling gives it; the attempt is told only where it is *counted*."""
    answer = pubsub.ReceivedMessage.pb(pubsub.ReceivedMessage())
    answer.ack_id = held.ack_id
    answer.message.CopyFrom(held.message)
    if counted:
        answer.delivery_attempt = held.attempts
    return answer


def _filter(text: str) -> filters.Predicate:
    if not text:
        return lambda _attributes: True
    try:
        return filters.parse(text)
    except filters.FilterError as error:
        raise invalid(str(error)) from error


async def _stop(found: Subscription) -> None:
    if found.pusher is not None:
        await found.pusher.close()
        found.pusher = None
