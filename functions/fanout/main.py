"""The two doors of `fanout`."""

from typing import Any

from fedingress.runtime import door


def on_push(request: door.Request) -> door.Answer:
    """Google Cloud: an HTTP function behind a Pub/Sub push subscription."""
    return door.push("fanout", request)


def on_lambda_event(event: dict[str, Any], context: object) -> dict[str, Any]:
    """AWS: a Lambda function behind an SQS queue."""
    return door.batch("fanout", event, context)
