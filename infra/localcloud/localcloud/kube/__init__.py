"""In-memory Kubernetes API servers, many clusters in one process."""

from localcloud.kube.cluster import KubeCluster
from localcloud.kube.server import Server, serve

__all__ = ["KubeCluster", "Server", "serve"]
