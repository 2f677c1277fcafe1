"""
From the JSON of a ClusterProfile to a member cluster.

Called by every implementation of the port `Sources`, for its inventory.

Source: multicluster.x-k8s.io/v1alpha1 ClusterProfile (KEP-4322).
"""

import re
from typing import Final

from fedingress.domain import names
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.ingress import Fault, Manifest
from fedingress.planning.decode.access import ACCESS_PROVIDERS, access_of
from fedingress.planning.decode.reading import Cell, kind, named
from fedingress.planning.decode.words import (
    DNS_1123_LABEL,
    DNS_1123_SUBDOMAIN,
    GCE_NAME,
    PROJECT,
    quoted,
    unknown_word,
)

LEAVING: Final = "fedingress.dev/leaving"
"""Annotation: "true" while the operator wants the member drained, then emptied."""
CLOUDS: Final = ("gcp", "aws", "onprem")
PROPERTIES: Final = (
    *("provider", "region", "zones", "project", "account", "network", "node-tags", "uid"),
    "capacity",
)
_LISTS: Final = {"zones": "a zone", "node-tags": "a network tag"}

_PLACE: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NETWORK: Final = re.compile(rf"(projects/{PROJECT.pattern}/global/networks/)?{GCE_NAME.pattern}")
_PATTERNS: Final = {
    "region": (_PLACE, "the name of a region"),
    "project": (PROJECT, "the id of a GCP project"),
    "account": (re.compile(r"[0-9]{12}"), "an AWS account of 12 digits"),
    "network": (_NETWORK, "the name of a network"),
    "capacity": (re.compile(r"(?!0+(\.0+)?\Z)[0-9]{1,12}(\.[0-9]{1,6})?"), "a number above 0"),
    "uid": (re.compile(r"[A-Za-z0-9]([-A-Za-z0-9]{0,62})"), "a uid"),
}


def member(manifest: Manifest, where: str = "") -> MemberCluster | tuple[Fault, ...]:
    """
    Decode a ClusterProfile.

    Args:
        manifest: The object as JSON; nothing of it is trusted.
        where: What to call it in faults; `ClusterProfile namespace/name` when empty.

    Returns:
        The member, with `access` None while no access provider is listed yet; or every fault.
    """
    faults: list[Fault] = []
    whole = Cell(
        value=manifest, at="", where=where or named(manifest, "ClusterProfile"), faults=faults
    )
    kind(whole, "multicluster.x-k8s.io/v1alpha1", "ClusterProfile")
    meta = whole.child("metadata")
    name = meta.child("name").required(like=DNS_1123_SUBDOMAIN, noun="a DNS-1123 subdomain")
    namespace = meta.child("namespace").text(
        "default", like=DNS_1123_LABEL, noun="a DNS-1123 label"
    )
    manager = whole.child("spec").child("clusterManager").child("name")
    manager.required(noun="the manager that keeps this profile")
    status = whole.child("status")
    found = _properties(status.child("properties"))
    access = access_of(
        status, token_secret=f"{namespace}/{name}-token", region=found.get("region", "")
    )
    decoded = MemberCluster(
        name=name,
        access=access,
        provider=found.get("provider") or (ACCESS_PROVIDERS[access.provider] if access else ""),
        region=found.get("region", ""),
        zones=tuple(zone for zone in found.get("zones", "").split(",") if zone),
        project=found.get("project", ""),
        account=found.get("account", ""),
        network=found.get("network", ""),
        node_tags=tuple(tag for tag in found.get("node-tags", "").split(",") if tag),
        uid=found.get("uid", ""),
        healthy=_healthy(status.child("conditions")),
        leaving=_flag(meta.child("annotations"), LEAVING),
        drained=_flag(meta.child("annotations"), names.DRAIN),
        capacity=float(found["capacity"]) if found.get("capacity") else None,
        labels=meta.child("labels").texts(),
    )
    return tuple(faults) or decoded


def _flag(cell: Cell, name: str) -> bool:
    told = cell.texts().get(name, "false")
    if told not in ("true", "false"):
        cell.fault(f"{name} is {quoted(told)}, neither true nor false")
    return told == "true"


def _healthy(cell: Cell) -> bool | None:
    for item in cell.items():
        if item.child("type").value == "ControlPlaneHealthy":
            told = item.child("status").choice(("True", "False", "Unknown"), noun="status")
            return {"True": True, "False": False}.get(told)
    return None


def _properties(cell: Cell) -> dict[str, str]:
    """Ours, without the prefix; those of others are theirs."""
    found: dict[str, str] = {}
    for item in cell.items():
        told = item.child("name").text()
        if not told.startswith(names.PREFIX):
            continue
        name = told.removeprefix(names.PREFIX)
        written = item.child("value")
        if name not in PROPERTIES:
            item.child("name").fault(unknown_word("property", name, PROPERTIES))
        elif name in found:
            item.child("name").fault(f"{told} is given twice")
        else:
            found[name] = _property(name, written)
    return found


def _property(name: str, cell: Cell) -> str:
    if name == "provider":
        return cell.choice(CLOUDS, noun="provider")
    if name in _LISTS:
        like = _PLACE if name == "zones" else GCE_NAME
        words = [word.strip() for word in cell.text().split(",") if word.strip()]
        for word in words:
            if not like.fullmatch(word):
                cell.fault(f"{quoted(word)} is not the name of {_LISTS[name]}")
        return ",".join(dict.fromkeys(words))
    pattern, noun = _PATTERNS[name]
    return cell.text(like=pattern, noun=noun)
