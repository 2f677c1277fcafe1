"""
In-memory Kubernetes API servers, many clusters in one process.

What they do, they do as the API documents it: kubectl, the official clients and raw HTTP find
objects, server-side apply, watches, custom resources, admission policies, discovery and Tables.
What they are not: there are no controllers but garbage collection and namespace deletion, no
rights by RBAC objects, no conversion webhooks, no protobuf, exec, logs, scale or eviction; each
module says what else it leaves out.
"""

from localcloud.kube.cluster import KubeCluster
from localcloud.kube.server import Server, serve

__all__ = ["KubeCluster", "Server", "serve"]
