"""
The gRPC wire: names of methods and types of requests, taken from the client library's own types.

`google-cloud-pubsub` ships no server side, so that a generic handler stands in its place. Methods
that are not here are answered UNIMPLEMENTED by gRPC itself.
"""

import inspect
import re
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import grpc
from google.pubsub_v1 import types as pubsub

from localcloud.pubsub.refusals import RefusedError
from localcloud.pubsub.subscriptions import Subscriptions
from localcloud.pubsub.topics import Topics

_SERVICE: Final = "/google.pubsub.v1."
_METHODS: Final = {
    "Publisher": (
        "CreateTopic",
        "DeleteTopic",
        "GetTopic",
        "ListTopicSubscriptions",
        "ListTopics",
        "Publish",
        "UpdateTopic",
    ),
    "Subscriber": (
        "Acknowledge",
        "CreateSubscription",
        "DeleteSubscription",
        "GetSubscription",
        "ListSubscriptions",
        "ModifyAckDeadline",
        "ModifyPushConfig",
        "Pull",
        "StreamingPull",
        "UpdateSubscription",
    ),
}
_BARE: Final = {"CreateTopic": "Topic", "CreateSubscription": "Subscription"}
"""Methods whose request is the resource itself."""


class Wire(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """Routes calls to the methods of *topics* and *subscriptions*."""

    def __init__(self, topics: Topics, subscriptions: Subscriptions) -> None:
        owners = {"Publisher": topics, "Subscriber": subscriptions}
        self._handlers = {
            f"{_SERVICE}{service}/{name}": _handler(name, getattr(owners[service], _snake(name)))
            for service, names in _METHODS.items()
            for name in names
        }

    def service(self, details: Any) -> Any:
        """Give the handler of a call, None where there is none."""
        return self._handlers.get(details.method)


def _handler(name: str, method: Callable[..., Any]) -> Any:
    request = getattr(pubsub, _BARE.get(name, f"{name}Request"))
    raw = type(request.pb(request()))
    if name == "StreamingPull":
        return grpc.stream_stream_rpc_method_handler(
            _streaming(method), raw.FromString, _serialized
        )
    return grpc.unary_unary_rpc_method_handler(_unary(method), raw.FromString, _serialized)


def _unary(method: Callable[[Any], Any]) -> Any:
    async def answer(request: Any, context: Any) -> Any:
        try:
            found = method(request)
            return await found if inspect.isawaitable(found) else found
        except RefusedError as error:
            await context.abort(error.code, error.message)

    return answer


def _streaming(method: Callable[[AsyncIterator[Any]], AsyncIterator[Any]]) -> Any:
    async def answer(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        try:
            async for found in method(requests):
                yield found
        except RefusedError as error:
            await context.abort(error.code, error.message)

    return answer


def _serialized(message: Any) -> bytes:
    return bytes(message.SerializeToString())


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
