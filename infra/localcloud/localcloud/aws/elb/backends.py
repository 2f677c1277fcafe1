"""
What a Service's target group holds: its ready pods, or the nodes of the cluster at a node port.

Called by both parts of the controller. Nodes are known to the API by their instance ids, which
stand in their provider ids.

Source: AWS Load Balancer Controller guide, "target-type": ``ip`` registers pods, ``instance`` the
nodes at the NodePort, whatever the type of the load balancer.
"""

from collections.abc import Mapping
from typing import Any

from localcloud.aws.elb.balancers import Target
from localcloud.aws.elb.ingresses import Refused
from localcloud.kube.cluster import KubeCluster
from localcloud.workloads.endpointslices import SERVICE_NAME
from localcloud.workloads.objects import SLICES, ZONE

NODES = "nodes"

_ON_NODES = frozenset({"NodePort", "LoadBalancer"})


def targets_of(
    cluster: KubeCluster, service: Mapping[str, Any], port: Mapping[str, Any], kind: str
) -> dict[Target, str]:
    """
    Give the targets behind a Service port, each with its zone.

    Args:
        cluster: Where the Service is.
        service: The Service.
        port: One of its ports.
        kind: ``ip`` or ``instance``.

    Raises:
        Refused: Instances are asked for, and the Service is not on the nodes.
    """
    if kind == "ip":
        return _pods(cluster, service, port)
    meta = service["metadata"]
    if service["spec"].get("type") not in _ON_NODES or not port.get("nodePort"):
        where = f"{meta['namespace']}/{meta['name']}"
        raise Refused(f"service type must be either 'NodePort' or 'LoadBalancer': {where}")
    return {
        (address, int(port["nodePort"])): node["metadata"]["labels"][ZONE]
        for node in cluster.list(NODES)
        if (address := _address(node))
    }


def instances(cluster: KubeCluster) -> dict[str, str]:
    """Give the instance id of each node by its address."""
    return {
        address: str(node["spec"]["providerID"]).rpartition("/")[2]
        for node in cluster.list(NODES)
        if (address := _address(node))
    }


def _pods(
    cluster: KubeCluster, service: Mapping[str, Any], port: Mapping[str, Any]
) -> dict[Target, str]:
    meta, found = service["metadata"], {}
    for item in cluster.list(SLICES, meta["namespace"], f"{SERVICE_NAME}={meta['name']}"):
        numbers = [
            each["port"]
            for each in item.get("ports") or ()
            if (each.get("name") or "") == (port.get("name") or "")
        ]
        for endpoint in item.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready"):
                for number in numbers:
                    found[endpoint["addresses"][0], number] = endpoint["zone"]
    return found


def _address(node: Mapping[str, Any]) -> str:
    """Its internal address, empty before its kubelet has spoken."""
    for each in (node.get("status") or {}).get("addresses") or ():
        if each["type"] == "InternalIP":
            return str(each["address"])
    return ""
