"""
The part of GKE's ingress controller that multi-cluster load balancers are built on.

While a cluster has an Ingress whose annotation ``kubernetes.io/ingress.class`` says
``gce-multi-cluster``, there is one unmanaged instance group ``k8s-ig--<uid>`` in each of its zones
with the nodes of that zone, and the annotation ``ingress.gcp.kubernetes.io/instance-groups`` of the
Ingress names them; the rest is left to whoever submitted it. A finalizer holds the Ingress until
this controller has let go. The uid stands in the ConfigMap ``kube-system/ingress-uid``, which is
made at the start; clusters with one uid in one zone share the group, and each takes out the nodes
of the other. Groups of an earlier uid stay.

Source: kubernetes/ingress-gce, ``pkg/controller/controller.go`` (``syncInstanceGroup``),
``pkg/instancegroups/manager.go``, ``cmd/glbc/app/namer.go``.

Not modelled: the classes with load balancers of their own, named ports (those that somebody set
stay; the real controller adds ``port<N>`` for the node ports of the Ingress's Services), and that
the real one forgets a group that is still in use when its last Ingress goes: here it goes as soon
as nothing uses it.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from localcloud.gcp.cloud import GcpCloud
from localcloud.gke.events import warning
from localcloud.gke.multicluster import (
    FINALIZER,
    INSTANCE_GROUPS,
    faults,
    group_name,
    instance_groups,
    needs_instances,
    served,
)
from localcloud.kube.cluster import KubeCluster
from localcloud.kube.store import DELETED
from localcloud.reconcile import Reconciler

MANAGER = "glbc"
INGRESSES = "ingresses.networking.k8s.io"
NAMESPACE, CONFIG_MAP = "kube-system", "ingress-uid"

_UID_BYTES = 8
_RETRY_SECONDS = 0.5


class InstanceGroupController:
    """Keeps the instance groups of one cluster."""

    def __init__(self, cluster: KubeCluster, cloud: GcpCloud) -> None:
        self._cluster = cluster
        self._cloud = cloud
        # A cluster that never had such an Ingress does not take away a group that it might share.
        self._grouped: set[str] = set()
        self._disabled = False
        self._ingresses: set[tuple[str, str]] = set()
        self._work: Reconciler[str] = Reconciler("instance groups", self._look)

    async def start(self) -> None:
        """Make the uid unless there is one, and begin with the Ingresses that are there."""
        if self._cluster.get("configmaps", NAMESPACE, CONFIG_MAP) is None:
            uid = secrets.token_hex(_UID_BYTES)
            document = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"namespace": NAMESPACE, "name": CONFIG_MAP},
                "data": {"uid": uid, "provider-uid": uid},
            }
            self._cluster.put(document, manager=MANAGER)
        self._cluster.subscribe(self._changed)
        for ingress in self._cluster.list(INGRESSES):
            self._changed("ADDED", INGRESSES, ingress)
        await self._work.start()

    async def close(self) -> None:
        """Stop; what is in the cloud stays."""
        await self._work.close()

    def disable(self, *, disabled: bool) -> None:
        """Stop or go on as with the cluster's add-on HttpLoadBalancing; what there is stays."""
        self._disabled = disabled
        self._work.want(CONFIG_MAP)

    def _changed(self, event: str, resource: str, obj: Mapping[str, Any]) -> None:
        # Most clusters have no such Ingress, and then nothing that happens costs anything here.
        meta = obj["metadata"]
        wanted = resource == "configmaps" and meta["name"] == CONFIG_MAP
        if resource == INGRESSES:
            key = (meta["namespace"], meta["name"])
            wanted = key in self._ingresses
            self._ingresses.discard(key)
            if event != DELETED and (served(obj) or FINALIZER in (meta.get("finalizers") or ())):
                self._ingresses.add(key)
                wanted = True
        elif resource in ("services", "nodes"):
            wanted = bool(self._ingresses)
        if wanted:
            self._work.want(CONFIG_MAP)

    async def _look(self, _key: str) -> float | None:
        if self._disabled:
            return None
        name = group_name(self._uid())
        found = [self._cluster.get(INGRESSES, *key) for key in sorted(self._ingresses)]
        ingresses = [ingress for ingress in found if ingress is not None]
        for ingress in ingresses:
            if not served(ingress):
                self._let_go(ingress)
        kept = [ingress for ingress in ingresses if served(ingress)]
        paths = {zone: self._path(nodes, name) for zone, nodes in self._nodes().items()}
        if not kept:
            mine = self._grouped.intersection(paths.values())
            self._grouped -= {path for path in mine if self._delete(path)}
            return _RETRY_SECONDS if self._grouped.intersection(mine) else None
        for ingress in kept:
            self._serve(ingress, paths)
        for zone, path in paths.items():
            if path in self._cloud.compute:
                self._sync(path, self._nodes()[zone])
        return None

    def _uid(self) -> str:
        document = self._cluster.get("configmaps", NAMESPACE, CONFIG_MAP) or {}
        return str((document.get("data") or {}).get("uid", ""))

    def _nodes(self) -> dict[str, list[str]]:
        """Give zone -> links of the instances that are nodes there."""
        found: dict[str, list[str]] = {}
        for node in self._cluster.list("nodes"):
            provider = str(node["spec"].get("providerID", ""))
            scheme, _, place = provider.partition("://")
            if scheme == "gce" and place.count("/") == 2:  # noqa: PLR2004 - project/zone/name
                project, zone, name = place.split("/")
                path = f"projects/{project}/zones/{zone}/instances/{name}"
                found.setdefault(zone, []).append(path)
        return found

    @staticmethod
    def _path(nodes: list[str], name: str) -> str:
        return f"{nodes[0].partition('/instances/')[0]}/instanceGroups/{name}"

    def _serve(self, ingress: Mapping[str, Any], paths: Mapping[str, str]) -> None:
        """Hold an Ingress, make the groups that it needs, and name them on it."""
        namespace = ingress["metadata"]["namespace"]

        def service(name: str) -> Mapping[str, Any] | None:
            return self._cluster.get("services", namespace, name)

        said = (ingress["metadata"].get("annotations") or {}).get(INSTANCE_GROUPS)
        wrong = faults(ingress, service)
        if wrong:
            self._warn(ingress, f"Translation failed: invalid ingress spec: {'; '.join(wrong)}")
        elif needs_instances(ingress, service):
            for path in paths.values():
                if path not in self._cloud.compute:
                    self._cloud.insert(path, {})
                self._grouped.add(path)
            said = instance_groups([self._cloud.compute[path] for path in paths.values()])
        self._say(ingress, said)

    def _say(self, ingress: Mapping[str, Any], groups: str | None) -> None:
        meta = ingress["metadata"]
        said = (meta.get("annotations") or {}).get(INSTANCE_GROUPS)
        if said != groups or FINALIZER not in (meta.get("finalizers") or ()):
            more: dict[str, Any] = {"annotations": {INSTANCE_GROUPS: groups}} if groups else {}
            self._put(meta, {**more, "finalizers": [FINALIZER]})

    def _let_go(self, ingress: Mapping[str, Any]) -> None:
        if FINALIZER in (ingress["metadata"].get("finalizers") or ()):
            self._put(ingress["metadata"], {})

    def _put(self, meta: Mapping[str, Any], more: Mapping[str, Any]) -> None:
        identity = {"namespace": meta["namespace"], "name": meta["name"]}
        document = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {**identity, **more},
        }
        self._cluster.put(document, manager=MANAGER)

    def _sync(self, path: str, nodes: list[str]) -> None:
        """Have exactly *nodes* in the group at *path*; members before keep their place."""
        observed = [
            link.partition("/compute/v1/")[2] for link in self._cloud.instances.get(path, ())
        ]
        gone = [member for member in observed if member not in nodes]
        new = [node for node in nodes if node not in observed]
        if gone:
            self._cloud.remove_instances(path, gone)
        if new:
            self._cloud.add_instances(path, new)

    def _delete(self, path: str) -> bool:
        """Delete one group unless it is in use; say whether it is gone."""
        if path not in self._cloud.compute:
            return True
        if self._cloud.users(path):
            return False
        self._cloud.delete(path)
        return True

    def _warn(self, ingress: Mapping[str, Any], message: str) -> None:
        event = warning(
            ingress, kind="Ingress", reason="Translate", message=message, component=MANAGER
        )
        self._cluster.put(event, manager=MANAGER)
