"""
From the JSON of a ClusterProfile to a member cluster.

Called by every implementation of the port `Sources`, for its inventory.

Source: multicluster.x-k8s.io/v1alpha1 ClusterProfile (KEP-4322) and credential plugins (KEP-5339);
its `cluster` is client-go's kubeconfig `Cluster`.
"""

import base64
import binascii
import re
from typing import Final
from urllib.parse import urlsplit

from fedingress.domain import names
from fedingress.domain.cluster import Access, MemberCluster
from fedingress.domain.ingress import Fault, Manifest
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
TOKEN_PROVIDER: Final = "fedingress-token"  # noqa: S105  the name of a provider
ACCESS_PROVIDERS: Final = {"gke": "gcp", "eks": "aws", TOKEN_PROVIDER: ""}
"""Access provider -> the cloud that it implies."""
CLOUDS: Final = ("gcp", "aws", "onprem")
PROPERTIES: Final = ("provider", "region", "zones", "project", "account", "network", "uid")

_PLACE: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NETWORK: Final = re.compile(rf"(projects/{PROJECT.pattern}/global/networks/)?{GCE_NAME.pattern}")
_PATTERNS: Final = {
    "region": (_PLACE, "the name of a region"),
    "project": (PROJECT, "the id of a GCP project"),
    "account": (re.compile(r"[0-9]{12}"), "an AWS account of 12 digits"),
    "network": (_NETWORK, "the name of a network"),
    "uid": (re.compile(r"[A-Za-z0-9]([-A-Za-z0-9]{0,62})"), "a uid"),
}
_REFUSED: Final = {
    "certificate-authority": "is a path on another machine; give certificate-authority-data",
    "proxy-url": "is not supported: members are reached directly",
    "tls-server-name": "is not supported: the certificate must name the host of `server`",
    "insecure-skip-tls-verify": "is refused: the certificate of a member is always verified",
    "exec": "exec plugins are refused: no program of a profile is run",
}
_EXEC_EXTENSION: Final = "client.authentication.k8s.io/exec"


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
    access = _access(status, f"{namespace}/{name}-token")
    decoded = MemberCluster(
        name=name,
        access=access,
        provider=found.get("provider") or (ACCESS_PROVIDERS[access.provider] if access else ""),
        region=found.get("region", ""),
        zones=tuple(zone for zone in found.get("zones", "").split(",") if zone),
        project=found.get("project", ""),
        account=found.get("account", ""),
        network=found.get("network", ""),
        uid=found.get("uid", ""),
        healthy=_healthy(status.child("conditions")),
        leaving=_leaving(meta.child("annotations")),
        labels=meta.child("labels").texts(),
    )
    return tuple(faults) or decoded


def _leaving(cell: Cell) -> bool:
    told = cell.texts().get(LEAVING, "false")
    if told not in ("true", "false"):
        cell.fault(f"{LEAVING} is {quoted(told)}, neither true nor false")
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
    if name == "zones":
        zones = [zone.strip() for zone in cell.text().split(",") if zone.strip()]
        for zone in zones:
            if not _PLACE.fullmatch(zone):
                cell.fault(f"{quoted(zone)} is not the name of a zone")
        return ",".join(dict.fromkeys(zones))
    pattern, noun = _PATTERNS[name]
    return cell.text(like=pattern, noun=noun)


def _access(status: Cell, token_secret: str) -> Access | None:
    """The first provider we know; `accessProviders`, the newer field, before the other."""
    offered: list[Cell] = []
    for name in ("accessProviders", "credentialProviders"):
        offered += status.child(name).items()
    for item in offered:
        provider = item.child("name").value
        if isinstance(provider, str) and provider in ACCESS_PROVIDERS:
            return _cluster(item.child("cluster"), provider, token_secret)
    if offered:
        listed = ", ".join(quoted(item.child("name").value) for item in offered[:5])
        status.child("accessProviders").fault(
            f"none of {listed} is served; known are {', '.join(ACCESS_PROVIDERS)}"
        )
    return None


def _cluster(cell: Cell, provider: str, token_secret: str) -> Access:
    for name, reason in _REFUSED.items():
        refused = cell.child(name)
        if refused.value not in (None, "", False):
            refused.fault(reason)
    for item in cell.child("extensions").items():
        if item.child("name").value == _EXEC_EXTENSION:
            item.fault(_REFUSED["exec"])
    server = cell.child("server")
    url = server.required(noun="the https URL of the API server")
    if url and (problem := _url_problem(url)):
        server.fault(f"{quoted(url)} {problem}")
    return Access(
        provider=provider,
        server=url.rstrip("/"),
        ca_data=_authority(cell.child("certificate-authority-data")),
        token_secret=token_secret if provider == TOKEN_PROVIDER else "",
    )


def _url_problem(url: str) -> str:
    if not url.isascii() or not url.isprintable() or " " in url:
        return "is not a URL"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme != "https" or not parts.hostname:
        return "is not an https URL"
    if parts.username is not None or parts.query or parts.fragment:
        return "has credentials, a query or a fragment"
    return ""


def _authority(cell: Cell) -> str:
    """The PEM within the base64."""
    encoded = cell.text()
    if not encoded:
        return ""
    try:
        text = base64.b64decode("".join(encoded.split()), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        cell.fault("is not base64 of a PEM certificate")
        return ""
    if "-----BEGIN CERTIFICATE-----" not in text or "-----END CERTIFICATE-----" not in text:
        cell.fault("holds no PEM certificate")
        return ""
    return text
