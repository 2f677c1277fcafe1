"""
From the access providers of a ClusterProfile to how its API server is reached.

Called by `members`. The first provider that we know counts. What a provider needs beyond the
server stands in the extensions of its `cluster`, as data: in ours, `fedingress.dev/access`, or for
`eks` in the one that KEP-5339 reserves for the configuration of credential plugins. No program that
a profile names is ever run.

Source: multicluster.x-k8s.io/v1alpha1 ClusterProfile and credential plugins (KEP-5339); its
`cluster` is client-go's kubeconfig `Cluster`. Amazon EKS, CreateCluster (names); IAM, "IAM
identifiers"; Secret Manager, "Access a secret version"; Secrets Manager, GetSecretValue (SecretId).
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from fedingress.domain.cluster import Access, EksCluster
from fedingress.planning.decode.reading import Cell
from fedingress.planning.decode.words import PROJECT, quoted

TOKEN_PROVIDER: Final = "fedingress-token"  # noqa: S105  the name of a provider
ACCESS_PROVIDERS: Final = {"gke": "gcp", "eks": "aws", TOKEN_PROVIDER: ""}
"""Access provider -> the cloud that it implies."""
EXTENSION: Final = "fedingress.dev/access"
"""The extension of a provider's `cluster` that holds what we need."""

_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "gke": (),
    "eks": ("cluster", "region", "role"),
    TOKEN_PROVIDER: ("secret",),
}
_EKS_NAME: Final = re.compile(r"[0-9A-Za-z][-_0-9A-Za-z]{0,99}")
_REGION: Final = re.compile(r"[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}")
_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[-\w+=,.@/]{1,512}", re.ASCII)
_SECRET: Final = re.compile(
    rf"projects/{PROJECT.pattern}/secrets/[-\w]{{1,255}}/versions/[-\w]{{1,63}}"
    r"|arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[-/\w+=.@]{1,519}",
    re.ASCII,
)
_REFUSED: Final = {
    "certificate-authority": "is a path on another machine; give certificate-authority-data",
    "proxy-url": "is not supported: members are reached directly",
    "tls-server-name": "is not supported: the certificate must name the host of `server`",
    "insecure-skip-tls-verify": "is refused: the certificate of a member is always verified",
    "exec": "exec plugins are refused: no program of a profile is run",
}
_EXEC_EXTENSION: Final = "client.authentication.k8s.io/exec"
_PLUGIN_NAMES: Final = ("clusterName", "clusterId")
"""How plugins for EKS call the cluster in their configuration."""


def access_of(status: Cell, *, token_secret: str, region: str) -> Access | None:
    """
    The first provider we know; `accessProviders`, the newer field, before the other.

    Args:
        status: Of the profile.
        token_secret: The Secret beside the profile, for a token that is kept nowhere else.
        region: Of the member, for a provider that does not say its own.
    """
    offered: list[Cell] = []
    for name in ("accessProviders", "credentialProviders"):
        offered += status.child(name).items()
    for item in offered:
        provider = item.child("name").value
        if isinstance(provider, str) and provider in ACCESS_PROVIDERS:
            return _cluster(item.child("cluster"), provider, token_secret, region)
    if offered:
        listed = ", ".join(quoted(item.child("name").value) for item in offered[:5])
        status.child("accessProviders").fault(
            f"none of {listed} is served; known are {', '.join(ACCESS_PROVIDERS)}"
        )
    return None


def encode_access(access: Access, *, beside: bool) -> dict[str, Any]:
    """
    *access* as an item of `status.accessProviders`, which decodes to it again.

    beside: The token is in the Secret beside the profile, which goes without saying.
    """
    cluster: dict[str, Any] = {"server": access.server}
    if access.ca_data:
        encoded = base64.b64encode(access.ca_data.encode()).decode()
        cluster["certificate-authority-data"] = encoded
    told: dict[str, str] = {}
    if access.eks:
        told = {"cluster": access.eks.name, "region": access.eks.region, "role": access.eks.role}
    elif not beside:
        told = {"secret": access.token_secret}
    told = {name: value for name, value in told.items() if value}
    if told:
        cluster["extensions"] = [{"name": EXTENSION, "extension": told}]
    return {"name": access.provider, "cluster": cluster}


def _cluster(cell: Cell, provider: str, token_secret: str, region: str) -> Access:
    for name, reason in _REFUSED.items():
        refused = cell.child(name)
        if refused.value not in (None, "", False):
            refused.fault(reason)
    ours, plugins = _extensions(cell, provider)
    server = cell.child("server")
    url = server.required(noun="the https URL of the API server")
    if url and (problem := _url_problem(url)):
        server.fault(f"{quoted(url)} {problem}")
    secret = ""
    if provider == TOKEN_PROVIDER:
        secret = ours.child("secret").text(
            token_secret, like=_SECRET, noun="a version in Secret Manager or an ARN of a secret"
        )
    return Access(
        provider=provider,
        server=url.rstrip("/"),
        ca_data=_authority(cell.child("certificate-authority-data")),
        token_secret=secret,
        eks=_eks(cell, ours, plugins, region) if provider == "eks" else None,
    )


def _extensions(cell: Cell, provider: str) -> tuple[Cell, Cell]:
    """Our extension and that of plugins; cells without a value where there is none."""
    absent = cell.child("extensions").child("")
    ours = plugins = absent
    for item in cell.child("extensions").items():
        name, held = item.child("name").value, item.child("extension")
        if name == EXTENSION:
            ours = held
            ours.fields(*_FIELDS[provider])
        elif name == _EXEC_EXTENSION and provider == "eks":
            plugins = held
            plugins.mapping()
        elif name == _EXEC_EXTENSION:
            item.fault(_REFUSED["exec"])
    return ours, plugins


def _eks(cell: Cell, ours: Cell, plugins: Cell, region: str) -> EksCluster:
    """The cluster as EKS calls it; what we were told ourselves comes before what plugins are."""
    name = _first(ours.child("cluster"), *(plugins.child(name) for name in _PLUGIN_NAMES))
    if name is None:
        cell.child("extensions").fault(
            f"{EXTENSION} must say `cluster`: the name of the cluster in EKS"
        )
    where = next(
        (each for each in (ours.child("region"), plugins.child("region")) if each.given), None
    )
    if where is not None:
        region = where.required(like=_REGION, noun="a region of AWS")
    elif not _REGION.fullmatch(region):
        cell.child("extensions").fault(
            f"{EXTENSION} must say `region`: the cluster's region in AWS"
        )
    return EksCluster(
        name=name.required(like=_EKS_NAME, noun="the name of a cluster in EKS") if name else "",
        region=region,
        role=ours.child("role").text(like=_ROLE, noun="the ARN of an IAM role"),
    )


def _first(*cells: Cell) -> Cell | None:
    return next((each for each in cells if each.given), None)


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
