"""
The topics and subscriptions of one server, and the methods of the Publisher service.

Source: Pub/Sub RPC reference, google.pubsub.v1 (Publisher); "Create a topic" (names), "Quotas and
limits" (1000 messages and 10 MB in a call).
"""

import itertools
import re
from typing import Any, Final

from google.protobuf import empty_pb2, timestamp_pb2
from google.pubsub_v1 import types as pubsub

from localcloud.pubsub.backlog import Backlog
from localcloud.pubsub.filters import Predicate
from localcloud.pubsub.pushing import Pusher
from localcloud.pubsub.refusals import Code, RefusedError, invalid, missing, unmodelled

DELETED_TOPIC: Final = "_deleted-topic_"
_NAME: Final = re.compile(
    r"projects/[^/]+/(topics|subscriptions)/(?!goog)[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}"
)
_MOST: Final = 1000
_LARGEST: Final = 10_000_000


class Subscription:
    """One subscription: its *backlog*, which messages it *wants*, and its *pusher* if any."""

    def __init__(self, backlog: Backlog, wants: Predicate) -> None:
        self.backlog = backlog
        self.wants = wants
        self.pusher: Pusher | None = None

    @property
    def properties(self) -> Any:
        """The subscription as its users see it."""
        return self.backlog.properties


class Topics:
    """Methods are named as in the service; each gets the request as a protobuf message."""

    def __init__(self) -> None:
        self.topics: dict[str, Any] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self._ids = itertools.count(1)

    def topic(self, name: str) -> Any:
        """Give a topic, or refuse: there is none."""
        if name not in self.topics:
            raise missing(name)
        return self.topics[name]

    def deliver(self, topic: str, message: Any) -> None:
        """Hand *message* to each subscription of *topic* that wants it."""
        for subscription in self.subscriptions.values():
            wanted = subscription.wants(message.attributes)
            if wanted and subscription.properties.topic == topic:
                subscription.backlog.add(message)

    def create_topic(self, request: Any) -> Any:
        """Keep a topic."""
        check_new(request.name, "topics", self.topics)
        self.topics[request.name] = request
        return request

    def get_topic(self, request: Any) -> Any:
        """Give a topic."""
        return self.topic(request.topic)

    def update_topic(self, request: Any) -> Any:
        """Take over the fields of the mask."""
        found = self.topic(request.topic.name)
        request.update_mask.MergeMessage(request.topic, found, True, True)
        return found

    def delete_topic(self, request: Any) -> Any:
        """Forget a topic; its subscriptions stay, and get nothing more."""
        self.topic(request.topic)
        del self.topics[request.topic]
        for subscription in self.subscriptions.values():
            if subscription.properties.topic == request.topic:
                subscription.properties.topic = DELETED_TOPIC
        return empty_pb2.Empty()

    def list_topics(self, request: Any) -> Any:
        """Give all topics of a project on one page."""
        answer = pubsub.ListTopicsResponse.pb(pubsub.ListTopicsResponse())
        answer.topics.extend(_of_project(request.project, self.topics))
        return answer

    def list_topic_subscriptions(self, request: Any) -> Any:
        """Give the names of a topic's subscriptions on one page."""
        self.topic(request.topic)
        answer = pubsub.ListTopicSubscriptionsResponse.pb(pubsub.ListTopicSubscriptionsResponse())
        answer.subscriptions.extend(
            name
            for name, found in self.subscriptions.items()
            if found.properties.topic == request.topic
        )
        return answer

    def publish(self, request: Any) -> Any:
        """Accept all messages of a call or none."""
        self.topic(request.topic)
        _check_messages(request)
        now = timestamp_pb2.Timestamp()
        now.GetCurrentTime()
        answer = pubsub.PublishResponse.pb(pubsub.PublishResponse())
        for message in request.messages:
            message.message_id = str(next(self._ids))
            message.publish_time.CopyFrom(now)
            answer.message_ids.append(message.message_id)
            self.deliver(request.topic, message)
        return answer


def check_new(name: str, kind: str, existing: dict[str, Any]) -> None:
    """Refuse a name that is no name of *kind*, or taken."""
    found = _NAME.fullmatch(name)
    if found is None or found.group(1) != kind:
        raise invalid(f"Invalid resource name given (name={name}).")
    if name in existing:
        short = name.rsplit("/", 1)[-1]
        message = f"Resource already exists in the project (resource={short})."
        raise RefusedError(Code.ALREADY_EXISTS, message)


def _check_messages(request: Any) -> None:
    if not 0 < len(request.messages) <= _MOST:
        raise invalid(f"A publish request holds 1 to {_MOST} messages.")
    if request.ByteSize() > _LARGEST:
        raise invalid("The publish request is too large.")
    for message in request.messages:
        if not message.data and not message.attributes:
            raise invalid("One or more messages in the publish request is empty.")
        if message.ordering_key:
            raise unmodelled("ordering keys")


def _of_project(project: str, found: dict[str, Any]) -> list[Any]:
    return [each for name, each in found.items() if name.startswith(f"{project}/")]
