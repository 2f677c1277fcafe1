"""
Deployments make Pods: the deployment controller of one cluster.

A changed pod template is rolled out as Kubernetes does it: new pods first, the old ones go when
the new ones are ready. ``spec.replicas`` is obeyed however it was written (``kubectl scale``,
``kubectl patch``, an apply).

Not modelled: ReplicaSets (pods belong to their Deployment directly), surge limits, pauses,
rollbacks, StatefulSets, DaemonSets and Jobs.

Source: Kubernetes concept page "Deployments".
"""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.kube.cluster import KubeCluster
from localcloud.reconcile import Reconciler
from localcloud.workloads.objects import DEPLOYMENTS, is_ready, owned_by

MANAGER = "deployment-controller"
TEMPLATE_HASH = "pod-template-hash"

_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # those of generated names in Kubernetes


class Deployments:
    """Keeps as many Pods as each Deployment asks for, and says so in its status."""

    def __init__(self, cluster: KubeCluster) -> None:
        self._cluster = cluster
        self._keys: Reconciler[tuple[str, str]] = Reconciler("deployments", self._look)

    async def start(self) -> None:
        """Begin with the Deployments that are there."""
        self._cluster.subscribe(self._changed)
        for deployment in self._cluster.list(DEPLOYMENTS):
            self._changed("ADDED", DEPLOYMENTS, deployment)
        await self._keys.start()

    async def close(self) -> None:
        """Stop; the objects stay."""
        await self._keys.close()

    def _changed(self, _event: str, resource: str, obj: Mapping[str, Any]) -> None:
        meta = obj["metadata"]
        if resource == DEPLOYMENTS:
            self._keys.want((meta["namespace"], meta["name"]))
        elif resource == "pods":
            for owner in meta.get("ownerReferences") or ():
                if owner["kind"] == "Deployment":
                    self._keys.want((meta["namespace"], owner["name"]))

    async def _look(self, key: tuple[str, str]) -> None:
        namespace, name = key
        deployment = self._cluster.get(DEPLOYMENTS, namespace, name)
        if deployment is None or deployment["metadata"].get("deletionTimestamp"):
            return  # its pods go with it, as everything that has an owner
        template = template_hash(deployment["spec"]["template"])
        pods = [
            pod
            for pod in self._cluster.list("pods", namespace)
            if owned_by(pod, deployment["metadata"]["uid"])
            and not pod["metadata"].get("deletionTimestamp")
        ]
        current = [p for p in pods if p["metadata"]["labels"].get(TEMPLATE_HASH) == template]
        old = [p for p in pods if p not in current]
        replicas = wanted_replicas(deployment)
        for _ in range(replicas - len(current)):
            self._cluster.put(_pod(deployment, template), manager=MANAGER)
        gone = surplus(current, replicas)
        if sum(is_ready(pod) for pod in current) >= replicas:
            gone = (*gone, *old)
        for pod in gone:
            self._cluster.remove("pods", namespace, pod["metadata"]["name"])
        self._report(deployment, current)

    def _report(self, deployment: Mapping[str, Any], pods: Sequence[Mapping[str, Any]]) -> None:
        status = _status(deployment, pods)
        observed = deployment.get("status") or {}
        if {key: observed.get(key) for key in status} != status:
            meta = deployment["metadata"]
            document = {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"namespace": meta["namespace"], "name": meta["name"]},
                "status": status,
            }
            self._cluster.put(document, manager=MANAGER, subresource="status")


def template_hash(template: Mapping[str, Any]) -> str:
    """Give the hash that tells pods of one template from those of another."""
    text = json.dumps(template, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def wanted_replicas(deployment: Mapping[str, Any]) -> int:
    """Give ``spec.replicas``, by default 1."""
    replicas = deployment["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def surplus(pods: Sequence[Mapping[str, Any]], replicas: int) -> tuple[Mapping[str, Any], ...]:
    """Give the pods beyond *replicas*: those that are not ready go first, then the newest."""
    ranked = sorted(
        enumerate(pods), key=lambda item: (is_ready(item[1]), -_age_rank(item[1], item[0]))
    )
    return tuple(pod for _, pod in ranked[: max(0, len(pods) - replicas)])


def _age_rank(pod: Mapping[str, Any], index: int) -> float:
    # resourceVersions order creation within a second, which timestamps cannot
    return float(pod["metadata"].get("resourceVersion") or index)


def _pod(deployment: Mapping[str, Any], template: str) -> dict[str, Any]:
    meta, wanted = deployment["metadata"], deployment["spec"]["template"]
    suffix = "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(5))
    labels = (wanted.get("metadata") or {}).get("labels") or {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{meta['name']}-{template}-{suffix}",
            "namespace": meta["namespace"],
            "labels": {**labels, TEMPLATE_HASH: template},
            "annotations": dict((wanted.get("metadata") or {}).get("annotations") or {}),
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "name": meta["name"],
                    "uid": meta["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": dict(wanted["spec"]),
    }


def _status(deployment: Mapping[str, Any], pods: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    ready = sum(is_ready(pod) for pod in pods)
    wanted = wanted_replicas(deployment)
    return {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        "replicas": len(pods),
        "updatedReplicas": len(pods),
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": max(0, wanted - ready),
        "conditions": [
            {
                "type": "Available",
                "status": "True" if ready >= wanted else "False",
                "reason": "MinimumReplicasAvailable"
                if ready >= wanted
                else "MinimumReplicasUnavailable",
            }
        ],
    }
