"""
One stored object under several names: other versions of a CRD, and ``events.k8s.io`` Events.

Events are stored as core ``v1``; the newer API renames their fields.

Source: kubernetes ``pkg/apis/events/v1/conversion.go``.
"""

import json
from collections.abc import Mapping
from typing import Any

from localcloud.kube.resources import Resource
from localcloud.kube.store import Entry, encoded

_RENAMED = {  # events.k8s.io/v1 → core v1
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedCount": "count",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedSource": "source",
}
_RENAMED_BACK = {old: new for new, old in _RENAMED.items()}

PARTIAL = "PartialObjectMetadata"
META = "meta.k8s.io/v1"

_EVENTS = "events.k8s.io"


def shown(resource: Resource, obj: Mapping[str, Any]) -> dict[str, Any]:
    """Give a stored object as *resource* shows it."""
    seen = {**obj, "apiVersion": resource.api_version}
    if resource.group == _EVENTS:
        seen = {_RENAMED_BACK.get(key, key): value for key, value in seen.items()}
    return seen


def stored(resource: Resource, obj: Mapping[str, Any]) -> dict[str, Any]:
    """Give an object that was sent to *resource* as it is stored."""
    if resource.group != _EVENTS:
        return dict(obj)
    kept = {_RENAMED.get(key, key): value for key, value in obj.items()}
    return {**kept, "apiVersion": "v1"}


def metadata(entry: Entry) -> bytes:
    """Give the JSON of an object's metadata, which is all that some clients ask for."""
    return encoded({"kind": PARTIAL, "apiVersion": META, "metadata": entry.obj["metadata"]})


def raw(resource: Resource, entry: Entry) -> bytes:
    """Give the JSON of a stored object as *resource* shows it."""
    if entry.obj["apiVersion"] == resource.api_version:
        return entry.raw
    return encoded(shown(resource, json.loads(entry.raw)))
