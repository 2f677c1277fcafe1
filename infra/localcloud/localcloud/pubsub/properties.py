"""
What a subscription may be: the ranges that Pub/Sub keeps, and the features that are not here.

Source: Pub/Sub, "Subscription properties".
"""

from typing import Any, Final

from localcloud.pubsub.refusals import invalid, unmodelled
from localcloud.pubsub.topics import Topics

LEAST_DEADLINE: Final = 10
LONGEST_DEADLINE: Final = 600
_LONGEST_BACKOFF: Final = 600
_ATTEMPTS: Final = (5, 100)


def check_properties(wanted: Any, topics: Topics) -> None:
    """
    Refuse a subscription that Pub/Sub refuses, or that asks for what is not modelled.

    Raises:
        RefusedError: INVALID_ARGUMENT, NOT_FOUND of its dead letter topic, or UNIMPLEMENTED.
    """
    if not LEAST_DEADLINE <= wanted.ack_deadline_seconds <= LONGEST_DEADLINE:
        raise invalid("Invalid ack deadline given.")
    endpoint = wanted.push_config.push_endpoint
    if endpoint and not endpoint.startswith(("http://", "https://")):
        raise invalid("Invalid push endpoint given.")
    if wanted.dead_letter_policy.dead_letter_topic:
        _check_dead_letters(wanted.dead_letter_policy, topics)
    for name in ("minimum_backoff", "maximum_backoff"):
        seconds = getattr(wanted.retry_policy, name).ToTimedelta().total_seconds()
        if not 0 <= seconds <= _LONGEST_BACKOFF:
            raise invalid(f"{name} must be between 0 and {_LONGEST_BACKOFF} seconds.")
    _check_modelled(wanted)


def _check_dead_letters(policy: Any, topics: Topics) -> None:
    topics.topic(policy.dead_letter_topic)
    least, most = _ATTEMPTS
    if policy.max_delivery_attempts and not least <= policy.max_delivery_attempts <= most:
        raise invalid(f"max_delivery_attempts must be between {least} and {most}.")


def _check_modelled(wanted: Any) -> None:
    for name in ("enable_message_ordering", "enable_exactly_once_delivery"):
        if getattr(wanted, name):
            raise unmodelled(name)
    for name in ("bigquery_config", "cloud_storage_config"):
        if wanted.HasField(name):
            raise unmodelled(name)
    if wanted.push_config.HasField("no_wrapper"):
        raise unmodelled("unwrapped pushes")
