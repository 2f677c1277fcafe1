"""
What of an object matters to us: the watcher stays silent while only the rest changes.

Our own status, annotations and finalizers, managed fields, resource versions and heartbeats of
controllers change often and mean nothing; passing them on would let our own writes wake us.
"""

import hashlib
import json
import math
import sys
from collections.abc import Mapping
from typing import Any, Final

from fedingress.domain import names
from fedingress.domain.ingress import Manifest
from fedingress.planning.readiness import counts

_OURS: Final = frozenset({names.CONDITIONS, names.TABLE, names.FOOTPRINT})
_NOISE: Final = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})
_REPORTS: Final = frozenset(
    f"ingress.kubernetes.io/{name}"
    for name in (
        "backends",
        "forwarding-rule",
        "https-forwarding-rule",
        "https-target-proxy",
        "redirect-url-map",
        "ssl-cert",
        "static-ip",
        "target-proxy",
        "url-map",
    )
)
"""What GKE's controller notes on an Ingress that it serves, the health of its backends among it. On
our copies nothing follows from that; its groups, which are noted elsewhere, stay relevant.
Source: kubernetes/ingress-gce, pkg/annotations and pkg/loadbalancers."""
_SERVICE_FIELDS: Final = ("type", "selector", "ports")
_ROUTED: Final = (names.SOURCE, names.SERVICE)
_BY_VERSION: Final = frozenset({"Secret", "PartialObjectMetadata"})
"""Of these only metadata is watched: another version is all that can be seen of a change."""
_STEP: Final = 1.1
"""By what factor a number of endpoints has to change to be news."""
_PROFILE_FIELDS: Final = ("accessProviders", "credentialProviders", "properties")


def digest(manifest: Manifest) -> str:
    """A hash of what matters of *manifest*; equal for objects that differ elsewhere only."""
    text = json.dumps(relevant(manifest), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def stub(manifest: Manifest) -> Manifest:
    """What is remembered of *manifest*: its identity, and our own marks, which lead to a source."""
    meta = manifest["metadata"]
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    kept: dict[str, Any] = {"name": str(meta["name"]), "uid": str(meta.get("uid"))}
    if meta.get("namespace"):
        kept["namespace"] = sys.intern(str(meta["namespace"]))
    routed = (names.OWNER, names.OWNER_UID, names.SERVICE_NAME)
    marks = {key: labels[key] for key in routed if key in labels}
    notes = {key: annotations[key] for key in _ROUTED if key in annotations}
    if marks:
        kept["labels"] = marks
    if notes:
        kept["annotations"] = notes
    return {"kind": manifest.get("kind"), "metadata": kept}


def relevant(manifest: Manifest) -> Mapping[str, Any]:
    """What matters of *manifest*, by its kind."""
    if manifest.get("kind") == "EndpointSlice":
        return _endpoints(manifest)
    meta = manifest.get("metadata") or {}
    spec, status = manifest.get("spec") or {}, manifest.get("status") or {}
    found: dict[str, Any] = {
        "uid": meta.get("uid"),
        "deleting": "deletionTimestamp" in meta,
        "labels": meta.get("labels") or {},
        "annotations": _annotations(meta.get("annotations") or {}),
    }
    kind = manifest.get("kind")
    if kind in _BY_VERSION:
        return {"uid": meta.get("uid"), "version": meta.get("resourceVersion")}
    if kind == "Service":
        found["spec"] = {name: spec.get(name) for name in _SERVICE_FIELDS}
    elif kind == "ClusterProfile":
        found["spec"] = spec
        found["status"] = {name: status.get(name) for name in _PROFILE_FIELDS}
        found["conditions"] = {
            str(item.get("type")): item.get("status") for item in status.get("conditions") or ()
        }
    else:
        found["spec"] = spec
        # The address that a controller gives to a copy in a member is news; the one that we write
        # on a source is not.
        if names.OWNER_UID in found["labels"]:
            for name in _REPORTS & found["annotations"].keys():
                del found["annotations"][name]
            found["addresses"] = (status.get("loadBalancer") or {}).get("ingress") or []
    return found


def _endpoints(manifest: Manifest) -> Mapping[str, Any]:
    """Of endpoints, whose they are and about how many: a single pod of many is no news."""
    meta = manifest.get("metadata") or {}
    return {
        "uid": meta.get("uid"),
        "service": (meta.get("labels") or {}).get(names.SERVICE_NAME),
        "endpoints": [_about(number) for number in counts(manifest)],
    }


def _about(number: int) -> int:
    """0 for none, else a step of some ten per cent."""
    return 1 + round(math.log(number, _STEP)) if number else 0


def _annotations(annotations: Mapping[str, str]) -> dict[str, str]:
    return {
        key: value for key, value in annotations.items() if key not in _OURS and key not in _NOISE
    }
