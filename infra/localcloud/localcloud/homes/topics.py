"""
The topics and subscriptions of the home on Google Cloud, as its Terraform has them.

`changes` is what clusters publish and only fan-out reads; `work` is what the functions ask of each
other, with one filtered push subscription for each. What a door refuses five times goes to
`dead-letters`. Times to wait are shorter here; their order is the same.

Source: Pub/Sub reference, `Subscription` (push config, filter, retry and dead-letter policy).
"""

from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

WORK, CHANGES, DEAD = "work", "changes", "dead-letters"
CONCERNS = ("fanout", "backends", "dns", "status")
AUDIENCE = "https://functions.lab"
_TRIES = 5


def create(endpoint: str, project: str, pusher: str, doors: Mapping[str, str]) -> None:
    """
    Make them all.

    Args:
        endpoint: HOST:PORT of Pub/Sub.
        project: Whose they are.
        pusher: The account whose tokens pushes carry.
        doors: The URL of each function's door, by concern.
    """
    with _clients(endpoint) as (publisher, subscriber):
        for name in (WORK, CHANGES, DEAD):
            publisher.create_topic(name=f"projects/{project}/topics/{name}")
        for concern in CONCERNS:
            request = _push(project, subscription_of(concern), WORK, pusher)
            request["push_config"]["push_endpoint"] = doors[concern]
            request["filter"] = f'attributes.concern = "{concern}"'
            subscriber.create_subscription(request=request)
        changes = _push(project, CHANGES, CHANGES, pusher)
        changes["push_config"]["push_endpoint"] = doors["fanout"]
        subscriber.create_subscription(request=changes)
        subscriber.create_subscription(
            request={
                "name": f"projects/{project}/subscriptions/{DEAD}",
                "topic": f"projects/{project}/topics/{DEAD}",
            }
        )


def subscription_of(concern: str) -> str:
    """The name of the subscription to `work` that pushes to *concern*."""
    return f"{WORK}-{concern}"


def _push(project: str, name: str, topic: str, pusher: str) -> dict[str, Any]:
    """A push subscription with tokens, in Pub/Sub's own words, but for its endpoint."""
    return {
        "name": f"projects/{project}/subscriptions/{name}",
        "topic": f"projects/{project}/topics/{topic}",
        "ack_deadline_seconds": 600,
        "push_config": {
            "oidc_token": {"service_account_email": pusher, "audience": AUDIENCE},
        },
        "retry_policy": {"minimum_backoff": {"seconds": 1}, "maximum_backoff": {"seconds": 10}},
        "dead_letter_policy": {
            "dead_letter_topic": f"projects/{project}/topics/{DEAD}",
            "max_delivery_attempts": _TRIES,
        },
    }


@contextmanager
def _clients(endpoint: str) -> "Iterator[tuple[Any, Any]]":
    import grpc  # noqa: PLC0415 - slow, and for this home only
    from google.pubsub_v1 import PublisherClient, SubscriberClient  # noqa: PLC0415
    from google.pubsub_v1.services.publisher.transports import (  # noqa: PLC0415
        PublisherGrpcTransport,
    )
    from google.pubsub_v1.services.subscriber.transports import (  # noqa: PLC0415
        SubscriberGrpcTransport,
    )

    with grpc.insecure_channel(endpoint, options=[("grpc.enable_http_proxy", 0)]) as channel:
        yield (
            PublisherClient(transport=PublisherGrpcTransport(channel=channel)),
            SubscriberClient(transport=SubscriberGrpcTransport(channel=channel)),
        )
