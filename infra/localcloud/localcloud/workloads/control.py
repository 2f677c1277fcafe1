"""What an operator of the lab does to the workloads of one cluster."""

from localcloud.kube.cluster import KubeCluster
from localcloud.workloads.kubelet import Kubelet
from localcloud.workloads.objects import DEPLOYMENTS

MANAGER = "kubectl-scale"


class Workloads:
    """Scales Deployments, makes their pods unready or slow."""

    def __init__(self, cluster: KubeCluster, kubelet: Kubelet) -> None:
        self._cluster = cluster
        self._kubelet = kubelet

    def scale(self, namespace: str, name: str, replicas: int) -> None:
        """
        Set ``spec.replicas``.

        Raises:
            LookupError: No such Deployment.
            ValueError: A negative number.
        """
        self._must_exist(namespace, name)
        if replicas < 0:
            raise ValueError("replicas are 0 or more")
        document = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"namespace": namespace, "name": name},
            "spec": {"replicas": replicas},
        }
        self._cluster.put(document, manager=MANAGER)

    def switch(
        self,
        namespace: str,
        name: str,
        *,
        ready: bool | None = None,
        delay_seconds: float | None = None,
    ) -> None:
        """
        Change the pods of a Deployment, those to come included; None leaves as it was.

        Raises:
            LookupError: No such Deployment.
        """
        self._must_exist(namespace, name)
        self._kubelet.switch(namespace, name, ready=ready, delay_seconds=delay_seconds)

    def _must_exist(self, namespace: str, name: str) -> None:
        if self._cluster.get(DEPLOYMENTS, namespace, name) is None:
            raise LookupError(f"{self._cluster.name} has no Deployment {namespace}/{name}")
