"""Warnings that the controllers of a GKE cluster leave on objects; one per cause."""

import hashlib
from collections.abc import Mapping
from typing import Any


def warning(
    obj: Mapping[str, Any], *, kind: str, reason: str, message: str, component: str
) -> dict[str, Any]:
    """Give an Event on *obj*, whose name is the same for the same message."""
    meta = obj["metadata"]
    digest = hashlib.sha256(message.encode()).hexdigest()[:10]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": meta["namespace"], "name": f"{meta['name']}.{digest}"},
        "involvedObject": {
            "apiVersion": obj["apiVersion"],
            "kind": kind,
            "namespace": meta["namespace"],
            "name": meta["name"],
            "uid": meta["uid"],
        },
        "type": "Warning",
        "reason": reason,
        "message": message,
        "source": {"component": component},
    }
