"""
The inventory of a world: a ClusterProfile for each member, and a token Secret where it needs one.

They stand in the config cluster, in namespace `NAMESPACE`, as a cluster manager would write them:
spec and labels first, then the status through its subresource. Members of provider ``aws`` are
reached as EKS clusters are, by tokens that their callers sign.

Source: Cluster Inventory API (``multicluster.x-k8s.io/v1alpha1``), KEP-4322 and KEP-5339 (its
extension for what plugins must know).
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from localcloud.kube.cluster import KubeCluster
from localcloud.world.kubeconfig import Context
from localcloud.world.spec import MemberSpec

NAMESPACE = "fedingress-inventory"
MANAGER = "cluster-manager"
PROFILES = "clusterprofiles.multicluster.x-k8s.io"

_API_VERSION = "multicluster.x-k8s.io/v1alpha1"
_TOKEN_ACCESS = "fedingress-token"  # noqa: S105 - the name of a provider
_EKS_ACCESS = "eks"
_PLUGIN_CONFIGURATION = "client.authentication.k8s.io/exec"


def announce(
    config: KubeCluster, member: MemberSpec, access: Context, *, uid: str, project: str
) -> None:
    """
    Write profile, status and Secret of one member.

    Args:
        config: The config cluster; the CRD must be served.
        member: Whom to announce.
        access: Its API server, and the token of the functions where one is needed.
        uid: Of its kube-system namespace.
        project: GCP project of members of provider ``gcp``.
    """
    identity: dict[str, Any] = {
        "apiVersion": _API_VERSION,
        "kind": "ClusterProfile",
        "metadata": {"namespace": NAMESPACE, "name": member.name},
    }
    labels = {
        "cloud": member.provider,
        "region": member.region,
        "x-k8s.io/cluster-manager": MANAGER,
    }
    config.put(_namespace(), manager=MANAGER)
    if member.provider != "aws":
        config.put(_secret(member.name, access.token), manager=MANAGER)
    config.put(
        {
            **identity,
            "metadata": {**identity["metadata"], "labels": labels},
            "spec": {"displayName": member.name, "clusterManager": {"name": MANAGER}},
        },
        manager=MANAGER,
    )
    status = _status(member, access, {"uid": uid, "project": project})
    config.put({**identity, "status": status}, manager=MANAGER, subresource="status")


def _status(member: MemberSpec, access: Context, more: Mapping[str, str]) -> dict[str, Any]:
    on_gcp = member.provider == "gcp"
    properties = {
        "provider": member.provider,
        "region": member.region,
        "zones": ",".join(member.zones),
        "project": more["project"] if on_gcp else "",
        "account": "000000000000" if member.provider == "aws" else "",
        "network": member.network if on_gcp else "",
        "node-tags": ",".join(member.node_tags),
        "uid": more["uid"],
    }
    cluster: dict[str, Any] = {
        "server": access.server,
        "certificate-authority-data": base64.b64encode(access.ca).decode(),
    }
    if member.provider == "aws":
        told = {"clusterName": member.name, "region": member.region}
        cluster["extensions"] = [{"name": _PLUGIN_CONFIGURATION, "extension": told}]
    provider = _EKS_ACCESS if member.provider == "aws" else _TOKEN_ACCESS
    return {
        "version": {"kubernetes": "1.35.0"},
        "accessProviders": [{"name": provider, "cluster": cluster}],
        "properties": [
            {"name": f"fedingress.dev/{name}", "value": value}
            for name, value in properties.items()
            if value
        ],
        "conditions": [
            {
                "type": "ControlPlaneHealthy",
                "status": "True",
                "reason": "Healthy",
                "message": "",
                "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        ],
    }


def _namespace() -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}


def _secret(name: str, token: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": NAMESPACE, "name": f"{name}-token"},
        "type": "Opaque",
        "data": {"token": base64.b64encode(token.encode()).decode()},
    }
