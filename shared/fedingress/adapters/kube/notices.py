"""
Notices as Kubernetes Events.

The name follows from the source, the reason and the message, so that the API server itself refuses
a repetition, whichever instance sends it. Events expire (one hour by default); a cause that lasts
is then told again.

Source: Kubernetes API reference, Event v1 core.
"""

import time
from datetime import UTC, datetime
from typing import Any, Final

from fedingress.domain.ingress import Source
from fedingress.domain.names import CONTROLLER, short_hash
from fedingress.ports.sources import Notice

_MESSAGE_LIMIT: Final = 1024
_REASON_LIMIT: Final = 128
_NAME_ROOM: Final = 200


def event(source: Source, notice: Notice) -> dict[str, Any]:
    """The Event that tells *notice* of *source*."""
    digest = short_hash(source.uid, notice.reason, notice.message, length=16)
    prefix = source.key.name[:_NAME_ROOM].rstrip("-.")
    now = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": source.key.namespace, "name": f"{prefix}.{digest}"},
        "involvedObject": {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "namespace": source.key.namespace,
            "name": source.key.name,
            "uid": source.uid,
            "resourceVersion": source.resource_version,
        },
        "type": notice.type,
        "reason": notice.reason[:_REASON_LIMIT],
        "message": notice.message[:_MESSAGE_LIMIT],
        "source": {"component": "fedingress"},
        "reportingComponent": CONTROLLER,
        "reportingInstance": "fedingress",
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
