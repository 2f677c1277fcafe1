"""The two doors of `tick`."""

from typing import Any

from fedingress.runtime import door


def on_push(request: door.Request) -> door.Answer:
    """Google Cloud: an HTTP function."""
    return door.tick_push(request)


def on_lambda_event(event: dict[str, Any], context: object) -> dict[str, Any]:
    """AWS: a Lambda function."""
    return door.tick_invoke(event, context)
