"""What the controller says of objects that it cannot serve."""

from collections.abc import Mapping
from typing import Any

COMPONENT = "elbv2-controller"


def warning(obj: Mapping[str, Any], word: str, reason: str, message: str) -> dict[str, Any]:
    """
    Give an Event on *obj*; the latest one of it takes the place of the one before.

    Args:
        obj: An Ingress or a Service.
        word: Ends the Event's name.
        reason: ``FailedBuildModel`` or ``FailedDeployModel``.
        message: A sentence.
    """
    meta = obj["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": meta["namespace"], "name": f"{meta['name']}.{word}"},
        "involvedObject": {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            "namespace": meta["namespace"],
            "name": meta["name"],
            "uid": meta["uid"],
        },
        "type": "Warning",
        "reason": reason,
        "message": message,
        "source": {"component": COMPONENT},
    }
